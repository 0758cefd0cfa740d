"""Encrypting what is made for a client (JWE, RFC 7516): ID tokens, logout tokens and userinfo.

What is signed is signed first, then encrypted (OpenID Connect Core 16.14). The client registers the algorithms and
publishes the key; whoever registers none pays nothing here.
"""

from typing import Any, Literal, cast

import structlog
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import Key

from idp.clients import keys
from idp.clients.registry import Client
from idp.oidc.errors import UnusableClientKeys

log = structlog.get_logger(__name__)

DEFAULT_CONTENT_ENCRYPTION = "A128CBC-HS256"  # OpenID Connect Registration 2


def encrypted(
    client: Client, kind: Literal["id_token", "userinfo"], content: str, *, signed: bool = True
) -> str:
    """`content` as the client registered to get it: a JWE of it, or as it is.

    Raises UnusableClientKeys when the client has no key for it, before anything was used up: a code stays good for
    another try. The client is told that its keys are at fault, the log why.
    """
    alg = client.registration.get(f"{kind}_encrypted_response_alg")
    if alg is None:
        return content
    enc = client.registration.get(f"{kind}_encrypted_response_enc", DEFAULT_CONTENT_ENCRYPTION)
    try:
        key = keys.encryption_key_of(client, alg)
        header = {"alg": alg, "enc": enc, **_kid(key), **({"cty": "JWT"} if signed else {})}
        return jwe.encrypt_compact(header, content, cast("Any", key), algorithms=[alg, enc])
    except (keys.ClientKeysUnavailable, JoseError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("no encryption to the client", client_id=client.client_id, alg=alg, reason=reason)
        raise UnusableClientKeys from error


def _kid(key: Key) -> dict[str, str]:
    """The key's id if the client gave it one; a thumbprint of ours would only puzzle the client."""
    published = key.original_value
    return {"kid": published["kid"]} if isinstance(published, dict) and "kid" in published else {}

"""Making tokens: RFC 9068 access tokens (ES256), ID tokens, opaque refresh tokens.

Access tokens that come back are idp/grants/access_tokens.py's.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from idp import clock
from idp.accounts.claims import claims_of
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.subjects import sid_of, subject_of
from idp.crypto import hash_token, random_id, random_token
from idp.grants import access, access_tokens, claims_request
from idp.grants.codes import Grant, NewRefreshToken
from idp.keys import NotOurToken, keyring
from idp.oidc.encryption import encrypted

ID_TOKEN_TYPE = "JWT"  # noqa: S105


def access_token(client: Client, grant: Grant, scope: str, resources: Sequence[str] = ()) -> str:
    """A JWT access token of a grant (RFC 9068) for `resources`, or for the issuer: userinfo."""
    return _access_token(
        client,
        scope,
        resources,
        {
            "sub": subject_of(client, grant.account_id),
            "grant": grant.id,
            "auth_time": grant.auth_time,
            "acr": grant.acr,
            "amr": grant.amr.split(),
        },
    )


def client_access_token(client: Client, scope: str, resources: Sequence[str] = ()) -> str:
    """An access token of a client that acts in its own name: its `sub` is the client, no grant (RFC 9068 2.2)."""
    return _access_token(client, scope, resources, {"sub": client.client_id})


def _access_token(client: Client, scope: str, resources: Sequence[str], about: Mapping[str, Any]) -> str:
    now = clock.timestamp()
    settings = rules().settings
    claims = {
        "iss": settings.issuer,
        "aud": audience(resources),
        "client_id": client.client_id,
        "jti": random_id(),
        **about,
        "iat": now,
        "exp": now + access_token_seconds(client),
    }
    if scope:
        claims["scope"] = scope
    return keyring().signing(access_tokens.ALGORITHM).sign(claims, access_tokens.TYPE)


def access_token_seconds(client: Client) -> int:
    """How long the client's access tokens live, in seconds (`expires_in`)."""
    return client.options.access_token_seconds or rules().settings.tokens.access_token_seconds


def audience(resources: Sequence[str]) -> str | list[str]:
    """`aud` of an access token: one text if it is one (RFC 7519 4.1.3), the issuer if no resource was asked for."""
    if not resources:
        return rules().settings.issuer
    return resources[0] if len(resources) == 1 else list(resources)


def id_token(
    client: Client,
    grant: Grant,
    access_token_value: str | None,
    *,
    with_nonce: bool,
    code: str | None = None,
    scope_claims: bool = False,
) -> str:
    """An ID token (OpenID Connect Core 2), signed by the client's algorithm and encrypted if the client wants it.

    `code` is the code that it comes with (Core 3.3.2.11). With `scope_claims` the claims of the scopes stand in it,
    for a client that gets no access token (Core 5.4). Raises UnusableClientKeys.
    """
    now = clock.timestamp()
    settings = rules().settings
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": subject_of(client, grant.account_id),
        "aud": client.client_id,
        "iat": now,
        "exp": now + (client.options.id_token_seconds or settings.tokens.id_token_seconds),
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": grant.amr.split(),
        "sid": sid_of(client, grant.sid),
    }
    if with_nonce and grant.nonce is not None:
        claims["nonce"] = grant.nonce
    if access_token_value is not None:
        claims["at_hash"] = half_hash(access_token_value)
    if code is not None:
        claims["c_hash"] = half_hash(code)
    if scope_claims or grant.claims is not None:
        claims |= _claims_of_person(client, grant, scope_claims)
    return encrypted(client, "id_token", keyring().signing(client.id_token_alg).sign(claims, ID_TOKEN_TYPE))


def _claims_of_person(client: Client, grant: Grant, scope_claims: bool) -> dict[str, Any]:
    """What else the ID token tells: only for this the person is read."""
    asked = claims_request.parse(grant.claims).id_token
    requested = claims_request.permitted(asked, client, grant.account_id)
    scopes = grant.scope.split() if scope_claims else ()
    if not requested and scopes in ((), ["openid"]):
        return {}
    person = access.person(grant.account_id)
    return claims_of(person, scopes, requested) if person else {}


def half_hash(value: str) -> str:
    """The left half of SHA-256, as at_hash and c_hash want it for the 256-bit algorithms (Core 3.1.3.6)."""
    digest = hashlib.sha256(value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def new_refresh_token(client: Client, now: datetime, ends_at: datetime) -> tuple[str, NewRefreshToken]:
    """A random refresh token and what is stored of it; `ends_at` is the absolute limit of its family."""
    value, days = random_token(), client.options.refresh_idle_days
    idle = timedelta(days=days) if days else rules().lifetimes.refresh_idle
    expires_at = min(now + idle, ends_at)
    return value, NewRefreshToken(hash_token(value), expires_at, ends_at)


def refresh_limit(client: Client, login: datetime) -> datetime:
    """When the last refresh token of a login of then ends, however often they are used."""
    days = client.options.refresh_absolute_days
    return login + (timedelta(days=days) if days else rules().lifetimes.refresh_absolute)


def claims_of_hint(id_token_hint: str) -> dict[str, Any]:
    """The claims of an ID token of ours, expired or not (OpenID Connect Core 3.1.2.1). Raises NotOurToken.

    Other tokens of ours are none, though we signed them (RFC 8725 3.11); signed userinfo is told by its missing
    `exp`. A client that gets encrypted ID tokens sends the signed one inside.
    """
    found = keyring().verify(id_token_hint)
    claims = found.claims
    ours = claims.get("iss") == rules().settings.issuer and "exp" in claims
    if found.header.get("typ") != ID_TOKEN_TYPE or not ours:
        raise NotOurToken("not an ID token of this provider")
    return claims


def hint_is_of(claims: Mapping[str, Any], account_id: str) -> bool:
    """Whether the ID token of `claims_of_hint` is about this account: its `sub` is what its client knows it by."""
    client = registry.find(claims["aud"])
    return bool(claims["sub"] == (subject_of(client, account_id) if client else account_id))

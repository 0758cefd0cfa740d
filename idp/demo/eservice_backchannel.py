"""Being told by the OpenID provider that a session has ended (OpenID Connect Back-Channel Logout 1.0).

The person logged out at another e-service, ended the session in their own details, changed their password or closed
their account. The provider's server posts a signed logout token to us; no browser takes part. We check the token as
carefully as an ID token, since whoever could forge one could throw people out, and end the sessions it names.

Answer 200 when that is done, 400 when the token is wrong (the provider then gives up), and anything else when it should
try again later, as it does for a day.
"""

from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from flask import Blueprint, current_app, request
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from idp.demo.eservice_login import (
    ProviderUnavailableError,
    as_text,
    csrf,
    eservice,
    load_provider_metadata,
)

ALGORITHMS = ["RS256"]  # as our ID tokens are signed; never take what the token itself says
TOKEN_TYPE = "logout+jwt"  # noqa: S105
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLOCK_SKEW_SECONDS = 60

bp = Blueprint("backchannel", __name__)


class WrongLogoutTokenError(Exception):
    """Not a logout token of our provider for us, or one that we have seen before."""


@bp.post("/backchannel-logout")
@csrf.exempt  # type: ignore[untyped-decorator]
def backchannel_logout() -> tuple[dict[str, str], int] | tuple[str, int]:
    """End the sessions that the provider names. This address is our ``backchannel_logout_uri``."""
    try:
        claims = check(request.form.get("logout_token", ""))
    except WrongLogoutTokenError as error:
        current_app.logger.warning("logout token refused: %.200r", error.__cause__ or error)
        return {"error": "invalid_request"}, 400
    except (ProviderUnavailableError, requests.RequestException, AuthlibBaseError) as error:
        current_app.logger.warning("logout token not checked, no keys: %s", type(error).__name__)
        return "", 503
    sub, sid = as_text(claims.get("sub")), as_text(claims.get("sid"))
    eservice().people.delete_where(lambda p: (sid is None or p.sid == sid) and (sub is None or p.sub == sub))
    return "", 200


def check(logout_token: str) -> dict[str, Any]:
    """The claims of a logout token that is all it should be (section 2.6). Raises WrongLogoutTokenError."""
    config = eservice().config
    try:
        # 1. Signed by our provider, as a logout token: an ID token must not pass for one, nor the other way round.
        token = decode(logout_token)
        if token.header.get("typ") != TOKEN_TYPE:
            raise WrongLogoutTokenError("another kind of token")

        # 2. From our provider, for us, of now.
        rules = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": config.issuer},
            aud={"essential": True, "value": config.client_id},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        )
        rules.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WrongLogoutTokenError from error

    # 3. It says that somebody is logged out, and who; and it is no ID token in disguise (those have a nonce).
    claims: dict[str, Any] = token.claims
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
        raise WrongLogoutTokenError("no logout")
    if not as_text(claims.get("sub")) and not as_text(claims.get("sid")):
        raise WrongLogoutTokenError("nobody named")

    # 4. Not seen before.
    if not eservice().logout_tokens.add(str(claims["jti"]), value=True):
        raise WrongLogoutTokenError("replayed")
    return claims


def decode(token: str) -> jwt.Token:
    """Check the signature with the provider's published keys; fetched again when the key is a new one."""
    load_provider_metadata()
    client, refetched = eservice().client, eservice().keys_refetched
    try:
        return jwt.decode(token, KeySet.import_key_set(client.fetch_jwk_set()), algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        if not refetched.add("keys", value=True):  # once a minute, whoever sends us nonsense
            raise
        return jwt.decode(
            token, KeySet.import_key_set(client.fetch_jwk_set(force=True)), algorithms=ALGORITHMS
        )

"""The authorization code grant with PKCE (RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1)."""

import re
from datetime import UTC, datetime
from typing import Any, cast

from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from idp import audit, clock
from idp.audit import Event
from idp.clients.registry import Client
from idp.database import writing
from idp.grants import codes
from idp.grants.codes import Grant, NewRefreshToken
from idp.oidc import resource_indicators, tokens
from idp.oidc.requests import ProviderRequest

CODE_CHALLENGE = re.compile(
    r"[A-Za-z0-9\-._~]{43,128}"
)  # RFC 7636 4.2; Authlib's also lets a line break pass


class Pkce(CodeChallenge):
    """S256 only, never `plain`; a missing method would mean plain (RFC 7636 4.3)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        data = grant.request.payload.data
        client = cast("Client", grant.request.client)
        if "code_challenge" in data:
            if not CODE_CHALLENGE.fullmatch(data["code_challenge"]):
                raise InvalidRequestError("Invalid 'code_challenge'.")
            if data.get("code_challenge_method") != "S256":
                raise InvalidRequestError("code_challenge_method must be S256.")
        elif client.pkce_required:
            raise InvalidRequestError("Missing 'code_challenge': this client must use PKCE.")


class AuthorizationCode(AuthorizationCodeGrant):
    """Codes are grants; a code is checked whole, then used in one conditional write."""

    RESPONSE_TYPES = frozenset({"code", "code id_token", "code token", "code id_token token"})
    TOKEN_ENDPOINT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    def query_authorization_code(self, code: str, client: Client) -> Grant | None:
        """The live grant of a code of this client; a code that was used before costs its tokens (RFC 6749 4.1.2)."""
        found = codes.find(code, clock.now())
        if found is None or found.grant.client_id != client.client_id:
            return None
        if found.used:
            _replayed(found.grant)
        return found.grant if found.live else None

    def authenticate_user(self, authorization_code: Grant) -> str:
        return authorization_code.account_id

    def generate_token(self, **_kwargs: Any) -> dict[str, Any]:
        grant = cast("Grant", self.request.authorization_code)
        return token_response(self.request, grant, grant.scope, with_nonce=True)

    def save_token(self, token: dict[str, Any]) -> None:
        """Use the code, with its refresh token if there is to be one: one write."""
        grant = cast("Grant", self.request.authorization_code)
        client = cast("Client", self.request.client)
        now = clock.now()
        stored = None
        if (made := refresh_token_of(client, grant, now)) is not None:
            token["refresh_token"], stored = made
        if not codes.spend(grant, stored, now):
            _replayed(grant)
            raise InvalidGrantError("Invalid 'code' in request.")

    def delete_authorization_code(self, authorization_code: Grant) -> None:
        """It was used by `save_token`."""


def _replayed(grant: Grant) -> None:
    now = clock.now()
    if codes.revoke(grant.id, now):
        with writing() as session:
            audit.record(
                session,
                Event.CODE_REPLAYED,
                at=now,
                outcome="failure",
                account_id=grant.account_id,
                client_id=grant.client_id,
            )


def refresh_token_of(client: Client, grant: Grant, now: datetime) -> tuple[str, NewRefreshToken] | None:
    """The first refresh token of a grant and what is to be stored of it, if the client is to have one (Core 11)."""
    if "offline_access" not in grant.scope.split() or not client.check_grant_type("refresh_token"):
        return None
    login = datetime.fromtimestamp(grant.auth_time, UTC)
    return tokens.new_refresh_token(client, now, tokens.refresh_limit(client, login))


def token_response(request: ProviderRequest, grant: Grant, scope: str, *, with_nonce: bool) -> dict[str, Any]:
    """The members that every token response of a grant has (RFC 6749 5.1, OpenID Connect Core 3.1.3.3).

    Raises InvalidTarget or UnusableClientKeys, while nothing has been used up.
    """
    client = cast("Client", request.client)
    value = tokens.access_token(client, grant, scope, resource_indicators.granted(request, client, grant))
    response: dict[str, Any] = {
        "token_type": "Bearer",
        "access_token": value,
        "expires_in": tokens.access_token_seconds(client),
        "scope": scope,
    }
    if "openid" in scope.split():
        response["id_token"] = tokens.id_token(client, grant, value, with_nonce=with_nonce)
    return response

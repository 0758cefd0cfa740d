"""The authorization code grant with PKCE (RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1)."""

import re
from datetime import UTC, datetime
from typing import Any, cast

from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients.registry import Client
from idp.crypto import random_token
from idp.database import writing
from idp.grants import codes
from idp.grants.codes import Approval, Grant
from idp.oidc import tokens
from idp.oidc.redirects import with_parameters
from idp.oidc.requests import ProviderRequest
from idp.sessions.browser import CurrentSession

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

    TOKEN_ENDPOINT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    # -- at the authorization endpoint ---------------------------------------------------------------------------------

    def create_authorization_response(
        self, redirect_uri: str, grant_user: CurrentSession
    ) -> tuple[int, str, list[tuple[str, str]]]:
        self.request.user = grant_user
        code = random_token()
        self.save_authorization_code(code, self.request)
        state = self.request.payload.state
        parameters = [("code", code), *([("state", state)] if state else [])]
        return 302, "", [("Location", with_parameters(redirect_uri, parameters))]

    def save_authorization_code(self, code: str, request: ProviderRequest) -> None:
        session = cast("CurrentSession", request.user)
        parameters = request.payload.data
        now = clock.now()
        approval = Approval(
            client_id=request.client.client_id,
            account_id=session.account_id,
            sid=session.sid,
            scope=request.scope,
            redirect_uri=parameters.get("redirect_uri"),
            nonce=parameters.get("nonce"),
            claims=None,
            code_challenge=parameters.get("code_challenge"),
            acr=session.acr,
            amr=session.amr,
            auth_time=int(session.auth_time.timestamp()),
        )
        codes.issue(code, approval, now, now + rules().lifetimes.authorization_code)

    # -- at the token endpoint -----------------------------------------------------------------------------------------

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
        return token_response(self.request.client, grant, grant.scope, with_nonce=True)

    def save_token(self, token: dict[str, Any]) -> None:
        """Use the code, with its refresh token if there is to be one: one write."""
        grant = cast("Grant", self.request.authorization_code)
        client = cast("Client", self.request.client)
        now = clock.now()
        stored = None
        if "offline_access" in grant.scope.split() and client.check_grant_type("refresh_token"):
            lifetimes = rules().lifetimes
            login = datetime.fromtimestamp(grant.auth_time, UTC)
            ends_at = login + lifetimes.refresh_absolute
            token["refresh_token"], stored = tokens.new_refresh_token(lifetimes, now, ends_at)
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


def token_response(client: Client, grant: Grant, scope: str, *, with_nonce: bool) -> dict[str, Any]:
    """The members that every token response of a grant has (RFC 6749 5.1, OpenID Connect Core 3.1.3.3)."""
    value = tokens.access_token(client, grant, scope)
    response: dict[str, Any] = {
        "token_type": "Bearer",
        "access_token": value,
        "expires_in": rules().settings.tokens.access_token_seconds,
        "scope": scope,
    }
    if "openid" in scope.split():
        response["id_token"] = tokens.id_token(client, grant, value, with_nonce=with_nonce)
    return response

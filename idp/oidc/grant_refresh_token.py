"""The refresh token grant (RFC 6749 6, OpenID Connect Core 12): rotated each time, reuse revokes the grant."""

from typing import Any, cast

from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients.registry import Client
from idp.database import writing
from idp.grants import refresh
from idp.grants.refresh import FoundRefreshToken, Outcome
from idp.oidc import tokens
from idp.oidc.grant_authorization_code import token_response
from idp.policy.lifetimes import is_live


class RefreshToken(RefreshTokenGrant):
    """A refresh token is checked whole, then exchanged for its successor in one conditional write."""

    TOKEN_ENDPOINT_AUTH_METHODS = ()  # the client's registered one, see client_authentication
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> FoundRefreshToken | None:
        """The stored token unless it has expired. A used one is found too: `save_token` judges the repeat."""
        found = refresh.find(refresh_token)
        return found if found and is_live(found.expires_at, clock.now()) else None

    def authenticate_user(self, refresh_token: FoundRefreshToken) -> str:
        return refresh_token.grant.account_id

    def generate_token(self, *, scope: str, **_kwargs: Any) -> dict[str, Any]:
        """Same subject, audience and auth_time as at the login (Core 12.2); `scope` may be narrower."""
        found = cast("FoundRefreshToken", self.request.refresh_token)
        allowed = " ".join(value for value in scope.split() if value in self.request.client.scopes)
        if not allowed:  # the client has lost them since
            raise InvalidScopeError
        return token_response(self.request, found.grant, allowed, with_nonce=False)

    def save_token(self, token: dict[str, Any]) -> None:
        """Exchange the token for its successor. Raises InvalidGrantError when it was used before."""
        found = cast("FoundRefreshToken", self.request.refresh_token)
        now = clock.now()
        value, successor = tokens.new_refresh_token(cast("Client", self.request.client), now, found.ends_at)
        if refresh.rotate(found, successor, rules().lifetimes.refresh_grace, now) is Outcome.REUSED:
            _reused(found)
            raise InvalidGrantError
        token["refresh_token"] = value

    def revoke_old_credential(self, refresh_token: FoundRefreshToken) -> None:
        """It was used by `save_token`."""


def _reused(found: FoundRefreshToken) -> None:
    with writing() as session:
        audit.record(
            session,
            Event.REFRESH_REUSED,
            at=clock.now(),
            outcome="failure",
            account_id=found.grant.account_id,
            client_id=found.client_id,
        )

"""The client credentials grant (RFC 6749 4.4): an access token for a client that acts in its own name, about no person.

Such a token has no grant and no refresh token. It is no key to userinfo; a resource server tells it by its `sub`,
which is the `client_id` (RFC 9068 2.2).
"""

from typing import Any, cast

from authlib.oauth2.rfc6749.errors import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from idp.clients.managed import ADMIN_SCOPES
from idp.clients.registry import Client
from idp.clients.targets import admin_api
from idp.oidc import resource_indicators, tokens
from idp.oidc.client_authentication import UnauthenticatedClient


class ClientCredentials(ClientCredentialsGrant):
    """Scopes of APIs only: those of OpenID Connect make no sense without a person."""

    TOKEN_ENDPOINT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    def validate_token_request(self) -> None:
        client = cast("Client", self.authenticate_token_endpoint_client())
        if client.token_endpoint_auth_method == "none":  # noqa: S105
            raise UnauthenticatedClient("client_credentials needs client authentication.")
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client may not use client_credentials.")
        if not client.api_scopes.issuperset((self.request.payload.scope or "").split()):
            raise InvalidScopeError("A scope that this client may not have in its own name.")

    def generate_token(self, *, scope: str | None, **_kwargs: Any) -> dict[str, Any]:
        """For the resources asked for; without `scope` all that the client may have there.

        Without `resource` a token with a scope of the administrators' API is for that API, any other for the issuer.
        One for anything else never carries such a scope: whoever receives it could act as an administrator.
        """
        client = cast("Client", self.request.client)
        resources = resource_indicators.permitted(client, resource_indicators.asked(self.request))
        scopes = list(dict.fromkeys(scope.split())) if scope else sorted(client.api_scopes)
        if not ADMIN_SCOPES.keys().isdisjoint(scopes):
            if not resources:
                resources = (admin_api(),)
            elif resources != (admin_api(),):
                if scope:
                    raise InvalidScopeError("Scopes of the administrators' API are for that resource alone.")
                scopes = [each for each in scopes if each not in ADMIN_SCOPES]
        given = " ".join(scopes)
        response: dict[str, Any] = {
            "token_type": "Bearer",
            "access_token": tokens.client_access_token(client, given, resources),
            "expires_in": tokens.access_token_seconds(client),
        }
        if given:
            response["scope"] = given
        return response

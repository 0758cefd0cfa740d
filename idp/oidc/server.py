"""Authlib wired to this house: clients from memory, our tokens, our way of authenticating clients."""

from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, current_app

from idp.clients import registry
from idp.clients.registry import Client
from idp.oidc import answers, client_authentication, client_registration, trial
from idp.oidc.device import DeviceAuthorization
from idp.oidc.grant_authorization_code import AuthorizationCode, Pkce
from idp.oidc.grant_client_credentials import ClientCredentials
from idp.oidc.grant_device_code import DeviceCode
from idp.oidc.grant_implicit import Implicit
from idp.oidc.grant_refresh_token import RefreshToken
from idp.oidc.introspection import Introspection
from idp.oidc.logout import EndSession
from idp.oidc.requests import ProviderRequest
from idp.oidc.revocation import Revocation


class Provider(AuthorizationServer):
    """The authorization server. Adding a grant or an endpoint is adding a module and a line in `init_app`."""

    def query_client(self, client_id: str) -> Client | None:
        return trial.tried(client_id) or registry.find(client_id)

    def save_token(self, token: dict[str, Any], request: ProviderRequest) -> None:
        """Nothing to do: grants store what must be stored in the same write that uses the code or refresh token."""

    def create_oauth2_request(self, request: Any) -> ProviderRequest:
        if not isinstance(request, ProviderRequest):
            raise TypeError("a protocol endpoint makes its own ProviderRequest")
        return request

    def authenticate_client(
        self, request: ProviderRequest, methods: list[str], endpoint: str = "token"
    ) -> Client:
        return client_authentication.authenticate(self, request, endpoint)

    def call_client_auth(self, request: ProviderRequest, methods: list[str], endpoint: str) -> Any:
        """Authlib's own authentication by the one method that was presented."""
        return super().authenticate_client(request, methods, endpoint)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib's signals are not used."""

    def handle_response(self, status_code: int, payload: Any, headers: list[tuple[str, str]]) -> Response:
        if status_code == 302:
            status_code = 303  # the next request is a GET, whatever this one was (RFC 9700 4.12)
        if isinstance(payload, dict):  # Authlib's headers say already that it is JSON and not to be kept
            return Response(answers.encode(payload), status_code, headers)
        response = Response(payload, status_code, headers)
        for name, value in answers.NOT_KEPT:
            response.headers[name] = value
        return response

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        return self.handle_response(*error(None))


def init_app(app: Flask) -> None:
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = False  # grants make their own
    provider = Provider(app)
    client_authentication.register_methods(provider)
    provider.register_grant(AuthorizationCode, [Pkce(required=True)])
    provider.register_grant(Implicit)
    provider.register_grant(RefreshToken)
    provider.register_grant(ClientCredentials)
    provider.register_grant(DeviceCode)
    provider.register_endpoint(Introspection)
    provider.register_endpoint(Revocation)
    provider.register_endpoint(EndSession)
    provider.register_endpoint(client_registration.Registration)
    provider.register_endpoint(client_registration.Configuration)
    provider.register_endpoint(DeviceAuthorization)
    app.extensions["provider"] = provider


def provider() -> Provider:
    """The provider of the running app."""
    return cast("Provider", current_app.extensions["provider"])

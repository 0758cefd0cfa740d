"""What introspection and revocation share: one `token` parameter, an authenticated client, an unknown hint ignored."""

from typing import Any, cast

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Response, request

from idp.clients.registry import Client
from idp.oidc.requests import ProviderRequest, repeated


class TokenParameterEndpoint:
    """Mixed in before Authlib's endpoint class."""

    CLIENT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    def check_params(self, request: ProviderRequest, client: Client) -> None:
        """Only the token is needed; an unknown token_type_hint is ignored (RFC 7009 2.1, RFC 7662 2.1)."""
        if not request.form.get("token"):
            raise InvalidRequestError("Missing 'token' in request.")

    def create_endpoint_request(self, request: Any) -> Any:
        return request


def respond(name: str) -> Response:
    """Answer this HTTP request by the endpoint of that name."""
    from idp.oidc.server import provider

    oauth_request = ProviderRequest(request.form)
    if repeated(request.form):
        error = InvalidRequestError("A parameter is given twice.")
        return provider().handle_error_response(oauth_request, error)
    return cast("Response", provider().create_endpoint_response(name, oauth_request))

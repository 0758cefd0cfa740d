"""The token endpoint (RFC 6749 3.2)."""

from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedGrantTypeError
from authlib.oauth2.rfc8628 import AuthorizationPendingError
from flask import Blueprint, Response, request

from idp.clients.metadata import GRANT_TYPES
from idp.oidc import cors
from idp.oidc.requests import ProviderRequest, repeated
from idp.oidc.server import provider
from idp.web import limits


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/token", "token", token, methods=["POST", "OPTIONS"])


@cors.allowed
def token() -> Response:
    server = provider()
    form = request.form
    oauth_request = ProviderRequest(form)
    if repeated(form):
        response = server.handle_error_response(
            oauth_request, InvalidRequestError("A parameter is given twice.")
        )
    elif not form.get("grant_type"):
        response = server.handle_error_response(oauth_request, InvalidRequestError("Missing 'grant_type'."))
    elif form["grant_type"] not in GRANT_TYPES:
        response = server.handle_error_response(oauth_request, UnsupportedGrantTypeError("that grant type"))
    else:
        response = server.create_token_response(oauth_request)
    if response.status_code in {400, 401} and not _waits(response):
        limits.count_error("token_errors_per_address")
    return response


def _waits(response: Response) -> bool:
    """Whether this is a device whose person has not decided yet (RFC 8628 3.5): nothing failed."""
    return bool(response.get_json()["error"] == AuthorizationPendingError.error)

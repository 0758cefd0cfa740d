"""The pushed authorization request endpoint (RFC 9126): a request is judged before the browser carries anything."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Blueprint, Response, request

from idp import clock
from idp.accounts.rules import rules
from idp.grants import pushed
from idp.oidc import authorization
from idp.oidc.answers import json_answer
from idp.oidc.authorization import Authorization, NotTrusted
from idp.oidc.errors import printable
from idp.oidc.request_objects import PARAMETERS
from idp.oidc.requests import ProviderRequest, repeated
from idp.oidc.server import provider
from idp.web import limits

PATH = "/oauth2/par"
ENDPOINT = "pushed_authorization_request"
_AUTHENTICATION = {"client_secret", "client_assertion", "client_assertion_type"}


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(PATH, "par", push, methods=["POST"])


def push() -> Response:
    oauth_request = ProviderRequest(request.form)
    try:
        answer = _pushed(oauth_request)
    except OAuth2Error as error:
        answer = provider().handle_error_response(oauth_request, error)
    if answer.status_code in {400, 401}:
        limits.count_error("token_errors_per_address")
    return answer


def _pushed(oauth_request: ProviderRequest) -> Response:
    """Authenticate the client, judge its request as the authorization endpoint would, keep it (section 2)."""
    client = provider().authenticate_client(oauth_request, [], ENDPOINT)
    if client.token_endpoint_auth_method == "none":  # noqa: S105
        limits.count_error(
            "pushed_requests_per_address"
        )  # a client_id alone proves nothing, and rows are kept
    parameters = {
        name: value for name, value in oauth_request.payload.data.items() if name not in _AUTHENTICATION
    }
    now = clock.now()
    a = Authorization(parameters | {"client_id": client.client_id}, repeated(request.form), now, pushing=True)
    try:
        authorization.check(a)
    except NotTrusted as error:
        raise InvalidRequestError("redirect_uri is missing, given twice or not registered.") from error
    except OAuth2Error as error:
        raise InvalidRequestErrorOf(error) from error
    lifetime = rules().lifetimes.pushed_request
    kept = {name: a.parameters[name] for name in PARAMETERS if name in a.parameters}
    request_uri = pushed.store(client.client_id, kept, now, now + lifetime)
    return json_answer({"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())}, 201)


class InvalidRequestErrorOf(OAuth2Error):
    """The error that the authorization endpoint would have sent, as JSON and nothing but it (section 2.3)."""

    status_code = 400

    def __init__(self, error: OAuth2Error) -> None:
        description = error.get_error_description()
        super().__init__(description=printable(description) if description else None, status_code=400)
        self.error = error.error

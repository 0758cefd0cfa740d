"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

With an ID token of the person who is logged in here they are logged out at once; in every doubtful case a page asks
first, and nothing is redirected to an address that is not registered.
"""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oidc.rpinitiated import EndSessionEndpoint
from authlib.oidc.rpinitiated.end_session import EndSessionRequest
from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from idp import clock
from idp.accounts.rules import rules
from idp.clients.registry import Client
from idp.grants import logout_requests
from idp.grants.codes import SessionOver
from idp.grants.requests import RequestGone
from idp.keys import NotOurToken
from idp.oidc import tokens
from idp.oidc.authorization import MAX_PARAMETER
from idp.oidc.redirects import with_parameters
from idp.oidc.requests import ProviderRequest, repeated
from idp.texts import wish
from idp.web import headers, visitors
from idp.web.errors import error_page
from idp.web.forms import EmptyForm
from idp.web.logout import end_current_session, log_out

BY_ID = "request"
PARAMETERS = (
    *("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"),
)  # RP-Initiated Logout 2


class Doubtful(Exception):
    """Something about the request is wrong: nobody is redirected, and nothing ends. `client` is told if it is known."""

    def __init__(self, client: Client | None = None) -> None:
        super().__init__("doubtful logout request")
        self.client = client


class EndSession(EndSessionEndpoint):
    """Authlib's rules; the hint may have expired, but must be signed by us."""

    def create_endpoint_request(self, request: Any) -> Any:
        return request

    def validate_request(self, request: ProviderRequest) -> EndSessionRequest:
        checked = super().validate_request(request)
        if checked.redirect_uri:
            data = request.payload.data
            state = [("state", data["state"])] if data.get("state") else []
            address = data["post_logout_redirect_uri"]
            checked.redirect_uri = with_parameters(address, state) if state else address
        return cast("EndSessionRequest", checked)

    def _validate_id_token_hint(self, id_token_hint: str) -> dict[str, Any]:
        try:
            return tokens.claims_of_hint(id_token_hint)
        except NotOurToken as error:
            raise InvalidRequestError("id_token_hint is not an ID token of this provider.") from error

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        """Done by the views below, which have the response to put the cookie into."""


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/logout", "logout", logout, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/oauth2/logout/confirm", "confirm_logout", confirm_logout, methods=["GET", "POST"]
    )
    blueprint.register_error_handler(SessionOver, ask_again)
    blueprint.register_error_handler(Doubtful, doubtful)


def ask_again(_error: SessionOver) -> Response:
    """Somebody logged out while an authorization request was answered: it is judged anew, without a session."""
    response = make_response(redirect(request.full_path, 303))
    response.headers["Cache-Control"] = "no-store"
    return response


def logout() -> Response:
    headers.keep_opener()
    if request.method == "POST":
        # A cross-site POST carries no SameSite=Lax cookie: the session is read at a GET of our own.
        checked = _checked(request.form)
        return _see_other("/oauth2/logout", _stored(checked, request.form))
    return _judge(asked=False)


def confirm_logout() -> Response:
    """The page that asks, for requests that prove nothing."""
    headers.keep_opener()
    return _judge(asked=True)


def _judge(*, asked: bool) -> Response:
    request_id = request.args.get(BY_ID)
    parameters = request.args if request_id is None else _opened(request_id)
    checked = _checked(parameters)
    g.client = checked.client
    session = visitors.current_session()
    if session is None or (
        checked.id_token_claims and tokens.hint_is_of(checked.id_token_claims, session.account_id)
    ):
        return _log_out(checked)
    form = EmptyForm()
    if asked and form.validate_on_submit():
        return _log_out(checked)
    if not asked:
        return _see_other("/oauth2/logout/confirm", request_id or _stored(checked, parameters))
    if checked.redirect_uri:
        headers.allow_form_target(checked.redirect_uri)
    return make_response(render_template("pages/log_out.html", form=form), 422 if form.errors else 200)


def _checked(parameters: Mapping[str, str]) -> EndSessionRequest:
    """The request, once it is valid. Raises Doubtful."""
    from idp.oidc.server import provider

    wish(parameters.get("ui_locales"))
    if isinstance(parameters, MultiDict) and repeated(parameters):
        raise Doubtful
    try:
        checked = provider().validate_endpoint_request(EndSession.ENDPOINT_NAME, ProviderRequest(parameters))
    except OAuth2Error as error:
        raise Doubtful from error
    wanted = parameters.get("post_logout_redirect_uri")
    if wanted and checked.redirect_uri is None and checked.id_token_claims:
        raise Doubtful(checked.client)
    return cast("EndSessionRequest", checked)


def _stored(checked: EndSessionRequest, parameters: Mapping[str, str]) -> str | None:
    """The id of a valid request that goes on at another address; None when there is nothing to keep.

    Of a request that names no client nothing counts: nobody is redirected by it.
    """
    if checked.client is None:
        return None
    kept = {name: value for name in PARAMETERS if (value := parameters.get(name))}
    too_long = any(len(value) > MAX_PARAMETER for name, value in kept.items() if name != "id_token_hint")
    if too_long or any("\0" in value for value in kept.values()):  # which no database takes
        raise Doubtful(checked.client)
    now = clock.now()
    return logout_requests.store(
        checked.client.client_id, kept, now, now + rules().lifetimes.authorization_request
    )


def _opened(request_id: str) -> dict[str, str]:
    try:
        return logout_requests.load(request_id, clock.now())
    except RequestGone as error:
        raise Doubtful from error


def _see_other(path: str, request_id: str | None) -> Response:
    """No ID token in an address: these lie in histories and logs, and have no room for big ones."""
    return make_response(redirect(f"{path}?{urlencode({BY_ID: request_id})}" if request_id else path, 303))


def _log_out(checked: EndSessionRequest) -> Response:
    if checked.redirect_uri:
        return log_out(checked.redirect_uri)
    if checked.client is None:
        return log_out("/logged-out")
    # We may not redirect, but can name the e-service and lead to its registered front page.
    frames = end_current_session()
    page = render_template("pages/logged_out.html", continue_url=checked.client.client_uri, frames=frames)
    return make_response(page)


def doubtful(error: Doubtful) -> Response:
    """Say that something is wrong, and let the person log out here if they like."""
    return error_page(
        400,
        _("Logging out was not understood"),
        _("The service sent a logout request that we could not accept. You can log out in your own details."),
        client=error.client,
        back_url="/logout",
    )

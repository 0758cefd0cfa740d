"""The authorization endpoint (RFC 6749 3.1, OpenID Connect Core 3.1.2).

A request passes CHECKS from top to bottom, once and whole. What fails before the redirect URI is trusted is a page,
what fails after it a redirect. Then `interaction` says whether the person is needed; if so the request is stored and
the browser sent to a page, which leads back to `resume`, where all is judged again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from flask import Blueprint, Response, make_response, redirect, request
from flask_babel import gettext as _

from idp import clock
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registration import RESPONSE_TYPES
from idp.clients.registry import Client
from idp.grants import requests
from idp.grants.requests import PendingRequest, RequestGone
from idp.keys import NotOurToken
from idp.oidc import interaction, tokens
from idp.oidc.discovery import PROMPTS
from idp.oidc.errors import (
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    printable,
)
from idp.oidc.interaction import Step
from idp.oidc.redirects import with_parameters
from idp.oidc.requests import ProviderRequest, repeated, with_value
from idp.oidc.server import provider
from idp.texts import wish
from idp.web import visitors
from idp.web.errors import error_page, interrupted

MAX_PARAMETER = 4096  # characters of one parameter


class NotTrusted(Exception):
    """The request fails before its redirect URI is trusted: an error page (RFC 6749 4.1.2.1)."""

    def __init__(self, message: str, client: Client | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.client = client


@dataclass
class Authorization:
    """An authorization request on its way through the checks; they fill in what they establish."""

    parameters: dict[str, str]
    repeated: list[str]
    began: datetime
    answered: Mapping[str, str] = field(default_factory=dict)
    client: Client | None = None
    redirect_uri: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    hinted_subject: str | None = None


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/authorize", "authorize", authorize, methods=["GET", "POST"])
    blueprint.add_url_rule("/oauth2/authorize/resume", "resume", resume, methods=["GET"])


def authorize() -> Response:
    """Begin: validate, then a code at once, a page for the person, or an error."""
    now = clock.now()
    authorization = Authorization(with_value(request.values), repeated(request.values), now)
    refusal = _validate(authorization)
    if refusal is not None:
        return refusal
    if request.method == "POST":
        # A cross-site POST carries no SameSite=Lax cookie: the session is read at a GET of our own.
        return _see_other(_store(authorization, browser=""))
    return _proceed(authorization, pending=None)


def resume() -> Response:
    """Go on with a stored request after a page, judged anew against this browser's session."""
    request_id = request.args.get("request", "")
    now = clock.now()
    try:
        requests.bind(request_id, visitors.ensure_browser_id())
        pending = requests.load(request_id, visitors.browser_id(), now)
    except RequestGone as gone:
        return interrupted(registry.find(gone.client_id))
    authorization = Authorization(dict(pending.parameters), [], pending.created_at, pending.answered)
    return _validate(authorization) or _proceed(authorization, pending)


# -- what a request must pass, in order


def _client_is_known(a: Authorization) -> None:
    if "client_id" in a.repeated:
        raise NotTrusted(_("Unknown service. Return to the service and try again."))
    a.client = registry.find(a.parameters.get("client_id"))
    if a.client is None:
        raise NotTrusted(_("Unknown service. Return to the service and try again."))


def _redirect_uri_is_registered(a: Authorization) -> None:
    client = cast("Client", a.client)
    wanted = a.parameters.get("redirect_uri")
    if wanted is None:
        wanted = client.get_default_redirect_uri()
    if not wanted or "redirect_uri" in a.repeated or not client.check_redirect_uri(wanted):
        raise NotTrusted(
            _(
                "The service asked to return to an address that it has not registered. Tell its administrator."
            ),
            client,
        )
    a.redirect_uri = wanted


def _no_parameter_is_repeated(a: Authorization) -> None:
    if a.repeated:
        raise InvalidRequestError(printable(f"{a.repeated[0]} is given twice."))


def _parameters_are_of_sensible_size(a: Authorization) -> None:
    for name, value in a.parameters.items():
        if len(name) + len(value) > MAX_PARAMETER:
            raise InvalidRequestError(printable(f"{name} is too long."))
        if "\x00" in name + value:
            raise InvalidRequestError(printable(f"{name} holds a NUL character."))


def _no_request_object(a: Authorization) -> None:
    if "request" in a.parameters:
        raise RequestNotSupported
    if "request_uri" in a.parameters:
        raise RequestUriNotSupported
    if "registration" in a.parameters:
        raise RegistrationNotSupported


def _response_type_is_allowed(a: Authorization) -> None:
    response_type = a.parameters.get("response_type")
    if not response_type:
        raise InvalidRequestError("Missing 'response_type'.")
    if response_type not in RESPONSE_TYPES:
        raise UnsupportedResponseTypeError(printable("That response_type is not supported."))
    if not cast("Client", a.client).check_response_type(response_type):
        raise UnauthorizedClientError("This client may not use that response_type.")


def _response_mode_is_supported(a: Authorization) -> None:
    if a.parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("response_mode must be query.")


def _scope_has_something(a: Authorization) -> None:
    scope = cast("Client", a.client).get_allowed_scope(a.parameters.get("scope"))
    if not scope:
        raise InvalidScopeError("No scope that this client may have; openid is needed.")
    a.parameters["scope"] = scope


def _prompt_makes_sense(a: Authorization) -> None:
    a.prompts = tuple(a.parameters.get("prompt", "").split())
    if set(a.prompts) - set(PROMPTS):
        raise InvalidRequestError("prompt has an unknown value.")
    if "none" in a.prompts and len(set(a.prompts)) > 1:
        raise InvalidRequestError("prompt none goes with no other value.")


def _max_age_is_a_number(a: Authorization) -> None:
    text = a.parameters.get("max_age")
    if text is None:
        a.max_age = cast("Client", a.client).registration.get("default_max_age")
    elif text.isascii() and text.isdigit() and len(text) <= 9:
        a.max_age = int(text)
    else:
        raise InvalidRequestError("max_age must be a number of seconds.")


def _id_token_hint_is_ours(a: Authorization) -> None:
    """Also an expired one counts (OpenID Connect Core 3.1.2.1)."""
    hint = a.parameters.get("id_token_hint")
    if not hint:
        return
    try:
        a.hinted_subject = tokens.claims_of_hint(hint)["sub"]
    except NotOurToken as error:
        raise InvalidRequestError("id_token_hint is not an ID token of this provider.") from error


def _authlib_agrees(a: Authorization) -> None:
    """Authlib's own validation: client, redirect URI, response type, scope, PKCE."""
    grant_of(a).validate_authorization_request()


BEFORE_TRUST: tuple[Callable[[Authorization], None], ...] = (
    _client_is_known,
    _redirect_uri_is_registered,
)
CHECKS: tuple[Callable[[Authorization], None], ...] = (
    _no_parameter_is_repeated,
    _parameters_are_of_sensible_size,
    _no_request_object,
    _response_type_is_allowed,
    _response_mode_is_supported,
    _scope_has_something,
    _prompt_makes_sense,
    _max_age_is_a_number,
    _id_token_hint_is_ours,
    _authlib_agrees,
)


def _validate(a: Authorization) -> Response | None:
    """Run the checks; the answer to a request that fails one, None for a good request."""
    wish(a.parameters.get("ui_locales"))
    try:
        for check in BEFORE_TRUST:
            check(a)
    except NotTrusted as error:
        return error_page(400, _("Logging in cannot start"), error.message, client=error.client)
    try:
        for check in CHECKS:
            check(a)
    except OAuth2Error as error:
        return _error_redirect(a, error)
    return None


def grant_of(a: Authorization) -> Any:
    """Authlib's grant for this request."""
    return provider().get_authorization_grant(ProviderRequest(a.parameters, "GET"))


# -- the answer


def _proceed(a: Authorization, pending: PendingRequest | None) -> Response:
    """A code if nothing more is needed of the person, else the page that asks."""
    session = visitors.current_session()
    try:
        step = interaction.next_step(
            client=cast("Client", a.client),
            scope=a.parameters["scope"],
            prompts=a.prompts,
            max_age=a.max_age,
            hinted_subject=a.hinted_subject,
            began=a.began,
            answered=a.answered,
            session=session,
            now=clock.now(),
        )
    except OAuth2Error as error:
        return _finish(a, pending, error)
    if step is not Step.DONE:
        address = (
            _store(a, visitors.ensure_browser_id(), step) if pending is None else _page_of(step, pending.id)
        )
        return _see_other(address)
    return _finish(a, pending, None)


def _finish(a: Authorization, pending: PendingRequest | None, error: OAuth2Error | None) -> Response:
    """Answer the client, once: with a code, or with the error that ended it."""
    if pending is not None and not requests.use(pending, clock.now()):
        return interrupted(a.client)
    if error is not None:
        return _error_redirect(a, error)
    grant = grant_of(a)
    response = provider().create_authorization_response(
        grant.request, grant_user=visitors.current_session(), grant=grant
    )
    return cast("Response", response)


def _error_redirect(a: Authorization, error: OAuth2Error) -> Response:
    """The error in the query, with `state` and `iss` and nothing else (RFC 6749 4.1.2.1, RFC 9207)."""
    parameters = [("error", error.error)]
    if description := error.get_error_description():
        parameters.append(("error_description", printable(description)))
    state = a.parameters.get("state")
    if state and "state" not in a.repeated and len(state) <= MAX_PARAMETER:
        parameters.append(("state", state))
    parameters.append(("iss", rules().settings.issuer))
    return _see_other(with_parameters(cast("str", a.redirect_uri), parameters))


def _store(a: Authorization, browser: str, step: Step | None = None) -> str:
    """Keep the validated request; returns the address of the page that goes on with it."""
    now = clock.now()
    expires_at = now + rules().lifetimes.authorization_request
    request_id = requests.store(cast("Client", a.client).client_id, a.parameters, browser, now, expires_at)
    return (
        _page_of(step, request_id)
        if step
        else f"/oauth2/authorize/resume?{urlencode({'request': request_id})}"
    )


def _page_of(step: Step, request_id: str) -> str:
    return f"{step.value}?{urlencode({'request': request_id})}"


def _see_other(location: str) -> Response:
    response = make_response(redirect(location, 303))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response

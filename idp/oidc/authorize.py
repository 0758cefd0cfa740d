"""The authorization endpoint (RFC 6749 3.1, OpenID Connect Core 3.1.2).

A request is judged by the lists of authorization.py. Then `interaction` says whether the person is needed; if so the
request is stored and the browser sent to a page, which leads back to `resume`, where all is judged again.
"""

from typing import cast
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, make_response, redirect, request
from flask_babel import gettext as _

from idp import clock
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.grants import pushed, requests
from idp.grants.codes import SessionOver
from idp.grants.requests import PendingRequest, RequestGone
from idp.oidc import authorization, interaction, issuing, response_modes, session_management
from idp.oidc.authorization import MAX_PARAMETER, Authorization, NotTrusted
from idp.oidc.errors import LoginRequired, printable
from idp.oidc.interaction import Step
from idp.oidc.request_objects import PARAMETERS
from idp.oidc.requests import repeated, with_value
from idp.sessions.browser import CurrentSession
from idp.texts import wish
from idp.web import headers, visitors
from idp.web.errors import error_page, interrupted

PUSHED = "pushed"  # the name of a stored request's own `request_uri`; no parameter of a client is called so


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/authorize", "authorize", authorize, methods=["GET", "POST"])
    blueprint.add_url_rule("/oauth2/authorize/resume", "resume", resume, methods=["GET"])


def authorize() -> Response:
    """Begin: validate, then an answer at once, a page for the person, or an error."""
    if request.method == "HEAD":
        return _not_by_head()
    headers.keep_opener()
    a = Authorization(with_value(request.values), repeated(request.values), clock.now())
    refusal = _judge(a, authorization.check)
    if refusal is not None:
        return refusal
    if request.method == "POST":
        # A cross-site POST carries no SameSite=Lax cookie: the session is read at a GET of our own.
        return _see_other(_store(a, browser=""))
    return _proceed(a, pending=None)


def _not_by_head() -> Response:
    """HEAD is safe (RFC 9110 9.2.1): a link checker makes no code and uses nothing up."""
    return Response(status=405, headers={"Allow": "GET, POST"})


def resume() -> Response:
    """Go on with a stored request after a page, judged anew against this browser's session."""
    if request.method == "HEAD":
        return _not_by_head()
    headers.keep_opener()
    request_id = request.args.get("request", "")
    now = clock.now()
    try:
        requests.bind(request_id, visitors.ensure_browser_id())
        pending = requests.load(request_id, visitors.browser_id(), now)
    except RequestGone as gone:
        return interrupted(registry.find(gone.client_id))
    parameters = dict(pending.parameters)
    a = Authorization(
        parameters, [], pending.created_at, pending.answered, pushed=parameters.pop(PUSHED, None)
    )
    return _judge(a, authorization.check_again) or _proceed(a, pending)


def _judge(a: Authorization, check: authorization.Check) -> Response | None:
    """The answer to a request that fails a check, None for a good one."""
    wish(a.parameters.get("ui_locales"))
    try:
        check(a)
    except NotTrusted as error:
        return error_page(400, _("Logging in cannot start"), error.message, client=error.client)
    except OAuth2Error as error:
        return _error(a, error)
    wish(a.parameters.get("ui_locales"))  # which may have been pushed, or signed
    return None


# -- the answer


def _proceed(a: Authorization, pending: PendingRequest | None) -> Response:
    """An answer if nothing more is needed of the person, else the page that asks."""
    session = visitors.current_session()
    try:
        step = interaction.next_step(a, session, clock.now(), rules().lifetimes.session_absolute)
    except OAuth2Error as error:
        return _finish(a, pending, error)
    if step is not Step.DONE:
        address = (
            _store(a, visitors.ensure_browser_id(), step) if pending is None else _page_of(step, pending.id)
        )
        return _see_other(address)
    return _finish(a, pending, None)


def _finish(a: Authorization, pending: PendingRequest | None, error: OAuth2Error | None) -> Response:
    """Answer the client, once: with what it asked for, or with the error that ended it."""
    now = clock.now()
    if pending is not None and not requests.use(pending, now):
        return interrupted(a.client)
    if a.pushed is not None and not pushed.use(a.pushed, now):
        return interrupted(a.client)
    if error is not None:
        return _error(a, error)
    try:
        session = interaction.as_told(a, cast("CurrentSession", visitors.current_session()))
        parameters = issuing.issue(a, session)
    except OAuth2Error as failed:
        return _error(a, failed)
    except SessionOver:
        return _start_over(a)
    state = session_management.session_state(cast("Client", a.client).client_id, cast("str", a.redirect_uri))
    return _answer(a, [*parameters, *([("session_state", state)] if state else [])])


def _start_over(a: Authorization) -> Response:
    """Somebody logged out at this very moment, when the request was used up already: it is asked of nobody anew."""
    visitors.forget_current_session()
    if "none" in a.prompts:
        return _error(a, LoginRequired())
    a.pushed = None
    return _see_other(_store(a, visitors.ensure_browser_id(), Step.LOGIN))


def _error(a: Authorization, error: OAuth2Error) -> Response:
    """The error as the client wants its answers, with `state` and `iss` and nothing else (RFC 6749 4.1.2.1)."""
    parameters = [("error", error.error)]
    if description := error.get_error_description():
        parameters.append(("error_description", printable(description)))
    return _answer(a, parameters)


def _answer(a: Authorization, parameters: list[tuple[str, str]]) -> Response:
    """`iss` is in every answer (RFC 9207), `state` where the client sent one."""
    state = a.parameters.get("state")
    if state and "state" not in a.repeated and len(state) <= MAX_PARAMETER:
        parameters.append(("state", state))
    parameters.append(("iss", rules().settings.issuer))
    return response_modes.answer(a.mode, cast("str", a.redirect_uri), parameters)


def _store(a: Authorization, browser: str, step: Step | None = None) -> str:
    """Keep the validated request; returns the address of the page that goes on with it."""
    now = clock.now()
    expires_at = now + rules().lifetimes.authorization_request
    kept = {name: a.parameters[name] for name in PARAMETERS if name in a.parameters}
    if a.pushed is not None:
        kept[PUSHED] = a.pushed
    request_id = requests.store(cast("Client", a.client).client_id, kept, browser, now, expires_at)
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

"""One place that turns what went wrong into an answer: a page for people, JSON for programs, never a stack trace.

Programs at the administrators' API get problem documents (problems.py).
"""

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from idp.accounts.hashing import HashingBusy
from idp.clients.registry import Client
from idp.database import DatabaseUnavailable, lacks_tables
from idp.web import limits, logs, problems, visitors
from idp.web.context import ClientView

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5
PROTOCOL_PREFIXES = ("/oauth2/", "/.well-known/", "/healthz", "/metrics", "/readyz")
PROTOCOL_PAGES = ("/oauth2/authorize", "/oauth2/logout", "/oauth2/trial")  # asked for by people's browsers


def wants_json() -> bool:
    """Whether a program asked: protocol endpoints but for those that a person's browser visits."""
    path = request.path
    return path.startswith(PROTOCOL_PREFIXES) and not path.startswith(PROTOCOL_PAGES)


def error_page(
    status: int, title: str, message: str, *, client: Client | None = None, back_url: str | None = None
) -> Response:
    """A page that says what happened, offers a way back and a support reference."""
    view = ClientView.of(client) if client else None
    page = render_template(
        "pages/error.html",
        title=title,
        message=message,
        client=view,
        back_url=back_url or (view.return_url if view else "/login"),
        back_label=_("Continue to %(service)s", service=view.name) if view and not back_url else None,
        request_reference=logs.reference(),
    )
    return make_response(page, status)


def interrupted(client: Client | None) -> Response:
    """The page of a login that cannot go on: why, as far as this browser shows it, and a way to begin anew."""
    title, message = _("Logging in was interrupted"), _("Logging in took too long. Start again.")
    if client and visitors.current_session():  # the back button, or another tab was first
        title = _("You have already logged in")
        message = _("This page belongs to a login that is complete. You can continue to the service.")
    elif visitors.browser_id() is None:
        message = _(
            "Your browser does not accept cookies, or you opened a page of another browser."
            " Allow cookies and start again."
        )
    return error_page(400, title, message, client=client)


def answer(status: int, error: str, title: str, message: str, retry_after: int | None = None) -> Response:
    """The problem document, the JSON or the page of an error, whichever fits the request."""
    if problems.wanted():
        response = problems.of_status(status)
    elif wants_json():
        response = jsonify(error=error, error_description=f"{error}, reference {logs.reference()}")
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
    else:
        response = error_page(status, title, message)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def not_found() -> Response:
    """As for an address that does not exist."""
    return _http_error(NotFound())


def init_app(app: Flask) -> None:
    for error in (DatabaseUnavailable, OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(error, _database_gone)
    app.register_error_handler(HashingBusy, _busy)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(limits.TooMany, _too_many_counted)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _database_gone(error: Exception) -> Response:
    if lacks_tables(error):
        return _unexpected(error)
    visitors.forget_current_session()  # the error page must not ask the database who this is
    log.error("database unavailable", reference=logs.reference(), error=type(error).__name__)
    return _try_again(_("An error occurred. Please try again in a moment."))


def _busy(_error: Exception) -> Response:
    return _try_again(_("Many people are logging in right now. Please try again in a moment."))


def _try_again(message: str) -> Response:
    return answer(503, "temporarily_unavailable", _("The service is busy"), message, RETRY_SECONDS)


def _too_many(error: RateLimitExceeded) -> Response:
    return _limited(limits.retry_after(error))


def _too_many_counted(error: limits.TooMany) -> Response:
    return _limited(error.retry_after)


def _limited(seconds: int) -> Response:
    if wants_json() or problems.wanted():
        return answer(429, "temporarily_unavailable", "", "", seconds)
    page = render_template("pages/too_many.html", login=request.path == "/login", when=_when(seconds))
    response = make_response(page, 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _when(seconds: int) -> str:
    """When to try again, as people say it."""
    if seconds > 55 * 60:
        hours = max(1, round(seconds / 3600))
        return ngettext(
            "You can try again in about %(num)s hour.", "You can try again in about %(num)s hours.", hours
        )
    minutes = max(1, -(-(seconds - 1) // 60))  # Retry-After is a second on the safe side
    return ngettext("You can try again in %(num)s minute.", "You can try again in %(num)s minutes.", minutes)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    titles = {
        404: (_("Page not found"), _("Check that the address is written correctly.")),
        405: (_("Page not found"), _("Go back to the service and try again.")),
        413: (_("The form is too large"), _("Shorten what you wrote and send the form again.")),
    }
    title, message = titles.get(
        status, (_("The request was not understood"), _("Go back to the service and try again."))
    )
    name = "invalid_request" if status < 500 else "server_error"
    response = answer(status, name, title, message)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    if isinstance(error, RequestEntityTooLarge):
        response.headers["Connection"] = "close"
    return response


def _unexpected(error: Exception) -> Response:
    visitors.forget_current_session()  # what went wrong may be that it cannot be read
    hint = (
        {"hint": "the tables are older than this version: run `idp migrate`"} if lacks_tables(error) else {}
    )
    log.error("unexpected error", reference=logs.reference(), path=request.path, exc_info=error, **hint)
    if request.path.startswith("/oauth2/") and wants_json():
        try:  # whoever finds such a fault is slowed down as one who guesses
            limits.count_error("token_errors_per_address")
        except limits.TooMany as too_many:
            return _too_many_counted(too_many)
    return answer(
        500,
        "server_error",
        _("There is a problem with the service"),
        _("An error occurred. Please try again in a moment."),
    )

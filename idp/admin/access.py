"""The door: who is at it, what they may open, and the password asked for again before something sensitive."""

from datetime import timedelta
from urllib.parse import urlencode

from flask import Response, abort, after_this_request, g, make_response, render_template, request
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from idp import clock, crypto
from idp.accounts import authentication, roles
from idp.accounts.authentication import (
    AccountLocked,
    AttemptsCrowded,
    LoggedIn,
    LoginRefused,
    NotActivated,
    WrongCredentials,
)
from idp.accounts.hashing import HashingBusy
from idp.accounts.models import Account
from idp.accounts.roles import Actor
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.forms import ConfirmForm
from idp.admin.rights import RIGHTS
from idp.database import db
from idp.sessions.browser import CurrentSession
from idp.web import cookies, limits, visitors
from idp.web.returning import first, go_on

FRESH = timedelta(minutes=10)
HOME = "/admin/"
LONGEST_PASSWORD = 4096  # in bytes, as a form sends it
AGAIN = "again-"  # what the password's field begins with where it joins a form that was sent


def guard() -> Response | None:
    """Before every view: to the login page, new terms or the password first; 404 for whom the page is not there."""
    answer = _let_in()
    session = visitors.current_session()
    if answer is not None or session is None or _endpoint() == "confirm":
        return answer
    right = RIGHTS[_endpoint()]
    fresh = right.is_fresh((request.view_args or {}).get("group"))
    if _is_fresh(session, FRESH if fresh else None):
        return None
    return _password_first(session, _sent_form() if right.form_waits else None)


def _endpoint() -> str:
    return (request.endpoint or "").rpartition(".")[2]


def _let_in() -> Response | None:
    """Who is there, and whether the page is there for them; `g.actor` from then on. None: go on."""
    session = visitors.current_session()
    if session is None:
        return first("/login", then=_here())
    if session.terms_due:
        return first("/accept-terms", then=_here())
    actor = Actor(session.account_id, roles.of(session.account_id), visitors.address())
    right = RIGHTS.get(_endpoint())
    if not actor.roles or right is None or not right.permits(actor):
        abort(404)
    g.actor = actor
    return None


def _is_fresh(session: CurrentSession, within: timedelta | None) -> bool:
    """Whether the password was given not long ago. Neither a remembered login nor an identification is one."""
    return clock.now() - session.password_auth_time < (within or rules().lifetimes.session_absolute)


def _here() -> str:
    """Where to go on afterwards: this page, as it is opened; never a form that was sent meanwhile."""
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query else request.path


def _password_first(session: CurrentSession, sent: list[tuple[str, str]] | None) -> Response | None:
    """Ask for the password. A form that was sent waits on that page, and goes on to its view together with it."""
    if sent is None:
        return first("/admin/confirm", then=_here())
    form = ConfirmForm(prefix=AGAIN, meta={"csrf": False})  # the form that waits has its token
    if form.password.name in request.form and form.validate():
        match _log_in(form, session):
            case LoggedIn() as logged_in:
                visitors.logged_in_meanwhile(logged_in.session_token)
                after_this_request(lambda response: _remember(response, logged_in, session))
                return _let_in()  # anew: much may have changed since
            case Response() as answer:
                return answer
    return _page(form, session, sent)


def _sent_form() -> list[tuple[str, str]] | None:
    """The fields of a form of ours that was sent, or None: of a forged one, one with a file, and a very large one."""
    limit = rules().settings.server.max_body_bytes
    if request.method != "POST" or (request.content_length or 0) > limit:
        return None
    if any(file.filename for file in request.files.values()):
        return None
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        return None
    sent = [field for field in request.form.items(multi=True) if not field[0].startswith(AGAIN)]
    return sent if len(urlencode(sent)) + LONGEST_PASSWORD <= limit else None


@admin.route("/confirm", methods=["GET", "POST"])
def confirm() -> Response:
    """The password once more. It is a login in every respect: lockout, limits, audit, and a new session token."""
    session = visitors.current_session()
    if session is None:
        abort(404)
    form = ConfirmForm()
    if form.validate_on_submit():
        match _log_in(form, session):
            case LoggedIn() as logged_in:
                return _remember(go_on(HOME), logged_in, session)
            case Response() as answer:
                return answer
    return _page(form, session)


def _page(form: ConfirmForm, session: CurrentSession, sent: list[tuple[str, str]] | None = None) -> Response:
    form.password.data = None
    minutes = int(FRESH.total_seconds() // 60)
    username = db.session.get_one(Account, session.account_id).username
    return shared.page("confirm", form, username=username, minutes=minutes, sent=sent)


def _log_in(form: ConfirmForm, session: CurrentSession) -> LoggedIn | Response | None:
    """Log in again; None when the form is to be shown again with what was wrong. Raises TooMany."""
    limits.refuse_if_spent("login_per_address")
    limits.count("login_per_username", f"confirm {session.account_id}")
    try:
        return authentication.log_in(
            db.session.get_one(Account, session.account_id).username,
            form.password.data or "",
            remember=session.remembered,
            visitor=visitors.visitor(),
            new_device=crypto.random_token(),
            rules=rules(),
        )
    except (WrongCredentials, NotActivated):
        limits.count("login_per_address", visitors.network())
        form.refuse_password()
    except AccountLocked:
        return make_response(render_template("pages/locked.html", hours=rules().settings.lockout.hours), 403)
    except (HashingBusy, AttemptsCrowded):
        form.refuse_for_now()
    except LoginRefused:  # disabled or closed at this moment: the session has ended
        return first("/login", then=HOME)
    return None


def _remember(response: Response, logged_in: LoggedIn, session: CurrentSession) -> Response:
    """Set the cookies of the new session, which is remembered as the old one was."""
    settings = rules().settings
    lifetime = rules().lifetimes.remembered_login if session.remembered else None
    cookies.write_session(response, logged_in.session_token, settings, lifetime)
    cookies.write(response, cookies.DEVICE, logged_in.device, settings, cookies.DEVICE_LIFETIME)
    return response

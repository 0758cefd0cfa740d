"""The door: who is at it, what they may open, and the password asked for again before something sensitive."""

from datetime import timedelta

from flask import Response, abort, g, make_response, render_template, request

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
from idp.web import cookies, visitors
from idp.web.limits import failed, limiter, setting
from idp.web.returning import first, go_on

FRESH = timedelta(minutes=10)
HOME = "/admin/"


def guard() -> Response | None:
    """Before every view: to the login page, new terms or the password first; 404 for whom the page is not there."""
    endpoint = (request.endpoint or "").rpartition(".")[2]
    session = visitors.current_session()
    if session is None:
        return first("/login", then=_here())
    if session.terms_due:
        return first("/accept-terms", then=_here())
    actor = Actor(session.account_id, roles.of(session.account_id), visitors.address())
    right = RIGHTS.get(endpoint)
    if not actor.roles or right is None or not right.permits(actor):
        abort(404)
    g.actor = actor
    fresh = right.is_fresh((request.view_args or {}).get("group"))
    if endpoint != "confirm" and not _is_fresh(session, FRESH if fresh else None):
        return first("/admin/confirm", then=_here())
    return None


def _is_fresh(session: CurrentSession, within: timedelta | None) -> bool:
    """Whether the password was given not long ago. Neither a remembered login nor an identification is one."""
    return clock.now() - session.password_auth_time < (within or rules().lifetimes.session_absolute)


def _here() -> str:
    """Where to go on afterwards: this page, as it is opened; never a form that was sent meanwhile."""
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query and request.method == "GET" else request.path


def _account_limit() -> str:
    session = visitors.current_session()
    return f"confirm {session.account_id}" if session else visitors.address()


@admin.route("/confirm", methods=["GET", "POST"])
@limiter.limit(setting("login_per_address"), methods=["POST"], deduct_when=failed)
@limiter.limit(setting("login_per_username"), key_func=_account_limit, methods=["POST"])
def confirm() -> Response:
    """The password once more. It is a login in every respect: lockout, limits, audit, and a new session token."""
    session = visitors.current_session()
    if session is None:
        abort(404)
    account = db.session.get_one(Account, session.account_id)
    form = ConfirmForm()
    if form.validate_on_submit():
        answer = _try(form, account, session)
        if answer is not None:
            return answer
    form.password.data = None
    minutes = int(FRESH.total_seconds() // 60)
    return shared.page("confirm", form, username=account.username, minutes=minutes)


def _try(form: ConfirmForm, account: Account, session: CurrentSession) -> Response | None:
    """Log in again; None when the form is to be shown again with what was wrong."""
    try:
        logged_in = authentication.log_in(
            account.username,
            form.password.data or "",
            remember=session.remembered,
            visitor=visitors.visitor(),
            new_device=crypto.random_token(),
            rules=rules(),
        )
    except (WrongCredentials, NotActivated):
        form.refuse_password()
    except AccountLocked:
        return make_response(render_template("pages/locked.html", hours=rules().settings.lockout.hours), 403)
    except (HashingBusy, AttemptsCrowded):
        form.refuse_for_now()
    except LoginRefused:  # disabled or closed at this moment: the session has ended
        return first("/login", then=HOME)
    else:
        return _go_on(logged_in, session)
    return None


def _go_on(logged_in: LoggedIn, session: CurrentSession) -> Response:
    settings = rules().settings
    response = go_on(HOME)
    lifetime = rules().lifetimes.remembered_login if session.remembered else None
    cookies.write_session(response, logged_in.session_token, settings, lifetime)
    cookies.write(response, cookies.DEVICE, logged_in.device, settings, cookies.DEVICE_LIFETIME)
    return response

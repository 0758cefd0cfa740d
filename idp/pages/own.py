"""What the pages of own details share: the person who is logged in, the navigation, the password asked once more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, flash, get_flashed_messages, make_response, render_template, request
from flask_babel import gettext as _

from idp.accounts import details, roles
from idp.accounts.authentication import AccountLocked, AttemptsCrowded, WrongCredentials
from idp.accounts.hashing import HashingBusy
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.database import db
from idp.pages import journey
from idp.sessions.browser import CurrentSession
from idp.web import visitors
from idp.web.forms import Form, form_page


@dataclass(frozen=True)
class Part:
    """An entry of the navigation of own details."""

    label: str
    url: str
    current: bool


def _has_role() -> bool:
    session = visitors.current_session()
    return session is not None and bool(roles.of(session.account_id))


def navigation() -> list[Part]:
    parts = (
        (_("My details"), "/account"),
        (_("Name and contact details"), "/account/details"),
        (_("Email address"), "/account/email"),
        (_("Password"), "/account/password"),
        (_("Sessions and devices"), "/account/sessions"),
        (_("Services you use"), "/account/services"),
        (_("Login history"), "/account/history"),
        (_("Your data"), "/account/data"),
        *([(_("Administration"), "/admin/")] if _has_role() else []),
    )
    return [Part(label, url, request.path == url) for label, url in parts]


View = Callable[[CurrentSession, Account], Response]


def needs_login(view: View) -> Callable[[], Response]:
    """Hand the session and its account to the view; the login page comes first, and new terms too (R-23)."""
    return _guarded(view, terms_first=True)


def needs_login_alone(view: View) -> Callable[[], Response]:
    """As `needs_login`, also for who does not accept new terms: their data is theirs (GDPR articles 15 and 17)."""
    return _guarded(view, terms_first=False)


def _guarded(view: View, *, terms_first: bool) -> Callable[[], Response]:
    @wraps(view)
    def wrapped() -> Response:
        session = visitors.current_session()
        if session is None:
            return journey.see_other("/login")
        if terms_first and session.terms_due:
            return journey.see_other("/accept-terms")
        return view(session, db.session.get_one(Account, session.account_id))

    return wrapped


def page(name: str, form: Form | None = None, **context: Any) -> Response:
    """A page of own details; 422 when its form has errors."""
    messages = get_flashed_messages()
    text = render_template(
        f"pages/{name}.html",
        form=form,
        account_nav=navigation(),
        notice_text=messages[0] if messages else None,
        hint_text=messages[1] if len(messages) > 1 else None,
        **context,
    )
    return form_page(text, form) if form is not None else make_response(text)


def done(path: str, message: str, hint: str | None = None) -> Response:
    """To a page of own details, which says what was done, and what may be worth another look."""
    flash(message)
    if hint:
        flash(hint)
    return journey.see_other(path)


def confirmed(form: Any, account: Account, field: str = "password") -> bool:
    """Whether the password in the form is the account's; if not, the form says what is wrong."""
    entered = getattr(form, field)
    try:
        details.confirm_identity(account, entered.data or "", rules())
    except WrongCredentials:
        entered.errors = [_("The password is wrong. Check the spelling.")]
    except AccountLocked:
        entered.errors = [_("Too many login attempts. Try again later.")]
    except (HashingBusy, AttemptsCrowded):
        form.refuse_for_now()
    else:
        return True
    return False

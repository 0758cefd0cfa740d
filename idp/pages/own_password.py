"""Changing the password."""

from flask import Response
from flask_babel import gettext as _

from idp.accounts import details
from idp.accounts.hashing import HashingBusy
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.pages import own, pages
from idp.pages.forms import PasswordForm
from idp.sessions.browser import CurrentSession
from idp.web import cookies, visitors
from idp.web.limits import limiter, setting


@pages.route("/account/password", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
@own.needs_login
def account_password(session: CurrentSession, account: Account) -> Response:
    form = PasswordForm()
    form.known = (account.username, account.given_name or "", account.family_name or "")
    if form.validate_on_submit() and own.confirmed(form, account, "current_password"):
        try:
            token = details.change_password(
                account,
                session,
                form.new_password.data or "",
                rules(),
                device=visitors.visitor().device,
            )
        except HashingBusy:
            form.refuse_for_now()
        else:
            told = _("Your password has been changed."), _("You have been logged out on other devices.")
            response = own.done("/account/password", " ".join(told))
            if token is not None:
                lifetime = rules().lifetimes.remembered_login if session.remembered else None
                cookies.write_session(response, token, rules().settings, lifetime)
            return response
    for field in (form.current_password, form.new_password, form.new_password_confirm):
        field.data = None
    return own.page("account_password", form, username=account.username)

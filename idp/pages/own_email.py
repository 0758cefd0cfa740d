"""Changing the e-mail address (R-37)."""

from flask import Response, request
from flask_babel import gettext as _

from idp.accounts import address_change
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.database import writing
from idp.pages import own, pages
from idp.pages.forms import EmailForm
from idp.policy.usernames import EmailAddress
from idp.sessions.browser import CurrentSession
from idp.web.forms import EmptyForm
from idp.web.limits import count_mail, limiter, setting


@pages.route("/account/email", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
@own.needs_login
def account_email(_session: CurrentSession, account: Account) -> Response:
    cancel_form = EmptyForm()
    if "cancel" in request.form and cancel_form.validate_on_submit():
        with writing() as session:
            address_change.close_pending(session, account.id)
        return own.done("/account/email", _("The change has been cancelled."))
    form = EmailForm()
    form.current_key = account.email_key or ""
    if form.validate_on_submit() and own.confirmed(form, account):
        count_mail("email", form.new_email.data or "")
        address_change.ask(account, EmailAddress.parse(form.new_email.data or ""), rules())
        message = _("The new address takes effect once you confirm it with the link we sent.")
        return own.done("/account/email", message)
    waiting = address_change.pending(account.id)
    form.password.data = None
    return own.page(
        "account_email",
        form,
        email=account.email,
        pending=waiting.new_email if waiting else None,
        cancel_form=cancel_form if waiting else None,
    )

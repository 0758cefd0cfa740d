"""Sessions and remembered logins: seen, and ended."""

from flask import Response, request
from flask_babel import gettext as _

from idp import clock
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.pages import own, pages
from idp.sessions import listing
from idp.sessions.browser import CurrentSession
from idp.web.forms import EmptyForm
from idp.web.logout import end_sessions, log_out


@pages.route("/account/sessions", methods=["GET", "POST"])
@own.needs_login
def account_sessions(session: CurrentSession, account: Account) -> Response:
    form = EmptyForm()
    if form.validate_on_submit():
        return _end(session, account, request.form.get("end", ""), others="end_others" in request.form)
    found = listing.live(account.id, session, rules().lifetimes, clock.now())
    return own.page("account_sessions", form, sessions=found)


def _end(session: CurrentSession, account: Account, sid: str, *, others: bool) -> Response:
    if sid == session.sid:
        return log_out("/logged-out")
    if others:
        ended = end_sessions(account.id, but=session.sid)
    else:
        listed = {item.id for item in listing.live(account.id, session, rules().lifetimes, clock.now())}
        ended = end_sessions(account.id, only=sid) if sid in listed else 0
    if not ended:
        return own.done("/account/sessions", _("That session had ended already."))
    message = _("You have been logged out on other devices.") if others else _("The session has been ended.")
    return own.done("/account/sessions", message)

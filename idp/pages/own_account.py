"""The front page of own details (R-37)."""

from datetime import datetime

from flask import Response
from flask_babel import gettext as _

from idp.accounts.models import Account
from idp.pages import journey, own, pages
from idp.sessions.browser import CurrentSession
from idp.upstream import persons
from idp.web.forms import EmptyForm


@pages.get("/")
def front() -> Response:
    return journey.see_other("/account")


@pages.get("/account")
@own.needs_login
def account(_session: CurrentSession, account: Account) -> Response:
    details: list[tuple[str, str | datetime | None]] = [
        (_("Username"), account.username),
        (_("First name"), account.given_name),
        (_("Last name"), account.family_name),
        (_("Email address"), account.email),
        (_("Phone number"), account.phone),
        (_("Street address"), account.street_address),
        (_("Postal code"), account.postal_code),
        (_("City (post office)"), account.locality),
    ]
    if (identity := persons.of_account(account.id)) is not None:
        details.append((_("Identified strongly"), identity.identified_at))
    return own.page("account", details=details, logout_form=EmptyForm())

"""Own details (R-37): what the provider knows about the person."""

from flask import Response, make_response, render_template
from flask_babel import gettext as _

from idp.accounts.models import Account
from idp.database import db
from idp.pages import journey, pages
from idp.pages.forms import EmptyForm
from idp.web import visitors


@pages.get("/")
def front() -> Response:
    return journey.see_other("/account")


@pages.get("/account")
def account() -> Response:
    session = visitors.current_session()
    if session is None:
        return journey.see_other("/login")
    person = db.session.get_one(Account, session.account_id)
    details = [
        (_("Username"), person.username),
        (_("First name"), person.given_name),
        (_("Last name"), person.family_name),
        (_("Email address"), person.email),
        (_("Phone number"), person.phone),
        (_("Street address"), person.street_address),
        (_("Postal code"), person.postal_code),
        (_("City (post office)"), person.locality),
    ]
    return make_response(render_template("pages/account.html", details=details, logout_form=EmptyForm()))

"""Names and contact details."""

from flask import Response, request
from flask_babel import gettext as _

from idp.accounts import details
from idp.accounts.details import Details
from idp.accounts.models import Account
from idp.pages import own, pages
from idp.pages.forms import DetailsForm
from idp.sessions.browser import CurrentSession

OPTIONAL = ("phone", "street_address", "postal_code", "locality")


@pages.route("/account/details", methods=["GET", "POST"])
@own.needs_login
def account_details(_session: CurrentSession, account: Account) -> Response:
    form = DetailsForm()
    if form.validate_on_submit():
        optional = {name: form[name].data or None for name in OPTIONAL}
        details.change(account.id, Details(form.given_name.data, form.family_name.data, **optional))
        return own.done("/account/details", _("Your details have been saved."))
    if request.method == "GET":
        for name in ("given_name", "family_name", *OPTIONAL):
            form[name].data = getattr(account, name)
    return own.page("account_details", form)

"""Names and contact details."""

from flask import Response, request
from flask_babel import gettext as _

from idp.accounts import assurance, details
from idp.accounts.details import Details
from idp.accounts.models import Account
from idp.pages import own, pages
from idp.pages.forms import DetailsForm, postal_code_note
from idp.sessions.browser import CurrentSession

OPTIONAL = ("phone", "street_address", "postal_code", "locality")


@pages.route("/account/details", methods=["GET", "POST"])
@own.needs_login
def account_details(_session: CurrentSession, account: Account) -> Response:
    form = DetailsForm()
    names = _registered_names(form, account)
    if form.validate_on_submit():
        optional = {name: form[name].data or None for name in OPTIONAL}
        details.change(account.id, Details(form.given_name.data, form.family_name.data, **optional))
        note = postal_code_note(form.postal_code.data)
        return own.done("/account/details", _("Your details have been saved."), note)
    if request.method == "GET":
        for name in ("given_name", "family_name", *OPTIONAL):
            form[name].data = getattr(account, name)
    return own.page("account_details", form, registered_names=names)


def _registered_names(form: DetailsForm, account: Account) -> list[str]:
    """Names from an identification stay as they are, whatever was sent; the given names to choose from."""
    names = assurance.registered_names(account)
    if names is None:
        return []
    given, family = names
    form.family_name.data = family
    if form.given_name.data not in given:
        form.given_name.data = account.given_name if account.given_name in given else given[0]
    return given

"""Mailed links with one button each: confirm an address, undo its change, "this wasn't me", cancel a deletion.

A GET only shows the page, since mail scanners open links; the POST does it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, render_template, request
from flask_babel import gettext as _

from idp.accounts import address_change, deletion, protection
from idp.accounts.links import LinkNotLive, Purpose
from idp.accounts.models import CLOSING, Account, AddressChange
from idp.accounts.rules import rules
from idp.pages import journey, pages, results
from idp.pages.activation import link_not_live
from idp.web.forms import EmptyForm, form_page
from idp.web.limits import limiter, setting


@dataclass(frozen=True)
class Action:
    """What one kind of link shows and does. `look` and `act` raise LinkNotLive."""

    purpose: Purpose
    title: str
    button_text: str
    button_id: str
    look: Callable[[str], tuple[str, str]]  # the address that the link is about, and what it does
    act: Callable[[str], Response]


def _run(action: Action) -> Response:
    token = request.args.get("token", "")
    form = EmptyForm()
    try:
        email, message = action.look(token)
        if form.validate_on_submit():
            return action.act(token)
    except LinkNotLive as error:
        return link_not_live(token, action.purpose, error.state)
    page = render_template(
        "pages/link_action.html",
        form=form,
        title=action.title,
        email=email,
        message=message,
        button_text=action.button_text,
        button_id=action.button_id,
    )
    return form_page(page, form)


@pages.route("/confirm-address", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def confirm_address() -> Response:
    def look(token: str) -> tuple[str, str]:
        message = _("From now on you log in with this address, and we send messages to it.")
        return address_change.look(token).new_email, message

    def act(token: str) -> Response:
        confirmed = address_change.confirm(token, rules())
        if confirmed.reset_path:
            return journey.see_other(confirmed.reset_path)
        return results.to_done("address")

    return _run(
        Action(
            Purpose.ADDRESS,
            _("Confirm the new email address"),
            _("Confirm the address"),
            "confirm-address",
            look,
            act,
        )
    )


def _taking_back(account: Account, change: AddressChange | None) -> str:
    if change:
        what = _("We restore this address, log the account out everywhere and let you choose a new password.")
    else:
        what = _(
            "We log the account out everywhere and let you choose a new password. The old password stops working."
        )
    kept = _("The account is not deleted either.") if account.status == CLOSING else ""
    return f"{what} {kept}".strip()


@pages.route("/undo-address", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def undo_address() -> Response:
    def look(token: str) -> tuple[str, str]:
        change, account = address_change.look_back(token)
        return change.old_email, _taking_back(account, change)

    return _run(
        Action(
            Purpose.UNDO_ADDRESS,
            _("Undo the change of the email address"),
            _("Undo the change"),
            "undo-address",
            look,
            lambda token: journey.see_other(address_change.undo(token, rules())),
        )
    )


@pages.route("/not-me", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def not_me() -> Response:
    def look(token: str) -> tuple[str, str]:
        claim = protection.look(token)
        address = claim.change.old_email if claim.change else claim.account.username
        return address, _taking_back(claim.account, claim.change)

    return _run(
        Action(
            Purpose.DISOWN,
            _("Was it not you?"),
            _("Secure my account"),
            "not-me",
            look,
            lambda token: journey.see_other(protection.disown(token, rules())),
        )
    )


@pages.route("/cancel-deletion", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def cancel_deletion() -> Response:
    def look(token: str) -> tuple[str, str]:
        return deletion.look(token).username, _("The account and its details are kept as they were.")

    def act(token: str) -> Response:
        deletion.cancel(token)
        return results.to_done("kept")

    return _run(
        Action(
            Purpose.CANCEL_DELETION,
            _("Cancel the deletion"),
            _("Keep the account"),
            "cancel-deletion",
            look,
            act,
        )
    )

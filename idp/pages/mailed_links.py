"""Mailed links with one button each: confirm an address, undo its change, "this wasn't me", cancel a deletion.

A GET only shows the page, since mail scanners open links; the POST does it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, render_template, request
from flask_babel import gettext as _

from idp.accounts import address_change, deletion, protection
from idp.accounts.links import LinkNotLive, Purpose
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
    message: str
    button_text: str
    button_id: str
    look: Callable[
        [str], str | tuple[str, str]
    ]  # the address that the link is about, and another message if need be
    act: Callable[[str], Response]


def _run(action: Action) -> Response:
    token = request.args.get("token", "")
    form = EmptyForm()
    try:
        about = action.look(token)
        email, message = (about, action.message) if isinstance(about, str) else about
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
    def act(token: str) -> Response:
        confirmed = address_change.confirm(token, rules())
        if confirmed.reset_path:
            return journey.see_other(confirmed.reset_path)
        return results.to_done("address")

    return _run(
        Action(
            Purpose.ADDRESS,
            _("Confirm the new email address"),
            _("From now on you log in with this address, and we send messages to it."),
            _("Confirm the address"),
            "confirm-address",
            lambda token: address_change.look(token, Purpose.ADDRESS).new_email,
            act,
        )
    )


def _restoring() -> str:
    return _("We restore this address, log the account out everywhere and let you choose a new password.")


@pages.route("/undo-address", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def undo_address() -> Response:
    return _run(
        Action(
            Purpose.UNDO_ADDRESS,
            _("Undo the change of the email address"),
            _restoring(),
            _("Undo the change"),
            "undo-address",
            lambda token: address_change.look(token, Purpose.UNDO_ADDRESS).old_email,
            lambda token: journey.see_other(address_change.undo(token, rules())),
        )
    )


@pages.route("/not-me", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def not_me() -> Response:
    def look(token: str) -> str | tuple[str, str]:
        claim = protection.look(token)
        return (claim.change.old_email, _restoring()) if claim.change else claim.account.username

    return _run(
        Action(
            Purpose.DISOWN,
            _("Was it not you?"),
            _(
                "We log the account out everywhere and let you choose a new password. The old password stops working."
            ),
            _("Secure my account"),
            "not-me",
            look,
            lambda token: journey.see_other(protection.disown(token, rules())),
        )
    )


@pages.route("/cancel-deletion", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def cancel_deletion() -> Response:
    def act(token: str) -> Response:
        deletion.cancel(token)
        return results.to_done("kept")

    return _run(
        Action(
            Purpose.CANCEL_DELETION,
            _("Cancel the deletion"),
            _("The account and its details are kept as they were."),
            _("Keep the account"),
            "cancel-deletion",
            lambda token: deletion.look(token).username,
            act,
        )
    )

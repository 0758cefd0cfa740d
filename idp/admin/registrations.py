"""Registrations that were never activated."""

from flask import Response
from flask_babel import gettext as _

from idp.accounts import standing, waiting
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.accounts import StateView
from idp.admin.words import letter_text
from idp.clients import registry
from idp.mail import outbox
from idp.texts import LANGUAGE_NAMES, language
from idp.web.forms import EmptyForm


@admin.get("/registrations/<registration_id>")
def registration(registration_id: str) -> Response:
    found = waiting.look(registration_id, shared.actor())
    client = registry.find(found.client_id) if found.client_id else None
    letter = outbox.latest(rules().vault, found.email)
    details = [
        (_("Email address"), found.email),
        (_("Latest message"), letter_text(letter)),
        (_("Phone number"), found.phone),
        (_("Street address"), found.street_address),
        (_("Postal code"), found.postal_code),
        (_("City (post office)"), found.locality),
        (_("Language"), LANGUAGE_NAMES.get(found.language, found.language)),
        (_("Service"), client.text("client_name", language()) if client else None),
        (_("Created"), found.created_at),
    ]
    state = standing.of_registrations([found.id])[found.id]
    return shared.page(
        "registration",
        registration=found,
        full_name=f"{found.given_name} {found.family_name}".strip() or found.email,
        details=details,
        no_mailbox=[found.email] if letter and letter.has_no_mailbox else [],
        state=StateView.of(state),
        days=rules().lifetimes.unactivated_account.days,
    )


@admin.route("/registrations/<registration_id>/resend", methods=["GET", "POST"])
def registration_resend(registration_id: str) -> Response:
    found = waiting.look(registration_id, shared.actor())
    form = EmptyForm()
    if form.validate_on_submit():
        address = waiting.resend(found.id, shared.actor(), rules())
        told = _("The activation message is on its way to %(address)s.", address=address)
        return shared.done(f"/admin/registrations/{found.id}", told)
    minutes = rules().settings.links.activation_minutes
    return shared.page("registration_resend", form, registration=found, minutes=minutes)


@admin.route("/registrations/<registration_id>/remove", methods=["GET", "POST"])
def registration_remove(registration_id: str) -> Response:
    found = waiting.look(registration_id, shared.actor())
    form = EmptyForm()
    if form.validate_on_submit():
        waiting.remove(found.id, shared.actor())
        return shared.done("/admin/accounts", _("The registration has been removed."))
    return shared.page("registration_remove", form, registration=found)

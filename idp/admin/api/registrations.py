"""Registrations that were never activated."""

from idp.accounts import standing, support
from idp.accounts.rules import rules
from idp.admin.api.account_models import Registration
from idp.admin.api.models import Nothing
from idp.admin.api.operations import Answer, Call, operation
from idp.database import db


@operation("GET", "/registrations/<registration_id>", answers=Registration)
def read_registration(_call: Call, registration_id: str) -> Answer:
    """Show a registration that waits to be activated."""
    return _as_it_is(registration_id)


@operation(
    "POST", "/registrations/<registration_id>/resend", answers=Registration, body=Nothing, body_needed=False
)
def resend_activation(call: Call, registration_id: str) -> Answer:
    """Mail a new activation link; older ones die."""
    support.resend_activation(registration_id, call.actor, rules())
    return _as_it_is(registration_id)


@operation("DELETE", "/registrations/<registration_id>")
def remove_registration(call: Call, registration_id: str) -> Answer:
    """Erase a registration that waits, with its links."""
    support.remove_registration(registration_id, call.actor)
    return Answer()


def _as_it_is(registration_id: str) -> Answer:
    db.session.close()
    found = support.find_registration(registration_id)
    return Answer(Registration.of(found, standing.of_registrations([found.id])[found.id]))

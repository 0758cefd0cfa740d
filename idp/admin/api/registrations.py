"""Registrations that were never activated."""

from idp.accounts import standing, waiting
from idp.accounts.models import Registration as Row
from idp.accounts.rules import rules
from idp.admin.api.account_models import LatestMessage, Registration
from idp.admin.api.models import Nothing
from idp.admin.api.operations import Answer, Call, operation
from idp.database import db
from idp.mail import outbox


@operation("GET", "/registrations/<registration_id>", answers=Registration)
def read_registration(call: Call, registration_id: str) -> Answer:
    """Show a registration that waits to be activated.

    That you have looked is written down.
    """
    return _told(waiting.look(registration_id, call.actor))


@operation("GET", "/registrations/<registration_id>/message", answers=LatestMessage)
def read_latest_message_of_registration(call: Call, registration_id: str) -> Answer:
    """Show what has become of the newest message to a registration's address.

    That you have looked is written down.
    """
    address = waiting.look(registration_id, call.actor).email
    return Answer(LatestMessage.of(outbox.latest(rules().vault, address)))


@operation(
    "POST", "/registrations/<registration_id>/resend", answers=Registration, body=Nothing, body_needed=False
)
def resend_activation(call: Call, registration_id: str) -> Answer:
    """Mail a new activation link; older ones die."""
    waiting.resend(registration_id, call.actor, rules())
    return _as_it_is(registration_id)


@operation("DELETE", "/registrations/<registration_id>")
def remove_registration(call: Call, registration_id: str) -> Answer:
    """Erase a registration that waits, with its links."""
    waiting.remove(registration_id, call.actor)
    return Answer()


def _as_it_is(registration_id: str) -> Answer:
    db.session.close()
    return _told(waiting.find(registration_id))


def _told(found: Row) -> Answer:
    return Answer(Registration.of(found, standing.of_registrations([found.id])[found.id]))

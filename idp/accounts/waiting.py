"""What helpers do with registrations that were never activated, as support.py with accounts."""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import helping
from idp.accounts.details import DETAILS
from idp.accounts.models import MailedLink, Registration
from idp.accounts.registration import mail_activation
from idp.accounts.roles import Actor, NoSuchAccount, Role
from idp.accounts.rules import Rules, rules
from idp.accounts.searching import is_waiting
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.mail import outbox
from idp.policy.searching import is_identifier


def look(registration_id: str, by: Actor) -> Registration:
    """As support.look, a registration that waits to be activated."""
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    registration = find(registration_id)
    if not helping.was_just_at(by, registration_id=registration.id):
        which = {"registration": [registration.id, registration.id]}
        client_id = registration.client_id
        with writing() as session:
            helping.record(session, Event.LOOKED_AT, None, by, changes=which, client_id=client_id)
    return find(registration_id)


def find(registration_id: str) -> Registration:
    """A registration that waits to be activated. Raises NoSuchAccount."""
    query = sa.select(Registration).where(Registration.id == registration_id, *is_waiting())
    registration = db.session.scalars(query).first() if is_identifier(registration_id) else None
    if registration is None:
        raise NoSuchAccount
    return registration


def resend(registration_id: str, by: Actor, rules: Rules) -> str:
    """Mail a new activation link; older ones die. Returns its address. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT)
    with writing() as session:
        registration = _find_under_lock(session, registration_id)
        mail_activation(session, registration, rules, clock.now())
        which = {"registration": [registration_id, registration_id]}
        helping.record(
            session, Event.ACTIVATION_RESENT, None, by, changes=which, client_id=registration.client_id
        )
        return registration.email


def remove(registration_id: str, by: Actor) -> None:
    """Erase a registration that waits, with its links. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT)
    with writing() as session:
        registration = _find_under_lock(session, registration_id)
        session.execute(sa.delete(MailedLink).where(MailedLink.registration_id == registration_id))
        session.delete(registration)
        outbox.forget(session, rules().vault, [registration.email])
        told = audit.difference({"registration": registration_id, **_what_was_typed(registration)}, {})
        helping.record(
            session, Event.REGISTRATION_REMOVED, None, by, changes=told, client_id=registration.client_id
        )


def _what_was_typed(registration: Registration) -> dict[str, Any]:
    values = {name: getattr(registration, name) for name in ("email", *DETAILS, "language")}
    return {name: value for name, value in values.items() if value}


def forget_removed(before: datetime) -> int:
    """Empty what the log tells of registrations removed before that: no account is there to be erased with it."""
    query = sa.update(AuditEvent).where(
        AuditEvent.event == Event.REGISTRATION_REMOVED.value,
        AuditEvent.at < before,
        AuditEvent.changes.is_not(None),
    )
    with writing() as session:
        return cast("CursorResult[Any]", session.execute(query.values(changes=None))).rowcount


def _find_under_lock(session: Session, registration_id: str) -> Registration:
    query = sa.select(Registration).where(Registration.id == registration_id, *is_waiting())
    registration = (
        session.scalars(query.with_for_update()).first() if is_identifier(registration_id) else None
    )
    if registration is None:
        raise NoSuchAccount
    return registration

"""What helpers do for other people's accounts. Nobody here chooses or sees a password.

Each use case takes who acts (`by`), judges whether they may, and writes what they did into the audit log in the same
transaction. Pages, the REST API and the command call the same functions. Finding people is searching.py's, how it
stands with an account standing.py's, roles are roles.py's, many accounts at once exchange.py's.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import (
    address_change,
    assurance,
    counters,
    creation,
    deletion,
    links,
    protection,
    roles,
    standing,
)
from idp.accounts.creation import CannotCreate, new_account
from idp.accounts.details import Details
from idp.accounts.hashing import unmatchable_hash
from idp.accounts.links import Purpose
from idp.accounts.models import (
    ACTIVE,
    CLOSING,
    DISABLED,
    Account,
    ClosedBy,
    LoginCounter,
    MailedLink,
    Registration,
)
from idp.accounts.registration import find_account, mail_activation
from idp.accounts.roles import OPERATOR, Actor, NoSuchAccount, Role
from idp.accounts.rules import Rules
from idp.accounts.searching import is_waiting
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.grants import access
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.searching import is_identifier
from idp.policy.usernames import EmailAddress, UsernameKind, comparison_key, kind_of
from idp.sessions import browser
from idp.upstream import person_keys, persons

HISTORY_ROWS = 20
DETAILS = tuple(field.name for field in fields(Details))
ONE_LOOK = timedelta(minutes=1)  # in it, an actor who stays at one person's page has looked once


class NotNow(Exception):
    """The account is in a state in which that cannot be done: somebody else was there a moment ago."""


class OwnAccount(Exception):
    """Whoever acts would shut themselves out."""


class NoAddress(Exception):
    """There is no mail address to which a link could go."""


# -- looking


def look(account_id: str, by: Actor) -> Account:
    """The account, for somebody who helps; that they looked is written down. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    account = find(account_id)
    if not _was_just_at(by, account_id=account.id):
        with writing() as session:
            _audit(session, Event.LOOKED_AT, account.id, by)
    return account


def look_at_registration(registration_id: str, by: Actor) -> Registration:
    """As `look`, a registration that waits to be activated."""
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    registration = find_registration(registration_id)
    if not _was_just_at(by, registration_id=registration.id):
        which = {"registration": [registration.id, registration.id]}
        client_id = registration.client_id
        with writing() as session:
            _audit(session, Event.LOOKED_AT, None, by, changes=which, client_id=client_id)
    return find_registration(registration_id)


def _was_just_at(by: Actor, *, account_id: str | None = None, registration_id: str | None = None) -> bool:
    """Whether the newest thing that the actor did concerns the same: each act leads back to its account's page.

    Never of the operator, who may be several people and is led nowhere.
    """
    if by == OPERATOR:
        return False
    query = (
        sa.select(AuditEvent.account_id, AuditEvent.changes)
        .where(AuditEvent.actor == by.name, AuditEvent.at > clock.now() - ONE_LOOK)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    newest = db.session.execute(query).first()
    if newest is None:
        return False
    if account_id is not None:
        return bool(newest.account_id == account_id)
    return registration_id in (newest.changes or {}).get("registration", ())


def find(account_id: str) -> Account:
    """The account, read anew. Raises NoSuchAccount."""
    found = db.session.get(Account, account_id, populate_existing=True) if is_identifier(account_id) else None
    if found is None:
        raise NoSuchAccount
    return found


def find_registration(registration_id: str) -> Registration:
    """A registration that waits to be activated. Raises NoSuchAccount."""
    query = sa.select(Registration).where(Registration.id == registration_id, *is_waiting())
    registration = db.session.scalars(query).first() if is_identifier(registration_id) else None
    if registration is None:
        raise NoSuchAccount
    return registration


def history(account_id: str) -> list[AuditEvent]:
    """The newest events of an account, what its helpers did included; but not that they looked."""
    query = (
        sa.select(AuditEvent)
        .where(AuditEvent.account_id == account_id, AuditEvent.event != Event.LOOKED_AT.value)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(HISTORY_ROWS)
    )
    return list(db.session.scalars(query))


# -- registrations that were never activated


def resend_activation(registration_id: str, by: Actor, rules: Rules) -> str:
    """Mail a new activation link; older ones die. Returns its address. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT)
    with writing() as session:
        registration = _registration(session, registration_id)
        mail_activation(session, registration, rules, clock.now())
        which = {"registration": [registration_id, registration_id]}
        _audit(session, Event.ACTIVATION_RESENT, None, by, changes=which, client_id=registration.client_id)
        return registration.email


def remove_registration(registration_id: str, by: Actor) -> None:
    """Erase a registration that waits, with its links. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT)
    with writing() as session:
        registration = _registration(session, registration_id)
        session.execute(sa.delete(MailedLink).where(MailedLink.registration_id == registration_id))
        session.delete(registration)
        told = audit.difference({"registration": registration_id, **_what_was_typed(registration)}, {})
        _audit(session, Event.REGISTRATION_REMOVED, None, by, changes=told, client_id=registration.client_id)


def _what_was_typed(registration: Registration) -> dict[str, Any]:
    values = {name: getattr(registration, name) for name in ("email", *DETAILS, "language")}
    return {name: value for name, value in values.items() if value}


def forget_removed_registrations(before: datetime) -> int:
    """Empty what the log tells of registrations removed before that: no account is there to be erased with it."""
    query = sa.update(AuditEvent).where(
        AuditEvent.event == Event.REGISTRATION_REMOVED.value,
        AuditEvent.at < before,
        AuditEvent.changes.is_not(None),
    )
    with writing() as session:
        return cast("CursorResult[Any]", session.execute(query.values(changes=None))).rowcount


def _registration(session: Session, registration_id: str) -> Registration:
    query = sa.select(Registration).where(Registration.id == registration_id, *is_waiting())
    registration = (
        session.scalars(query.with_for_update()).first() if is_identifier(registration_id) else None
    )
    if registration is None:
        raise NoSuchAccount
    return registration


# -- logging in


def unlock(account_id: str, by: Actor, rules: Rules) -> None:
    """Forget the wrong passwords of an account, also those typed on its known devices, and lift its locks.

    Raises NoSuchAccount and NotAllowed.
    """
    keys = [
        *standing.counter_keys([account_id], rules),
        counters.key_of_confirmation(rules.vault, account_id),
    ]
    with writing() as session:
        account = _account(session, account_id, by)
        forgotten = sa.delete(LoginCounter).where(LoginCounter.key.in_(keys))
        locks = session.scalars(forgotten.returning(LoginCounter.locked_until)).all()
        last = max((until for until in locks if until and until > clock.now()), default=None)
        changes = audit.difference({"locked_until": last.isoformat()} if last else {}, {})
        _audit(session, Event.UNLOCKED, account.id, by, changes=changes)


def log_out_everywhere(account_id: str, by: Actor) -> int:
    """End all sessions, remembered logins and tokens. Returns how many sessions.

    Raises NoSuchAccount and NotAllowed.
    """
    now = clock.now()
    with writing() as session:
        account = _account(session, account_id, by)
        ended = browser.end(session, account.id, now)
        access.revoke_of_account(session, account.id, now)
        changes = audit.difference({"sessions": len(ended)}, {"sessions": 0})
        _audit(session, Event.LOGGED_OUT_BY_ADMIN, account.id, by, changes=changes)
    return len(ended)


def start_reset(account_id: str, by: Actor, rules: Rules, *, secure: bool = False) -> str:
    """Mail the owner a link with which they choose a new password. Returns the address that it goes to.

    `secure`: somebody else may know the password. Then no password fits any more, and everything ends at once.
    Raises NoSuchAccount, NotAllowed, NotNow and NoAddress.
    """
    with writing() as session:
        account = _account(session, account_id, by, ACTIVE)
        if not account.email:
            raise NoAddress
        if secure:
            account.secured_at = clock.now()
            protection.end_everything(session, account)
        path = protection.reset_link(session, account, rules)
        message = compose(
            "reset",
            account.email,
            account.language,
            name=account.given_name,
            username=account.username,
            link=f"{rules.settings.issuer}{path}",
            minutes=rules.settings.links.reset_minutes,
            by_support=True,
            secured=secure,
        )
        outbox.put(session, rules.vault, message, clock.now())
        _audit(session, Event.RESET_STARTED, account.id, by, reason="secured" if secure else None)
        return account.email


# -- the account itself


def disable(account_id: str, by: Actor, note: str) -> None:
    """Let nobody log in, and end everything that is logged in. `note` is the reason.

    Raises NoSuchAccount, NotAllowed, NotNow, OwnAccount and LastAdmin.
    """
    now = clock.now()
    with writing() as session:
        roles.must_may_change(session, account_id, by)
        _not_themselves(account_id, by)
        _keep_an_admin(session, account_id, by)
        account = _account(session, account_id, by, ACTIVE)
        account.status, account.updated_at = DISABLED, now
        browser.end(session, account.id, now)
        access.revoke_of_account(session, account.id, now)
        links.withdraw(session, now, account_id=account.id)
        _audit_status(session, Event.DISABLED, account, ACTIVE, by, note)


def enable(account_id: str, by: Actor, note: str) -> None:
    """Let the owner of a disabled account log in again. Raises NoSuchAccount, NotAllowed and NotNow."""
    with writing() as session:
        account = _account(session, account_id, by, DISABLED)
        account.status, account.updated_at = ACTIVE, clock.now()
        _audit_status(session, Event.ENABLED, account, DISABLED, by, note)


def delete(account_id: str, by: Actor, note: str, rules: Rules) -> datetime:
    """Close the account. It is erased after the usual time, in which its owner can keep it by a mailed link.

    A disabled account's owner gets no such link: it would open the account again. Returns when it will be erased.
    Raises NoSuchAccount, NotAllowed, NotNow, OwnAccount and LastAdmin.
    """
    with writing() as session:
        roles.must_may_change(session, account_id, by)
        _not_themselves(account_id, by)
        _keep_an_admin(session, account_id, by)
        account = _account(session, account_id, by, ACTIVE, DISABLED)
        before = account.status
        closed_by = ClosedBy.SUPPORT if before == ACTIVE else ClosedBy.DISABLED
        until = deletion.close(session, account, rules, closed_by)
        if before == ACTIVE:
            deletion.tell_how_to_cancel(session, account, rules, by_support=True)
        _audit_status(session, Event.DELETION_ORDERED, account, before, by, note)
    return until


def keep(account_id: str, by: Actor, note: str) -> None:
    """Cancel a deletion, whoever ordered it. Raises NoSuchAccount, NotAllowed and NotNow."""
    with writing() as session:
        account = _account(session, account_id, by, CLOSING)
        deletion.reopen(session, account)
        _audit_status(session, Event.DELETION_CANCELLED, account, CLOSING, by, note)


# -- details


def edit(account_id: str, details: Details, by: Actor, note: str) -> None:
    """Correct names and contact details; `note` is the reason. Raises NoSuchAccount and NotAllowed."""
    with writing() as session:
        account = _account(session, account_id, by)
        before = {name: getattr(account, name) for name in vars(details)}
        changes = audit.difference(before, vars(details))
        if not changes:
            return
        for name, (_, value) in changes.items():
            setattr(account, name, value)
        account.updated_at = clock.now()
        _audit(session, Event.DETAILS_CHANGED, account.id, by, changes=changes, note=note)


def change_address(account_id: str, new: EmailAddress, by: Actor, note: str, rules: Rules) -> None:
    """Mail a link to a new address, which takes effect when it is used. The old one is told then, and can undo it.

    After a reset with `secure` it cannot, for the account may be in the wrong hands: it is shut until the new address
    is confirmed, or the time for that is over, and then nothing counts that was mailed elsewhere.

    Raises NoSuchAccount, NotAllowed and NotNow.
    """
    with writing() as session:
        account = _account(session, account_id, by, ACTIVE)
        rescues = protection.is_secured(account)
        if rescues:
            protection.end_everything(session, account)
        address_change.put(session, account, new, rules, rescues=rescues)
        changes = audit.difference({"email": account.email}, {"email": new.address})
        _audit(session, Event.ADDRESS_CHANGE_ASKED, account.id, by, changes=changes, note=note)


def release_identity(account_id: str, by: Actor, note: str) -> None:
    """Undo that an account is a certain person's: it was bound to somebody else's identity. `note` is the reason.

    Logins of the strong level end, and the next identification binds the account anew; its names stay until then.
    Raises NoSuchAccount, NotAllowed, and NotNow where nobody was identified.
    """
    now = clock.now()
    with writing() as session:
        person_keys.lock(session)  # before the account's row, as whoever binds a person does
        account = _account(session, account_id, by)
        if not persons.release(session, account.id):
            raise NotNow
        browser.end_strong(session, account.id, now)
        assurance.tell_released(session, account)
        _audit(session, Event.IDENTITY_RELEASED, account.id, by, note=note)


# -- accounts made for others


def create_authority(
    name: str, email: EmailAddress, details: Details, by: Actor, language: str, rules: Rules
) -> str:
    """Create an authority's account, whose owner chooses the password by a mailed link. Returns its id.

    Raises CannotCreate and NotAllowed.
    """
    if kind_of(name) is not UsernameKind.AUTHORITY or not rules.authority_names.matches(name):
        raise CannotCreate(f"the name has not the authorities' form ({rules.authority_names.pattern})")
    by.must_have(Role.SUPPORT)
    key = comparison_key(name)
    try:
        with writing() as session:
            if find_account(session, key) or find_account(session, email.key):
                raise CannotCreate("the name or the address is in use")
            account = new_account(key, key, email, unmatchable_hash(), language=language, **vars(details))
            account.kind, account.email_verified = UsernameKind.AUTHORITY.value, False
            add_invited(session, account, by, rules)
    except IntegrityError as error:
        raise CannotCreate("the name or the address is in use") from error
    return account.id


def invite_resident(email: EmailAddress, details: Details, by: Actor, language: str, rules: Rules) -> str:
    """Create a resident's account, whose owner chooses the password by a mailed link. Returns its id.

    Raises CannotCreate and NotAllowed.
    """
    by.must_have(Role.SUPPORT)
    try:
        with writing() as session:
            if find_account(session, email.key) is not None:
                raise CannotCreate("there is an account for that address")
            account = new_account(
                email.address, email.key, email, unmatchable_hash(), language=language, **vars(details)
            )
            account.email_verified = False  # until the link is used
            add_invited(session, account, by, rules)
    except IntegrityError as error:
        raise CannotCreate("there is an account for that address") from error
    return account.id


def add_invited(session: Session, account: Account, by: Actor, rules: Rules) -> None:
    """Add an account that nobody can log in to yet, and mail its owner the link that changes it."""
    creation.add(session, account, by)
    invite(session, account, by, rules)


def invite(session: Session, account: Account, by: Actor, rules: Rules) -> None:
    """Mail the owner a link for their first password, as part of the caller's transaction."""
    now = clock.now()
    lifetime = rules.lifetimes.invitation
    token = links.make(session, Purpose.INVITATION, now, now + lifetime, account_id=account.id)
    message = compose(
        "invitation",
        account.email or outbox.NOBODY,
        account.language,
        name=account.given_name,
        username=account.username,
        link=f"{rules.settings.issuer}/reset?token={token}",
        hours=int(lifetime.total_seconds() // 3600),
        forgot_link=f"{rules.settings.issuer}/forgot",
    )
    outbox.put(session, rules.vault, message, now, discard=not account.email)
    _audit(session, Event.INVITED, account.id, by)


def resend_invitation(account_id: str, by: Actor, rules: Rules) -> str:
    """Mail a new link for the first password to somebody who has not come yet; older ones die. Returns its address.

    Raises NoSuchAccount, NotAllowed, and NotNow when the account is in use.
    """
    with writing() as session:
        account = _account(session, account_id, by, ACTIVE)
        if not account.email or not standing.is_invited(session, account):
            raise NotNow
        invite(session, account, by, rules)
        return account.email


def invite_with_role(
    email: EmailAddress, role: Role, by: Actor, language: str, rules: Rules, *, hand_over: bool = False
) -> str | None:
    """Give somebody a role; who has no account gets one, and by mail the link that sets its password.

    `hand_over`: the link is returned instead, once, for the operator to hand over, since the first administrator may
    come before the mail server. Raises CannotCreate and NotAllowed.
    """
    by.must_have(Role.ADMIN)
    link = None
    try:
        with writing() as session:
            account = find_account(session, email.key)
            if account is None:
                account = new_account(email.address, email.key, email, unmatchable_hash(), language=language)
                account.email_verified = False
                creation.add(session, account, by)
                if not hand_over:
                    invite(session, account, by, rules)
            elif account.status != ACTIVE:
                raise CannotCreate("the account of that address is disabled or being deleted")
            # Before the link: a role kills those that were there.
            roles.set_roles(session, account.id, roles.of_within(session, account.id) | {role}, by)
            if hand_over and _never_used(session, account):
                link = _link_to_hand_over(session, account, by, rules)
    except IntegrityError as error:
        raise CannotCreate("an account for that address was made at this moment") from error
    return link


def _link_to_hand_over(session: Session, account: Account, by: Actor, rules: Rules) -> str:
    now = clock.now()
    expires_at = now + rules.lifetimes.invitation
    token = links.make(session, Purpose.RESET, now, expires_at, account_id=account.id)
    _audit(session, Event.INVITED, account.id, by, reason="handed over")
    return f"{rules.settings.issuer}/reset?token={token}"


def _never_used(session: Session, account: Account) -> bool:
    """Whether the account was made for somebody who has not come yet."""

    def has(*events: Event) -> bool:
        names = [event.value for event in events]
        query = sa.select(AuditEvent.id).where(
            AuditEvent.account_id == account.id, AuditEvent.event.in_(names), AuditEvent.outcome == "success"
        )
        return session.scalars(query.limit(1)).first() is not None

    return has(Event.CREATED_BY_ADMIN) and not has(Event.LOGGED_IN, Event.PASSWORD_RESET)


# -- what they share


def _account(session: Session, account_id: str, by: Actor, *statuses: str) -> Account:
    """The account under its row's lock, if `by` may change it and it is in one of `statuses`, where any are named."""
    roles.must_may_change(session, account_id, by)
    account = session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise NoSuchAccount
    if statuses and account.status not in statuses:
        raise NotNow
    return account


def _not_themselves(account_id: str, by: Actor) -> None:
    if account_id == by.name:
        raise OwnAccount


def _keep_an_admin(session: Session, account_id: str, by: Actor) -> None:
    """Raises LastAdmin. Whoever is no admin has been refused every admin's account already, and holds this one's row:
    they do not wait for those of the admins too, where two could wait for each other."""
    if by.has(Role.ADMIN):
        roles.keep_an_admin(session, without=account_id)


def _audit_status(
    session: Session, event: Event, account: Account, before: str, by: Actor, note: str
) -> None:
    changes = audit.difference({"status": before}, {"status": account.status})
    _audit(session, event, account.id, by, changes=changes, note=note)


def _audit(
    session: Session,
    event: Event,
    account_id: str | None,
    by: Actor,
    *,
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
    note: str | None = None,
    client_id: str | None = None,
) -> None:
    audit.record(
        session,
        event,
        at=clock.now(),
        actor=by.name,
        address=by.address,
        account_id=account_id,
        client_id=client_id,
        reason=reason,
        changes=changes,
        note=note,
    )

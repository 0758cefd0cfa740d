"""The activation link: it makes an account of the registration it was mailed for, and never logs anybody in.

In another browser than the registering one it asks for the password chosen at registration, or lets the owner of the
address say "I did not create this" or choose a password: so nobody can prepare an account for somebody else's address.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import acceptance, assurance, authentication, counters, links
from idp.accounts.hashing import hasher
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.models import ACTIVE, Account, Registration
from idp.accounts.registration import find_account, mail_again
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.crypto import hash_token, random_id
from idp.database import db, writing
from idp.policy.usernames import UsernameKind
from idp.upstream import person_keys, tickets
from idp.upstream.tickets import TicketGone


class PasswordNeeded(Exception):
    """This is not the registering browser, and the password given is missing or wrong."""


class WaitsNoLonger(Exception):
    """There is no registration any more that could be activated: it is over, or its owner has disowned it."""


@dataclass(frozen=True)
class Invitation:
    """A live activation link as a page shows it."""

    registration_id: str
    email: str
    client_id: str | None
    language: str
    same_browser: bool
    password_hash: str
    names: tuple[str, str]
    identified: bool  # somebody has identified themselves for it: only they activate it


def look(token: str, browser: str | None) -> Invitation:
    """What a live link would activate. Raises LinkNotLive."""
    link = links.look(token, Purpose.ACTIVATION, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    registration = db.session.get(Registration, link.registration_id)
    if registration is None or registration.closed_at is not None:
        activated = registration is not None and registration.account_id is not None  # at this very moment
        raise LinkNotLive(LinkState.USED if activated else LinkState.WITHDRAWN)
    return Invitation(
        registration.id,
        registration.email,
        registration.client_id,
        registration.language,
        registration.browser_hash == hash_token(browser or ""),
        registration.password_hash,
        (registration.given_name, registration.family_name),
        registration.sealed_identification is not None,
    )


def activate(token: str, *, browser: str | None, password: str | None, rules: Rules) -> Invitation:
    """Use the link.

    Raises LinkNotLive, PasswordNeeded, AccountLocked, AttemptsCrowded, HashingBusy, and PersonHasAccount when the
    identified person has activated another account meanwhile.
    """
    invitation = look(token, browser)
    if not invitation.same_browser:
        _demand_password(invitation, password, rules)
    _use(token, invitation, None, rules)
    return invitation


def activate_with_new_password(token: str, *, browser: str | None, password: str, rules: Rules) -> Invitation:
    """Use the link and set another password than the registration's.

    Not of a registration for which somebody has identified themselves: who has the mail may be somebody else. Raises
    LinkNotLive, PasswordNeeded and HashingBusy.
    """
    invitation = look(token, browser)
    if invitation.identified:
        raise PasswordNeeded
    _use(token, invitation, hasher().hash(password), rules)
    return invitation


def disown(token: str, *, browser: str | None) -> None:
    """ "I did not create this": erase the registration. Raises LinkNotLive."""
    invitation = look(token, browser)
    now = clock.now()
    with writing() as session:
        if not links.use(session, token, Purpose.ACTIVATION, now):
            raise LinkNotLive(LinkState.USED)
        session.delete(session.get_one(Registration, invitation.registration_id))
        audit.record(session, Event.REGISTRATION_DISOWNED, at=now, client_id=invitation.client_id)


def resend(token: str, rules: Rules) -> str:
    """Mail a new link for the registration of an expired one. Returns the address. Raises WaitsNoLonger."""
    link = links.look(token, Purpose.ACTIVATION, clock.now())
    if link.state is not LinkState.EXPIRED or not link.registration_id:
        raise WaitsNoLonger
    address = resend_registration(link.registration_id, rules)
    if address is None:
        raise WaitsNoLonger
    return address


def resend_registration(registration_id: str, rules: Rules) -> str | None:
    """Mail again what the registration mailed. Returns its address, None when it waits for no activation.

    That is a new link or, with the same work, "you already have an account" for a known address. Raises WaitsNoLonger
    when there is no such registration any more.
    """
    now = clock.now()
    with writing() as session:
        registration = session.get(Registration, registration_id)
        if registration is None:
            raise WaitsNoLonger
        waits = registration.closed_at is None
        mail_again(session, registration, rules, now)
        audit.record(session, Event.ACTIVATION_RESENT, at=now, client_id=registration.client_id)
        return registration.email if waits else None


def _demand_password(invitation: Invitation, password: str | None, rules: Rules) -> None:
    if not password:
        raise PasswordNeeded
    key = counters.key_of_registration(rules.vault, invitation.registration_id)
    if not authentication.check_password(key, password, invitation.password_hash, rules):
        raise PasswordNeeded


def _use(token: str, invitation: Invitation, password_hash: str | None, rules: Rules) -> None:
    now = clock.now()
    try:
        with writing() as session:
            if invitation.identified:
                person_keys.lock(session)  # before the link's row, as a rotation of the key does
            if not links.use(session, token, Purpose.ACTIVATION, now):
                raise LinkNotLive(LinkState.USED)
            registration = session.get_one(Registration, invitation.registration_id)
            if find_account(session, registration.username_key) is not None:
                raise LinkNotLive(LinkState.WITHDRAWN)
            account = _account_of(registration, password_hash, now)
            session.add(account)
            session.flush()
            acceptance.record(session, account.id, registration.accepted, registration.created_at)
            if registration.sealed_identification is not None:
                _bind(session, account, registration.sealed_identification)
            registration.closed_at, registration.account_id = now, account.id
            registration.sealed_identification = None
            counters.clear(session, counters.key_of_name(rules.vault, registration.username_key))
            audit.record(
                session, Event.ACTIVATED, at=now, account_id=account.id, client_id=registration.client_id
            )
    except (
        IntegrityError
    ) as error:  # another registration of the same address was activated at the same moment
        raise LinkNotLive(LinkState.WITHDRAWN) from error


def _bind(session: Session, account: Account, sealed: str) -> None:
    """The account is the identified person's. What cannot be read any more is no identification."""
    identified = tickets.unseal(sealed)
    if identified is None:
        raise LinkNotLive(LinkState.WITHDRAWN)
    try:
        assurance.bind(session, account, identified)
    except TicketGone as error:
        raise LinkNotLive(LinkState.WITHDRAWN) from error


def _account_of(registration: Registration, password_hash: str | None, now: datetime) -> Account:
    return Account(
        id=random_id(),
        kind=UsernameKind.RESIDENT.value,
        username=registration.email,
        username_key=registration.username_key,
        email=registration.email,
        email_key=registration.username_key,
        email_verified=True,
        password_hash=password_hash or registration.password_hash,
        given_name=registration.given_name,
        family_name=registration.family_name,
        phone=registration.phone,
        street_address=registration.street_address,
        postal_code=registration.postal_code,
        locality=registration.locality,
        language=registration.language,
        claims={},
        status=ACTIVE,
        last_login_at=now,
        created_at=now,
        updated_at=now,
    )

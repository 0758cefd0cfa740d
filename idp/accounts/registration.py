"""Creating an account: what was typed waits as a registration until the mailed link is used.

The answer is the same for a new and a known address, and so is the work: who owns a known address is told by mail.
An address that waits for activation counts as new: the newer registration replaces the older one's link.
For a known address a row is kept too, of nothing but the password's hash: who logs in with that password reads "not
activated", as for a new address (see docs/decisions/0022-not-activated-for-known-addresses.md).
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import deletion, links, statements
from idp.accounts.hashing import hasher
from idp.accounts.links import Purpose
from idp.accounts.models import ACTIVE, Account, Registration
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.crypto import hash_token, random_id
from idp.database import Statement, writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.usernames import EmailAddress
from idp.upstream import tickets
from idp.upstream.tickets import Proof


class AccountExists(Exception):
    """There is an account for the address; raised only where the setting says so on the screen."""


@dataclass(frozen=True)
class Application:
    """What somebody fills in to create an account; optional fields are None when empty."""

    email: EmailAddress
    password: str
    given_name: str
    family_name: str
    phone: str | None
    street_address: str | None
    postal_code: str | None
    locality: str | None
    language: str


_STORED_HASH = Statement(
    "SELECT password_hash FROM accounts WHERE username_key = :key OR email_key = :key LIMIT 1"
)


def register(
    application: Application,
    *,
    browser: str,
    client_id: str | None,
    rules: Rules,
    identification: Proof | None = None,
) -> str:
    """Keep the application and mail the link, or tell the owner that the account exists. Returns the registration's id.

    `browser` is the value of this browser's cookie, `client_id` the e-service that waits, `identification` who it is
    where that must be known, which is used up. Raises HashingBusy, TicketGone, and AccountExists where
    `accounts.account_exists_notice` is "screen".
    """
    row = _STORED_HASH.one(key=application.email.key)
    password_hash = hasher().hash(application.password, beside=row[0] if row else None)
    now = clock.now()
    with writing() as session:
        identified = identification.use(session) if identification else None
        account = find_account(session, application.email.key)
        if account and rules.settings.accounts.account_exists_notice == "screen":
            raise AccountExists
        registration = _store(
            session, application, password_hash, browser, client_id, now, closed=account is not None
        )
        if account is None:
            registration.sealed_identification = tickets.seal(identified) if identified else None
            mail_activation(session, registration, rules, now)
            audit.record(session, Event.REGISTERED, at=now, client_id=client_id)
        else:
            _tell_owner(session, account, client_id, rules, now)
            audit.record(
                session, Event.REGISTRATION_REPEATED, at=now, account_id=account.id, client_id=client_id
            )
        return registration.id


def find_account(session: Session, key: str) -> Account | None:
    """The account that uses this address as its username or, for authorities, as its mail address."""
    matches = sa.or_(Account.username_key == key, Account.email_key == key)
    return session.scalars(sa.select(Account).where(matches).limit(1)).first()


def _store(
    session: Session,
    application: Application,
    password_hash: str,
    browser: str,
    client_id: str | None,
    now: datetime,
    *,
    closed: bool,
) -> Registration:
    older = (  # as many statements whether there are any or not
        Registration.username_key == application.email.key,
        Registration.account_id.is_(None),
        Registration.password_hash != "",
    )
    links.withdraw_of(session, now, sa.select(Registration.id).where(*older))
    over = {"closed_at": now, "password_hash": "", "sealed_identification": None}
    session.execute(sa.update(Registration).where(*older).values(over))
    registration = Registration(
        id=random_id(),
        username_key=application.email.key,
        email=application.email.address,
        password_hash=password_hash,
        given_name=application.given_name,
        family_name=application.family_name,
        phone=application.phone,
        street_address=application.street_address,
        postal_code=application.postal_code,
        locality=application.locality,
        language=application.language,
        accepted=statements.accepted_now(application.language),
        browser_hash=hash_token(browser),
        client_id=client_id,
        created_at=now,
        closed_at=now if closed else None,
    )
    if closed:  # a stranger's idea of somebody's details is not kept
        registration.given_name = registration.family_name = ""
        registration.phone = registration.street_address = registration.postal_code = (
            registration.locality
        ) = None
    session.add(registration)
    return registration


def mail_activation(
    session: Session, registration: Registration, rules: Rules, now: datetime, *, discard: bool = False
) -> None:
    """Mail a new activation link, as part of the caller's transaction. Older links of the registration die.

    `discard` does the same work for a message that nobody shall get.
    """
    token = links.make(
        session,
        Purpose.ACTIVATION,
        now,
        now + rules.lifetimes.activation_link,
        registration_id=registration.id,
        client_id=registration.client_id,
    )
    message = compose(
        "activation",
        registration.email,
        registration.language,
        name=registration.given_name,
        link=f"{rules.settings.issuer}/activate?token={token}",
        minutes=rules.settings.links.activation_minutes,
        client_id=registration.client_id,
    )
    outbox.put(session, rules.vault, message, now, discard=discard)


def mail_again(session: Session, registration: Registration, rules: Rules, now: datetime) -> None:
    """Mail what the registration mailed, as part of the caller's transaction; to nobody when it was replaced."""
    account = find_account(session, registration.username_key)
    if account is None or registration.account_id is not None:  # activated by this very registration
        mail_activation(session, registration, rules, now, discard=registration.closed_at is not None)
    else:
        _tell_owner(session, account, registration.client_id, rules, now)


def _tell_owner(
    session: Session, account: Account, client_id: str | None, rules: Rules, now: datetime
) -> None:
    """Mail "you already have an account" to the stored address, never to the typed one.

    With the link that is of use: one to a new password, or to keep an account that is closing. None opens one that is
    disabled; the work is the same.
    """
    may_be_kept = deletion.may_be_kept(account)
    if may_be_kept:
        links.withdraw(session, now, Purpose.RESET, account_id=account.id)
        link = deletion.cancel_link(session, account, rules)
    else:
        token = links.make(
            session,
            Purpose.RESET,
            now,
            now + rules.lifetimes.reset_link,
            account_id=account.id,
            client_id=client_id,
        )
        link = f"{rules.settings.issuer}/reset?token={token}"
    message = compose(
        "account_exists",
        account.email or "",
        account.language,
        name=account.given_name,
        login_link=f"{rules.settings.issuer}/login?username={quote(account.username)}",
        reset_link=link if account.status == ACTIVE else None,
        cancel_link=link if may_be_kept else None,
        until=account.erase_at,
        minutes=rules.settings.links.reset_minutes,
        client_id=client_id,
    )
    outbox.put(session, rules.vault, message, now)

"""What people change of their own account: names and contact details, the password."""

from dataclasses import dataclass, fields

from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import authentication, counters, links, protection
from idp.accounts.authentication import WrongCredentials
from idp.accounts.hashing import hasher
from idp.accounts.models import Account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import writing
from idp.grants import access
from idp.mail import outbox
from idp.mail.messages import compose
from idp.sessions import browser
from idp.sessions.browser import CurrentSession


@dataclass(frozen=True)
class Details:
    """Names and contact details; optional ones are None when empty."""

    given_name: str
    family_name: str
    phone: str | None
    street_address: str | None
    postal_code: str | None
    locality: str | None


DETAILS = tuple(field.name for field in fields(Details))


def change(account_id: str, details: Details) -> None:
    """Store new names and contact details."""
    now = clock.now()
    with writing() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        for name, value in vars(details).items():
            setattr(account, name, value)
        account.updated_at = now
        audit.record(session, Event.DETAILS_CHANGED, at=now, account_id=account_id)


def choose_language(account_id: str, language: str) -> None:
    """Keep the language in which the person wants pages and mails."""
    with writing() as session:
        session.get_one(Account, account_id).language = language


def confirm_identity(account: Account, password: str, rules: Rules) -> None:
    """Ask for the password once more before something sensitive (ASVS 7.5.1).

    Wrong ones count under a counter of their own, so that a borrowed browser cannot try on for ever and cannot lock
    the owner out elsewhere. Raises WrongCredentials, AccountLocked, AttemptsCrowded and HashingBusy.
    """
    key = counters.key_of_confirmation(rules.vault, account.id)
    if not authentication.check_password(key, password, account.password_hash, rules):
        raise WrongCredentials


def change_password(
    account: Account, current: CurrentSession, password: str, rules: Rules, *, device: str | None
) -> str | None:
    """Set a new password. Ends every other session, remembered login and token, and tells the owner.

    This session goes on under another cookie value, which is returned: a copy of the old one opens nothing. None if it
    has ended at this very moment. Of the known devices only `device` stays, this browser's. The identity is confirmed
    before. Raises HashingBusy.
    """
    password_hash = hasher().hash(password)
    now = clock.now()
    with writing() as session:
        stored = session.get_one(Account, account.id, with_for_update=True)
        stored.password_hash = password_hash
        stored.updated_at = now
        browser.end(session, account.id, now, but=current.sid)
        token = browser.renew(
            session, current, acr=current.acr, amr=current.amr, auth_time=current.auth_time, now=now
        )
        browser.forget_devices(session, account.id, but=device)
        access.revoke_of_account(session, account.id, now)
        links.withdraw(session, now, account_id=account.id)
        audit.record(session, Event.PASSWORD_CHANGED, at=now, account_id=account.id)
        tell_password_changed(session, stored, rules)
    return token


def tell_password_changed(session: Session, account: Account, rules: Rules) -> None:
    """Mail the owner, with the link "this wasn't me", as part of the caller's transaction (ASVS 6.3.7)."""
    if not account.email:
        return
    now = clock.now()
    link, days = protection.disown_link(session, account, rules)
    message = compose(
        "password_changed",
        account.email,
        account.language,
        name=account.given_name,
        when=now,
        link=link,
        days=days,
    )
    outbox.put(session, rules.vault, message, now)

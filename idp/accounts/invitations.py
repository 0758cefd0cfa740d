"""Accounts made for others, who choose their password by a mailed link. Nobody here chooses or sees one."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import clock
from idp.accounts import creation, helping, links, roles, standing
from idp.accounts.creation import CannotCreate, new_account
from idp.accounts.details import Details
from idp.accounts.hashing import unmatchable_hash
from idp.accounts.helping import NotNow
from idp.accounts.links import Purpose
from idp.accounts.models import ACTIVE, Account
from idp.accounts.registration import find_account
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import Rules
from idp.audit import AuditEvent, Event
from idp.database import writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.usernames import EmailAddress, UsernameKind, comparison_key, kind_of


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
            add(session, account, by, rules)
    except IntegrityError as error:
        raise CannotCreate("the name or the address is in use") from error
    return account.id


def create_resident(email: EmailAddress, details: Details, by: Actor, language: str, rules: Rules) -> str:
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
            add(session, account, by, rules)
    except IntegrityError as error:
        raise CannotCreate("there is an account for that address") from error
    return account.id


def add(session: Session, account: Account, by: Actor, rules: Rules) -> None:
    """Add an account that nobody can log in to yet, and mail its owner the link that changes it."""
    creation.add(session, account, by)
    mail(session, account, by, rules)


def mail(session: Session, account: Account, by: Actor, rules: Rules) -> None:
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
    helping.record(session, Event.INVITED, account.id, by)


def resend(account_id: str, by: Actor, rules: Rules) -> str:
    """Mail a new link for the first password to somebody who has not come yet; older ones die. Returns its address.

    Raises NoSuchAccount, NotAllowed, and NotNow when the account is in use.
    """
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by, ACTIVE)
        if not account.email or not standing.is_invited(session, account):
            raise NotNow
        mail(session, account, by, rules)
        return account.email


def give_role(
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
                    mail(session, account, by, rules)
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
    helping.record(session, Event.INVITED, account.id, by, reason="handed over")
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

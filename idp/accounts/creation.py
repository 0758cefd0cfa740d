"""Accounts made by an operator or administrator instead of the registration form."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import acceptance, statements
from idp.accounts.claims import ALL_CLAIMS
from idp.accounts.hashing import hasher
from idp.accounts.models import ACTIVE, Account, Registration
from idp.accounts.registration import find_account, mail_activation
from idp.accounts.roles import OPERATOR, Actor
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.crypto import random_id
from idp.database import writing
from idp.policy.usernames import EmailAddress, UsernameKind, comparison_key, kind_of

_TOLD = (
    *("username", "email", "given_name", "family_name", "phone", "street_address", "postal_code"),
    *("locality", "language"),
)


class CannotCreate(Exception):
    """The account cannot be made; the message says why, for the operator."""


def create_resident(
    email: EmailAddress,
    password: str,
    *,
    given_name: str,
    family_name: str,
    language: str,
    activated: bool,
    terms_accepted: bool,
    claims: Mapping[str, Any],
    rules: Rules,
) -> str:
    """Create an account, or a registration whose activation link is mailed. Returns the account's or registration's id.

    `terms_accepted`: the person has accepted the terms elsewhere; otherwise the first login asks.

    Raises CannotCreate and HashingBusy.
    """
    faults = rules.passwords.check(password, [email.address, given_name, family_name])
    if faults:
        raise CannotCreate(f"the password is refused: {', '.join(faults)}")
    if unknown := sorted(set(claims) - set(ALL_CLAIMS)):
        raise CannotCreate(f"not a standard claim: {', '.join(unknown)}")
    if language not in rules.settings.site.languages:
        raise CannotCreate(f"language must be one of {', '.join(rules.settings.site.languages)}")
    password_hash = hasher().hash(password)
    try:
        with writing() as session:
            if find_account(session, email.key) is not None:
                raise CannotCreate("there is an account for that address")
            if activated:
                account = new_account(
                    email.address,
                    email.key,
                    email,
                    password_hash,
                    given_name=given_name,
                    family_name=family_name,
                    language=language,
                    claims=claims,
                )
                account_id = add(session, account, OPERATOR)
                if terms_accepted:
                    acceptance.record(session, account_id, statements.accepted_now(language), clock.now())
                return account_id
            return _registration(session, email, password_hash, given_name, family_name, language, rules)
    except IntegrityError as error:
        raise CannotCreate("there is an account for that address") from error


def create_authority(
    name: str,
    password: str,
    *,
    email: EmailAddress | None,
    given_name: str,
    family_name: str,
    language: str,
    rules: Rules,
) -> str:
    """Create an authority's account, with a username of its own form (R-06). Returns the account's id.

    The mail address is for recovery alone and never logs in. Raises CannotCreate and HashingBusy.
    """
    if kind_of(name) is not UsernameKind.AUTHORITY or not rules.authority_names.matches(name):
        raise CannotCreate(f"the name has not the authorities' form ({rules.authority_names.pattern})")
    known = [name, given_name, family_name, email.address if email else ""]
    if faults := rules.passwords.check(password, [word for word in known if word]):
        raise CannotCreate(f"the password is refused: {', '.join(faults)}")
    password_hash = hasher().hash(password)
    key = comparison_key(name)
    try:
        with writing() as session:
            if find_account(session, key) or (email and find_account(session, email.key)):
                raise CannotCreate("the name or the address is in use")
            account = new_account(
                name,
                key,
                email,
                password_hash,
                given_name=given_name,
                family_name=family_name,
                language=language,
            )
            account.kind = UsernameKind.AUTHORITY.value
            return add(session, account, OPERATOR)
    except IntegrityError as error:
        raise CannotCreate("the name or the address is in use") from error


def new_account(
    username: str,
    username_key: str,
    email: EmailAddress | None,
    password_hash: str,
    *,
    given_name: str | None = None,
    family_name: str | None = None,
    phone: str | None = None,
    street_address: str | None = None,
    postal_code: str | None = None,
    locality: str | None = None,
    language: str,
    claims: Mapping[str, Any] | None = None,
) -> Account:
    """The row of an active account, which the caller adds. It is a resident's, unless the caller says otherwise."""
    now = clock.now()
    return Account(
        id=random_id(),
        kind=UsernameKind.RESIDENT.value,
        username=username,
        username_key=username_key,
        email=email.address if email else None,
        email_key=email.key if email else None,
        email_verified=email is not None,
        password_hash=password_hash,
        given_name=given_name or None,
        family_name=family_name or None,
        phone=phone,
        street_address=street_address,
        postal_code=postal_code,
        locality=locality,
        language=language,
        claims=dict(claims or {}),
        status=ACTIVE,
        last_login_at=now,
        created_at=now,
        updated_at=now,
    )


def add(session: Session, account: Account, by: Actor) -> str:
    """Add an account that somebody has made for its owner, as part of the caller's transaction. Returns its id."""
    session.add(account)
    session.flush()
    told = {name: value for name in _TOLD if (value := getattr(account, name))}
    audit.record(
        session,
        Event.CREATED_BY_ADMIN,
        at=account.created_at,
        actor=by.name,
        address=by.address,
        account_id=account.id,
        changes=audit.difference({}, told),
    )
    return account.id


def _registration(
    session: Session,
    email: EmailAddress,
    password_hash: str,
    given_name: str,
    family_name: str,
    language: str,
    rules: Rules,
) -> str:
    now = clock.now()
    registration = Registration(
        id=random_id(),
        username_key=email.key,
        email=email.address,
        password_hash=password_hash,
        given_name=given_name,
        family_name=family_name,
        language=language,
        accepted=[],
        browser_hash="",
        created_at=now,
    )
    session.add(registration)
    mail_activation(session, registration, rules, now)
    which = audit.difference({}, {"registration": registration.id})
    audit.record(session, Event.REGISTERED, at=now, actor=OPERATOR.name, changes=which)
    return registration.id

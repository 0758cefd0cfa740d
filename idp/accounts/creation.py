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
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.crypto import random_id
from idp.database import writing
from idp.policy.usernames import EmailAddress, UsernameKind


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
                account_id = _account(
                    session, email, password_hash, given_name, family_name, language, claims
                )
                if terms_accepted:
                    acceptance.record(session, account_id, statements.accepted_now(language), clock.now())
                return account_id
            return _registration(session, email, password_hash, given_name, family_name, language, rules)
    except IntegrityError as error:
        raise CannotCreate("there is an account for that address") from error


def _account(
    session: Session,
    email: EmailAddress,
    password_hash: str,
    given_name: str,
    family_name: str,
    language: str,
    claims: Mapping[str, Any],
) -> str:
    now = clock.now()
    account = Account(
        id=random_id(),
        kind=UsernameKind.RESIDENT.value,
        username=email.address,
        username_key=email.key,
        email=email.address,
        email_key=email.key,
        email_verified=True,
        password_hash=password_hash,
        given_name=given_name or None,
        family_name=family_name or None,
        language=language,
        claims=dict(claims),
        status=ACTIVE,
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    session.flush()
    audit.record(session, Event.CREATED_BY_ADMIN, at=now, actor="operator", account_id=account.id)
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
    return registration.id

"""Which account is whose: a person, as strongly identified, has one account.

The person is known by a keyed hash of the personal identity code (person_keys.py), under any of the kept keys.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.accounts.rules import rules
from idp.clients.models import ClientApp
from idp.clients.options import ClientOptions
from idp.crypto import Undecryptable, Vault
from idp.database import Statement, db, instant, writing
from idp.upstream import person_keys
from idp.upstream.models import StrongIdentity as Row
from idp.upstream.tickets import Identified


class AlreadySomebodyElse(Exception):
    """The account is that of another person."""


class Outdated(Exception):
    """The person was identified before the newest key was made, and may have come back under that one since."""


class AlreadyBound(Exception):
    """The person has another account."""


@dataclass(frozen=True, slots=True)
class StrongIdentity:
    """Who the person behind an account is. Names are empty when the broker did not tell them apart."""

    account_id: str
    given_names: str
    family_name: str
    broker: str
    acr: str
    identified_at: datetime


_BY_KEY = Statement("SELECT account_id FROM strong_identities WHERE person_key = :person_key")
_OF_ACCOUNT = Statement(
    "SELECT account_id, given_names, family_name, broker, acr, identified_at FROM strong_identities"
    " WHERE account_id = :account_id"
)


def account_of(identified: Identified) -> str | None:
    """The account of the person, if there is one."""
    found = (_BY_KEY.one(person_key=name) for name in identified.person_keys.values())
    return next((str(row[0]) for row in found if row is not None), None)


def is_same(account_id: str, identified: Identified) -> bool:
    """Whether the account is known to be that person's."""
    return account_of(identified) == account_id


def of_account(account_id: str) -> StrongIdentity | None:
    """Who the person behind an account is, if they were ever identified."""
    row = _OF_ACCOUNT.one(account_id=account_id)
    if row is None:
        return None
    owner, given, family, broker, acr, identified_at = row
    return StrongIdentity(owner, given, family, broker, acr, instant(identified_at))


_SEALED = Statement("SELECT sealed_identity_code FROM strong_identities WHERE account_id = :account_id")


def identity_code_of(account_id: str) -> str | None:
    """The personal identity code of the person behind an account, where it is kept and can be read."""
    row = _SEALED.one(account_id=account_id)
    try:
        return rules().vault.decrypt(row[0]) if row and row[0] else None
    except Undecryptable:
        return None


def bind(session: Session, account_id: str, identified: Identified) -> None:
    """Let the account be that person's from now on, as part of the caller's transaction.

    The same person again renews what is known of them. Raises AlreadyBound, AlreadySomebodyElse and Outdated.
    """
    person_keys.lock(session)
    if list(identified.person_keys) != person_keys.numbers():
        raise Outdated
    of_person = session.scalar(sa.select(Row).where(_is(identified)))
    if of_person is not None and of_person.account_id != account_id:
        raise AlreadyBound
    of_this_account = session.get(Row, account_id)
    if of_this_account is not None and of_person is None:
        raise AlreadySomebodyElse
    row = of_this_account or Row(account_id=account_id)
    row.sealed_identity_code = identified.sealed_identity_code
    _renew(row, identified)
    session.add(row)
    session.flush()


def release(session: Session, account_id: str) -> bool:
    """Let the account be nobody's in particular again, as part of the caller's transaction; whether it was."""
    person_keys.lock(session)
    gone = sa.delete(Row).where(Row.account_id == account_id).returning(Row.account_id)
    return session.scalar(gone) is not None


def seen_again(session: Session, identified: Identified) -> None:
    """Somebody was identified: their account, if any, learns their names and is named by the newest key.

    As part of the caller's transaction.
    """
    person_keys.lock(session)
    row = session.scalar(sa.select(Row).where(_is(identified)))
    if row is None:
        return
    row.sealed_identity_code = identified.sealed_identity_code
    _renew(row, identified)


def codes_are_kept() -> bool:
    """Whether personal identity codes are kept: where a setting says so and a client app may have them."""
    if not rules().settings.upstream.store_identity_code:
        return False
    with db.engine.connect() as connection:
        options = connection.scalars(sa.select(ClientApp.options).where(ClientApp.enabled)).all()
    return any(ClientOptions.stored(each).identity_code_basis for each in options)


def forget_codes() -> int:
    """Erase kept codes once nobody may have them any more; returns how many."""
    if codes_are_kept():
        return 0
    with writing() as session:
        kept = sa.update(Row).where(Row.sealed_identity_code.is_not(None)).values(sealed_identity_code=None)
        return len(session.scalars(kept.returning(Row.account_id)).all())


def reseal(vault: Vault) -> int:
    """Encrypt with the first of `secrets.keys` what another one had encrypted; returns how many identity codes."""
    with writing() as session:
        kept = session.scalars(sa.select(Row).where(Row.sealed_identity_code.is_not(None)))
        old = [row for row in kept if not vault.is_fresh(row.sealed_identity_code or "")]
        for row in old:
            row.sealed_identity_code = vault.encrypt(vault.decrypt(row.sealed_identity_code or ""))
    return len(old)


def _renew(row: Row, identified: Identified) -> None:
    row.person_key, row.key_number = identified.person_key, identified.key_number
    row.given_names, row.family_name = identified.given_names, identified.family_name
    row.broker, row.acr, row.identified_at = identified.broker, identified.acr, identified.auth_time


def _is(identified: Identified) -> sa.ColumnElement[bool]:
    return Row.person_key.in_(list(identified.person_keys.values()))

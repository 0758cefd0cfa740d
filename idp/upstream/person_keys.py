"""The keys that turn a personal identity code into a name for the person which nobody can turn back (HMAC-SHA-256).

A code has few possible values, so a plain hash would be as good as the code itself. Each key is a lasting secret of its
own. A rotation adds one and keeps the older ones: a person is looked up under each, and gets a name by the newest at
their next identification. Where codes are kept encrypted, that happens at once.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import clock, versions
from idp.accounts import links
from idp.accounts.models import Registration
from idp.crypto import Vault, keyed_hash
from idp.database import Statement, insert_if_absent, writing
from idp.lasting import LastingSecret, fresh_secret, lasting_secret
from idp.policy.identity_code import IdentityCode
from idp.upstream.models import IdentificationTicket, StrongIdentity

_PREFIX = "identity code "


def lock(session: Session) -> None:
    """Let one transaction at a time decide whose account is whose, on all machines."""
    versions.bump(session, "persons")
    session.flush()


_NAMES = Statement(f"SELECT name FROM lasting_secrets WHERE name LIKE '{_PREFIX}%'")  # noqa: S608


def numbers() -> list[int]:
    """The numbers of all keys, the newest first. The first one is made at its first use."""
    return sorted((int(name.removeprefix(_PREFIX)) for (name,) in _NAMES.all()), reverse=True) or [1]


def names_of(code: IdentityCode) -> dict[int, str]:
    """The person's name under every key, by its number, the newest first."""
    return {number: _hashed(number, code) for number in numbers()}


def _hashed(number: int, code: IdentityCode) -> str:
    return keyed_hash(lasting_secret(f"{_PREFIX}{number}"), code.value)


def rotate(vault: Vault) -> int:
    """Add a key; people are named by it from now on. Returns how many were renamed at once, by their kept codes."""
    newest = numbers()[0] + 1
    lasting_secret(f"{_PREFIX}{newest - 1}")  # the first rotation may come before the first person
    with writing() as session:
        lock(session)
        # Who was identified before knows not all names of theirs; they identify themselves again.
        waiting = sa.update(IdentificationTicket).where(IdentificationTicket.used_at.is_(None))
        session.execute(waiting.values(used_at=clock.now(), sealed=""))
        _close_registrations(session)
        insert_if_absent(
            session, LastingSecret, name=f"{_PREFIX}{newest}", sealed=vault.encrypt(fresh_secret())
        )
    return _rename_known(vault, newest)


def _close_registrations(session: Session) -> None:
    """Those that hold an identification, with their links: they would bind the person by an old name."""
    now, identified = clock.now(), Registration.sealed_identification.is_not(None)
    links.withdraw_of(session, now, sa.select(Registration.id).where(identified))
    over = {"closed_at": now, "password_hash": "", "sealed_identification": None}
    session.execute(sa.update(Registration).where(identified).values(over))


def _rename_known(vault: Vault, number: int) -> int:
    lasting_secret(f"{_PREFIX}{number}")
    with writing() as session:
        lock(session)
        query = sa.select(StrongIdentity).where(
            StrongIdentity.sealed_identity_code.is_not(None), StrongIdentity.key_number < number
        )
        known = session.scalars(query).all()
        for person in known:
            code = IdentityCode.parse(vault.decrypt(person.sealed_identity_code or ""), tolerant=True)
            person.person_key, person.key_number = _hashed(number, code), number
    return len(known)


_PEOPLE = Statement("SELECT key_number, COUNT(*) FROM strong_identities GROUP BY key_number")


def people_by_key() -> Mapping[int, int]:
    """How many people are named by each key, by its number."""
    found = {int(number): int(count) for number, count in _PEOPLE.all()}
    return {number: found.get(number, 0) for number in numbers()}

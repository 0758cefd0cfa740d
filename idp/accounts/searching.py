"""Finding people for whom a helper acts: by the beginning of a name, an address, a username, or by the identifier.

Every search is a few ranges of indexes, cut off at LIMIT rows each, so it costs the same with a thousand accounts and
with a million. That is why beginnings are searched and not middles. Names have keys of their own
(idp/policy/searching.py): "family given" and "given family", so that either order can be typed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp import audit, clock
from idp.accounts import standing
from idp.accounts.models import Account, Registration
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import Rules
from idp.accounts.standing import State
from idp.audit import Event
from idp.database import db, writing
from idp.policy.searching import SHORTEST, end_of, is_identifier, name_key
from idp.policy.usernames import comparison_key

LIMIT = 50


@dataclass(frozen=True)
class Entry:
    """An account, or a registration that was never activated. `name` may be empty."""

    id: str
    is_registration: bool
    name: str
    username: str
    email: str | None
    created_at: datetime
    state: State


@dataclass(frozen=True)
class Found:
    entries: list[Entry]
    more: bool  # than are listed


class TooShort(Exception):
    """The search would list people whom nobody looks for."""


def search(text: str, rules: Rules, *, by: Actor) -> Found:
    """The people whom `text` may mean, at most LIMIT, sorted by name. That somebody searched is written down.

    Raises TooShort and NotAllowed.
    """
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    typed = text.strip()
    if len(typed) < SHORTEST:
        raise TooShort
    with writing() as session:
        audit.record(session, Event.SEARCHED, at=clock.now(), actor=by.name, address=by.address)
    accounts: dict[str, Account] = {}
    for condition, order in _ways(Account, typed):
        query = sa.select(Account).where(condition).order_by(order).limit(LIMIT + 1)
        accounts.update((account.id, account) for account in db.session.scalars(query))
    waiting: dict[str, Registration] = {}
    for condition, order in _ways(Registration, typed):
        of_waiting = sa.select(Registration).where(condition, *is_waiting()).order_by(order).limit(LIMIT + 1)
        waiting.update((registration.id, registration) for registration in db.session.scalars(of_waiting))
    rows: list[Account | Registration] = [*accounts.values(), *waiting.values()]
    rows.sort(key=lambda row: (row.family_key or "", row.given_key or "", row.username_key, row.id))
    return Found(_entries(rows[:LIMIT], rules), len(rows) > LIMIT)


def is_waiting() -> tuple[sa.ColumnElement[bool], ...]:
    """Of a registration: that its link, or a new one, would still activate it."""
    return Registration.closed_at.is_(None), Registration.account_id.is_(None)


def _ways(model: Any, typed: str) -> list[tuple[sa.ColumnElement[bool], Any]]:
    """The ranges in which `typed` is looked for, each with the order of its index where that is known."""
    key = comparison_key(typed)
    ways: list[tuple[Any, Any]] = [(_username_begins(model.username_key, key), None)]
    if model is Account:
        ways.append((_username_begins(Account.email_key, key), None))
    if is_identifier(typed):
        ways.append((model.id == typed, None))
    if "@" not in typed and (name := name_key(typed)):
        names = (model.family_key, model.given_key)
        ways.extend(((column >= name) & (column < end_of(name)), column) for column in names)
    return ways


def _username_begins(column: Any, key: str) -> sa.ColumnElement[bool]:
    if db.engine.dialect.name == "sqlite":
        within: sa.ColumnElement[bool] = (column >= key) & (column < end_of(key))
        return within
    return sa.and_(
        column.op("~>=~", is_comparison=True)(key), column.op("~<~", is_comparison=True)(end_of(key))
    )


def _entries(rows: list[Account | Registration], rules: Rules) -> list[Entry]:
    states = standing.of_accounts([row for row in rows if isinstance(row, Account)], rules)
    states |= standing.of_registrations([row.id for row in rows if isinstance(row, Registration)])
    return [
        Entry(
            id=row.id,
            is_registration=isinstance(row, Registration),
            name=" ".join(part for part in (row.given_name, row.family_name) if part),
            username=row.username if isinstance(row, Account) else row.email,
            email=row.email,
            created_at=row.created_at,
            state=states[row.id],
        )
        for row in rows
    ]


def fill_keys(batch: int = 1000) -> int:
    """Give keys to people whom an older version has written without. Returns how many. Safe at any time."""
    filled = 0
    for model in (Account, Registration):
        while True:
            with writing() as session:
                query = sa.select(model).where(model.family_key.is_(None)).limit(batch)
                rows: list[Any] = list(session.scalars(query.with_for_update(skip_locked=True)))
                for row in rows:
                    row.family_key = name_key(row.family_name, row.given_name)
                    row.given_key = name_key(row.given_name, row.family_name)
            filled += len(rows)
            if len(rows) < batch:
                break
    return filled

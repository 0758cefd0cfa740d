"""Finding people for whom a helper acts: by the beginning of a name, an address, a username, or by the identifier.

Every search is a few ranges of indexes, read one after the other until a page is full. The next page begins after the
last row of the one before, so any page costs the same with a thousand accounts and with a million. That is why
beginnings are searched and not middles. Names have keys of their own (idp/policy/searching.py): "family given" and
"given family", so that either order can be typed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

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
MAX_KEY_TYPED = 254  # of a username, the longest of the keys


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
class Place:
    """Where a page ends: in which of the ranges, and at which row of it."""

    way: int
    key: str
    id: str

    def __str__(self) -> str:
        return f"{self.way}.{self.id}.{self.key}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place of that text; None for any other text."""
        way, _, rest = text.partition(".")
        identifier, dot, key = rest.partition(".")
        if not (dot and way.isascii() and way.isdecimal() and len(way) < 3 and is_identifier(identifier)):
            return None
        return cls(int(way), key, identifier) if key.isprintable() and len(key) <= MAX_KEY_TYPED else None


@dataclass(frozen=True)
class Found:
    """A page. Its people are in the order of their names, pages are not: a page is what one range or two hold next."""

    entries: list[Entry]
    next: Place | None


class TooShort(Exception):
    """The search would list people whom nobody looks for."""


@dataclass(frozen=True)
class _Way:
    """One range: rows of `model` whose `column` fits, in the order of its index."""

    model: Any
    column: Any
    condition: sa.ColumnElement[bool]
    by_bytes: bool = False  # PostgreSQL: the index compares bytes, whatever language the database speaks

    def query(self, earlier: "list[_Way]", after: Place | None, limit: int) -> sa.Select[Any]:
        """`earlier`: whoever is in their ranges has been listed there."""
        query = sa.select(self.model).where(self.condition)
        if self.model is Registration:
            query = query.where(*is_waiting())
        for way in earlier:
            query = query.where(way.condition.is_not(sa.true()))
        if after is not None:
            query = query.where(self._from(after.key), self._after(after))
        order = (
            UnaryExpression(self.column, modifier=custom_op("USING ~<~")) if self.by_bytes else self.column
        )
        return query.order_by(order, self.model.id).limit(limit)

    def _from(self, key: str) -> sa.ColumnElement[bool]:
        return _compared(self.column, ">=", key, self.by_bytes)

    def _after(self, place: Place) -> sa.ColumnElement[bool]:
        same = (self.column == place.key) & (self.model.id > place.id)
        return sa.or_(_compared(self.column, ">", place.key, self.by_bytes), same)

    def place(self, number: int, row: Any) -> Place:
        return Place(number, getattr(row, self.column.key), row.id)


def search(text: str, rules: Rules, *, by: Actor, after: Place | None = None, size: int = LIMIT) -> Found:
    """The people whom `text` may mean, page by page. That somebody searched is written down.

    Raises TooShort and NotAllowed.
    """
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    typed = text.strip()
    if len(typed) < SHORTEST:
        raise TooShort
    with writing() as session:
        audit.record(session, Event.SEARCHED, at=clock.now(), actor=by.name, address=by.address)
    rows, following = _page(_ways(typed), after, size)
    rows.sort(key=lambda row: (row.family_key or "", row.given_key or "", row.username_key, row.id))
    return Found(_entries(rows, rules), following)


def _page(
    ways: list[_Way], after: Place | None, size: int
) -> tuple[list[Account | Registration], Place | None]:
    found: list[Account | Registration] = []
    last: Place | None = None
    for number in range(after.way if after else 0, len(ways)):
        way = ways[number]
        earlier = [each for each in ways[:number] if each.model is way.model]
        begin = after if after and after.way == number else None
        rows = db.session.scalars(way.query(earlier, begin, size + 1 - len(found))).all()
        if len(found) + len(rows) > size:
            taken = rows[: size - len(found)]
            return [*found, *taken], way.place(number, taken[-1]) if taken else last
        found.extend(rows)
        last = way.place(number, rows[-1]) if rows else last
    return found, None


def is_waiting() -> tuple[sa.ColumnElement[bool], ...]:
    """Of a registration: that its link, or a new one, would still activate it."""
    return Registration.closed_at.is_(None), Registration.account_id.is_(None)


def _ways(typed: str) -> list[_Way]:
    """The ranges in which `typed` is looked for, the likeliest first."""
    key, sqlite = comparison_key(typed), db.engine.dialect.name == "sqlite"
    columns = [(Account, Account.username_key), (Registration, Registration.username_key)]
    columns.append((Account, Account.email_key))  # type: ignore[arg-type]
    ways = [
        _Way(
            model,
            column,
            _compared(column, ">=", key, not sqlite) & _compared(column, "<", end_of(key), not sqlite),
            by_bytes=not sqlite,
        )
        for model, column in columns
    ]
    if is_identifier(typed):
        ways.extend(_Way(model, model.id, model.id == typed) for model in (Account, Registration))
    if "@" not in typed and (name := name_key(typed)):
        for attribute in ("family_key", "given_key"):
            for model in (Account, Registration):
                column = getattr(model, attribute)
                ways.append(_Way(model, column, (column >= name) & (column < end_of(name))))
    return ways


def _compared(column: Any, operator: str, value: str, by_bytes: bool) -> sa.ColumnElement[bool]:
    """`by_bytes`: as PostgreSQL's index for beginnings compares."""
    operator = f"~{operator}~" if by_bytes else operator
    return cast("sa.ColumnElement[bool]", column.op(operator, is_comparison=True)(value))


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

"""Accounts in CSV files: many made at once, all written out. One account at a time is support.py's."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from idp import audit, clock
from idp.accounts import invitations
from idp.accounts.creation import CannotCreate
from idp.accounts.details import DETAILS, Details
from idp.accounts.models import Account
from idp.accounts.registration import find_account
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import db, writing
from idp.policy import details
from idp.policy.spreadsheets import csv_line, plain_cell
from idp.policy.usernames import EmailAddress, NotAnEmailAddress

NEEDED = ("email", "given_name", "family_name")
OPTIONAL = ("phone", "street_address", "postal_code", "locality", "language")
EXPORTED = (
    *("id", "kind", "username", "email", "given_name", "family_name", "phone", "street_address"),
    *("postal_code", "locality", "language", "status", "created_at", "last_login_at"),
)
_BATCH = 1000
MAX_BYTES = 1_000_000  # of a file that comes by the web
MAX_ROWS = 1000


class Unreadable(Exception):
    """The file cannot be taken at all; the subclass says why."""


class NotATable(Unreadable):
    """It has no rows, or is no CSV."""


class WrongColumns(Unreadable):
    """Columns are missing, unknown, or there twice."""

    def __init__(self, missing: list[str], unknown: list[str]) -> None:
        super().__init__("wrong columns")
        self.missing, self.unknown = missing, unknown


class TooManyRows(Unreadable):
    """It has more rows than may come at once."""


class Fault(Enum):
    """Why a row makes no account."""

    ADDRESS = "not an e-mail address"
    NAME = "a name is missing or holds what no name has"
    DETAILS = "phone, address or postal code are too long or hold what they cannot"
    LANGUAGE = "not a language of this service"
    CELLS = "more cells than the file has columns"
    TWICE = "the address stands in an earlier row"
    EXISTS = "there is an account for the address"


@dataclass(frozen=True)
class Result:
    """What became of a row, or would: an account, or `fault`. `line` counts the rows from 1, without the heading."""

    line: int
    email: str
    name: str
    fault: Fault | None


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]
    too_long: bool

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.cells["given_name"], self.cells["family_name"]) if part)


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, or what spreadsheets in Western Europe write (Windows-1252)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def number_of_rows(text: str) -> int:
    """Raises Unreadable."""
    return len(_rows(text, None))


def check(text: str, by: Actor, rules: Rules, *, limit: int | None = None) -> list[Result]:
    """What `bring_in` would do with each row, without doing it. It tells who has an account: that is written down.

    Raises NotAllowed and Unreadable (see its subclasses).
    """
    by.must_have(Role.SUPPORT)
    seen: set[str] = set()
    results = [_result(row, _fault(row, seen, rules)) for row in _rows(text, limit)]
    _audit(Event.IMPORT_CHECKED, by, results)
    return results


def bring_in(text: str, by: Actor, rules: Rules, *, limit: int | None = None) -> Iterator[Result]:
    """Make an account of each good row and mail its owner a link for the first password; a result per row.

    The rows are worked on as the results are taken, each in a transaction of its own. Raises NotAllowed and Unreadable.
    """
    by.must_have(Role.SUPPORT)
    return _brought_in(_rows(text, limit), by, rules)


def _brought_in(rows: list[_Row], by: Actor, rules: Rules) -> Iterator[Result]:
    seen, done = set[str](), list[Result]()
    try:
        for row in rows:
            done.append(_result(row, _fault(row, seen, rules) or _add(row, by, rules)))
            yield done[-1]
    finally:  # also of a file that is broken off in the middle
        _audit(Event.IMPORTED, by, done)


def _audit(event: Event, by: Actor, results: list[Result]) -> None:
    """One event for the file; each account that is made has its own."""
    known = sum(result.fault is Fault.EXISTS for result in results)
    changes = audit.difference({}, {"rows": len(results), "with_account": known})
    with writing() as session:
        audit.record(session, event, at=clock.now(), actor=by.name, address=by.address, changes=changes)


def _rows(text: str, limit: int | None) -> list[_Row]:
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        table = [cells for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise NotATable from error
    if not table:
        raise NotATable
    columns = [name.strip().lower() for name in table[0]]
    unknown = [name for name in columns if name not in NEEDED + OPTIONAL or columns.count(name) > 1]
    missing = [name for name in NEEDED if name not in columns]
    if missing or unknown:
        raise WrongColumns(missing, list(dict.fromkeys(unknown)))
    if len(table) == 1:
        raise NotATable
    if limit is not None and len(table) - 1 > limit:
        raise TooManyRows
    empty = dict.fromkeys(NEEDED + OPTIONAL, "")
    return [
        _Row(
            line,
            empty | dict(zip(columns, (plain_cell(cell).strip() for cell in cells), strict=False)),
            too_long=len(cells) > len(columns),
        )
        for line, cells in enumerate(table[1:], 1)
    ]


def _fault(row: _Row, seen: set[str], rules: Rules) -> Fault | None:
    """The first thing that is wrong; notes the address as seen."""
    cells = row.cells
    if row.too_long:
        return Fault.CELLS
    try:
        email = EmailAddress.parse(cells["email"])
    except NotAnEmailAddress:
        return Fault.ADDRESS
    if not email.local_part.isascii():
        return Fault.ADDRESS
    if email.key in seen:
        return Fault.TWICE
    seen.add(email.key)
    if not all(details.is_name(cells[name]) for name in ("given_name", "family_name")):
        return Fault.NAME
    if not _are_details(cells):
        return Fault.DETAILS
    if cells["language"] and cells["language"] not in rules.settings.site.languages:
        return Fault.LANGUAGE
    return Fault.EXISTS if find_account(db.session(), email.key) is not None else None


def _are_details(cells: dict[str, str]) -> bool:
    limits = {
        "phone": details.MAX_PHONE,
        "street_address": details.MAX_STREET,
        "postal_code": details.MAX_POSTAL_CODE,
        "locality": details.MAX_NAME,
    }
    if not all(
        len(cells[name]) <= limit and details.is_plain_line(cells[name]) for name, limit in limits.items()
    ):
        return False
    phone, postal_code = cells["phone"], cells["postal_code"]
    return (not phone or details.is_phone(phone)) and (not postal_code or details.is_postal_code(postal_code))


def _result(row: _Row, fault: Fault | None) -> Result:
    return Result(row.line, row.cells["email"], row.name, fault)


def _add(row: _Row, by: Actor, rules: Rules) -> Fault | None:
    cells = row.cells
    email = EmailAddress.parse(cells["email"])
    language = cells["language"] or rules.settings.site.languages[0]
    values: dict[str, Any] = {name: cells[name] or None for name in DETAILS}
    try:
        invitations.create_resident(email, Details(**values), by, language, rules)
    except CannotCreate:
        return Fault.EXISTS
    return None


def written_out(by: Actor) -> Iterator[str]:
    """Every account as the lines of a CSV file, in batches; that it was done is written down. Raises NotAllowed."""
    by.must_have(Role.SUPPORT)
    with writing() as session:
        audit.record(session, Event.EXPORTED, at=clock.now(), actor=by.name, address=by.address)
    return _lines()


def _lines() -> Iterator[str]:
    yield csv_line(EXPORTED)
    last = ""
    while True:
        query = sa.select(Account).where(Account.id > last).order_by(Account.id).limit(_BATCH)
        batch = db.session.scalars(query).all()
        for account in batch:
            yield csv_line([getattr(account, name) for name in EXPORTED])
        if len(batch) < _BATCH:
            return
        last = batch[-1].id
        db.session.expunge_all()

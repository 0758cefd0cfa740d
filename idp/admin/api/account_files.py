"""Many accounts at once, as CSV: made from a file, written into one.

They have an address of their own, since below /accounts any word is an identifier.
"""

from typing import Literal

from flask import request
from pydantic import Field

from idp import clock
from idp.accounts import exchange
from idp.accounts.exchange import (
    MAX_BYTES,
    MAX_ROWS,
    NotATable,
    Result,
    TooManyRows,
    Unreadable,
    WrongColumns,
)
from idp.accounts.rules import rules
from idp.admin.api import reading
from idp.admin.api.models import Parameters, Told
from idp.admin.api.operations import Answer, Call, operation
from idp.admin.api.problems import Problem

CSV = "text/csv"

Fault = Literal[
    "address", "name", "details", "language", "cells", "twice", "exists"
]  # of idp/accounts/exchange.py


class ImportAsked(Parameters):
    dry_run: bool = Field(False, description="Say what would become of each row, and make nothing.")


class Row(Told):
    """What became of a row, or would."""

    line: int = Field(description="From 1, without the heading.")
    email: str
    name: str
    fault: Fault | None = Field(description="Why it makes no account; null: it does.")

    @classmethod
    def of(cls, result: Result) -> "Row":
        return cls.model_validate(
            vars(result) | {"fault": result.fault.name.lower() if result.fault else None}
        )


class Imported(Told):
    dry_run: bool
    made: int = Field(description="Accounts that are made, or would be.")
    items: list[Row]


@operation("POST", "/files/accounts", answers=Imported, query=ImportAsked, media_types=(CSV,))
def import_accounts(call: Call) -> Answer:
    """Make an account of each row of a CSV file.

    Its owner gets a link by mail and chooses a password. Columns: email, given_name and family_name; if wanted, phone,
    street_address, postal_code, locality, language. At most 1000 rows and 1 MB. Rows with a fault are left out; after a
    correction the same file can be sent again. That you have asked who has an account is written down.
    """
    reading.must_be(CSV)
    request.max_content_length = MAX_BYTES  # nothing of it was read yet
    text = exchange.decoded(request.get_data())
    asked: ImportAsked = call.query
    work = exchange.check if asked.dry_run else exchange.bring_in
    try:
        results = list(work(text, call.actor, rules(), limit=MAX_ROWS))
    except Unreadable as error:
        raise Problem("malformed", _what_is_wrong(error)) from error
    made = sum(result.fault is None for result in results)
    return Answer(Imported(dry_run=asked.dry_run, made=made, items=[Row.of(each) for each in results]))


def _what_is_wrong(error: Unreadable) -> str:
    match error:
        case NotATable():
            return "It is no CSV with a heading and at least one row."
        case WrongColumns(missing=missing) if missing:
            return f"Columns are missing: {', '.join(missing)}."
        case WrongColumns():
            return "It has columns that are not known, or twice the same."
        case TooManyRows():
            return f"It has more than {MAX_ROWS} rows."
    return "It cannot be read."


@operation("GET", "/files/accounts", file=CSV)
def export_accounts(call: Call) -> Answer:
    """Write every account into a CSV file.

    That you have done it is written down.
    """
    lines = exchange.written_out(call.actor)
    return Answer(file=(lines, f"tunnus-accounts-{clock.now():%Y-%m-%d}.csv"))

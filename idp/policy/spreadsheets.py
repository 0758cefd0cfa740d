"""Cells of CSV files that people open in spreadsheets, which run what looks like a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from datetime import datetime

_RUN = ("=", "+", "-", "@")
_GUARD = "'"


def _looks_like_a_formula(text: str) -> bool:
    return text[:1] in {"\t", "\r", "\n"} or unicodedata.normalize("NFKC", text).lstrip().startswith(_RUN)


def safe_cell(value: object) -> str:
    """The text of a cell that no spreadsheet runs: a formula gets an apostrophe in front (OWASP, CSV injection).

    None is empty. `plain_cell` takes the apostrophe away again.
    """
    text = "" if value is None else str(value)
    return _GUARD + text if _looks_like_a_formula(text) else text


def plain_cell(text: str) -> str:
    """What `safe_cell` was made of."""
    return text[1:] if text.startswith(_GUARD) and _looks_like_a_formula(text[1:]) else text


def csv_line(values: Iterable[object]) -> str:
    """One line of a CSV file (RFC 4180) of safe cells. Moments are written by ISO 8601."""
    line = io.StringIO()
    csv.writer(line).writerow(safe_cell(v.isoformat() if isinstance(v, datetime) else v) for v in values)
    return line.getvalue()

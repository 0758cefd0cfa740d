"""How many accounts have accepted each version of the statements.

Counting reads every acceptance there is; so a page shows what its worker has counted within the last ten minutes.
"""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as sa
from flask import Flask, current_app

from idp import clock
from idp.accounts.models import Acceptance
from idp.database import db

GOOD_FOR = timedelta(minutes=10)
Numbers = Mapping[str, Mapping[str, int]]
"""Accounts by document and version."""

_QUERY = sa.select(
    Acceptance.document, Acceptance.version, sa.func.count(sa.distinct(Acceptance.account_id))
).group_by(Acceptance.document, Acceptance.version)


@dataclass(frozen=True)
class Counted:
    at: datetime
    numbers: Numbers


class Counts:
    """The last count of this worker."""

    def __init__(self) -> None:
        self._last: Counted | None = None
        self._lock = threading.Lock()

    def lately(self) -> Counted:
        with self._lock:  # who comes while it is being counted waits for that count
            now = clock.now()
            if self._last is None or not timedelta() <= now - self._last.at < GOOD_FOR:
                self._last = Counted(now, count())
            return self._last


def count() -> Numbers:
    """How many accounts have accepted each version by now, in whatever language."""
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for document, version, number in db.session.execute(_QUERY):
        numbers[document][version] = number
    return numbers


def init_app(app: Flask) -> None:
    app.extensions["accepted"] = Counts()


def lately() -> Counted:
    """The count of the last ten minutes, and its moment."""
    return cast("Counts", current_app.extensions["accepted"]).lately()

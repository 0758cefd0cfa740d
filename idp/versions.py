"""Version counters, so that every worker notices what another one changed.

What is kept in memory (clients, signing keys) registers its reload here. A watcher thread reads the counters every two
seconds, off the request path; `check` does the same at once, for instance at an unknown key id.
"""

import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp.background import Background
from idp.database import DatabaseUnavailable, Model, Statement

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0


class Version(Model):
    __tablename__ = "versions"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer, default=0)


def bump(session: Session, name: str) -> None:
    """Tell every worker that `name` has changed, as part of the caller's transaction."""
    changed = session.execute(
        sa.update(Version)
        .where(Version.name == name)
        .values(number=Version.number + 1)
        .returning(Version.number)
    ).first()
    if changed is None:
        session.add(Version(name=name, number=1))


_ALL = Statement("SELECT name, number FROM versions")


class Watcher(Background):
    """Calls the registered reloads when their version has changed."""

    def __init__(self, app: Flask) -> None:
        super().__init__("versions")
        self._app = app
        self._reloads: dict[str, list[Callable[[], None]]] = {}
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def on_change(self, name: str, reload: Callable[[], None]) -> None:
        self._reloads.setdefault(name, []).append(reload)

    def check(self) -> None:
        """Compare now and reload what has changed. Needs an app context."""
        current: dict[str, int] = {str(name): int(number) for name, number in _ALL.all()}
        with self._lock:
            changed = [name for name, number in current.items() if self._seen.get(name, 0) != number]
            self._seen.update(current)
        for name in changed:
            for reload in self._reloads.get(name, ()):
                reload()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                with self._app.app_context():
                    self.check()
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                log.warning("versions not read", error=str(error))


def watcher(app: Flask) -> Watcher:
    """The watcher of this app, made at first use."""
    found = app.extensions.get("versions")
    if not isinstance(found, Watcher):
        found = app.extensions["versions"] = Watcher(app)
    return found

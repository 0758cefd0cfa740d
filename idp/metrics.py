"""What any room counts and measures, for Prometheus; idp/web/metrics.py shows it.

The workers of one server write into files of a shared folder, so that any of them can show what all of them counted.
Labels are names of our own (endpoints, events, outcomes), never what a visitor sent: their number is bounded.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess, values

# Where prometheus_client keeps the files that the workers share; it reads this name itself.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class Metrics:
    """The numbers of one process. Safe to share."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Histogram(
            "tunnus_request_seconds",
            "Requests and the time of their answers.",
            ("endpoint", "status"),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._database = Counter(
            "tunnus_database_seconds",
            "Time that requests spent on the database, waiting for a connection included.",
            ("endpoint",),
            registry=registry,
        )
        self._logins = Counter("tunnus_logins", "Attempts to log in.", ("outcome",), registry=registry)
        self._events = Counter(
            "tunnus_events", "Events of the audit log.", ("event", "outcome"), registry=registry
        )
        self.hashes_running = self._gauge("tunnus_hashes_running", "Passwords that are being hashed.")
        self.hashes_waiting = self._gauge("tunnus_hashes_waiting", "Passwords that wait to be hashed.")
        self.hash_wait = Histogram(
            "tunnus_hash_wait_seconds",
            "Time that passwords waited to be hashed.",
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self.hashes_refused = Counter(
            "tunnus_hashes_refused", "Answers 503 since too many passwords waited.", registry=registry
        )
        self.limit_fallbacks = Counter(
            "tunnus_limit_fallbacks",
            "Times that a worker began to count rate limits by itself, or could not count, without Redis.",
            registry=registry,
        )
        self._children: dict[tuple[str, int], tuple[Histogram, Counter]] = {}

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, multiprocess_mode="livesum", registry=self.registry)

    def request(self, endpoint: str, status: int, seconds: float, database_seconds: float) -> None:
        """Count one request that has been answered."""
        found = self._children.get((endpoint, status))
        if found is None:
            found = self._requests.labels(endpoint, str(status)), self._database.labels(endpoint)
            self._children[endpoint, status] = found
        found[0].observe(seconds)
        found[1].inc(database_seconds)

    def event(self, event: str, outcome: str, reason: str | None) -> None:
        """Count one event of the audit log."""
        self._events.labels(event, outcome).inc()
        if event == "login":
            self._logins.labels(reason or outcome).inc()


def share() -> None:
    """In a worker process, before the first Metrics: count into the shared folder, if there is one."""
    if os.environ.get(FOLDER):
        values.ValueClass = cast("Any", values.MultiProcessValue())  # type: ignore[no-untyped-call]


def collected(metrics: Metrics) -> CollectorRegistry:
    """What this process has counted, or what all workers of this server have."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return metrics.registry
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return registry


def _forget_the_dead(folder: Path) -> None:
    """A worker that was killed waits for nothing any more; what it has counted stays."""
    for path in folder.glob("gauge_live*.db"):
        named = _LIVE.fullmatch(path.name)
        if named and not Path(f"/proc/{named[1]}").exists():
            with suppress(FileNotFoundError):  # another worker was first
                path.unlink()


def init_app(app: Flask) -> None:
    app.extensions["metrics"] = Metrics()


def metrics() -> Metrics:
    """The numbers of the running app."""
    return cast("Metrics", current_app.extensions["metrics"])

"""What any room counts and measures, for Prometheus; idp/web/metrics.py shows it.

The workers of one server write into files of a shared folder, so that any of them can show what all of them counted.
Labels are names of our own (endpoints, events, outcomes), never what a visitor sent: their number is bounded.
"""

import os
import re
import threading
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess, values

from idp.background import Background

# Where prometheus_client keeps the files that the workers share; it reads this name itself.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MANY = 1000
FLUSH_SECONDS = 1.0
_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class _Tally:
    """Some requests of one endpoint and status, added up."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(_REQUEST_SECONDS) + 1)
        self.seconds = self.database_seconds = 0.0


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
        self._pending: deque[tuple[str, int, float, float]] = deque()
        self._flushing = threading.Lock()

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, multiprocess_mode="livesum", registry=self.registry)

    def request(self, endpoint: str, status: int, seconds: float, database_seconds: float) -> None:
        """Count one request that has been answered: put down here, added up by `flush`, which costs a tenth so."""
        pending = self._pending
        pending.append((endpoint, status, seconds, database_seconds))
        if len(pending) > _MANY:
            self.flush()

    def flush(self) -> None:
        """Add the requests that were put down to the numbers."""
        with self._flushing:
            taken = [self._pending.popleft() for _ in range(len(self._pending))]
            tallies: dict[tuple[str, int], _Tally] = {}
            for endpoint, status, seconds, database_seconds in taken:
                tally = tallies.get((endpoint, status))
                if tally is None:
                    tally = tallies[endpoint, status] = _Tally()
                tally.buckets[bisect_left(_REQUEST_SECONDS, seconds)] += 1
                tally.seconds += seconds
                tally.database_seconds += database_seconds
            for (endpoint, status), tally in tallies.items():
                self._add(self._requests.labels(endpoint, str(status)), tally)
                self._database.labels(endpoint).inc(tally.database_seconds)

    @staticmethod
    def _add(histogram: Histogram, tally: "_Tally") -> None:
        """Many observations at once, as Histogram.observe adds one."""
        histogram._sum.inc(tally.seconds)
        for bucket, count in zip(histogram._buckets, tally.buckets, strict=True):
            if count:
                bucket.inc(count)

    def event(self, event: str, outcome: str, reason: str | None) -> None:
        """Count one event of the audit log."""
        self._events.labels(event, outcome).inc()
        if event == "login":
            self._logins.labels(reason or outcome).inc()


class Flusher(Background):
    """A thread that shows this worker's requests to the other workers, every second."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__("metrics")
        self._metrics = metrics

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self._metrics.flush()


def share() -> None:
    """In a worker process, before the first Metrics: count into the shared folder, if there is one."""
    if os.environ.get(FOLDER):
        values.ValueClass = cast("Any", values.MultiProcessValue())  # type: ignore[no-untyped-call]


def collected(metrics: Metrics) -> CollectorRegistry:
    """What this process has counted, or what all workers of this server have."""
    metrics.flush()
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

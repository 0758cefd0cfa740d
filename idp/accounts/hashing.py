"""Password hashing: bcrypt over a keyed pre-hash, in a bounded pool so that a login storm starves nothing else.

bcrypt reads 72 bytes and the password may be longer, so HMAC-SHA-256 comes first (its key is the optional pepper) and
base64 keeps NUL out. Stored: `v1:<pepper id>:<bcrypt hash>`; a login rehashes when scheme, pepper or cost has changed.
"""

import base64
import hashlib
import hmac
import os
import secrets
import string
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, cast

import bcrypt
from flask import Flask, current_app

from idp.accounts.rules import rules
from idp.metrics import Metrics, metrics
from idp.policy import passwords
from idp.settings import Settings
from idp.tracing import span

P = ParamSpec("P")
R = TypeVar("R")

SCHEME = "v1"
_BCRYPT_ALPHABET = "./" + string.ascii_letters + string.digits
NICENESS = 10


class HashingBusy(Exception):
    """Every place in the pool and its queue is taken; the person may try again in a few seconds."""


@dataclass(frozen=True)
class Verdict:
    matches: bool
    outdated: bool  # matches, but should be hashed anew
    matches_other: bool = False


class Hasher:
    """Hashes and verifies on a few threads of lowered priority. Safe to share."""

    def __init__(self, settings: Settings, workers: int = 1, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._cost = settings.passwords.bcrypt_cost
        self._peppers = settings.secrets.peppers
        self._pepper_id = next(reversed(self._peppers), "")
        cores = settings.passwords.parallel_hashes or len(os.sched_getaffinity(0))
        self.parallel = max(1, cores // workers)
        self._places = threading.BoundedSemaphore(self.parallel + settings.passwords.waiting_hashes)
        self._pool = ThreadPoolExecutor(self.parallel, "bcrypt", initializer=_step_back)
        self._dummy = f"{SCHEME}:{self._pepper_id}:{_unmatchable(self._cost)}"

    def hash(self, password: str, beside: str | None = None) -> str:
        """The stored form of a password. Raises HashingBusy, or UnusablePassword for lone surrogates.

        `beside` is another stored hash, whose salt is taken: then one computation is compared with both. One that is
        outdated gives no salt, since its cost would tell that it is there.
        """
        return self._run(self._hash, password, beside)

    def verify(self, password: str, stored: str | None, other: str | None = None) -> Verdict:
        """Compare; without a stored hash the same work is done on a dummy. Raises HashingBusy.

        `other` is a hash that was made beside the stored one.
        """
        verdict = self._run(self._verify, password, stored or self._dummy, other)
        return verdict if stored else Verdict(matches=False, outdated=False)

    def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._places.acquire(blocking=False):
            self._metrics.hashes_refused.inc()
            raise HashingBusy
        try:
            with span("hash"):
                return self._pool.submit(self._in_turn(work), *args, **kwargs).result()
        finally:
            self._places.release()

    def _in_turn(self, work: Callable[P, R]) -> Callable[P, R]:
        """The same work, measured."""
        found, since = self._metrics, time.perf_counter()
        found.hashes_waiting.inc()

        def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            found.hashes_waiting.dec()
            found.hash_wait.observe(time.perf_counter() - since)
            with found.hashes_running.track_inprogress():
                return work(*args, **kwargs)

        return measured

    def _hash(self, password: str, beside: str | None) -> str:
        salt = bcrypt.gensalt(self._cost)
        if beside is not None and self._is_current(beside):
            salt = beside.split(":", 2)[2][: len(salt)].encode()
        digest = bcrypt.hashpw(self._prehash(password, self._pepper_id), salt)
        return f"{SCHEME}:{self._pepper_id}:{digest.decode()}"

    def _is_current(self, stored: str) -> bool:
        scheme, pepper_id, digest = stored.split(":", 2)
        return (scheme, pepper_id, int(digest.split("$")[2])) == (SCHEME, self._pepper_id, self._cost)

    def _verify(self, password: str, stored: str, other: str | None) -> Verdict:
        _, pepper_id, digest = stored.split(":", 2)
        try:
            prehash = self._prehash(password, pepper_id)
        except (passwords.UnusablePassword, KeyError):
            # Nobody can have chosen it, or its pepper was thrown away; the time must not tell.
            bcrypt.checkpw(b"", digest.encode())
            return Verdict(matches=False, outdated=False)
        made = stored.removesuffix(digest) + bcrypt.hashpw(prehash, digest.encode()).decode()
        matches = hmac.compare_digest(made, stored)
        return Verdict(
            matches,
            outdated=matches and not self._is_current(stored),
            matches_other=hmac.compare_digest(made, other or ""),
        )

    def _prehash(self, password: str, pepper_id: str) -> bytes:
        key = self._peppers[pepper_id].encode() if pepper_id else b"tunnus"
        message = passwords.normalise(password).encode()
        return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())


def unmatchable_hash() -> str:
    """A stored form that no password fits, made at no cost; trying one costs as much as ever."""
    return f"{SCHEME}::{_unmatchable(rules().settings.passwords.bcrypt_cost)}"


def _unmatchable(cost: int) -> str:
    digest = "".join(secrets.choice(_BCRYPT_ALPHABET) for _ in range(31))
    return bcrypt.gensalt(cost).decode() + digest


def _step_back() -> None:
    """Let threads that answer tokens go first (a thread's niceness is its own on Linux)."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def init_app(app: Flask, settings: Settings, workers: int) -> None:
    with app.app_context():
        app.extensions["hasher"] = Hasher(settings, workers, metrics())


def hasher() -> Hasher:
    return cast("Hasher", current_app.extensions["hasher"])

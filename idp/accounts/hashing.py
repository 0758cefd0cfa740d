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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, cast

import bcrypt
from flask import Flask, current_app

from idp.accounts.rules import rules
from idp.policy import passwords
from idp.settings import Settings

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


class Hasher:
    """Hashes and verifies on a few threads of lowered priority. Safe to share."""

    def __init__(self, settings: Settings, workers: int = 1) -> None:
        self._cost = settings.passwords.bcrypt_cost
        self._peppers = settings.secrets.peppers
        self._pepper_id = next(reversed(self._peppers), "")
        cores = settings.passwords.parallel_hashes or len(os.sched_getaffinity(0))
        self.parallel = max(1, cores // workers)
        self._places = threading.BoundedSemaphore(self.parallel + settings.passwords.waiting_hashes)
        self._pool = ThreadPoolExecutor(self.parallel, "bcrypt", initializer=_step_back)
        self._dummy = f"{SCHEME}:{self._pepper_id}:{_unmatchable(self._cost)}"

    def hash(self, password: str) -> str:
        """The stored form of a password. Raises HashingBusy, or UnusablePassword for lone surrogates."""
        return self._run(self._hash, password)

    def verify(self, password: str, stored: str | None) -> Verdict:
        """Compare; without a stored hash the same work is done on a dummy. Raises HashingBusy."""
        verdict = self._run(self._verify, password, stored or self._dummy)
        return verdict if stored else Verdict(matches=False, outdated=False)

    def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._places.acquire(blocking=False):
            raise HashingBusy
        try:
            return self._pool.submit(work, *args, **kwargs).result()
        finally:
            self._places.release()

    def _hash(self, password: str) -> str:
        digest = bcrypt.hashpw(self._prehash(password, self._pepper_id), bcrypt.gensalt(self._cost))
        return f"{SCHEME}:{self._pepper_id}:{digest.decode()}"

    def _verify(self, password: str, stored: str) -> Verdict:
        scheme, pepper_id, digest = stored.split(":", 2)
        try:
            prehash = self._prehash(password, pepper_id)
        except (passwords.UnusablePassword, KeyError):
            # Nobody can have chosen it, or its pepper was thrown away; the time must not tell.
            bcrypt.checkpw(b"", digest.encode())
            return Verdict(matches=False, outdated=False)
        matches = bcrypt.checkpw(prehash, digest.encode())
        current = (SCHEME, self._pepper_id, self._cost) == (scheme, pepper_id, int(digest.split("$")[2]))
        return Verdict(matches, outdated=matches and not current)

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
    app.extensions["hasher"] = Hasher(settings, workers)


def hasher() -> Hasher:
    return cast("Hasher", current_app.extensions["hasher"])

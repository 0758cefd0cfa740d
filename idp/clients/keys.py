"""The public keys of a client, registered by value (`jwks`) or fetched from its `jwks_uri`.

Fetched keys are kept in memory for minutes. An unknown `kid` fetches them again at once, so that a client may rotate
its keys whenever it likes; whoever sends us unknown ones again and again does not make us hammer the client with that,
nor keep our threads busy with a client that is slow.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import structlog
from flask import Flask, current_app
from joserfc.jwk import Key, KeySet

from idp import clock
from idp.clients import jwks
from idp.clients.registry import Client
from idp.outbound import OutboundError, outbound

log = structlog.get_logger(__name__)

FRESH = timedelta(minutes=5)  # fetched keys are used without asking again
STALE = timedelta(hours=1)  # and this long after they were fetched, when the client cannot be reached
PAUSE = timedelta(seconds=10)  # between fetches because of an unknown kid, and after a failed fetch
CACHE_SIZE = 1000  # clients
MAX_WAITING = 8  # threads of one worker that fetch keys or wait for that, of 32 in all
MEDIA_TYPES = ("application/json", "application/jwk-set+json")


class ClientKeysUnavailable(Exception):
    """The client has no keys, none that fits, or they cannot be fetched now. The message says which."""


def keys_of(client: Client, *, kid: str | None = None, alg: str | None = None) -> KeySet:
    """The keys that the client may have signed something with: all of them, or those fit for `alg`.

    `kid` is what the signature names; keys are fetched again when it is unknown. Raises ClientKeysUnavailable.
    """
    known = _keys(client, lambda keys: kid is None or any(key.kid == kid for key in keys))
    return jwks.for_signatures(known, alg)


def encryption_key_of(client: Client, alg: str) -> Key:
    """The key to encrypt to for the client, by `alg` (RFC 7518 4.1). Raises ClientKeysUnavailable."""
    key = jwks.for_encryption(_keys(client, lambda keys: jwks.for_encryption(keys, alg) is not None), alg)
    if key is None:
        raise ClientKeysUnavailable(f"the client has no key for {alg}")
    return key


Contents = Callable[[KeySet], bool]
"""Whether keys hold what is looked for."""


def _keys(client: Client, suffice: Contents) -> KeySet:
    uri = client.registration.get("jwks_uri")
    if uri:
        return cast("ClientKeys", current_app.extensions["client_keys"]).fetched(uri, suffice)
    try:
        return client.registered_keys
    except jwks.UnusableKeys as error:
        raise ClientKeysUnavailable("the client has registered no keys") from error


@dataclass
class _Published:
    """What is known of one `jwks_uri`. Changed only by who holds `lock`."""

    keys: KeySet | None = None
    fetched_at: datetime | None = None
    asked_again_at: datetime | None = None  # for an unknown kid
    failed_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def within(self, age: timedelta, now: datetime) -> KeySet | None:
        """The keys, if they are not older than that."""
        return self.keys if self.fetched_at is not None and now - self.fetched_at < age else None

    def may_ask(self, now: datetime) -> bool:
        """Whether the client is to be asked, after what happened last."""
        if self.failed_at is not None and now - self.failed_at < PAUSE:
            return False
        if self.within(FRESH, now) is None or self.asked_again_at is None:
            return True
        return now - self.asked_again_at >= PAUSE


class ClientKeys:
    """The keys of clients as this worker knows them."""

    def __init__(self) -> None:
        self._published: OrderedDict[str, _Published] = OrderedDict()  # by jwks_uri, the longest unused first
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)

    def fetched(self, uri: str, suffice: Contents) -> KeySet:
        """The keys behind `uri`; fetched when none are known, when those are old or do not suffice."""
        entry = self._entry(uri)
        now = clock.now()
        fresh = entry.within(FRESH, now)
        if fresh is not None and (suffice(fresh) or not entry.may_ask(now)):
            return fresh
        usable = entry.within(STALE, now)
        if entry.may_ask(now) and self._waiting.acquire(blocking=False):
            try:
                # One asks. The others wait only if what is known does not help them.
                if entry.lock.acquire(blocking=usable is None or not suffice(usable)):
                    try:
                        self._ask(entry, uri, suffice)
                    finally:
                        entry.lock.release()
            finally:
                self._waiting.release()
        usable = entry.within(STALE, clock.now())
        if usable is None:
            raise ClientKeysUnavailable("the client's keys cannot be fetched")
        return usable

    def _ask(self, entry: _Published, uri: str, suffice: Contents) -> None:
        now = clock.now()
        fresh = entry.within(FRESH, now)
        if (fresh is not None and suffice(fresh)) or not entry.may_ask(now):
            return  # somebody else has asked meanwhile
        if fresh is not None:
            entry.asked_again_at = now
        try:
            keys = fetch(uri)
        except (OutboundError, jwks.UnusableKeys) as error:
            log.warning("client keys not fetched", reason=str(error))
            entry.failed_at = clock.now()
            return
        entry.keys, entry.fetched_at, entry.failed_at = keys, clock.now(), None

    def _entry(self, uri: str) -> _Published:
        with self._lock:
            entry = self._published.setdefault(uri, _Published())
            self._published.move_to_end(uri)
            if len(self._published) > CACHE_SIZE:
                self._published.popitem(last=False)
        return entry


def fetch(uri: str) -> KeySet:
    """The key set that a client publishes, asked for now. Raises OutboundError and UnusableKeys."""
    answer = outbound().get(uri, media_types=MEDIA_TYPES)
    if answer.status != 200:
        raise jwks.UnusableKeys(f"status {answer.status}")
    document: object = None
    with suppress(ValueError, RecursionError):
        document = json.loads(answer.body)
    return jwks.published(document)


def init_app(app: Flask) -> None:
    app.extensions["client_keys"] = ClientKeys()

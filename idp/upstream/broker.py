"""What the broker publishes of itself: its metadata (OpenID Connect Discovery) and the keys that it signs with.

Both are kept for at most a day. An unknown `kid` fetches the keys again at once, then no sooner than after a pause:
whoever sends us nonsense does not make us hammer the broker.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import structlog
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import clock
from idp.clients import jwks
from idp.keys import UNREADABLE
from idp.outbound import OutboundError, outbound
from idp.settings import Settings, UnusableSettings
from idp.upstream.providers import UpstreamUnavailable

log = structlog.get_logger(__name__)

FRESH = timedelta(hours=1)  # used without asking again
STALE = timedelta(hours=24)  # and this long after they were fetched, when the broker cannot be reached
PAUSE = timedelta(seconds=10)  # between fetches because of an unknown kid, and after a failed one
SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256")
CLOCK_SKEW_SECONDS = 30
MAX_WAITING = 8  # threads of one worker that ask the broker or wait for that, of 32 in all
waiting = threading.BoundedSemaphore(MAX_WAITING)
FAKE = "tunnus_fake_broker"
"""The member by which the demo's broker tells what it is."""

_JSON = ("application/json",)
_PLAIN_KEYS = ("application/json", "application/jwk-set+json")
_SIGNED_KEYS = ("application/jwk-set+jwt", "application/jose", "application/jwt")
_TYPES_OF_KEY_SETS = (None, "JWS", "JWT", "jwk-set+jwt", "application/jwk-set+jwt")
"""Brokers leave the type out, or name one of RFC 7515. Another kind of statement of theirs is no key set."""

Kept = TypeVar("Kept")


class _Fetched(Generic[Kept]):
    """Something of the broker's, kept for a while. One thread at a time fetches."""

    def __init__(self, fetch: Callable[[], Kept]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def get(self, suffices: Callable[[Kept], bool] = lambda _: True) -> Kept:
        """What is kept, fetched anew if it is old or does not suffice. Raises UpstreamUnavailable."""
        kept = self._within(FRESH)
        if kept is not None and suffices(kept):
            return kept
        usable = self._within(STALE)
        try:
            with one_of_few():
                self._renew(suffices, wait=usable is None or not suffices(usable))
        except UpstreamUnavailable:
            if usable is None:
                raise
        usable = self._within(STALE)
        if usable is None:
            raise UpstreamUnavailable("what the broker publishes cannot be fetched")
        return usable

    def _renew(self, suffices: Callable[[Kept], bool], *, wait: bool) -> None:
        """One asks. The others `wait` only if what is known does not help them."""
        if self._lock.acquire(blocking=wait):
            try:
                kept = self._within(FRESH)  # another thread may have fetched it meanwhile
                if kept is None or not suffices(kept):
                    self._try()
            finally:
                self._lock.release()

    def _try(self) -> None:
        if self._tried_at is not None and clock.now() - self._tried_at < PAUSE:
            return
        first = self._kept is None
        try:
            self._kept, self._fetched_at = self._fetch(), clock.now()
        except UpstreamUnavailable as error:
            log.warning("broker not read", reason=str(error))
        # The first fetch is none because of an unknown kid: the next one may follow at once.
        self._tried_at = None if first and self._kept is not None else clock.now()

    def _within(self, age: timedelta) -> Kept | None:
        return self._kept if self._fetched_at is not None and clock.now() - self._fetched_at < age else None


@dataclass(frozen=True)
class Metadata:
    """What we use of the broker's metadata."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str | None
    signed_jwks_uri: str | None
    pushed_request_endpoint: str | None
    names_itself: bool  # answers carry `iss` (RFC 9207)
    takes_pkce: bool


class Broker:
    """The broker of the settings. Raises UnusableSettings when its entity keys cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.upstream.issuer
        self._entity_id = settings.upstream.entity_id or settings.upstream.issuer
        self._signed_jwks_uri = settings.upstream.signed_jwks_uri or None
        self._production = settings.production
        path = settings.upstream.trusted_keys
        self._trusted = _trusted(Path(path)) if path else None
        self._metadata = _Fetched(self._fetch_metadata)
        self._keys = _Fetched(self._fetch_keys)

    def metadata(self) -> Metadata:
        """Raises UpstreamUnavailable."""
        return self._metadata.get()

    def keys(self, kid: str | None) -> KeySet:
        """The keys that it may have signed with, fetched again when none has that `kid`. Raises UpstreamUnavailable."""
        found = self._keys.get(lambda keys: kid is None or any(key.kid == kid for key in keys))
        return jwks.for_signatures(found)

    def _fetch_metadata(self) -> Metadata:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        document = _json(_fetched(url, _JSON))
        # OpenID Connect Discovery 4.3: else anybody's metadata could be given for the broker's.
        if document.get("issuer") != self.issuer:
            raise UpstreamUnavailable("the metadata is of another issuer")
        if self._production and document.get(FAKE):
            raise UpstreamUnavailable("this is the demo's broker, which identifies nobody")
        signed_keys = self._signed_jwks_uri or self._address(document, "signed_jwks_uri")
        if self._trusted is not None and signed_keys is None:
            raise UpstreamUnavailable(
                "the metadata names no signed key set, and only such keys are trusted; set upstream.signed_jwks_uri"
            )
        authorization, token = (
            self._address(document, "authorization_endpoint"),
            self._address(document, "token_endpoint"),
        )
        if authorization is None or token is None:
            raise UpstreamUnavailable("the metadata names no authorization or token endpoint")
        return Metadata(
            authorization_endpoint=authorization,
            token_endpoint=token,
            jwks_uri=self._address(document, "jwks_uri"),
            signed_jwks_uri=signed_keys,
            pushed_request_endpoint=self._address(document, "pushed_authorization_request_endpoint"),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
            takes_pkce="S256" in _texts(document.get("code_challenge_methods_supported")),
        )

    def _address(self, document: Mapping[str, Any], name: str) -> str | None:
        value = document.get(name)
        if value is None:
            return None
        schemes = {"https"} if self._production else {"https", "http"}
        if not isinstance(value, str) or urlsplit(value).scheme not in schemes:
            raise UpstreamUnavailable(f"{name} of the metadata is no https address")
        return value

    def _fetch_keys(self) -> KeySet:
        at = self.metadata()
        try:
            if self._trusted is not None:
                return jwks.published(self._opened(_fetched(at.signed_jwks_uri, _SIGNED_KEYS), self._trusted))
            return jwks.published(_json(_fetched(at.jwks_uri, _PLAIN_KEYS)))
        except jwks.UnusableKeys as error:
            raise UpstreamUnavailable(f"key set: {error}") from error

    def _opened(self, signed: bytes, trusted: KeySet) -> Mapping[str, Any]:
        """The contents of a signed key set (OpenID Federation 5.2.1), of this broker and of this time.

        Not every broker says whose it is and until when: what it says must be right.
        """
        try:
            token = jwt.decode(signed.strip(), trusted, algorithms=list(SIGNING_ALGORITHMS))
            wanted = jwt.JWTClaimsRegistry(
                now=clock.timestamp(),
                leeway=CLOCK_SKEW_SECONDS,
                iss={"value": self._entity_id},
                sub={"value": self._entity_id},
            )
            wanted.validate(token.claims)
        except UNREADABLE as error:
            raise UpstreamUnavailable(
                f"the signed key set is not the broker's: {type(error).__name__}"
            ) from error
        if token.header.get("typ") not in _TYPES_OF_KEY_SETS:
            raise UpstreamUnavailable("the signed key set is a JWT of another type")
        return token.claims


@contextmanager
def one_of_few() -> Iterator[None]:
    """Let a slow broker keep some threads waiting, never all of them. Raises UpstreamUnavailable at once."""
    if not waiting.acquire(blocking=False):
        raise UpstreamUnavailable("as many threads as may are waiting for the broker")
    try:
        yield
    finally:
        waiting.release()


def _trusted(path: Path) -> KeySet:
    try:
        return jwks.registered(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UnusableSettings(f"upstream.trusted_keys: no key set can be read from {path}") from error


def _fetched(url: str | None, media_types: Sequence[str]) -> bytes:
    if url is None:
        raise UpstreamUnavailable("the metadata names no key set")
    try:
        answer = outbound().get(url, media_types=media_types)
    except OutboundError as error:
        raise UpstreamUnavailable(str(error)) from error
    if answer.status != 200:
        raise UpstreamUnavailable(f"status {answer.status}")
    return answer.body


def _json(body: bytes) -> Mapping[str, Any]:
    document: object = None
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
    if not isinstance(document, dict):
        raise UpstreamUnavailable("not a JSON object")
    return document


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []

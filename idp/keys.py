"""The provider's signing keys: made at first use, encrypted at rest, rotated without a restart.

For each algorithm one key is `next` (published, so that relying parties know it in time), one is `active` (signs), and
older ones are `retired` (published for a while; verify id_token_hint for 13 months). A leaked key is `withdrawn`.
"""

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jwk import import_key as import_jwk
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp import clock, versions
from idp.crypto import Vault, random_id
from idp.database import Instant, Model, Statement, db, instant, writing

UNREADABLE = (
    *(JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError),
    RecursionError,  # JSON that nests deep, before any signature is checked
)
"""What reading a JWT that somebody else made may raise."""

ALGORITHMS = ("RS256", "ES256")
NEXT, ACTIVE, RETIRED, WITHDRAWN = "next", "active", "retired", "withdrawn"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
HINT_VALIDITY = timedelta(days=397)  # 13 months

SigningJwk = RSAKey | ECKey


Rotated = tuple[dict[str, str], dict[str, str]]
"""The `kid` of each active key before a rotation and after it, by algorithm or use."""

Note = Callable[[Session, Rotated], None]
"""Writes a rotation down, within its transaction."""


class NotOurToken(Exception):
    """The text is not a JWT that one of our keys has signed."""


class SigningKey(Model):
    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    alg: Mapped[str] = mapped_column(sa.String(10))
    state: Mapped[str] = mapped_column(sa.String(10))
    sealed_private_key: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class Key:
    """One key in memory, with all that can be computed once."""

    kid: str
    alg: str
    jwk: SigningJwk
    _headers: dict[str, bytes] = field(default_factory=dict, compare=False)

    @cached_property
    def public(self) -> dict[str, Any]:
        """The public JWK, with kid, use and alg (RFC 7517)."""
        return {**self.jwk.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": self.alg}

    @cached_property
    def _algorithm(self) -> Any:
        return jws.JWSRegistry.algorithms[self.alg]

    def sign(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        """A compact JWS of `claims` (RFC 7515); the header is encoded once per key and type."""
        header = self._headers.get(typ)
        if header is None:
            header = self._headers[typ] = _part({"alg": self.alg, "kid": self.kid, "typ": typ})
        message = header + b"." + _part(claims)
        signature = self._algorithm.sign(message, self.jwk)
        return (message + b"." + _base64url(signature)).decode()


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _part(content: dict[str, Any]) -> bytes:
    return _base64url(_encode(content).encode())


class Keyring:
    """The keys as this worker knows them. Reads need no lock: a reload replaces one immutable snapshot."""

    def __init__(self, app: Flask, vault: Vault, published_for: timedelta) -> None:
        self._app = app
        self._vault = vault
        self._published_for = published_for
        self._lock = threading.Lock()
        self._snapshot: _Snapshot | None = None
        versions.watcher(app).on_change("keys", self.forget)

    def forget(self) -> None:
        with self._lock:  # a load that began before the change must not outlive it
            self._snapshot = None

    def _current(self) -> "_Snapshot":
        snapshot = self._snapshot
        if snapshot is None or clock.now() >= snapshot.good_until:
            with self._lock:
                snapshot = self._snapshot
                if snapshot is None or clock.now() >= snapshot.good_until:
                    snapshot = self._snapshot = self._load()
        return snapshot

    def _load(self) -> "_Snapshot":
        rows = _rows()
        if {row.alg for row in rows if row.state == ACTIVE} != set(ALGORITHMS):
            with self._app.app_context():
                ensure(self._vault)
            rows = _rows()
        now = clock.now()
        good_until = datetime.max.replace(tzinfo=UTC)
        active: dict[str, Key] = {}
        published: list[dict[str, Any]] = []
        verifying: list[Any] = []
        for row in sorted(rows, key=lambda r: r.created_at):
            if row.state == WITHDRAWN:
                continue
            changes = (
                [row.retired_at + d for d in (self._published_for, HINT_VALIDITY)] if row.retired_at else []
            )
            good_until = min([good_until, *(change for change in changes if now < change)])
            if changes and now >= changes[1]:
                continue
            private = json.loads(self._vault.decrypt(row.sealed_private_key))
            key = Key(row.kid, row.alg, cast("SigningJwk", import_jwk(private)))
            verifying.append(import_jwk(cast("Any", key.public)))
            if row.state == ACTIVE:
                active[row.alg] = key
            if not changes or now < changes[0]:
                published.append(key.public)
        return _Snapshot(active, {"keys": published}, KeySet(verifying), good_until)

    def signing(self, alg: str) -> Key:
        """The active key of an algorithm of ALGORITHMS."""
        return self._current().active[alg]

    def jwks(self) -> dict[str, Any]:
        """The published JWK Set: public keys only."""
        return self._current().published

    def verify(self, token: str, *, algorithms: tuple[str, ...] = ALGORITHMS) -> jwt.Token:
        """Check that we signed `token`; times are not judged. Raises NotOurToken.

        An unknown `kid` may be one that another worker has just made: then the keys are read anew at once.
        """
        snapshot = self._current()
        try:
            try:
                return jwt.decode(token, snapshot.verifying, algorithms=list(algorithms))
            except InvalidKeyIdError:
                versions.watcher(self._app).check()
                if self._current() is snapshot:
                    raise
                return jwt.decode(token, self._current().verifying, algorithms=list(algorithms))
        except UNREADABLE as error:
            raise NotOurToken(str(error)) from error


@dataclass(frozen=True)
class _Snapshot:
    active: dict[str, Key]
    published: dict[str, Any]
    verifying: KeySet
    good_until: datetime  # when a retired key is to leave it


def _rows() -> Sequence[sa.Row[Any]]:
    with db.engine.connect() as connection:
        return connection.execute(sa.select(SigningKey.__table__)).all()


_ACTIVE_SINCE = Statement(f"SELECT alg, activated_at FROM signing_keys WHERE state = '{ACTIVE}'")  # noqa: S608


def active_since() -> dict[str, datetime]:
    """Since when the present key of each algorithm signs."""
    return {str(alg): instant(since) for alg, since in _ACTIVE_SINCE.all()}


def init_app(app: Flask, vault: Vault, published_for: timedelta) -> None:
    app.extensions["keyring"] = Keyring(app, vault, published_for)


def keyring() -> Keyring:
    """The keyring of the running app."""
    return cast("Keyring", current_app.extensions["keyring"])


def _make(vault: Vault, alg: str, state: str, now: datetime) -> SigningKey:
    jwk = RSAKey.generate_key(2048) if alg == "RS256" else ECKey.generate_key("P-256")
    return SigningKey(
        kid=random_id(),
        alg=alg,
        state=state,
        sealed_private_key=vault.encrypt(json.dumps(jwk.as_dict(private=True))),
        created_at=now,
        activated_at=now if state == ACTIVE else None,
    )


def ensure(vault: Vault) -> None:
    """Make the first keys of each algorithm that has none. Safe when several workers start at once."""
    try:
        with writing() as session:
            versions.bump(session, "keys")  # the row lock lets one worker in at a time
            session.flush()
            present = set(session.scalars(sa.select(SigningKey.alg).where(SigningKey.state == ACTIVE)))
            for alg in ALGORITHMS:
                if alg not in present:
                    session.add_all(_make(vault, alg, state, clock.now()) for state in (ACTIVE, NEXT))
    except IntegrityError:
        return  # another worker was first


def rotate_if_due(vault: Vault, after: timedelta, note: Note = lambda *_: None) -> bool:
    """Rotate when the keys have signed for `after`; whether it did. Any worker may try, any number of times."""
    with writing() as session:
        versions.bump(
            session, "keys"
        )  # first, for its row lock: nobody rotates between the look and the rotation
        session.flush()
        since = session.scalar(
            sa.select(sa.func.max(SigningKey.activated_at)).where(SigningKey.state == ACTIVE)
        )
        if since is None or clock.now() - since < after:
            session.rollback()
            return False
        note(session, rotate(session, vault))
    return True


def reseal(vault: Vault, table: type[Any] = SigningKey) -> int:
    """Encrypt with the first of `secrets.keys` what another one had encrypted; returns how many keys.

    `table`: any that has its keys in a column `sealed_private_key`.
    """
    with writing() as session:
        old = [key for key in session.scalars(sa.select(table)) if not vault.is_fresh(key.sealed_private_key)]
        for key in old:
            key.sealed_private_key = vault.encrypt(vault.decrypt(key.sealed_private_key))
    return len(old)


def rotate(session: Session, vault: Vault, *, emergency: bool = False) -> Rotated:
    """Promote the next keys, retire the active ones and publish new next keys.

    With `emergency`, the active keys are withdrawn at once: nothing they signed is accepted any more.
    """
    versions.bump(session, "keys")  # first, for its row lock: one rotation at a time
    now = clock.now()
    before = active_kids(session, SigningKey.alg, SigningKey)
    for key in session.scalars(sa.select(SigningKey).where(SigningKey.state == ACTIVE)):
        key.state = WITHDRAWN if emergency else RETIRED
        key.retired_at = now
    for key in session.scalars(sa.select(SigningKey).where(SigningKey.state == NEXT)):
        key.state = ACTIVE
        key.activated_at = now
    session.add_all(_make(vault, alg, NEXT, now) for alg in ALGORITHMS)
    return before, active_kids(session, SigningKey.alg, SigningKey)


def active_kids(session: Session, by: Any, table: type[Any]) -> dict[str, str]:
    """The `kid` of each active key of a table, by a column of it."""
    query = sa.select(by, table.kid).where(table.state == ACTIVE)
    return {str(name): str(kid) for name, kid in session.execute(query)}

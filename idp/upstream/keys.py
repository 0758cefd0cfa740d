"""Our keys for the broker: one that signs requests, one that its ID tokens are encrypted to, and the entity key, which
signs the other two for publishing and is compared by humans. Made at first use, encrypted at rest.

The next signing key is always published, so that the broker knows it in time. A retired encryption key is published no
more and still decrypts, since the broker may keep our key set for a day.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from joserfc.jwk import RSAKey
from sqlalchemy.orm import Session

from idp import clock, keys, versions
from idp.crypto import Vault, random_id
from idp.database import Statement, instant, writing
from idp.keys import Note, Rotated
from idp.upstream.models import UpstreamKey

SIG, ENC, ENTITY = "sig", "enc", "entity"
NEXT, ACTIVE, RETIRED, WITHDRAWN = "next", "active", "retired", "withdrawn"
DECRYPTS_FOR = timedelta(days=30)
"""After its retirement: the broker may have our key set cached, and a person may take their time."""

PUBLISHED_FOR = timedelta(hours=24)
"""After its retirement, a signing key: what it signed is on its way for minutes."""

_VERSION = "upstream_keys"


@dataclass(frozen=True)
class Keys:
    """What is in use at a moment. The active ones are the first of their lists."""

    signing: RSAKey
    decrypting: Sequence[RSAKey]
    entity: RSAKey
    published: Sequence[RSAKey]  # without the entity key
    good_until: datetime


class UpstreamKeys:
    """The keys as this worker knows them; a change in the database replaces the whole."""

    def __init__(self, app: Flask, vault: Vault) -> None:
        self._app, self._vault = app, vault
        self._lock = threading.Lock()
        self._known: Keys | None = None
        versions.watcher(app).on_change(_VERSION, self.forget)

    def forget(self) -> None:
        with self._lock:
            self._known = None

    def current(self) -> Keys:
        known = self._known
        if known is None or clock.now() >= known.good_until:
            with self._lock:
                known = self._known
                if known is None or clock.now() >= known.good_until:
                    known = self._known = self._load()
        return known

    def _load(self) -> Keys:
        rows = _rows()
        if {use for _, use, state, *_ in rows if state == ACTIVE} != {SIG, ENC, ENTITY}:
            ensure(self._vault)
            rows = _rows()
        now = clock.now()
        good_until = now + timedelta(hours=1)
        active: dict[str, RSAKey] = {}
        decrypting: list[RSAKey] = []
        published: list[RSAKey] = []
        for kid, use, state, sealed, retired_at in rows:
            if state == WITHDRAWN:
                continue
            ends = (
                instant(retired_at) + (PUBLISHED_FOR if use == SIG else DECRYPTS_FOR) if retired_at else None
            )
            if ends is not None and now >= ends:
                continue
            good_until = min(good_until, ends or good_until)
            key = _imported(kid, use, self._vault.decrypt(sealed))
            if state == ACTIVE:
                active[use] = key
            if use == ENC:
                decrypting.insert(0 if state == ACTIVE else len(decrypting), key)
            if use == SIG or (use == ENC and state == ACTIVE):
                published.append(key)
        return Keys(active[SIG], decrypting, active[ENTITY], published, good_until)


def _imported(kid: str, use: str, private: str) -> RSAKey:
    jwk: dict[str, Any] = {**json.loads(private), "kid": kid}
    if use == SIG:
        jwk |= {"use": use, "alg": "RS256"}
    if use == ENTITY:  # it signs, too
        jwk |= {"use": SIG, "alg": "RS256"}
    if use == ENC:  # without alg: brokers that pad the other way would not find it
        jwk |= {"use": use}
    return RSAKey.import_key(cast("Any", jwk))


_ROWS = Statement(
    'SELECT kid, "use", state, sealed_private_key, retired_at FROM upstream_keys ORDER BY created_at DESC, kid'
)


def _rows() -> list[tuple[Any, ...]]:
    return _ROWS.all()


def init_app(app: Flask, vault: Vault) -> None:
    app.extensions["upstream_keys"] = UpstreamKeys(app, vault)


def upstream_keys() -> UpstreamKeys:
    """Our keys for the broker, in the running app."""
    return cast("UpstreamKeys", current_app.extensions["upstream_keys"])


def _make(vault: Vault, use: str, state: str, now: datetime) -> UpstreamKey:
    jwk = RSAKey.generate_key(2048)
    return UpstreamKey(
        kid=random_id(),
        use=use,
        state=state,
        sealed_private_key=vault.encrypt(json.dumps(jwk.as_dict(private=True))),
        created_at=now,
        activated_at=now if state == ACTIVE else None,
    )


def ensure(vault: Vault) -> None:
    """Make what is missing. Safe when several workers start at once."""
    with writing() as session:
        versions.bump(session, _VERSION)  # the row lock lets one worker in at a time
        session.flush()
        there = {tuple(row) for row in session.execute(sa.select(UpstreamKey.use, UpstreamKey.state))}
        for use, state in ((SIG, ACTIVE), (SIG, NEXT), (ENC, ACTIVE), (ENTITY, ACTIVE)):
            if (use, state) not in there:
                session.add(_make(vault, use, state, clock.now()))


def rotate(session: Session, vault: Vault, *, emergency: bool = False, entity: bool = False) -> Rotated:
    """Sign with the next key, have tokens encrypted to a new one, as part of the caller's transaction.

    With `emergency` the keys are withdrawn: what is encrypted to them is not read any more. The next key goes as well,
    since whoever has read the active one may have read that too. With `entity` the entity key is replaced, too; people
    at the broker have to compare the new one.
    """
    versions.bump(session, _VERSION)
    session.flush()
    now = clock.now()
    before = keys.active_kids(session, UpstreamKey.use, UpstreamKey)
    for key in session.scalars(sa.select(UpstreamKey).where(UpstreamKey.state == ACTIVE)):
        if key.use != ENTITY or entity:
            key.state = WITHDRAWN if emergency or key.use == ENTITY else RETIRED
            key.retired_at = now
    for key in session.scalars(sa.select(UpstreamKey).where(UpstreamKey.state == NEXT)):
        if emergency:
            key.state, key.retired_at = WITHDRAWN, now
        else:
            key.state, key.activated_at = ACTIVE, now
    made = [(SIG, NEXT), (ENC, ACTIVE)]
    made += [(SIG, ACTIVE)] if emergency else []
    made += [(ENTITY, ACTIVE)] if entity else []
    session.add_all(_make(vault, use, state, now) for use, state in made)
    return before, keys.active_kids(session, UpstreamKey.use, UpstreamKey)


def rotate_if_due(vault: Vault, after: timedelta, note: Note = lambda *_: None) -> bool:
    """Rotate when the keys have been in use for `after`; whether it did. Any worker may try."""
    with writing() as session:
        versions.bump(session, _VERSION)
        session.flush()
        since = session.scalar(
            sa.select(sa.func.min(UpstreamKey.activated_at)).where(
                UpstreamKey.state == ACTIVE, UpstreamKey.use.in_((SIG, ENC))
            )
        )
        if since is None or clock.now() - since < after:
            session.rollback()
            return False
        note(session, rotate(session, vault))
    return True


def reseal(vault: Vault) -> int:
    """Encrypt with the first of `secrets.keys` what another one had encrypted; returns how many keys."""
    return keys.reseal(vault, UpstreamKey)

"""Browser sessions: started by a login, found by the cookie, ended by a logout, an idle or an absolute limit."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.crypto import hash_token, random_id, random_token
from idp.database import Statement, insert_if_absent, instant
from idp.grants import access, logout_notices
from idp.policy.assurance import ACR_PASSWORD, ACR_STRONG, AMR_PASSWORD
from idp.policy.lifetimes import Lifetimes
from idp.sessions.models import BrowserSession, KnownDevice

TOUCH_AFTER = timedelta(seconds=60)  # last_seen_at is that coarse, so that reading a page rarely writes


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """A live session with what pages and the authorization endpoint need of its person."""

    id_hash: str
    sid: str
    account_id: str
    display_name: str
    language: str
    remembered: bool
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    password_auth_time: datetime
    terms_due: bool

    def by_password(self) -> "CurrentSession":
        """The same, without the identification that has raised it."""
        return replace(self, acr=ACR_PASSWORD, amr=AMR_PASSWORD, auth_time=self.password_auth_time)


_FIND = Statement(
    "SELECT s.id_hash, s.sid, s.account_id, s.remembered, s.acr, s.amr, s.auth_time, s.password_auth_time,"
    " s.terms_due, s.last_seen_at,"
    " a.given_name, a.family_name, a.username, a.language"
    " FROM sessions s JOIN accounts a ON a.id = s.account_id"
    " WHERE s.id_hash = :id_hash AND s.ended_at IS NULL AND s.expires_at > :now AND a.status = 'active'"
)
_TOUCH = Statement("UPDATE sessions SET last_seen_at = :now WHERE id_hash = :id_hash")


def find(token: str | None, lifetimes: Lifetimes, now: datetime) -> CurrentSession | None:
    """The live session of a cookie value, or None. Notes that it was used, at most once a minute."""
    if not token:
        return None
    row = _FIND.one(id_hash=hash_token(token), now=now)
    if row is None:
        return None
    *columns, terms_due, seen, given, family, username, language = row
    id_hash, sid, account_id, remembered, acr, amr, auth_time, password_auth_time = columns
    last_seen = instant(seen)
    if not remembered and now - last_seen >= lifetimes.session_idle:
        return None
    if now - last_seen > TOUCH_AFTER:
        _TOUCH.all(id_hash=id_hash, now=now)
    found = CurrentSession(
        id_hash=id_hash,
        sid=sid,
        account_id=account_id,
        display_name=" ".join(part for part in (given, family) if part) or username,
        language=language,
        remembered=bool(remembered),
        acr=acr,
        amr=tuple(amr.split()),
        auth_time=instant(auth_time),
        password_auth_time=instant(password_auth_time or auth_time),
        terms_due=bool(terms_due),
    )
    if acr == ACR_STRONG and now - found.auth_time >= lifetimes.session_absolute:
        return found.by_password()  # a remembered login is no remembered identification
    return found


def start(
    session: Session,
    account_id: str,
    *,
    replaces: CurrentSession | None,
    remembered: bool,
    acr: str,
    amr: tuple[str, ...],
    lifetimes: Lifetimes,
    now: datetime,
    user_agent: str | None,
    address: str | None,
    terms_due: bool = False,
) -> str:
    """Begin a session as part of the caller's transaction; returns the cookie's value (256 bits).

    The session that this browser had ends (ASVS 7.2.4). The same person goes on under the same `sid`: nobody is logged
    out, and e-services which know it still hear of this login's end.
    """
    token = random_token()
    sid = random_id()
    if replaces is not None and replaces.account_id == account_id:
        sid = replaces.sid
        _mark_ended(session, BrowserSession.id_hash == replaces.id_hash, now)
    elif replaces is not None:
        end(session, replaces.account_id, now, only=replaces.sid)
    session.add(
        BrowserSession(
            id_hash=hash_token(token),
            sid=sid,
            account_id=account_id,
            remembered=remembered,
            acr=acr,
            amr=" ".join(amr),
            auth_time=now,
            password_auth_time=now,
            last_seen_at=now,
            expires_at=now + (lifetimes.remembered_login if remembered else lifetimes.session_absolute),
            user_agent=(user_agent or "")[:200] or None,
            address=address,
            terms_due=terms_due,
        )
    )
    return token


def renew(
    session: Session,
    current: CurrentSession,
    *,
    acr: str,
    amr: tuple[str, ...],
    auth_time: datetime,
    now: datetime,
) -> str | None:
    """Put a session in the place of a live one: same `sid`, same end, another cookie's value, perhaps another level.

    Part of the caller's transaction. None when the session has ended at this very moment.
    """
    old = session.get(BrowserSession, current.id_hash, with_for_update=True, populate_existing=True)
    if old is None or old.ended_at is not None:
        return None
    token = random_token()
    old.ended_at = now
    session.add(
        BrowserSession(
            id_hash=hash_token(token),
            sid=old.sid,
            account_id=old.account_id,
            remembered=old.remembered,
            acr=acr,
            amr=" ".join(amr),
            auth_time=auth_time,
            password_auth_time=current.password_auth_time,
            last_seen_at=now,
            expires_at=old.expires_at,
            user_agent=old.user_agent,
            address=old.address,
            terms_due=old.terms_due,
        )
    )
    return token


def end(
    session: Session, account_id: str, now: datetime, *, only: str | None = None, but: str | None = None
) -> list[str]:
    """End sessions and remembered logins of an account: that of sid `only`, all but that of sid `but`, or all.

    The one way in which a session ends before its time (ASVS 7.4.3), as part of the caller's transaction: the tokens
    that it gave are revoked (but for offline access), and its clients will be told. Returns the sids that ended.
    """
    which = BrowserSession.account_id == account_id
    if only is not None:
        which &= BrowserSession.sid == only
    if but is not None:
        which &= BrowserSession.sid != but
    ended = _mark_ended(session, which, now)
    if ended:
        access.revoke_of_sessions(session, ended, now)
        logout_notices.put(session, ended, now)
    return ended


def end_strong(session: Session, account_id: str, now: datetime) -> None:
    """End the sessions of an account that an identification has raised, and all tokens of such logins.

    As part of the caller's transaction.
    """
    strong = sa.select(BrowserSession.sid).where(
        BrowserSession.account_id == account_id,
        BrowserSession.acr == ACR_STRONG,
        BrowserSession.ended_at.is_(None),
    )
    for sid in session.scalars(strong).all():
        end(session, account_id, now, only=sid)
    access.revoke_of_level(session, account_id, ACR_STRONG, now)


def _mark_ended(session: Session, which: sa.ColumnElement[bool], now: datetime) -> list[str]:
    query = sa.update(BrowserSession).where(which, BrowserSession.ended_at.is_(None)).values(ended_at=now)
    return sorted(set(session.scalars(query.returning(BrowserSession.sid))))


def forget_devices(session: Session, account_id: str, *, but: str | None = None) -> None:
    """No browser is known any more, `but` the one of that cookie value: each login is one from a new device."""
    query = sa.delete(KnownDevice).where(KnownDevice.account_id == account_id)
    if but is not None:
        query = query.where(KnownDevice.device_hash != hash_token(but))
    session.execute(query)


class Device(Enum):
    """What the browser of a login is to the account."""

    FIRST = "first"
    NEW_TO_ACCOUNT = "new to account"
    KNOWN = "known"


def remember_device(session: Session, device: str, account_id: str, now: datetime) -> Device:
    """Note that this browser has logged in to this account, as part of the caller's transaction."""
    of_account = sa.select(KnownDevice.device_hash).where(KnownDevice.account_id == account_id)
    earlier = set(session.scalars(of_account))
    key = {"device_hash": hash_token(device), "account_id": account_id}
    insert_if_absent(session, KnownDevice, **key, last_login_at=now)
    session.execute(sa.update(KnownDevice).filter_by(**key).values(last_login_at=now))
    if not earlier:
        return Device.FIRST
    return Device.KNOWN if hash_token(device) in earlier else Device.NEW_TO_ACCOUNT


_KNOWS = Statement(
    "SELECT 1 FROM known_devices WHERE device_hash = :device_hash AND account_id = :account_id"
)


def knows_device(device: str | None, account_id: str | None) -> bool:
    """Whether this browser has logged in to this account before. Costs the same whether or not there is one."""
    return _KNOWS.one(device_hash=hash_token(device or ""), account_id=account_id or "") is not None


_KNOWS_NAME = Statement(
    "SELECT 1 FROM known_devices d JOIN accounts a ON a.id = d.account_id"
    " WHERE d.device_hash = :device_hash AND a.username_key = :key"
)


def knows_device_by_name(device: str | None, username_key: str) -> bool:
    """As `knows_device`, by the comparison key of a typed name."""
    return _KNOWS_NAME.one(device_hash=hash_token(device or ""), key=username_key) is not None

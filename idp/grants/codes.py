"""Authorization codes: one grant row holds the code and all that tokens issued from it will say.

Single use is one conditional UPDATE; a second use revokes the grant and with it every token (RFC 6749 4.1.2).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.crypto import hash_token, random_id
from idp.database import Statement, instant, lean, transaction


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person's login and consent give a client."""

    client_id: str
    account_id: str
    sid: str
    scope: str
    resource: str | None
    redirect_uri: str | None
    nonce: str | None
    claims: str | None
    code_challenge: str | None
    acr: str
    amr: tuple[str, ...]
    auth_time: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A live grant, as tokens are made from it. Method names are those that Authlib asks of a code."""

    id: str
    client_id: str
    account_id: str
    sid: str
    scope: str
    resource: str | None
    redirect_uri: str | None
    nonce: str | None
    claims: str | None
    code_challenge: str | None
    acr: str
    amr: str
    auth_time: int

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    @property
    def code_challenge_method(self) -> str | None:
        return "S256" if self.code_challenge else None


GRANT_COLUMNS = (
    "g.id, g.client_id, g.account_id, g.sid, g.scope, g.resource, g.redirect_uri, g.nonce, g.claims, g.code_challenge,"
    " g.acr, g.amr, g.auth_time"
)  # in the order of Grant

_COLUMNS = (
    "id, client_id, account_id, sid, scope, resource, redirect_uri, nonce, claims, code_challenge, acr, amr, auth_time,"
    " code_hash, code_expires_at, created_at"
)
_VALUES = (
    ":id, :client_id, :account_id, :sid, :scope, :resource, :redirect_uri, :nonce, :claims, :code_challenge, :acr,"
    " :amr, :auth_time, :code_hash, :expires_at, :now"
)
_ISSUE = Statement(f"INSERT INTO grants ({_COLUMNS}) VALUES ({_VALUES})")
# A logout that is under way either sees this grant, or is waited for and leaves nothing to insert from.
_ISSUE_IN_SESSION = Statement(
    "WITH live AS (SELECT id_hash FROM sessions WHERE sid = :sid AND ended_at IS NULL LIMIT 1 FOR SHARE)"
    f" INSERT INTO grants ({_COLUMNS}) SELECT {_VALUES} FROM live RETURNING id",
    sqlite=f"INSERT INTO grants ({_COLUMNS}) SELECT {_VALUES} FROM sessions WHERE sid = :sid AND ended_at IS NULL"
    " LIMIT 1 RETURNING id",
)
_FIND = Statement(
    f"SELECT {GRANT_COLUMNS}, g.code_expires_at, g.code_used_at, g.revoked_at FROM grants g"
    " JOIN accounts a ON a.id = g.account_id WHERE g.code_hash = :code_hash AND a.status = 'active'"
)
_SPEND = Statement(
    "UPDATE grants SET code_used_at = :now WHERE id = :id AND code_used_at IS NULL AND revoked_at IS NULL RETURNING id"
)
_NEW_REFRESH_TOKEN = Statement(
    "INSERT INTO refresh_tokens (token_hash, grant_id, client_id, created_at, expires_at, ends_at)"
    " VALUES (:token_hash, :id, :client_id, :now, :expires_at, :ends_at)"
)
_SPEND_FOR_REFRESH_TOKEN = Statement(
    "WITH spent AS (UPDATE grants SET code_used_at = :now WHERE id = :id AND code_used_at IS NULL"
    " AND revoked_at IS NULL RETURNING id, client_id)"
    " INSERT INTO refresh_tokens (token_hash, grant_id, client_id, created_at, expires_at, ends_at)"
    " SELECT :token_hash, id, client_id, :now, :expires_at, :ends_at FROM spent RETURNING token_hash"
)
_REVOKE = Statement(
    "UPDATE grants SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL RETURNING account_id"
)


class SessionOver(Exception):
    """The session that the grant would belong to has ended at this very moment."""


def issue(
    code: str | None, approval: Approval, now: datetime, expires_at: datetime, *, in_session: bool = False
) -> Grant:
    """Store a new grant, of a code unless that is None (implicit, device): one write.

    With `in_session` the session of its `sid` must be live in that very write, so that a logout revokes what it gave
    and tells every client. Raises SessionOver.
    """
    grant_id = random_id()
    stored = (_ISSUE_IN_SESSION if in_session else _ISSUE).all(
        id=grant_id,
        client_id=approval.client_id,
        account_id=approval.account_id,
        sid=approval.sid,
        scope=approval.scope,
        resource=approval.resource,
        redirect_uri=approval.redirect_uri,
        nonce=approval.nonce,
        claims=approval.claims,
        code_challenge=approval.code_challenge,
        acr=approval.acr,
        amr=" ".join(approval.amr),
        auth_time=approval.auth_time,
        code_hash=hash_token(code) if code else None,
        expires_at=expires_at if code else None,
        now=now,
    )
    if in_session and not stored:
        raise SessionOver
    return Grant(
        id=grant_id,
        client_id=approval.client_id,
        account_id=approval.account_id,
        sid=approval.sid,
        scope=approval.scope,
        resource=approval.resource,
        redirect_uri=approval.redirect_uri,
        nonce=approval.nonce,
        claims=approval.claims,
        code_challenge=approval.code_challenge,
        acr=approval.acr,
        amr=" ".join(approval.amr),
        auth_time=approval.auth_time,
    )


@dataclass(frozen=True, slots=True)
class FoundCode:
    grant: Grant
    used: bool
    live: bool  # neither used, expired nor revoked


def find(code: str, now: datetime) -> FoundCode | None:
    """The grant of a code, of an account that is active."""
    row = _FIND.one(code_hash=hash_token(code))
    if row is None:
        return None
    *columns, expires_at, used_at, revoked_at = row
    used = used_at is not None
    live = not used and revoked_at is None and now < instant(expires_at)
    return FoundCode(Grant(*columns), used, live)


@dataclass(frozen=True, slots=True)
class NewRefreshToken:
    """A refresh token to store: its hash, its idle and its absolute limit."""

    token_hash: str
    expires_at: datetime
    ends_at: datetime


def spend(grant: Grant, refresh_token: NewRefreshToken | None, now: datetime) -> bool:
    """Use the code, and store its refresh token if there is one: both or nothing. False when another was first."""
    if refresh_token is None:
        return _SPEND.one(id=grant.id, now=now) is not None
    new: dict[str, Any] = {
        "token_hash": refresh_token.token_hash,
        "id": grant.id,
        "now": now,
        "expires_at": refresh_token.expires_at,
        "ends_at": refresh_token.ends_at,
    }
    if not lean().sqlite:
        return _SPEND_FOR_REFRESH_TOKEN.one(**new) is not None
    with transaction():
        if _SPEND.one(id=grant.id, now=now) is None:
            return False
        _NEW_REFRESH_TOKEN.all(**new, client_id=grant.client_id)
    return True


def revoke(grant_id: str, now: datetime) -> bool:
    """Revoke a grant: every token of it is dead, also one that a racing request is about to store."""
    return _REVOKE.one(id=grant_id, now=now) is not None

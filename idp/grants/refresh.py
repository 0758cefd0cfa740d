"""Refresh tokens: rotated at each use, reuse revokes the whole grant (RFC 9700 4.14), lost answers are forgiven.

Within the grace period, and while the successor is unused, a repeat gets a new successor and kills the earlier one:
exactly one live token remains.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from idp.crypto import hash_token
from idp.database import Statement, instant, lean, transaction
from idp.grants import codes
from idp.grants.codes import GRANT_COLUMNS, Grant, NewRefreshToken


@dataclass(frozen=True, slots=True)
class FoundRefreshToken:
    """A stored refresh token with its grant, of an account that is active and a grant that is not revoked."""

    token_hash: str
    client_id: str
    created_at: datetime
    expires_at: datetime
    ends_at: datetime
    used_at: datetime | None
    grant: Grant

    def check_client(self, client: object) -> bool:
        return self.client_id == getattr(client, "client_id", None)

    def get_scope(self) -> str:
        return self.grant.scope


class Outcome(Enum):
    ROTATED = "rotated"
    REUSED = "reused"  # the grant has been revoked


_FIND = Statement(
    "SELECT r.token_hash, r.client_id, r.created_at, r.expires_at, r.ends_at, r.used_at, "
    f"{GRANT_COLUMNS} FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id"
    " JOIN accounts a ON a.id = g.account_id"
    " WHERE r.token_hash = :token_hash AND g.revoked_at IS NULL AND a.status = 'active'"
)
_USE = Statement(
    "UPDATE refresh_tokens SET used_at = :now, successor_hash = :successor"
    " WHERE token_hash = :token_hash AND used_at IS NULL RETURNING token_hash"
)
_ADD = Statement(
    "INSERT INTO refresh_tokens (token_hash, grant_id, client_id, created_at, expires_at, ends_at)"
    " VALUES (:successor, :grant_id, :client_id, :now, :expires_at, :ends_at)"
)
_USE_AND_ADD = Statement(
    "WITH used AS (UPDATE refresh_tokens SET used_at = :now, successor_hash = :successor"
    " WHERE token_hash = :token_hash AND used_at IS NULL RETURNING grant_id, client_id)"
    " INSERT INTO refresh_tokens (token_hash, grant_id, client_id, created_at, expires_at, ends_at)"
    " SELECT :successor, grant_id, client_id, :now, :expires_at, :ends_at FROM used RETURNING token_hash"
)
_LOCK = Statement(
    "SELECT used_at, successor_hash FROM refresh_tokens WHERE token_hash = :token_hash FOR UPDATE",
    sqlite="SELECT used_at, successor_hash FROM refresh_tokens WHERE token_hash = :token_hash",
)
_KILL = Statement(
    "UPDATE refresh_tokens SET used_at = :now WHERE token_hash = :token_hash AND used_at IS NULL RETURNING token_hash"
)
_REPLACE = Statement("UPDATE refresh_tokens SET successor_hash = :successor WHERE token_hash = :token_hash")


def find(token: str) -> FoundRefreshToken | None:
    """The stored token of that value; used and expired ones too, so that reuse is noticed."""
    row = _FIND.one(token_hash=hash_token(token))
    if row is None:
        return None
    token_hash, client_id, created_at, expires_at, ends_at, used_at, *grant = row
    return FoundRefreshToken(
        token_hash,
        client_id,
        instant(created_at),
        instant(expires_at),
        instant(ends_at),
        instant(used_at),
        Grant(*grant),
    )


def rotate(found: FoundRefreshToken, successor: NewRefreshToken, grace: timedelta, now: datetime) -> Outcome:
    """Use the token and store its successor: both or nothing, whoever else tries at the same time."""
    new = {
        "successor": successor.token_hash,
        "now": now,
        "expires_at": successor.expires_at,
        "ends_at": successor.ends_at,
    }
    if found.used_at is None:
        if not lean().sqlite:
            if _USE_AND_ADD.one(token_hash=found.token_hash, **new) is not None:
                return Outcome.ROTATED
        else:
            with transaction():
                if _USE.one(token_hash=found.token_hash, successor=successor.token_hash, now=now) is not None:
                    _ADD.all(grant_id=found.grant.id, client_id=found.client_id, **new)
                    return Outcome.ROTATED
    return _repeat(found, new, grace, now)


def _repeat(found: FoundRefreshToken, new: dict[str, object], grace: timedelta, now: datetime) -> Outcome:
    """The token was used before: forgive a lost answer, or revoke the grant."""
    with transaction():
        row = _LOCK.one(token_hash=found.token_hash)
        used_at, live_successor = (instant(row[0]), row[1]) if row else (None, None)
        in_time = used_at is not None and timedelta() < grace and now - used_at <= grace
        if in_time and live_successor and _KILL.one(token_hash=live_successor, now=now) is not None:
            _ADD.all(grant_id=found.grant.id, client_id=found.client_id, **new)
            _REPLACE.all(token_hash=found.token_hash, successor=new["successor"])
            return Outcome.ROTATED
        codes.revoke(found.grant.id, now)
    return Outcome.REUSED

"""What stands behind an access token right now: its grant, its account, its person. One statement each."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.accounts.claims import PERSON_COLUMNS, Person
from idp.crypto import hash_token
from idp.database import Row, Statement, instant, json_value
from idp.grants.models import Grant

_NOT_SPENT = "NOT EXISTS (SELECT 1 FROM spent_ids WHERE id = :spent_id)"

_PERSON = Statement(
    f"SELECT {PERSON_COLUMNS}, g.claims AS requested FROM grants g JOIN accounts a ON a.id = g.account_id"
    f" WHERE g.id = :grant_id AND g.revoked_at IS NULL AND a.status = 'active' AND {_NOT_SPENT}"
)
_ALIVE = Statement(
    "SELECT a.username FROM grants g JOIN accounts a ON a.id = g.account_id"
    f" WHERE g.id = :grant_id AND g.revoked_at IS NULL AND a.status = 'active' AND {_NOT_SPENT}"
)
_PERSON_ALONE = Statement(
    f"SELECT {PERSON_COLUMNS} FROM accounts a WHERE a.id = :account_id AND a.status = 'active'"
)
_IS_SPENT = Statement("SELECT 1 FROM spent_ids WHERE id = :spent_id")
_SPEND_ID = Statement(
    "INSERT INTO spent_ids (id, expires_at) VALUES (:spent_id, :expires_at) ON CONFLICT (id) DO NOTHING RETURNING id"
)


def person_of(grant_id: str, jti: str) -> tuple[Person, str | None] | None:
    """The person behind a live grant and the grant's `claims` request, or None when revoked or disabled."""
    row = _PERSON.one(grant_id=grant_id, spent_id=f"t:{jti}")
    return (_person(row[:-1]), row[-1]) if row else None


def person(account_id: str) -> Person | None:
    """The person of an active account, for claims in an ID token."""
    row = _PERSON_ALONE.one(account_id=account_id)
    return _person(row) if row else None


def _person(row: Row) -> Person:
    *columns, further, updated_at = row
    values: list[Any] = [*columns, json_value(further) or {}, instant(updated_at)]
    return Person(*values)


def username_of(grant_id: str, jti: str) -> str | None:
    """The username behind a live grant, or None when the token is revoked or the account disabled."""
    row = _ALIVE.one(grant_id=grant_id, spent_id=f"t:{jti}")
    return str(row[0]) if row else None


def is_revoked(jti: str) -> bool:
    """Whether a token without a grant (client_credentials) was revoked."""
    return _IS_SPENT.one(spent_id=f"t:{jti}") is not None


def revoke_token(jti: str, expires_at: datetime) -> None:
    """Revoke one access token until it expires by itself."""
    _SPEND_ID.all(spent_id=f"t:{jti}", expires_at=expires_at)


def spend_assertion(client_id: str, jti: str, expires_at: datetime) -> bool:
    """Note the `jti` of a client's assertion; False when it was seen before (RFC 7523 section 3, single use)."""
    return _SPEND_ID.one(spent_id="a:" + hash_token(f"{client_id}\n{jti}"), expires_at=expires_at) is not None


def revoke_of_sessions(session: Session, sids: Collection[str], now: datetime) -> None:
    """At logout: revoke what the sessions gave, but for offline access (OpenID Connect Core 11)."""
    offline = (" " + Grant.scope + " ").like("% offline_access %")
    _revoke(session, Grant.sid.in_(sids) & ~offline, now)


def revoke_of_account(session: Session, account_id: str, now: datetime) -> None:
    """After a password reset: revoke every token of the account."""
    _revoke(session, Grant.account_id == account_id, now)


def revoke_of_level(session: Session, account_id: str, acr: str, now: datetime) -> None:
    """Revoke every token of the account that tells this level, for offline access too."""
    _revoke(session, (Grant.account_id == account_id) & (Grant.acr == acr), now)


def _revoke(session: Session, which: sa.ColumnElement[bool], now: datetime) -> None:
    session.execute(sa.update(Grant).where(which, Grant.revoked_at.is_(None)).values(revoked_at=now))

"""Mailed links: 256 random bits, stored hashed, single use, one live link per purpose and owner."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.accounts.models import MailedLink
from idp.crypto import hash_token, random_token
from idp.database import Statement, instant
from idp.policy.lifetimes import is_live


class Purpose(StrEnum):
    ACTIVATION = "activation"
    RESET = "reset"
    INVITATION = "invitation"  # chooses the first password of an account that somebody else has made
    ADDRESS = "address"  # confirms a new address
    UNDO_ADDRESS = "undo_address"
    DISOWN = "disown"  # "this wasn't me"
    CANCEL_DELETION = "cancel_deletion"


PROTECTIVE = (Purpose.UNDO_ADDRESS, Purpose.DISOWN, Purpose.CANCEL_DELETION)
"""Links that survive the change they undo. Each belongs to the mailbox that it went to: the account may leave it."""


class LinkState(Enum):
    LIVE = "live"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # a newer link or a password change has replaced it
    BARRED = "barred"  # the account is disabled, or its deletion was ordered by support
    UNKNOWN = "unknown"


class LinkNotLive(Exception):
    """The link cannot be used; `state` says why."""

    def __init__(self, state: LinkState) -> None:
        super().__init__(state.value)
        self.state = state


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it was found. The owner is an account or, before there is one, a registration."""

    state: LinkState
    account_id: str | None = None
    registration_id: str | None = None
    change_id: str | None = None
    client_id: str | None = None
    mailbox: str | None = None
    created_at: datetime | None = None


_FIND = Statement(
    "SELECT account_id, registration_id, change_id, client_id, mailbox, created_at, expires_at, used_at, withdrawn_at"
    " FROM mailed_links WHERE token_hash = :token_hash AND purpose = :purpose"
)


def make(
    session: Session,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime,
    *,
    account_id: str | None = None,
    registration_id: str | None = None,
    change_id: str | None = None,
    client_id: str | None = None,
    mailbox: str | None = None,
) -> str:
    """A new link's token, as part of the caller's transaction; older live ones of the same owner are withdrawn.

    Protective links stay: each undoes what its own mail told of. They need the `mailbox`, as a comparison key.
    """
    if purpose not in PROTECTIVE:
        withdraw(session, now, purpose, account_id=account_id, registration_id=registration_id)
    token = random_token()
    session.add(
        MailedLink(
            token_hash=hash_token(token),
            purpose=purpose.value,
            account_id=account_id,
            registration_id=registration_id,
            change_id=change_id,
            client_id=client_id,
            mailbox=mailbox,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return token


def withdraw(
    session: Session,
    now: datetime,
    purpose: Purpose | None = None,
    *,
    account_id: str | None = None,
    registration_id: str | None = None,
) -> None:
    """Kill the live links of an owner: of one purpose, or all but the protective ones."""
    owner = (
        MailedLink.account_id == account_id
        if account_id
        else MailedLink.registration_id == (registration_id or "")
    )
    query = sa.update(MailedLink).where(
        owner, MailedLink.used_at.is_(None), MailedLink.withdrawn_at.is_(None)
    )
    if purpose is not None:
        query = query.where(MailedLink.purpose == purpose.value)
    else:
        query = query.where(MailedLink.purpose.not_in([purpose.value for purpose in PROTECTIVE]))
    session.execute(query.values(withdrawn_at=now))


def withdraw_protective(
    session: Session, now: datetime, account_id: str, *which: sa.ColumnElement[bool]
) -> None:
    """Kill the live protective links of an account for which all of `which` holds."""
    session.execute(
        sa.update(MailedLink)
        .where(
            MailedLink.account_id == account_id,
            MailedLink.purpose.in_([purpose.value for purpose in PROTECTIVE]),
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
            *which,
        )
        .values(withdrawn_at=now)
    )


def withdraw_of(session: Session, now: datetime, registrations: sa.Select[str]) -> None:
    """Kill the live links of registrations, given as a query for their ids."""
    session.execute(
        sa.update(MailedLink)
        .where(
            MailedLink.registration_id.in_(registrations),
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    )


def look(token: str, purpose: Purpose, now: datetime) -> Link:
    """What a link is worth, without using it."""
    row = _FIND.one(token_hash=hash_token(token), purpose=purpose.value)
    if row is None:
        return Link(LinkState.UNKNOWN)
    (
        account_id,
        registration_id,
        change_id,
        client_id,
        mailbox,
        created_at,
        expires_at,
        used_at,
        withdrawn_at,
    ) = row
    if used_at is not None:
        state = LinkState.USED
    elif withdrawn_at is not None:
        state = LinkState.WITHDRAWN
    else:
        state = LinkState.LIVE if is_live(instant(expires_at), now) else LinkState.EXPIRED
    return Link(state, account_id, registration_id, change_id, client_id, mailbox, instant(created_at))


def use(session: Session, token: str, purpose: Purpose, now: datetime) -> bool:
    """Use a live link, once, as part of the caller's transaction; False when it is not live or another was first."""
    used = session.execute(
        sa.update(MailedLink)
        .where(
            MailedLink.token_hash == hash_token(token),
            MailedLink.purpose == purpose.value,
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
            MailedLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(MailedLink.token_hash)
    ).first()
    return used is not None

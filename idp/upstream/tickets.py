"""What an identification found out, kept for the browser that it happened in: 15 minutes, for one use.

The browser has a random value in a cookie, the table its hash, and who the person is, is encrypted beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import clock
from idp.accounts.rules import rules
from idp.crypto import Undecryptable, hash_token, random_token
from idp.database import Statement, instant
from idp.policy.lifetimes import is_live
from idp.upstream import person_keys
from idp.upstream.models import IdentificationTicket
from idp.upstream.purposes import Purpose

LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, repr=False)
class Identified:
    """A person whom the broker has just identified. The personal identity code is not here.

    `given_names` and `family_name` are empty when the broker told only `full_name`, or no name at all.
    """

    purpose: Purpose
    given_names: str
    family_name: str
    full_name: str
    birth_date: date | None
    person_keys: Mapping[int, str]  # the person's name under every key, the newest first
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    broker: str
    account_id: str | None
    request_id: str | None
    client_id: str | None
    sealed_identity_code: str | None

    @property
    def person_key(self) -> str:
        """The person's name, a keyed hash, by the newest key."""
        return next(iter(self.person_keys.values()))

    @property
    def key_number(self) -> int:
        return next(iter(self.person_keys))

    def __repr__(self) -> str:
        return "<Identified>"


def issue(session: Session, identified: Identified, *, browser: str, now: datetime) -> str:
    """Keep what was found out, as part of the caller's transaction; returns the cookie's value (256 bits)."""
    ticket = random_token()
    session.add(
        IdentificationTicket(
            ticket_hash=hash_token(ticket),
            browser_hash=hash_token(browser),
            sealed=rules().vault.encrypt(_written(identified)),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return ticket


_FIND = Statement(
    "SELECT sealed, expires_at FROM identification_tickets"
    " WHERE ticket_hash = :ticket_hash AND browser_hash = :browser_hash AND used_at IS NULL"
)


def find(ticket: str | None, *, browser: str) -> Identified | None:
    """Who was identified in this browser, if that can still be used."""
    if not ticket:
        return None
    row = _FIND.one(ticket_hash=hash_token(ticket), browser_hash=hash_token(browser))
    if row is None or not is_live(instant(row[1]), clock.now()):
        return None
    return _read(row[0])


def use(session: Session, ticket: str | None, *, browser: str) -> Identified | None:
    """As `find`, once: as part of the caller's transaction, and only one of several gets it."""
    if not ticket:
        return None
    person_keys.lock(session)  # before the ticket's row: everybody takes the two in this order
    mine = (
        IdentificationTicket.ticket_hash == hash_token(ticket),
        IdentificationTicket.browser_hash == hash_token(browser),
        IdentificationTicket.used_at.is_(None),
        IdentificationTicket.expires_at > clock.now(),
    )
    sealed = session.scalar(sa.select(IdentificationTicket.sealed).where(*mine))
    spent = sa.update(IdentificationTicket).where(*mine).values(used_at=clock.now(), sealed="")
    if sealed is None or session.scalar(spent.returning(IdentificationTicket.ticket_hash)) is None:
        return None
    return _read(sealed)


def withdraw(session: Session, *, browser: str) -> None:
    """Let no earlier ticket of this browser be used, as part of the caller's transaction: the newest one counts."""
    live = (
        IdentificationTicket.browser_hash == hash_token(browser),
        IdentificationTicket.used_at.is_(None),
    )
    session.execute(sa.update(IdentificationTicket).where(*live).values(used_at=clock.now(), sealed=""))


def seal(identified: Identified) -> str:
    """Who it is, encrypted: for a registration that waits to be activated."""
    return rules().vault.encrypt(_written(identified))


def unseal(sealed: str) -> Identified | None:
    """As `seal` has kept it; None when `secrets.keys` has lost its key since."""
    return _read(sealed)


def _written(identified: Identified) -> str:
    values = asdict(identified)
    values["birth_date"] = identified.birth_date.isoformat() if identified.birth_date else None
    values["auth_time"] = identified.auth_time.isoformat()
    return json.dumps(values)


def _read(sealed: str) -> Identified | None:
    try:
        values = json.loads(rules().vault.decrypt(sealed))
    except Undecryptable:  # `secrets.keys` was changed within its minutes
        return None
    return Identified(
        **{
            **values,
            "purpose": Purpose(values["purpose"]),
            "birth_date": date.fromisoformat(values["birth_date"]) if values["birth_date"] else None,
            "person_keys": {int(number): name for number, name in values["person_keys"].items()},
            "amr": tuple(values["amr"]),
            "auth_time": datetime.fromisoformat(values["auth_time"]),
        }
    )


@dataclass(frozen=True)
class Proof:
    """An identification that has not been used: its ticket, and the browser that has it."""

    ticket: str
    browser: str

    def use(self, session: Session) -> Identified:
        """Who it is, once, as part of the caller's transaction. Raises TicketGone."""
        identified = use(session, self.ticket, browser=self.browser)
        if identified is None:
            raise TicketGone
        return identified


class TicketGone(Exception):
    """The identification was used, is too old, or is none of this browser and account."""

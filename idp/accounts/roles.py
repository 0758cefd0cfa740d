"""Roles: what an account may do for others. Administrators are ordinary accounts that have been given one.

Here stands who acts (`Actor`), who may act on whom, and that there is always somebody who may everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import address_change, links
from idp.accounts.links import Purpose
from idp.accounts.models import ACTIVE, Account, RoleGiven
from idp.audit import Event
from idp.database import Statement, db, writing
from idp.policy.searching import is_identifier


class Role(StrEnum):
    ADMIN = "admin"  # everything
    CLIENTS = "clients"  # client apps
    SUPPORT = "support"  # residents' accounts
    AUDITOR = "auditor"  # reads everything, changes nothing


class NotAllowed(Exception):
    """The actor has not the role that this needs."""


class LastAdmin(Exception):
    """Nobody would be left who may everything."""


class NoSuchAccount(Exception):
    """There is no account of that identifier, or not any more."""


@dataclass(frozen=True)
class Actor:
    """Who does something to what is not their own.

    `name` goes into the audit log: an account's id, "operator", "schedule", or "client:" and the client_id of a
    program.
    """

    name: str
    roles: frozenset[Role]
    address: str | None = field(default=None, compare=False)

    def has(self, *roles: Role) -> bool:
        """Whether they have one of `roles`; an admin has all."""
        return Role.ADMIN in self.roles or not self.roles.isdisjoint(roles)

    def must_have(self, *roles: Role) -> None:
        """Raises NotAllowed."""
        if not self.has(*roles):
            raise NotAllowed


OPERATOR = Actor("operator", frozenset(Role))
"""Whoever has a shell on the server."""

SCHEDULE = Actor("schedule", frozenset())
"""The server by itself, when something is due. It may nothing that is asked of an actor."""

NO_ACCOUNTS = (OPERATOR.name, SCHEDULE.name)
"""Names of actors that are no accounts' identifiers."""

_OF = Statement("SELECT role FROM roles WHERE account_id = :account_id")


def of(account_id: str) -> frozenset[Role]:
    """The roles of an account, at this moment. One that this version does not know gives nothing."""
    known = set(Role)
    return frozenset(Role(role) for (role,) in _OF.all(account_id=account_id) if role in known)


def of_within(session: Session, account_id: str) -> frozenset[Role]:
    """As `of`, as the caller's transaction sees it."""
    query = sa.select(RoleGiven.role).where(RoleGiven.account_id == account_id)
    return frozenset(Role(role) for role in session.scalars(query) if role in set(Role))


@dataclass(frozen=True)
class Holder:
    """An account with its roles; `id` is the account's."""

    id: str
    name: str
    username: str
    status: str
    roles: tuple[Role, ...]
    since: datetime  # of the first of them


def holders() -> list[Holder]:
    """Every account that has a role, by name."""
    query = sa.select(Account, RoleGiven.role, RoleGiven.given_at).join(
        RoleGiven, RoleGiven.account_id == Account.id
    )
    found: dict[str, tuple[Account, list[str], list[datetime]]] = {}
    for account, role, given_at in db.session.execute(query):
        _, names, moments = found.setdefault(account.id, (account, [], []))
        names.append(role)
        moments.append(given_at)
    made = (
        Holder(
            account.id,
            account.display_name,
            account.username,
            account.status,
            tuple(role for role in Role if role.value in names),
            min(moments),
        )
        for account, names, moments in found.values()
    )
    return sorted(made, key=lambda holder: holder.name.casefold())


def choose(account_id: str, roles: Iterable[Role], by: Actor) -> None:
    """Let an account have exactly `roles`. Raises NotAllowed, NoSuchAccount and LastAdmin."""
    by.must_have(Role.ADMIN)
    wanted = set(roles)
    with writing() as session:
        if session.get(Account, account_id) is None:
            raise NoSuchAccount
        if Role.ADMIN not in wanted:
            keep_an_admin(session, without=account_id)
        set_roles(session, account_id, wanted, by)


def set_roles(session: Session, account_id: str, wanted: Iterable[Role], by: Actor) -> None:
    """As `choose`, as part of the caller's transaction, which has checked all.

    Whoever gets a role loses the links that were mailed before: some may be in the hands of a helper, who could change
    the account as long as it had none.
    """
    now = clock.now()
    wanted = set(wanted)
    _lock(session, account_id)
    query = sa.select(RoleGiven).where(RoleGiven.account_id == account_id).with_for_update()
    had = {Role(row.role): row for row in session.scalars(query) if row.role in set(Role)}
    for role in sorted(set(had) - wanted):
        session.delete(had[role])
        _audit(session, Event.ROLE_TAKEN, account_id, had, set(had) - {role}, by, now)
    for role in sorted(wanted - set(had)):
        session.add(RoleGiven(account_id=account_id, role=role.value, given_at=now, given_by=by.name))
        _audit(session, Event.ROLE_GIVEN, account_id, had, set(had) | {role}, by, now)
    if wanted - set(had):
        _forget_links(session, account_id, now)


def _forget_links(session: Session, account_id: str, now: datetime) -> None:
    """Close the address change that waits; kill each link that gives the account or its address to its holder.

    An invitation stays: it went to the address that the account has now, for a change of address kills it.
    """
    address_change.close_pending(session, account_id)
    for purpose in (Purpose.UNDO_ADDRESS, Purpose.DISOWN, Purpose.RESET):
        links.withdraw(session, now, purpose, account_id=account_id)


def _lock(session: Session, account_id: str) -> None:
    """Nobody else gives this account a role, or changes it as one without, until the caller's transaction ends."""
    session.execute(sa.select(Account.id).where(Account.id == account_id).with_for_update())


def _audit(
    session: Session,
    event: Event,
    account_id: str,
    before: Iterable[Role],
    after: Iterable[Role],
    by: Actor,
    now: datetime,
) -> None:
    audit.record(
        session,
        event,
        at=now,
        actor=by.name,
        account_id=account_id,
        address=by.address,
        changes={"roles": [sorted(before), sorted(after)]},
    )


def keep_an_admin(session: Session, *, without: str) -> None:
    """Hold that somebody else than this account may everything, until the caller's transaction ends.

    Two admins who remove each other at the same moment wait for each other here. Raises LastAdmin.
    """
    admins = (
        sa.select(Account.id)
        .join(RoleGiven, RoleGiven.account_id == Account.id)
        .where(RoleGiven.role == Role.ADMIN.value, Account.status == ACTIVE)
        .order_by(Account.id)
        .with_for_update()
    )
    found = set(session.scalars(admins))
    if found == {without}:
        raise LastAdmin


def must_may_change(session: Session, account_id: str, by: Actor) -> None:
    """Accounts that have a role are changed by admins alone: else support could become one. Raises NotAllowed.

    Holds until the caller's transaction ends: the account's row is locked, as whoever gives a role must lock it.
    Raises NoSuchAccount for what is no identifier.
    """
    by.must_have(Role.SUPPORT)
    if not is_identifier(account_id):
        raise NoSuchAccount
    if by.has(Role.ADMIN):
        return
    _lock(session, account_id)
    query = sa.select(RoleGiven.role).where(RoleGiven.account_id == account_id).limit(1)
    if session.scalars(query).first() is not None:
        raise NotAllowed

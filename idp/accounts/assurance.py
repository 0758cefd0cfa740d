"""Strong identification of the people behind accounts: who must have one, and what it changes.

Who somebody is, is found out by idp/upstream; here it meets accounts and sessions. A person has one strongly
identified account. Its names are those of the identification; the person chooses which given name they go by.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from idp import audit, clock, upstream
from idp.accounts import protection
from idp.accounts.authentication import Visitor
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients.registry import Client
from idp.database import db, writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.assurance import ACR_PASSWORD, ACR_STRONG, AMR_STRONG
from idp.sessions import browser
from idp.sessions.browser import CurrentSession
from idp.upstream import persons, tickets
from idp.upstream.persons import AlreadyBound, AlreadySomebodyElse, Outdated
from idp.upstream.tickets import Identified, Proof, TicketGone

log = structlog.get_logger(__name__)


class OtherPerson(Exception):
    """Somebody else identified themselves than the one whose account it is."""


class PersonHasAccount(Exception):
    """The person has a strongly identified account already; `account_id` is it."""

    def __init__(self, account_id: str | None = None) -> None:
        super().__init__("the person has an account")
        self.account_id = account_id


def possible() -> frozenset[str]:
    """The levels that a login here can have."""
    return frozenset({ACR_PASSWORD, ACR_STRONG} if upstream.is_configured() else {ACR_PASSWORD})


def needed_to_register(client: Client | None) -> bool:
    """Whether an account is created after an identification alone, on behalf of a client or of nobody."""
    own = client.options.registration_assurance if client else None
    return (own or rules().settings.accounts.registration_assurance) == "strong"


def must_be_identified(client: Client, account_id: str) -> bool:
    """Whether only people who have identified themselves once use that client, and this account's owner has not.

    However the account came to be: created for another client or for none, or by an administrator.
    """
    return needed_to_register(client) and persons.of_account(account_id) is None


def tells_names_apart(identified: Identified) -> bool:
    """Some providers tell one name that is all of them: then the person types them, as without identification."""
    return bool(identified.given_names and identified.family_name)


def given_names(identified: Identified) -> list[str]:
    """The names among which the person chooses the one that they go by."""
    return (identified.given_names or "").split()


def registered_names(account: Account) -> tuple[list[str], str] | None:
    """Given names and last name of the person as they were identified; None where people type them."""
    identity = persons.of_account(account.id)
    if identity is None or not identity.given_names or not identity.family_name:
        return None
    return identity.given_names.split(), identity.family_name


def bind(session: Session, account: Account, identified: Identified) -> None:
    """Let an account be that person's, with their registered names. Raises PersonHasAccount and TicketGone."""
    try:
        persons.bind(session, account.id, identified)
    except (AlreadyBound, AlreadySomebodyElse) as error:
        raise PersonHasAccount from error
    except Outdated as error:
        raise TicketGone from error
    changes = _take_names(account, identified)
    audit.record(session, Event.IDENTITY_BOUND, at=clock.now(), account_id=account.id, changes=changes)


def _tell_owner(session: Session, account: Account, kind: str) -> None:
    """Mail the owner what an identification did to their account, with a way to take it back."""
    now = clock.now()
    link, days = protection.disown_link(session, account, rules())
    message = compose(
        kind,
        account.email or outbox.NOBODY,
        account.language,
        name=account.given_name,
        when=now,
        link=link,
        days=days,
    )
    outbox.put(session, rules().vault, message, now, discard=not account.email)


def tell_released(session: Session, account: Account) -> None:
    """Mail the owner that their account is nobody's in particular again, as part of the caller's transaction."""
    now = clock.now()
    to = account.email or outbox.NOBODY
    message = compose("identity_released", to, account.language, name=account.given_name, when=now)
    outbox.put(session, rules().vault, message, now, discard=not account.email)


def _take_names(account: Account, identified: Identified) -> dict[str, Any]:
    """The registered names, as far as they are told; the given name that the person goes by stays if it is one.

    Returns what has changed, for the audit log.
    """
    if not tells_names_apart(identified):
        return {}
    names = given_names(identified)
    before = {"given_name": account.given_name, "family_name": account.family_name}
    kept = account.given_name if account.given_name in {*names, identified.given_names} else names[0]
    changes = audit.difference(before, {"given_name": kept, "family_name": identified.family_name})
    if changes:
        account.given_name, account.family_name = kept, identified.family_name
        account.updated_at = clock.now()
    return changes


@dataclass(frozen=True)
class Doubt:
    """The names of an account and of the person to whom it would be bound: not the same last name."""

    account: str
    person: str


def doubt(proof: Proof, current: CurrentSession) -> Doubt | None:
    """Whether the person should say that the account is theirs before it is bound to them, and why.

    Somebody may sit at the computer of another person, who is logged in.
    """
    identified = tickets.find(proof.ticket, browser=proof.browser)
    account = db.session.get(Account, current.account_id)
    if identified is None or account is None or not tells_names_apart(identified) or not account.family_name:
        return None
    if persons.of_account(account.id) is not None or persons.account_of(identified) is not None:
        return None
    if account.family_name.casefold().split() == identified.family_name.casefold().split():
        return None
    return Doubt(account.display_name, f"{identified.given_names} {identified.family_name}")


@dataclass(frozen=True)
class Raised:
    """A session of the strong level: the value of its cookie."""

    session_token: str
    remembered: bool


def step_up(proof: Proof, current: CurrentSession, visitor: Visitor) -> Raised:
    """Raise a live session by the identification that its person has just had.

    The first one binds the person to the account. Raises TicketGone, OtherPerson and PersonHasAccount.
    """
    now = clock.now()
    with writing() as session:
        identified = proof.use(session)
        account = session.get(Account, current.account_id, with_for_update=True)
        if account is None or identified.account_id != account.id:
            raise TicketGone
        if persons.of_account(account.id) is None:
            bind(session, account, identified)
            _tell_owner(session, account, "identity_bound")
        elif not persons.is_same(account.id, identified):
            raise OtherPerson
        elif changes := _take_names(account, identified):
            audit.record(
                session,
                Event.DETAILS_CHANGED,
                at=now,
                reason="identified",
                account_id=account.id,
                changes=changes,
            )
        token = browser.renew(
            session,
            current,
            acr=ACR_STRONG,
            amr=AMR_STRONG,
            auth_time=max(current.auth_time, identified.auth_time),
            now=now,
        )
        if token is None:
            raise TicketGone
        audit.record(
            session,
            Event.STEPPED_UP,
            at=now,
            account_id=account.id,
            address=visitor.address,
            device=visitor.device_name,
        )
    return Raised(token, current.remembered)


def may_get_identity_codes(client: Client) -> bool:
    """Whether a client has a recorded legal basis for what is kept here: people are asked about it, with the rest."""
    return client.options.identity_code_basis is not None and rules().settings.upstream.store_identity_code


def identity_code_for(client: Client, account_id: str, acr: str) -> str | None:
    """The personal identity code for a client that has a recorded legal basis, of somebody strongly identified.

    None for all others, and where codes are not kept. Each time that it is told is written down.
    """
    if not may_get_identity_codes(client) or acr != ACR_STRONG:
        return None
    code = persons.identity_code_of(account_id)
    if code is not None:
        with writing() as session:
            audit.record(
                session,
                Event.IDENTITY_CODE_TOLD,
                at=clock.now(),
                account_id=account_id,
                client_id=client.client_id,
            )
    return code


def refused(account_id: str, because: OtherPerson | PersonHasAccount, visitor: Visitor) -> None:
    """Write down that an identification did not fit an account, and tell its owner."""
    reason = "other person" if isinstance(because, OtherPerson) else "person has another account"
    with writing() as session:
        account = session.get(Account, account_id)
        if account is not None:
            _tell_owner(session, account, "identity_refused")
        audit.record(
            session,
            Event.STEPPED_UP,
            at=clock.now(),
            outcome="failure",
            reason=reason,
            account_id=account_id,
            address=visitor.address,
            device=visitor.device_name,
        )

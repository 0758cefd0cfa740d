"""Logging in: name and password, the lockout, a new session. The order of the steps hides who exists.

For every name, known or not, the same statements run and the same hash is computed; what the counters say is judged
before the password is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import counters
from idp.accounts.hashing import Verdict, hasher
from idp.accounts.models import Account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import Statement, writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy import lockout, usernames
from idp.sessions import browser

ACR_PASSWORD = "urn:tunnus:acr:password"  # noqa: S105
AMR_PASSWORD = ("pwd",)  # RFC 8176


class LoginRefused(Exception):
    """The login did not succeed; the subclass says why, as far as the person may be told."""


class WrongCredentials(LoginRefused):
    """Unknown name or wrong password: nobody learns which."""


class AccountLocked(LoginRefused):
    """Too many wrong passwords; told for right and wrong ones alike, for known and unknown names alike."""


class AttemptsCrowded(LoginRefused):
    """As many passwords as are still allowed are being checked at this very moment."""


class NotActivated(LoginRefused):
    """The password was right, but the mailed link has not been used."""

    def __init__(self, registration_id: str) -> None:
        super().__init__("not activated")
        self.registration_id = registration_id


class AccountDisabled(LoginRefused):
    """The password was right, but an administrator has disabled the account."""


@dataclass(frozen=True)
class Visitor:
    """Where a request comes from."""

    address: str | None
    user_agent: str | None
    device: str | None  # value of the known-device cookie


@dataclass(frozen=True)
class LoggedIn:
    """A new session: the value of its cookie, and of the known-device cookie."""

    account_id: str
    session_token: str
    device: str
    language: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What the name stands for: an account, a registration that waits for activation, or nothing."""

    account_id: str | None = None
    registration_id: str | None = None
    password_hash: str | None = None
    active: bool = False
    language: str = ""


_FIND = Statement(
    "SELECT id, NULL, password_hash, status, language FROM accounts WHERE username_key = :key"
    " UNION ALL SELECT NULL, id, password_hash, 'pending', language FROM (SELECT id, password_hash, language"
    " FROM registrations WHERE username_key = :key AND closed_at IS NULL ORDER BY created_at DESC LIMIT 1) waiting"
)


def log_in(
    username: str, password: str, *, remember: bool, visitor: Visitor, new_device: str, rules: Rules
) -> LoggedIn:
    """Check a name and a password and begin a session.

    `new_device` becomes this browser's known-device cookie if it has none. Raises LoginRefused (see its subclasses)
    and HashingBusy.
    """
    key = usernames.comparison_key(username)
    candidate = _find(key)
    known = browser.knows_device(visitor.device, candidate.account_id)
    counter_key = _counter_key(key, candidate, visitor.device if known else None, rules)
    reservation = _begin(counter_key, candidate, visitor, rules)
    try:
        verdict = hasher().verify(password, candidate.password_hash)
        fresh_hash = hasher().hash(password) if verdict.outdated else None
    except BaseException:
        _conclude(counter_key, rules.lockout.withdrawn, reservation)
        raise
    if reservation.is_void(clock.now()):
        raise AttemptsCrowded  # it took so long that its place has gone to somebody else
    if not verdict.matches:
        _refuse(counter_key, candidate, reservation, visitor, rules, by_device=known)
    if candidate.registration_id or not candidate.active:
        _conclude(counter_key, rules.lockout.succeeded, reservation)
        raise NotActivated(candidate.registration_id) if candidate.registration_id else AccountDisabled
    return _start_session(
        candidate, counter_key, reservation, fresh_hash, remember, visitor, new_device, rules
    )


def check_password(counter_key: str, password: str, stored: str | None, rules: Rules) -> Verdict:
    """Compare one password under a counter of its own. Raises AccountLocked, AttemptsCrowded and HashingBusy."""
    reservation = _begin(counter_key, _Candidate(), Visitor(None, None, None), rules)
    try:
        verdict = hasher().verify(password, stored)
    except BaseException:
        _conclude(counter_key, rules.lockout.withdrawn, reservation)
        raise
    _conclude(counter_key, rules.lockout.succeeded if verdict.matches else rules.lockout.failed, reservation)
    return verdict


def _find(key: str) -> _Candidate:
    row = _FIND.one(key=key)
    if row is None:
        return _Candidate()
    account_id, registration_id, password_hash, status, language = row
    return _Candidate(account_id, registration_id, password_hash, status == "active", language)


def _counter_key(key: str, candidate: _Candidate, device: str | None, rules: Rules) -> str:
    if candidate.account_id is None:
        return counters.key_of_name(rules.vault, key)
    if device is not None:
        return counters.key_of_device(rules.vault, candidate.account_id, device)
    return counters.key_of_account(rules.vault, candidate.account_id)


def _begin(counter_key: str, candidate: _Candidate, visitor: Visitor, rules: Rules) -> lockout.Reservation:
    """Reserve one of the allowed attempts, so that parallel guesses cannot exceed them."""
    now = clock.now()
    decision = lockout.Decision(lockout.Verdict.LOCKED, lockout.Counter())

    def begin(counter: lockout.Counter) -> lockout.Counter:
        nonlocal decision
        decision = rules.lockout.begin(counter, now)
        return decision.counter

    with writing() as session:
        counters.change(session, counter_key, begin, now)
        if decision.verdict is lockout.Verdict.LOCKED:
            _audit_failure(session, candidate, visitor, "locked", now)
    if decision.verdict is lockout.Verdict.LOCKED:
        raise AccountLocked
    if decision.reservation is None:
        raise AttemptsCrowded
    return decision.reservation


Transition = Callable[[lockout.Counter, lockout.Reservation, datetime], lockout.Counter]


def _conclude(counter_key: str, transition: Transition, reservation: lockout.Reservation) -> None:
    now = clock.now()
    with writing() as session:
        counters.change(session, counter_key, lambda counter: transition(counter, reservation, now), now)


def _refuse(
    counter_key: str,
    candidate: _Candidate,
    reservation: lockout.Reservation,
    visitor: Visitor,
    rules: Rules,
    *,
    by_device: bool,
) -> None:
    """Count the failure; the one that locks is told to the owner once, by mail."""
    now = clock.now()
    with writing() as session:
        counter = counters.change(
            session, counter_key, lambda c: rules.lockout.failed(c, reservation, now), now
        )
        locks = rules.lockout.is_locked(counter, now)
        _audit_failure(session, candidate, visitor, "locking_failure" if locks else "wrong_credentials", now)
        if locks and candidate.account_id and not by_device:
            _tell_owner(session, candidate.account_id, counter, rules, now)
    raise AccountLocked if locks else WrongCredentials


def _tell_owner(
    session: Session, account_id: str, counter: lockout.Counter, rules: Rules, now: datetime
) -> None:
    account = session.get_one(Account, account_id)
    audit.record(session, Event.LOCKED, at=now, account_id=account_id)
    if account.email:
        message = compose(
            "locked", account.email, account.language, name=account.given_name, until=counter.locked_until
        )
        outbox.put(session, rules.vault, message, now)


def _audit_failure(
    session: Session, candidate: _Candidate, visitor: Visitor, reason: str, now: datetime
) -> None:
    audit.record(
        session,
        Event.LOGGED_IN,
        at=now,
        outcome="failure",
        reason=reason,
        account_id=candidate.account_id,
        address=visitor.address,
    )


def _start_session(
    candidate: _Candidate,
    counter_key: str,
    reservation: lockout.Reservation,
    fresh_hash: str | None,
    remember: bool,
    visitor: Visitor,
    new_device: str,
    rules: Rules,
) -> LoggedIn:
    now = clock.now()
    account_id = candidate.account_id or ""
    device = visitor.device or new_device
    with writing() as session:
        counters.change(session, counter_key, lambda c: rules.lockout.succeeded(c, reservation, now), now)
        token = browser.start(
            session,
            account_id,
            remembered=remember,
            acr=ACR_PASSWORD,
            amr=AMR_PASSWORD,
            lifetimes=rules.lifetimes,
            now=now,
            user_agent=visitor.user_agent,
            address=visitor.address,
        )
        browser.remember_device(session, device, account_id, now)
        if fresh_hash is not None:
            session.get_one(Account, account_id).password_hash = fresh_hash
        audit.record(session, Event.LOGGED_IN, at=now, account_id=account_id, address=visitor.address)
    return LoggedIn(account_id, token, device, candidate.language)

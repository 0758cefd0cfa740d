"""Logging in: name and password, the lockout, a new session. The order of the steps hides who exists.

For every name, known or not, the same statements run and the same hash is computed; what the counters say is judged
before the password is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import acceptance, counters, protection
from idp.accounts.hashing import Verdict, hasher
from idp.accounts.models import ACTIVE, CLOSING, Account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import Statement, writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy import lockout, usernames
from idp.policy.assurance import ACR_PASSWORD, AMR_PASSWORD
from idp.sessions import browser
from idp.sessions.browser import CurrentSession, Device
from idp.sessions.devices import device_name


class LoginRefused(Exception):
    """The login did not succeed; the subclass says why, as far as the person may be told."""


class WrongCredentials(LoginRefused):
    """Unknown name or wrong password: nobody learns which."""


class AccountLocked(LoginRefused):
    """Too many wrong passwords; told for right and wrong ones alike, for known and unknown names alike."""


class AttemptsCrowded(LoginRefused):
    """As many passwords as are still allowed are being checked at this very moment."""


class NotActivated(LoginRefused):
    """The password is that of a registration whose mailed link has not been used.

    It is told for known addresses too: whether the registration can ever be activated, only its mail tells.
    """

    def __init__(self, registration_id: str) -> None:
        super().__init__("not activated")
        self.registration_id = registration_id


class AccountDisabled(LoginRefused):
    """The password was right, but an administrator has disabled the account."""


class AccountClosing(LoginRefused):
    """The password was right, but the owner has ordered the deletion, which the mailed link cancels."""


@dataclass(frozen=True)
class Visitor:
    """Where a request comes from, and what its browser already holds."""

    address: str | None = None
    user_agent: str | None = None
    device: str | None = None  # value of the known-device cookie
    session: CurrentSession | None = None  # a login that this one takes the place of

    @property
    def device_name(self) -> str:
        return device_name(self.user_agent)


@dataclass(frozen=True)
class LoggedIn:
    """A new session: the value of its cookie, and of the known-device cookie."""

    account_id: str
    session_token: str
    device: str
    language: str


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
    attempt = _Attempt.begin(counter_key, candidate, visitor, rules)
    verdict, fresh_hash = attempt.verify(password)
    if candidate.is_registered(verdict):
        # Counted like a wrong password, since for a known address it is one: else each registration were a free guess.
        attempt.refuse(on_device=known, because=NotActivated(candidate.registration_id or ""))
    if not verdict.matches:
        attempt.refuse(on_device=known)
    if candidate.status != ACTIVE:
        attempt.turn_away()
    return attempt.start_session(fresh_hash, remember, visitor.device or new_device)


def check_password(counter_key: str, password: str, stored: str | None, rules: Rules) -> bool:
    """Compare one password under a counter of its own. Raises AccountLocked, AttemptsCrowded and HashingBusy."""
    attempt = _Attempt.begin(counter_key, _Candidate(password_hash=stored), Visitor(), rules)
    verdict, _ = attempt.verify(password)
    attempt.conclude(rules.lockout.succeeded if verdict.matches else rules.lockout.failed)
    return verdict.matches


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What the name stands for: an account, a registration that waits for activation, both, or nothing."""

    account_id: str | None = None
    registration_id: str | None = None
    password_hash: str | None = None  # the account's, else the registration's
    registered_hash: str | None = None  # the registration's, where there is an account too
    status: str = ""
    language: str = ""

    def is_registered(self, verdict: Verdict) -> bool:
        """Whether the password is the registration's and not the account's."""
        if self.account_id is None:
            return verdict.matches
        return verdict.matches_other and not verdict.matches


REGISTERED = "registered"

_FIND = Statement(
    "SELECT id, password_hash, status, language FROM accounts WHERE username_key = :key"
    " UNION ALL SELECT id, password_hash, 'registered', language FROM (SELECT id, password_hash, language"
    " FROM registrations WHERE username_key = :key AND account_id IS NULL AND password_hash <> ''"
    " ORDER BY created_at DESC LIMIT 1) registered"
)


def _find(key: str) -> _Candidate:
    candidate = _Candidate()
    for identifier, password_hash, status, language in _FIND.all(key=key):  # the account comes first
        if status != REGISTERED:
            candidate = _Candidate(identifier, None, password_hash, None, status, language)
        elif candidate.account_id is None:
            candidate = _Candidate(None, identifier, password_hash, None, status, language)
        else:
            candidate = replace(candidate, registration_id=identifier, registered_hash=password_hash)
    return candidate


def _counter_key(key: str, candidate: _Candidate, device: str | None, rules: Rules) -> str:
    if candidate.account_id is None:
        return counters.key_of_name(rules.vault, key)
    if device is not None:
        return counters.key_of_device(rules.vault, candidate.account_id, device)
    return counters.key_of_account(rules.vault, candidate.account_id)


Transition = Callable[[lockout.Counter, lockout.Reservation, datetime], lockout.Counter]


@dataclass(frozen=True)
class _Attempt:
    """One of the attempts that the lockout still allows, from its reservation to its outcome."""

    counter_key: str
    candidate: _Candidate
    visitor: Visitor
    rules: Rules
    reservation: lockout.Reservation

    @classmethod
    def begin(cls, counter_key: str, candidate: _Candidate, visitor: Visitor, rules: Rules) -> "_Attempt":
        """Reserve one, so that parallel guesses cannot exceed them. Raises AccountLocked and AttemptsCrowded."""
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
        return cls(counter_key, candidate, visitor, rules, decision.reservation)

    def verify(self, password: str) -> tuple[Verdict, str | None]:
        """Compare in the hashing pool; with it a new hash when the stored one is outdated.

        Raises HashingBusy, and AttemptsCrowded when it took so long that the place has gone to somebody else.
        """
        try:
            verdict = hasher().verify(password, self.candidate.password_hash, self.candidate.registered_hash)
            fresh_hash = hasher().hash(password) if verdict.outdated else None
        except BaseException:
            self.conclude(self.rules.lockout.withdrawn)
            raise
        if self.reservation.is_void(clock.now()):
            raise AttemptsCrowded
        return verdict, fresh_hash

    def conclude(self, transition: Transition) -> None:
        """Write the outcome into the counter."""
        now = clock.now()
        with writing() as session:
            self._change(session, transition, now)

    def _change(self, session: Session, transition: Transition, now: datetime) -> lockout.Counter:
        return counters.change(session, self.counter_key, lambda c: transition(c, self.reservation, now), now)

    def refuse(self, *, on_device: bool, because: LoginRefused | None = None) -> NoReturn:
        """Count the failure; the one that locks is told to the owner once, by mail. Raises LoginRefused.

        `on_device`: the counter is that of a known device, and so is the lock.
        """
        now = clock.now()
        with writing() as session:
            counter = self._change(session, self.rules.lockout.failed, now)
            locks = self.rules.lockout.is_locked(counter, now)
            reason = "locking_failure" if locks else "wrong_credentials"
            _audit_failure(session, self.candidate, self.visitor, reason, now)
            if locks:
                self._tell_owner(session, counter.locked_until, now, on_device=on_device)
        if locks:
            raise AccountLocked
        raise because or WrongCredentials

    def turn_away(self) -> NoReturn:
        """The password was right, the account is not in use: reset the counter. Raises LoginRefused."""
        now = clock.now()
        closing = self.candidate.status == CLOSING
        with writing() as session:
            self._change(session, self.rules.lockout.succeeded, now)
            reason = "closing" if closing else "disabled"
            _audit_failure(session, self.candidate, self.visitor, reason, now)
        raise AccountClosing if closing else AccountDisabled

    def _tell_owner(
        self, session: Session, until: datetime | None, now: datetime, *, on_device: bool
    ) -> None:
        """Mail "locked" to the owner; for a name without one the same work is done for nobody."""
        account = session.get(Account, self.candidate.account_id or "")
        to = account.email if account else None
        language = account.language if account else self.rules.settings.site.languages[0]
        name = account.given_name if account else None
        message = compose(
            "locked",
            to or outbox.NOBODY,
            language,
            name=name,
            until=until,
            on_device=on_device,
            device=self.visitor.device_name,
        )
        outbox.put(session, self.rules.vault, message, now, discard=to is None)
        audit.record(
            session,
            Event.LOCKED,
            at=now,
            account_id=self.candidate.account_id,
            address=self.visitor.address,
            device=self.visitor.device_name,
        )

    def _tell_new_device(self, session: Session, account_id: str, now: datetime) -> None:
        """Mail the owner of an account that has been used on other devices before (ASVS 6.3.5)."""
        account = session.get_one(Account, account_id)
        if not account.email:
            return
        link, days = protection.disown_link(session, account, self.rules)
        message = compose(
            "new_device",
            account.email,
            account.language,
            name=account.given_name,
            when=now,
            device=self.visitor.device_name,
            address=self.visitor.address,
            link=link,
            days=days,
        )
        outbox.put(session, self.rules.vault, message, now)

    def start_session(self, fresh_hash: str | None, remember: bool, device: str) -> LoggedIn:
        """The password was right: reset the counter and begin the session, in one transaction."""
        now = clock.now()
        account_id = self.candidate.account_id or ""
        with writing() as session:
            self._change(session, self.rules.lockout.succeeded, now)
            token = browser.start(
                session,
                account_id,
                replaces=self.visitor.session,
                remembered=remember,
                acr=ACR_PASSWORD,
                amr=AMR_PASSWORD,
                lifetimes=self.rules.lifetimes,
                now=now,
                user_agent=self.visitor.user_agent,
                address=self.visitor.address,
                terms_due=acceptance.is_due(session, account_id, self.candidate.language),
            )
            if browser.remember_device(session, device, account_id, now) is Device.NEW_TO_ACCOUNT:
                self._tell_new_device(session, account_id, now)
            used = {"last_login_at": now, "warned_at": None}
            changed = used | {"password_hash": fresh_hash} if fresh_hash else used
            session.execute(sa.update(Account).where(Account.id == account_id).values(**changed))
            audit.record(
                session,
                Event.LOGGED_IN,
                at=now,
                account_id=account_id,
                address=self.visitor.address,
                device=self.visitor.device_name,
            )
        return LoggedIn(account_id, token, device, self.candidate.language)


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
        device=visitor.device_name,
    )

"""Sending a browser to the broker and taking it back: once, in the same browser, within 15 minutes.

Whatever fails is a named refusal for the page and a reason for the log; neither names a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from idp import audit, clock, upstream
from idp.accounts.rules import rules
from idp.audit import Event
from idp.crypto import hash_token, random_token
from idp.database import Statement, instant, writing
from idp.policy.identity_code import IdentityCode
from idp.policy.lifetimes import is_live
from idp.upstream import person_keys, persons, tickets
from idp.upstream.models import PendingIdentification
from idp.upstream.providers import Evidence, Expected, Question, Refusal, Refused, UpstreamUnavailable
from idp.upstream.purposes import Purpose
from idp.upstream.tickets import Identified

__all__ = ["Outcome", "Purpose", "Refusal", "UpstreamUnavailable", "begin", "finish"]

log = structlog.get_logger(__name__)

LIFETIME = timedelta(minutes=15)
MAX_STATE = 100  # characters


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """How an identification ended: a ticket for a cookie of this browser, or a refusal.

    What it was for is unknown (None) when it was not begun in this browser.
    """

    purpose: Purpose | None = None
    language: str | None = None
    request_id: str | None = None
    client_id: str | None = None
    account_id: str | None = None
    ticket: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    purpose: Purpose
    language: str
    request_id: str | None
    client_id: str | None
    account_id: str | None
    nonce_hash: str

    def outcome(self, *, ticket: str | None = None, refusal: Refusal | None = None) -> Outcome:
        return Outcome(
            self.purpose, self.language, self.request_id, self.client_id, self.account_id, ticket, refusal
        )


def begin(
    purpose: Purpose,
    *,
    browser: str,
    language: str,
    request_id: str | None,
    client_id: str | None,
    account_id: str | None,
    service_name: str,
) -> str:
    """The address to send the browser to. `browser` is the value of its cookie; only its hash is kept.

    Raises UpstreamUnavailable.
    """
    if not upstream.is_configured():
        raise UpstreamUnavailable("there is no broker")
    state, nonce, now = random_token(), random_token(), clock.now()
    try:
        address = upstream.provider().begin(Question(state, nonce, language, service_name))
    except UpstreamUnavailable as error:
        log.warning("identification not begun", reason=str(error))
        raise
    with writing() as session:
        session.add(
            PendingIdentification(
                state_hash=hash_token(state),
                browser_hash=hash_token(browser),
                nonce_hash=hash_token(nonce),
                purpose=purpose.value,
                language=language,
                request_id=request_id,
                client_id=client_id,
                account_id=account_id,
                created_at=now,
                expires_at=now + LIFETIME,
            )
        )
    return address


_TAKE = Statement(
    "UPDATE pending_identifications SET used_at = :now"
    " WHERE state_hash = :state_hash AND browser_hash = :browser_hash AND used_at IS NULL"
    " RETURNING purpose, language, request_id, client_id, account_id, nonce_hash, created_at, expires_at"
)


def finish(parameters: Mapping[str, str], *, browser: str | None) -> Outcome:
    """Judge the answer that a browser brings from the broker. It works once, whatever it is.

    An answer that was not begun in this browser uses nothing up: else whoever learns a state could spoil it.
    """
    state, now = parameters.get("state", ""), clock.now()
    row = None
    if browser and state and len(state) <= MAX_STATE and upstream.is_configured():
        row = _TAKE.one(now=now, state_hash=hash_token(state), browser_hash=hash_token(browser))
    if row is None:
        return _refused(None, Refusal.NOT_THIS_BROWSER, "unknown, used or begun in another browser")
    purpose, language, request_id, client_id, account_id, nonce_hash, created_at, expires_at = row
    pending = _Pending(Purpose(purpose), language, request_id, client_id, account_id, nonce_hash)
    if not is_live(instant(expires_at), now):
        return _refused(pending, Refusal.EXPIRED, "begun long ago")
    try:
        expected = Expected(state, nonce_hash, asked_at=instant(created_at))
        evidence = upstream.provider().finish(parameters, expected)
    except Refused as refused:
        return _refused(pending, refused.refusal, refused.reason)
    except UpstreamUnavailable as error:
        return _refused(pending, Refusal.FAILED, str(error))
    return pending.outcome(ticket=_kept(pending, evidence, browser or ""))


def _kept(pending: _Pending, evidence: Evidence, browser: str) -> str:
    """Keep who it is for this browser, and nothing else of the broker's answer. Earlier tickets of it end."""
    sealed = _sealed(evidence.code)
    while True:
        names = person_keys.names_of(evidence.code)
        with writing() as session:
            person_keys.lock(session)
            if list(names) != person_keys.numbers():
                continue  # a key was added at this very moment
            identified = _identified(pending, evidence, names, sealed)
            tickets.withdraw(session, browser=browser)
            ticket = tickets.issue(session, identified, browser=browser, now=clock.now())
            persons.seen_again(session, identified)
            _record(session, pending, "success", pending.purpose.value)
        return ticket


def _identified(
    pending: _Pending, evidence: Evidence, names: Mapping[int, str], sealed: str | None
) -> Identified:
    return Identified(
        purpose=pending.purpose,
        given_names=evidence.given_names,
        family_name=evidence.family_name,
        full_name=evidence.full_name,
        birth_date=evidence.code.birth_date,
        person_keys=names,
        acr=evidence.acr,
        amr=evidence.amr,
        auth_time=evidence.auth_time,
        broker=evidence.broker,
        account_id=pending.account_id,
        request_id=pending.request_id,
        client_id=pending.client_id,
        sealed_identity_code=sealed,
    )


def _sealed(code: IdentityCode) -> str | None:
    """The code to be kept, encrypted, where it is kept at all."""
    return rules().vault.encrypt(code.value) if persons.codes_are_kept() else None


def _refused(pending: _Pending | None, refusal: Refusal, reason: str) -> Outcome:
    log.warning("identification refused", refusal=refusal.value, reason=reason)
    with writing() as session:
        _record(session, pending, "failure", refusal.value)
    return pending.outcome(refusal=refusal) if pending else Outcome(refusal=refusal)


def _record(session: Session, pending: _Pending | None, outcome: str, reason: str) -> None:
    audit.record(
        session,
        Event.IDENTIFIED,
        at=clock.now(),
        outcome=outcome,
        reason=reason,
        account_id=pending.account_id if pending else None,
        client_id=pending.client_id if pending else None,
    )

"""What the paths need beforehand: accounts, sessions, codes and tokens, made by the domain itself."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask

from idp import clock, create_app, settings
from idp.accounts import roles, statements
from idp.accounts.hashing import hasher
from idp.accounts.models import ACTIVE, Acceptance, Account
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.audit import AuditEvent, Event
from idp.clients import registration, registry
from idp.clients.metadata import DEVICE_CODE
from idp.clients.registry import Client
from idp.crypto import hash_token, random_id, random_token
from idp.database import Base, db, transaction, writing
from idp.grants import codes, device
from idp.grants.codes import Approval
from idp.grants.models import Grant, RefreshToken
from idp.keys import keyring
from idp.oidc import tokens
from idp.policy import assurance
from idp.sessions.models import BrowserSession
from tests.support.journey import CHALLENGE
from tests.support.people import PASSWORD, REDIRECT_URI

SCOPE = "openid profile email offline_access"
CLIENT_ID = "asiointi"
BATCH = 20_000
LIFETIME = timedelta(hours=2)
FILLED = (Account, Acceptance, BrowserSession, Grant, RefreshToken, AuditEvent)

Progress = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


class Data:
    """One database with its people and one e-service."""

    def __init__(self, settings_file: Path) -> None:
        self.app: Flask = create_app(settings.load(settings_file))
        self._began = clock.now()
        self.account_ids: list[str] = []
        with self.context(), writing() as session:
            metadata = {
                "client_name": "Asiointipalvelu",
                "redirect_uris": [REDIRECT_URI],
                "scope": SCOPE,
                "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
            }
            _, self.secret = registration.create(session, metadata, client_id=CLIENT_ID)
        with self.context():
            keyring().jwks()  # makes them

    @contextmanager
    def context(self) -> Iterator[None]:
        with self.app.app_context():
            yield

    def close(self) -> None:
        with self.context():
            db.engine.dispose()
            self.app.extensions["lean"].close_idle()

    def fill(self, count: int, progress: Progress = lambda done, total: None) -> None:
        """Add so many accounts, all with one password.

        Each has accepted terms, a session, a grant, a refresh token and two events of the audit log.
        """
        with self.context(), _indexed_afterwards():
            password_hash = hasher().hash(PASSWORD)
            accepted = statements.accepted_now("fi")
            first = len(self.account_ids)
            for start in range(first, first + count, BATCH):
                numbers = range(start, min(start + BATCH, first + count))
                self._add(numbers, password_hash, accepted)
                progress(numbers.stop - first, count)

    def analyse(self) -> None:
        """Let the database count its rows, as it does by itself in time."""
        with (
            self.context(),
            db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            connection.execute(sa.text("ANALYZE"))

    def _add(self, numbers: range, password_hash: str, accepted: list[dict[str, str]]) -> None:
        now = clock.now()
        people = [(random_id(), f"asukas-{number}@example.fi") for number in numbers]
        grants = [(random_id(), account_id) for account_id, _ in people]
        accounts = [
            {
                **_name(number),
                "id": account_id,
                "kind": "resident",
                "username": name,
                "username_key": name,
                "email": name,
                "email_key": name,
                "email_verified": True,
                "password_hash": password_hash,
                "language": "fi",
                "claims": {},
                "status": ACTIVE,
                "last_login_at": now,
                "created_at": now,
                "updated_at": now,
            }
            for number, (account_id, name) in zip(numbers, people, strict=True)
        ]
        terms = [
            {"account_id": account_id, "accepted_at": now, **document}
            for account_id, _ in people
            for document in accepted
        ]
        logins = [_session_row(random_token(), account_id, now) for account_id, _ in people]
        given = [
            {
                "id": grant_id,
                "client_id": CLIENT_ID,
                "account_id": account_id,
                "sid": random_id(),
                "scope": SCOPE,
                "acr": assurance.ACR_PASSWORD,
                "amr": "pwd",
                "auth_time": int(now.timestamp()),
                "code_hash": hash_token(random_token()),
                "code_expires_at": now,
                "code_used_at": now,
                "created_at": now,
            }
            for grant_id, account_id in grants
        ]
        refresh = [_refresh_row(random_token(), grant_id, now) for grant_id, _ in grants]
        events = [
            {
                "at": self.moment_of(number),
                "event": event.value,
                "outcome": "success",
                "account_id": account_id,
                "client_id": CLIENT_ID if event is Event.LOGGED_IN else None,
                "address": "203.0.113.7",
            }
            for number, (account_id, _) in zip(numbers, people, strict=True)
            for event in (Event.ACTIVATED, Event.LOGGED_IN)
        ]
        with writing() as session:
            for model, rows in zip(FILLED, (accounts, terms, logins, given, refresh, events), strict=True):
                session.execute(sa.insert(_table(model)), rows)
        self.account_ids += [account_id for account_id, _ in people]

    def moment_of(self, number: int) -> datetime:
        """When the account of that number was activated and logged in, in the audit log: one after the other."""
        return self._began - timedelta(seconds=number)

    # -- what a path uses up; spread over all accounts

    def sessions(self, count: int) -> list[str]:
        """Values of session cookies."""
        values = [random_token() for _ in range(count)]
        now = clock.now()
        rows = [
            _session_row(value, account, now)
            for value, account in zip(values, self._some(count), strict=True)
        ]
        with self.context(), writing() as session:
            session.execute(sa.insert(BrowserSession), rows)
        return values

    def administrator(self) -> str:
        """The value of the session cookie of somebody who may everything."""
        account_id, value, now = self.account_ids[0], random_token(), clock.now()
        with self.context(), writing() as session:
            roles.set_roles(session, account_id, {Role.ADMIN}, OPERATOR)
            session.execute(sa.insert(BrowserSession), [_session_row(value, account_id, now)])
        return value

    def codes(self, count: int) -> list[str]:
        """Authorization codes that have not been used; they live longer than the settings let them."""
        values = [random_token() for _ in range(count)]
        now = clock.now()
        with self.context(), transaction():
            for value, account_id in zip(values, self._some(count), strict=True):
                codes.issue(value, _approval(account_id, int(now.timestamp())), now, now + LIFETIME)
        return values

    def access_tokens(self, count: int) -> list[str]:
        """Access tokens, each of a grant of its own."""
        return [token for token, _ in self._tokens(count)]

    def refresh_tokens(self, count: int) -> list[str]:
        pairs = self._tokens(count)
        now = clock.now()
        values = [random_token() for _ in pairs]
        rows = [
            _refresh_row(value, grant_id, now) for value, (_, grant_id) in zip(values, pairs, strict=True)
        ]
        with self.context(), writing() as session:
            session.execute(sa.insert(RefreshToken), rows)
        return values

    def device_codes(self, count: int) -> list[str]:
        """Codes of devices whose people have not decided yet; they may ask every second."""
        now = clock.now()
        with self.context(), transaction():
            begun = [
                device.begin(
                    CLIENT_ID,
                    SCOPE,
                    None,
                    interval=1,
                    vault=rules().vault,
                    now=now,
                    expires_at=now + LIFETIME,
                )
                for _ in range(count)
            ]
        return [codes.device_code for codes in begun]

    def _tokens(self, count: int) -> list[tuple[str, str]]:
        values = self.codes(count)
        made = []
        with self.context(), transaction():
            client: Client = registry.find(CLIENT_ID)  # type: ignore[assignment]
            for value in values:
                grant = codes.find(value, clock.now()).grant  # type: ignore[union-attr]
                made.append((tokens.access_token(client, grant, SCOPE), grant.id))
        return made

    def usernames(self, count: int) -> list[str]:
        """Names of accounts that have not logged in yet."""
        step = max(1, len(self.account_ids) // count)
        return [f"asukas-{number}@example.fi" for number in range(0, len(self.account_ids), step)][:count]

    def _some(self, count: int) -> Iterator[str]:
        step = max(1, len(self.account_ids) // count)
        return itertools.islice(itertools.cycle(self.account_ids[::step]), count)


def _table(model: type[Base]) -> sa.Table:
    """The table itself: inserting into the mapped class would ask for the numbers of the new rows, one by one."""
    return cast(sa.Table, model.__table__)


@contextmanager
def _indexed_afterwards() -> Iterator[None]:
    """Many rows are stored in a third of the time while no index has to follow them."""
    indexes = [index for model in FILLED for index in _table(model).indexes]
    for index in indexes:
        index.drop(db.engine)
    try:
        yield
    finally:
        for index in indexes:
            index.create(db.engine)


def _name(number: int) -> dict[str, str]:
    """A thousand first names and a thousand last names, so that searches find some and not all."""
    return {"given_name": f"Maija {number % 1000}", "family_name": f"Meikäläinen {number // 1000}"}


def _approval(account_id: str, auth_time: int) -> Approval:
    return Approval(
        client_id=CLIENT_ID,
        account_id=account_id,
        sid=random_id(),
        scope=SCOPE,
        resource=None,
        redirect_uri=REDIRECT_URI,
        nonce="nonce-1",
        claims=None,
        code_challenge=CHALLENGE,
        acr=assurance.ACR_PASSWORD,
        amr=assurance.AMR_PASSWORD,
        auth_time=auth_time,
    )


def _session_row(token: str, account_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id_hash": hash_token(token),
        "sid": random_id(),
        "account_id": account_id,
        "remembered": False,
        "acr": assurance.ACR_PASSWORD,
        "amr": " ".join(assurance.AMR_PASSWORD),
        "auth_time": now,
        "last_seen_at": now,
        "expires_at": now + LIFETIME,
        "terms_due": False,
    }


def _refresh_row(token: str, grant_id: str, now: datetime) -> dict[str, Any]:
    return {
        "token_hash": hash_token(token),
        "grant_id": grant_id,
        "client_id": CLIENT_ID,
        "created_at": now,
        "expires_at": now + LIFETIME,
        "ends_at": now + LIFETIME,
    }

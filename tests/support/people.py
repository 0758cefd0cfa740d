"""Builders: an account, a client app, a mail that waits in the outbox."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask

from idp.accounts import creation, recovery, registration
from idp.accounts.registration import Application
from idp.accounts.rules import rules
from idp.clients import registration as clients
from idp.clients.options import ClientOptions
from idp.database import db, writing
from idp.mail import outbox
from idp.mail.models import OutboxMessage
from idp.policy.usernames import EmailAddress

PASSWORD = "Kuusi;7puuta"
REDIRECT_URI = "https://asiointi.example.fi/callback"
LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Person:
    id: str
    username: str
    password: str


@dataclass(frozen=True)
class App:
    client_id: str
    secret: str | None
    redirect_uri: str

    @property
    def basic(self) -> tuple[str, str]:
        """For `auth=`."""
        return self.client_id, self.secret or ""


@dataclass(frozen=True)
class Letter:
    kind: str
    to: str
    subject: str
    text: str
    html: str

    @property
    def link(self) -> str:
        """Its first link, without scheme and host."""
        return re.sub(r"^https?://[^/]+", "", LINK.search(self.text)[0])  # type: ignore[index]


class People:
    """Makes what a test needs, in the running app's database."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def resident(
        self, username: str = "maija@example.fi", password: str = PASSWORD, **details: Any
    ) -> Person:
        """An activated account."""
        values: dict[str, Any] = {
            "given_name": "Maija",
            "family_name": "Meikäläinen",
            "language": "fi",
            "claims": {},
        }
        with self.app.app_context():
            identifier = creation.create_resident(
                EmailAddress.parse(username),
                password,
                activated=True,
                rules=rules(),
                **({"terms_accepted": True} | values | details),
            )
        return Person(identifier, username, password)

    def applicant(self, username: str, password: str = PASSWORD, language: str = "fi") -> str:
        """Somebody who has registered and not activated yet; returns the mailed link."""
        application = Application(
            EmailAddress.parse(username), password, "Maija", "Meikäläinen", None, None, None, None, language
        )
        with self.app.app_context():
            registration.register(application, browser="another", client_id=None, rules=rules())
        return next(letter.link for letter in self.letters() if letter.to == username)

    def forgetful(self, username: str) -> str:
        """Somebody who has asked for a new password; returns the mailed link."""
        with self.app.app_context():
            recovery.ask(username, language="fi", client_id=None, address=None, rules=rules())
        return next(letter.link for letter in self.letters() if letter.kind == "reset")

    def client(
        self,
        client_id: str = "asiointi",
        *,
        first_party: bool = True,
        pkce_required: bool = True,
        resource_server: bool = False,
        allowed_resources: Sequence[str] = (),
        **metadata: Any,
    ) -> App:
        """A registered client app; `metadata` is laid over that of a usual e-service."""
        values: dict[str, Any] = {
            "client_name": "Asiointipalvelu",
            "client_name#sv": "E-tjänsten",
            "client_name#en": "The e-service",
            "client_uri": "https://asiointi.example.fi/",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": ["https://asiointi.example.fi/logged-out"],
            "scope": "openid profile email address phone offline_access",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        with self.app.app_context(), writing() as session:
            made, secret = clients.create(
                session,
                values | metadata,
                client_id=client_id,
                first_party=first_party,
                pkce_required=pkce_required,
                resource_server=resource_server,
                plain_http=True,
                options=ClientOptions.checked({"allowed_resources": list(allowed_resources)}),
            )
        return App(made, secret, (values | metadata)["redirect_uris"][0])

    def letters(self) -> list[Letter]:
        """Every mail that was put into the outbox to be delivered, newest first."""
        with self.app.app_context():
            waiting = outbox.recent(rules().vault)
        return [Letter(m.kind, m.to, m.subject, m.text, m.html) for _, _, m in waiting]

    def discarded(self) -> int:
        """How many messages were composed for nobody."""
        query = sa.select(sa.func.count()).where(OutboxMessage.given_up_at.is_not(None))
        with self.app.app_context():
            return db.session.scalar(query) or 0

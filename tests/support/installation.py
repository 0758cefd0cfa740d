"""A whole installation as real programs: the provider and the demo e-service, on free ports and two sites.

The provider is at `localhost`, the e-service at `127.0.0.1`: a browser takes them for different sites, as
they are in production. What a test arranges (accounts, client apps, letters of half an hour ago) is written
by the domain into the same database.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from flask import Flask

from idp import clock, create_app
from idp.database import db
from tests.conftest import make_settings
from tests.support.harvest import Traffic
from tests.support.moments import MovableClock
from tests.support.people import App, Letter, People
from tests.support.ports import free_port
from tests.support.processes import Program

# Cheap hashes, patience with a busy disk, and no limits per network address, since a hundred people come from one
# here. The rest is the demo's own.
_SETTINGS = """\
[passwords]
bcrypt_cost = 4
[database]
timeout_seconds = 30
[limits]
login_per_address = "100000/hour"
login_per_username = "100000/hour"
registration_per_address = "100000/hour"
recovery_per_address = "100000/hour"
mail_per_name = "6/hour"
token_errors_per_address = "100000/minute"
feedback_per_address = "100000/hour"
pushed_requests_per_address = "100000/hour"
device_codes_per_address = "100000/hour"
device_entries_per_address = "100000/hour"
"""


@dataclass(frozen=True)
class Installation:
    """`provider` and `eservice` are addresses without a slash at the end; `demo` is what demo.json says."""

    provider: str
    eservice: str
    demo: dict[str, Any]
    people: People
    traffic: Traffic = field(default_factory=Traffic)
    """What the tests and their browsers have sent: nothing secret of it may stand in the log at the end."""

    def inbox(self, address: str) -> list[dict[str, Any]]:
        """The letters to an address, newest first, from /demo/inbox.json."""
        letters = httpx.get(f"{self.provider}/demo/inbox.json", trust_env=False).raise_for_status().json()
        return [letter for letter in letters if letter["to"] == address]

    def link_mailed_to(self, address: str) -> str:
        """The first link of the newest letter."""
        link: str = self.inbox(address)[0]["links"][0]
        return link

    def letter_to(self, address: str) -> Letter:
        """The newest letter, as written into the outbox."""
        return next(letter for letter in self.people.letters() if letter.to == address)

    def request_of(self, client_id: str, redirect_uri: str, **parameters: str) -> str:
        """The address of an authorization request."""
        values = {
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
            **parameters,
        }
        return f"{self.provider}/oauth2/authorize?{urlencode(values)}"

    def user_code(self, app: App) -> str:
        """What a device of a public client shows."""
        form = {"client_id": app.client_id, "scope": "openid profile email phone address offline_access"}
        answer = httpx.post(f"{self.provider}/oauth2/device_authorization", data=form, trust_env=False)
        code: str = answer.raise_for_status().json()["user_code"]
        return code

    def client_is_known(self, client_id: str, redirect_uri: str) -> bool:
        """Whether the running provider knows a client that was just made."""
        answer = httpx.get(self.request_of(client_id, redirect_uri), trust_env=False)
        return answer.status_code == 303


@contextmanager
def installation(
    folder: Path, *, database_url: str | None = None, settings: str = "", strong: bool = False
) -> Iterator[Installation]:
    """A running installation; `settings` is TOML laid over the tests' own, sections that these lack.

    `strong`: with the demo's broker, which an account then needs.
    """
    own = folder / "tests.toml"
    own.write_text(_SETTINGS + settings)
    provider, eservice = f"http://localhost:{free_port()}", f"http://127.0.0.1:{free_port()}"
    # An environment without a proxy, and without settings of the person who runs the tests.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("IDP_") and not name.lower().endswith("_proxy")
    }
    if database_url is not None:
        environment["IDP_DATABASE_URL"] = database_url
    command: list[str | Path] = [sys.executable, "-c", "from idp.cli import main; main()", "--config", own]
    command.append("demo")
    waited_for = [f"{provider}/readyz", f"{eservice}/"]
    if strong:
        broker = f"http://localhost:{free_port()}"
        command += ["--strong", "--broker", broker]
        waited_for.append(f"{broker}/.well-known/openid-configuration")
    program = Program(
        [*command, "--data", folder, "--provider", provider, "--eservice", eservice],
        log=folder / "log",
        environment=environment,
    )
    try:
        program.wait_until(lambda: all(map(_answers, waited_for)))
        demo = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        with _domain(folder, demo, database_url) as app:
            made = Installation(provider, eservice, demo, People(app))
            with made.traffic.of_httpx():
                yield made
            for letter in made.people.letters():
                made.traffic.take_text(letter.text)
            for name in ("secret_key", "eservice_secret_key"):
                made.traffic.add(name, demo[name])
            made.traffic.add("client_secret", demo["confidential_client"]["client_secret"])
    finally:
        program.stop()
    for person in ("resident", "admin"):  # the demo prints how to log in as them
        for name in ("username", "password"):
            made.traffic.secrets.pop(demo[person][name], None)
    told = made.traffic.told_in((folder / "log").read_text(errors="replace"))
    assert not told, f"secrets in the log of the programs: {sorted(told)}"


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def _domain(folder: Path, demo: dict[str, Any], database_url: str | None) -> Iterator[Flask]:
    """The domain on the installation's database, for arranging what a test needs."""
    app = create_app(
        make_settings(
            issuer=demo["issuer"],
            secrets={"keys": [demo["secret_key"]]},
            folders={"data": folder},
            database={"url": database_url or f"sqlite:///{folder / 'tunnus.db'}"},
        )
    )
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
            app.extensions["lean"].close_idle()


@contextmanager
def minutes_ago(minutes: float) -> Iterator[None]:
    """What the domain writes inside this block, it wrote that long ago. The running provider's clock stays."""
    with clock.use(MovableClock(clock.now() - timedelta(minutes=minutes))):
        yield

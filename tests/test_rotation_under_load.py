"""Keys rotate on schedule in two worker processes under load: nothing fails, no relying party meets an unknown key."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import clock, keys
from idp.database import writing
from idp.keys import SigningKey
from idp.schedule import ScheduledJob
from tests.conftest import migrate
from tests.support.installation import Installation, installation
from tests.support.journey import CHALLENGE, VERIFIER
from tests.support.people import App, Person
from tests.support.postgresql import PostgreSQL

RELYING_PARTIES = 4
PATIENCE = 60.0  # seconds; the schedule looks every five


@pytest.fixture
def place(postgresql_server: PostgreSQL, tmp_path: Path) -> Iterator[Installation]:
    name = postgresql_server.template("schema", lambda url: migrate(url, tmp_path))
    with (
        postgresql_server.database(name) as url,
        installation(tmp_path, database_url=url, settings="[server]\nworkers = 2\n") as running,
    ):
        yield running


@dataclass
class RelyingParty:
    """Logs one person in again and again, with the key set of its start, as a client does that caches it."""

    place: Installation
    service: App
    person: Person
    stop: threading.Event
    problems: list[str] = field(default_factory=list)
    kids: list[str] = field(default_factory=list)

    def run(self) -> None:
        try:
            with closing(httpx.Client(base_url=self.place.provider, trust_env=False)) as browser:
                known = KeySet.import_key_set(browser.get("/oauth2/jwks").json())
                self._log_in(browser)
                while not self.stop.is_set():
                    self._once(known)
        except Exception as error:  # noqa: BLE001 - the test tells of it
            self.problems.append(repr(error))

    def _log_in(self, browser: httpx.Client) -> None:
        page = browser.get("/login")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert token is not None
        fields = {"csrf_token": token[1], "username": self.person.username, "password": self.person.password}
        assert browser.post("/login", data=fields).status_code == 303
        self._cookies = browser.cookies

    def _once(self, known: KeySet) -> None:
        # A connection of its own each time, so that either worker may answer.
        with httpx.Client(base_url=self.place.provider, trust_env=False, cookies=self._cookies) as browser:
            address = self.place.request_of(
                self.service.client_id, self.service.redirect_uri, prompt="none", code_challenge=CHALLENGE
            )
            answer = parse_qs(urlsplit(browser.get(address).headers["Location"]).query)
            tokens = browser.post(
                "/oauth2/token",
                auth=self.service.basic,
                data={
                    "grant_type": "authorization_code",
                    "code": answer["code"][0],
                    "redirect_uri": self.service.redirect_uri,
                    "code_verifier": VERIFIER,
                },
            ).json()
            assert "id_token" in tokens, tokens
            token = jwt.decode(tokens["id_token"], known, algorithms=["RS256"])
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert browser.get("/oauth2/userinfo", headers=headers).status_code == 200
        self.kids.append(token.header["kid"])


def make_it_due(place: Installation) -> None:
    long_ago = clock.now() - timedelta(days=91)
    with place.people.app.app_context(), writing() as session:
        session.execute(
            sa.update(SigningKey).where(SigningKey.state == keys.ACTIVE).values(activated_at=long_ago)
        )
        session.execute(sa.update(ScheduledJob).where(ScheduledJob.name == "keys").values(due_at=long_ago))


@pytest.mark.postgresql
def test_scheduled_rotation_under_load_fails_nobody(place: Installation) -> None:
    service = place.people.client("kuorma")
    stop = threading.Event()
    parties = [
        RelyingParty(place, service, place.people.resident(f"kuorma{number}@example.fi"), stop)
        for number in range(RELYING_PARTIES)
    ]
    threads = [threading.Thread(target=party.run) for party in parties]
    deadline = time.monotonic() + PATIENCE
    while not place.client_is_known(service.client_id, service.redirect_uri):
        assert time.monotonic() < deadline
    for thread in threads:
        thread.start()
    try:
        wait_for(parties, lambda kids: len(kids) > 20, deadline)
        first = {kid for party in parties for kid in party.kids}
        make_it_due(place)
        # Forty logins in a row with another key, on connections of their own: both workers sign with it.
        wait_for(parties, lambda kids: len(kids) > 40 and not first & set(kids[-40:]), deadline)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)

    assert [party.problems for party in parties] == [[]] * RELYING_PARTIES
    assert len(first) == 1
    assert len({kid for party in parties for kid in party.kids}) == 2


def wait_for(parties: list[RelyingParty], enough: Callable[[list[str]], bool], deadline: float) -> None:
    while not all(enough(party.kids) for party in parties):
        assert not any(party.problems for party in parties), [party.problems for party in parties]
        assert time.monotonic() < deadline, [party.kids[-3:] for party in parties]
        time.sleep(0.1)

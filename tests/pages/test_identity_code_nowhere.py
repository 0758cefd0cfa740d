"""The personal identity code is in no page, address, header, cookie, log, letter or table, with the demo's broker.

Not in readable form, with its sign and without.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from idp.demo.broker_faults import Fault
from idp.demo.broker_people import PEOPLE
from idp.upstream import persons
from tests.conftest import AppFactory
from tests.oidc import steps as protocol
from tests.pages.steps import press, sign_up
from tests.support import journey
from tests.support.broker import Bench, bench
from tests.support.identification import way_out
from tests.support.people import People

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STRONG = "urn:tunnus:acr:strong"


class Watched:
    """A browser that keeps all that it gets."""

    def __init__(self, browser: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
        self.browser, self.seen = browser, list[str]()
        self._open = browser.open
        browser.open = self._watching  # type: ignore[method-assign]
        self._caplog = caplog

    def _watching(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = self._open(*args, **kwargs)
        self.seen += [answer.text, repr(list(answer.headers)), answer.request.url]
        return answer

    def everything(self, lines: list[Any]) -> str:
        app = self.browser.application
        letters = [f"{each.subject}{each.text}{each.html}" for each in People(app).letters()]
        cookies = [repr(cookie) for cookie in self.browser._cookies.values()]  # type: ignore[attr-defined]
        stored = protocol.everything_stored(app)
        return "\n".join([*self.seen, *letters, *cookies, stored, repr(lines), self._caplog.text])


@pytest.fixture
def place(make_app: AppFactory) -> Iterator[Bench]:
    with bench(make_app, accounts={"registration_assurance": "strong"}) as made:
        yield made


def come_back(place: Bench, sent: TestResponse, person: str) -> str:
    """The address of our callback, as the real broker sends it."""
    answer = place.visit(way_out(sent))
    brought = place.answer(answer, person)
    return "/upstream/callback?" + "&".join(f"{name}={value}" for name, value in brought.items())


def is_nowhere(text: str, person: str) -> None:
    code = PEOPLE[person].code or ""
    for form in (code, code[:6] + code[7:], code.lower()):
        assert form not in text
        assert form.encode().hex() not in text


def test_not_after_a_registration_a_step_up_and_a_refusal(
    place: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    people, watched = People(place.app), Watched(place.app.test_client(), caplog)
    browser = watched.browser
    with capture_logs() as lines:
        place.broker.config.fault = Fault.WRONG_NONCE
        assert (
            browser.get(come_back(place, journey.submit(browser, "/identify/new"), "maija")).status_code
            == 303
        )
        place.broker.config.fault = None
        back = come_back(place, journey.submit(browser, "/identify/new"), "maija")
        assert browser.get(back).location == "/create-account"
        press(browser, sign_up(browser, people, email="maija@example.fi"))
        journey.submit(browser, "/login", username="maija@example.fi", password="Kuusi;7puuta")
        service = people.client()
        for person, status in (("matti", 403), ("maija", 303)):
            asked = protocol.ask(browser, service, acr_values=STRONG)
            sent = journey.submit(browser, asked.location, decision="identify")
            assert browser.get(come_back(place, sent, person)).status_code == status
        assert protocol.finish(browser, service, protocol.ask(browser, service))["acr"] == STRONG
        browser.get("/account/data.json")
    assert [line["event"] for line in lines] == ["identification refused"]

    everything = watched.everything(lines)

    assert "Meikäläinen" in everything
    is_nowhere(everything, "maija")
    is_nowhere(everything, "matti")


def test_not_when_something_breaks_while_it_is_in_our_hands(
    place: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The trace of an exception shows the lines of the code, never the values."""

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    caplog.set_level("DEBUG")
    place.app.config["PROPAGATE_EXCEPTIONS"] = False
    place.app.testing = False
    watched = Watched(place.app.test_client(), caplog)
    back = come_back(place, journey.submit(watched.browser, "/identify/new"), "maija")
    monkeypatch.setattr(persons, "seen_again", broken)

    with capture_logs() as lines:
        answer = watched.browser.get(back)

    assert answer.status_code == 500
    assert any("unexpected error" in str(line) for line in lines)
    is_nowhere(watched.everything(lines), "maija")
    assert urlsplit(back).path == "/upstream/callback"

"""A provider of strong authentication at the seam: it says who somebody is, as a test wants it.

The broker with its protocol is tested in tests/upstream; here it matters what becomes of its answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock
from idp.policy.identity_code import IdentityCode
from idp.upstream.providers import Evidence, Expected, Question, Refused, UpstreamUnavailable
from tests.support import journey

BROKER = "https://broker.example.fi"
SETTINGS = {"issuer": BROKER, "client_id": "tunnus"}
MAIJA, EERO = "010180-9004", "150590-9010"
"""Identity codes that no person is ever given."""


@dataclass
class Desk:
    """An UpstreamProvider. `code` is who sits at the browser; `refusal` is what it says instead."""

    code: str = MAIJA
    given_names: str = "Maija Kaarina"
    family_name: str = "Meikäläinen"
    refusal: Refused | None = None
    closed: bool = False
    asked: list[Question] = field(default_factory=list)

    def begin(self, question: Question) -> str:
        if self.closed:
            raise UpstreamUnavailable("closed")
        self.asked.append(question)
        return f"{BROKER}/authorize?state={question.state}"

    def finish(self, parameters: Mapping[str, str], expected: Expected) -> Evidence:
        if self.refusal is not None:
            raise self.refusal
        return Evidence(
            code=IdentityCode.parse(self.code),
            given_names=self.given_names,
            family_name=self.family_name,
            full_name=f"{self.family_name} {self.given_names}",
            acr="http://ftn.ficora.fi/2017/loa2",
            amr=(),
            auth_time=clock.now(),
            broker=BROKER,
        )


def open_desk(app: Flask) -> Desk:
    """Let people of this app be identified."""
    desk = app.extensions["upstream"] = Desk()
    return desk


def identify(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Press the button, and come back from the provider: the answer of our callback."""
    sent = journey.submit(browser, path, **{"decision": "identify", **fields})
    assert (sent.status_code, way_out(sent).partition("?")[0]) == (200, f"{BROKER}/authorize"), sent.text
    return browser.get(f"/upstream/callback?state={state_of(sent)}&code=x")


def way_out(sent: TestResponse) -> str:
    """Where the page that leads to the provider leads."""
    link = journey.soup(sent).select_one("#continue")
    return str(link["href"]) if link else ""


def state_of(sent: TestResponse) -> str:
    return parse_qs(urlsplit(way_out(sent)).query)["state"][0]

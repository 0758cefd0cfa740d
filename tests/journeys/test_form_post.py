"""The answer as a form that the browser posts (OAuth 2.0 Form Post Response Mode), under the policy of our pages."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask, request
from playwright.sync_api import expect
from werkzeug.wrappers import Response

from tests.journeys.conftest import VisitorFactory
from tests.support import journey
from tests.support.installation import Installation
from tests.support.people import App
from tests.support.ports import free_port
from tests.support.relying_party import serving
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])


@dataclass
class Posted:
    """An e-service that is posted to. `answers` is what arrived."""

    service: App
    answers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def posted(place: Installation) -> Iterator[Posted]:
    port = free_port()
    address = f"http://localhost:{port}"
    registered = place.people.client(
        f"lomake-{secrets.token_hex(4)}",
        redirect_uris=[f"{address}/callback"],
        response_types=["code", "id_token"],
        grant_types=["authorization_code", "implicit"],
    )
    found = Posted(registered)
    app = Flask(registered.client_id)

    def callback() -> Response:
        found.answers.append(request.form.to_dict())
        return Response(_page("Arrived"), mimetype="text/html")

    def front() -> Response:
        return Response(_page("Front"), mimetype="text/html")

    app.add_url_rule("/callback", "callback", callback, methods=["POST"])
    app.add_url_rule("/", "front", front)
    with serving(app, port):
        yield found


def _page(text: str) -> str:
    head = f'<head><title>{text}</title><link rel="icon" href="data:,"></head>'
    return f'<!DOCTYPE html><html lang="en">{head}<body><h1>{text}</h1></body></html>'


def ask(visitor: Visitor, to: Posted, **parameters: str | None) -> None:
    """From the service's front page."""
    origin = to.service.redirect_uri.removesuffix("/callback")
    visitor.page.goto(f"{origin}/")
    path = journey.authorize_url(to.service, response_mode="form_post", **parameters)
    visitor.page.goto(f"{visitor.place.provider}{path}", wait_until="commit")


def arrive(visitor: Visitor, *, scripts: bool) -> None:
    if not scripts:
        visitor.should_be_on("form-post")
        visitor.page.click("#continue")
    expect(visitor.page.locator("h1")).to_have_text("Arrived")


@both_ways
@pytest.mark.parametrize("response_type", ["code", "id_token"])
def test_after_a_login_the_browser_posts_the_answer(
    visit: VisitorFactory, posted: Posted, scripts: bool, response_type: str
) -> None:
    visitor = visit(javascript=scripts).with_account()
    ask(visitor, posted, response_type=response_type, state="ä \"'<&")
    visitor.should_be_on("login")

    visitor.enter()

    arrive(visitor, scripts=scripts)
    (answer,) = posted.answers
    assert {response_type, "state", "iss"} <= set(answer)
    assert answer["state"] == "ä \"'<&"


@both_ways
def test_an_error_is_posted_too(visit: VisitorFactory, posted: Posted, scripts: bool) -> None:
    visitor = visit(javascript=scripts)

    ask(visitor, posted, prompt="none")

    arrive(visitor, scripts=scripts)
    assert [answer["error"] for answer in posted.answers] == ["login_required"]


def test_the_page_in_between_is_not_gone_back_to(visit: VisitorFactory, posted: Posted) -> None:
    visitor = visit()
    ask(visitor, posted, prompt="none")
    arrive(visitor, scripts=True)

    visitor.page.go_back()

    expect(visitor.page.locator("h1")).to_have_text("Front")
    assert len(posted.answers) == 1

"""Logging out in a real browser, with real relying parties: in frames, behind the scenes, and noticed by watching."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from idp import clock
from idp.database import writing
from idp.demo.eservice import EserviceConfig, create_eservice
from idp.grants.models import LogoutNotice
from idp.settings import project_folder
from tests.journeys.conftest import VisitorFactory
from tests.support.installation import Installation
from tests.support.ports import free_port
from tests.support.relying_party import Party, serving
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])


@dataclass
class Told:
    """An e-service that is told behind the scenes, as `idp.demo.eservice` shows it; it can be down."""

    app: Flask
    address: str
    port: int
    running: ExitStack

    def start(self) -> None:
        self.running.enter_context(serving(self.app, self.port))

    def stop(self) -> None:
        self.running.close()

    def knows(self, page: Page) -> bool:
        """Whether the person is logged in there."""
        page.goto(f"{self.address}/?lang=fi")
        return page.locator("#own-details").is_visible()


@pytest.fixture
def told(place: Installation) -> Iterator[Told]:
    """Told by back-channel."""
    port = free_port()
    address = f"http://localhost:{port}"
    registered = place.people.client(
        f"taustalla-{secrets.token_hex(4)}",
        redirect_uris=[f"{address}/callback"],
        post_logout_redirect_uris=[f"{address}/logged-out"],
        backchannel_logout_uri=f"{address}/backchannel-logout",
        client_name="Tausta",
    )
    templates = project_folder("templates")
    config = EserviceConfig(
        issuer=place.provider,
        client_id=registered.client_id,
        client_secret=registered.secret,
        base_url=address,
        secret_key=secrets.token_hex(),
        template_folder=templates,
        asset_folder=templates / "assets",
    )
    app = create_eservice(config)
    app.config["SESSION_COOKIE_NAME"] = f"session_{registered.client_id}"  # cookies know no ports
    service = Told(app, address, port, ExitStack())
    service.start()
    yield service
    service.stop()


@pytest.fixture
def framed(place: Installation) -> Iterator[Party]:
    """Told by front-channel."""
    port = free_port()
    address = f"http://localhost:{port}"
    registered = place.people.client(
        f"kehys-{secrets.token_hex(4)}",
        redirect_uris=[f"{address}/callback"],
        post_logout_redirect_uris=[f"{address}/logged-out"],
        frontchannel_logout_uri=f"{address}/forget?from=tunnus",
        **{"client_name": "Kehyspalvelu", "client_name#sv": "Ramtjänsten", "client_name#en": "The frame"},
    )
    party = Party(place.provider, registered.client_id, registered.secret, port)
    with serving(party.app, port):
        yield party
        party.go_on.set()


def log_in_everywhere(visitor: Visitor, told: Told, framed: Party) -> None:
    """One login, three services: the two and the demo's own."""
    visitor.with_account().log_in()
    for address in (told.address, framed.address):
        visitor.page.goto(f"{address}/login")
    expect(visitor.page.locator("h1")).to_have_text("Logged in")
    assert told.knows(visitor.page)
    assert len(framed.logins) == 1


def a_while_later(place: Installation) -> None:
    """What failed is due again."""
    with place.people.app.app_context(), writing() as session:
        waiting = LogoutNotice.sent_at.is_(None) & (LogoutNotice.attempts > 0)
        session.execute(sa.update(LogoutNotice).where(waiting).values(due_at=clock.now()))


def sooner_or_later(visitor: Visitor, told: Told) -> None:
    """The person is logged out at `told`; it hears of it within seconds."""
    page = visitor.page
    page.goto(f"{told.address}/?lang=fi")
    for _ in range(40):
        if page.locator("#log-in").is_visible():
            return
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError("not told")


# -- all of them


@both_ways
def test_a_logout_at_one_service_is_one_at_all(
    visit: VisitorFactory, told: Told, framed: Party, scripts: bool
) -> None:
    visitor = visit(javascript=scripts)
    log_in_everywhere(visitor, told, framed)
    visitor.open_eservice()

    visitor.page.click("#log-out")

    visitor.should_be_on("demo-logged-out")  # by itself, also without scripts
    visitor.should_be_at(visitor.place.eservice)
    assert framed.logins == {}
    sooner_or_later(visitor, told)
    visitor.should_be_logged_out_everywhere()


@both_ways
def test_a_logout_at_the_provider_too(
    visit: VisitorFactory, told: Told, framed: Party, scripts: bool
) -> None:
    visitor = visit(javascript=scripts)
    log_in_everywhere(visitor, told, framed)
    visitor.open("/logout")

    visitor.page.click("#log-out")

    visitor.should_be_on("logged-out")
    visitor.should_be_at(visitor.place.provider)
    assert framed.logins == {}
    sooner_or_later(visitor, told)
    visitor.should_be_logged_out_everywhere()


def test_the_page_in_between_is_not_gone_back_to(visit: VisitorFactory, told: Told, framed: Party) -> None:
    visitor = visit()
    log_in_everywhere(visitor, told, framed)
    visitor.open("/logout")
    visitor.page.click("#log-out")
    visitor.should_be_on("logged-out")

    visitor.page.go_back()

    assert visitor.page_name != "logging-out"


def test_the_one_that_asks_is_led_back_to(visit: VisitorFactory, told: Told, framed: Party) -> None:
    visitor = visit()
    log_in_everywhere(visitor, told, framed)

    visitor.page.goto(f"{framed.address}/logout")

    expect(visitor.page.locator("h1")).to_have_text("Logged out")
    assert visitor.page.url.startswith(f"{framed.address}/logged-out?state=")


# -- one is down


def test_one_that_is_down_holds_nobody_up_and_is_told_when_it_is_back(
    visit: VisitorFactory, told: Told, framed: Party
) -> None:
    visitor = visit()
    log_in_everywhere(visitor, told, framed)
    told.stop()
    visitor.open_eservice()

    visitor.page.click("#log-out")

    visitor.should_be_on("demo-logged-out")
    assert framed.logins == {}
    wait_for_a_try(visitor)
    told.start()
    assert told.knows(visitor.page)  # not told yet
    a_while_later(visitor.place)
    sooner_or_later(visitor, told)
    # The browser may have asked for the pictures of that service while it was down.
    visitor.problems[:] = [problem for problem in visitor.problems if told.address not in problem]


def wait_for_a_try(visitor: Visitor) -> None:
    """Until the provider has tried to tell, and could not."""
    query = sa.select(sa.func.count()).where(
        LogoutNotice.last_error.is_not(None), LogoutNotice.sent_at.is_(None)
    )
    for _ in range(80):
        with visitor.place.people.app.app_context(), writing() as session:
            if session.scalar(query):
                return
        visitor.page.wait_for_timeout(250)
    raise AssertionError("not tried")


def test_a_frame_that_hangs_holds_the_person_for_seconds_only(
    visit: VisitorFactory, told: Told, framed: Party
) -> None:
    visitor = visit()
    log_in_everywhere(visitor, told, framed)
    framed.stuck.set()
    visitor.open("/logout")

    visitor.page.click("#log-out", no_wait_after=True)

    visitor.should_be_on("logging-out")
    visitor.should_see("Kehyspalvelu")
    visitor.should_be_on("logged-out")


def test_without_scripts_a_button_leads_on_from_a_frame_that_hangs(
    visit: VisitorFactory, told: Told, framed: Party
) -> None:
    visitor = visit(javascript=False)
    log_in_everywhere(visitor, told, framed)
    framed.stuck.set()
    visitor.open("/logout")
    visitor.page.click("#log-out", no_wait_after=True)
    visitor.should_be_on("logging-out")

    visitor.page.click("#continue", no_wait_after=True)

    visitor.should_be_on("logged-out")


def test_a_frame_cannot_take_the_person_elsewhere(visit: VisitorFactory, told: Told, framed: Party) -> None:
    visitor = visit()
    log_in_everywhere(visitor, told, framed)
    hostile = "<script>top.location = 'http://127.0.0.1:9/phishing'</script>"
    framed.app.view_functions["_forget"] = lambda: hostile
    visitor.open("/logout")

    visitor.page.click("#log-out")

    visitor.should_be_on("logged-out")
    visitor.should_be_at(visitor.place.provider)
    refused = [problem for problem in visitor.problems if "phishing" in problem or "navigate" in problem]
    assert refused
    visitor.problems.clear()  # the browser says that it did not let the frame


# -- watching


@pytest.fixture
def watching(visit: VisitorFactory, told: Told, framed: Party) -> Visitor:
    """Somebody whose e-service asks the provider's frame all the time."""
    visitor = visit()
    log_in_everywhere(visitor, told, framed)
    visitor.page.goto(f"{framed.address}/watch")
    return visitor


def answer_of(page: Page, text: str) -> None:
    expect(page.locator("#answer")).to_have_text(text)


def test_a_watching_service_notices_the_logout_by_itself(watching: Visitor) -> None:
    answer_of(watching.page, "unchanged")
    page = watching.page.context.new_page()
    page.goto(f"{watching.place.provider}/logout")

    page.click("#log-out")

    answer_of(watching.page, "changed")


def test_it_notices_another_login_too(watching: Visitor) -> None:
    answer_of(watching.page, "unchanged")
    other = watching.place.people.resident(f"toinen-{secrets.token_hex(4)}@example.fi")
    page = watching.page.context.new_page()
    page.goto(f"{watching.place.provider}/logout")
    page.click("#log-out")
    expect(page.locator("main[data-page='logged-out']")).to_be_attached()
    page.goto(f"{watching.place.provider}/login")
    page.fill("#username", other.username)
    page.fill("#password", other.password)
    page.click("#log-in")
    expect(page.locator("main[data-page='account']")).to_be_attached()

    answer_of(watching.page, "changed")


def test_nonsense_is_an_error(watching: Visitor, framed: Party) -> None:
    page = quiet(watching, framed)

    for text in ("x", "", "client", f"client {'a' * 64}", "client hash.salt", f" {'a' * 64}.salt"):
        assert ask(page, text) == "error", text


def test_a_state_holds_for_its_service_and_its_origin_alone(
    watching: Visitor, framed: Party, place: Installation
) -> None:
    (login,) = framed.logins.values()
    good = f"{framed.app.name} {login['session_state']}"
    assert ask(quiet(watching, framed), good) == "unchanged"
    assert ask(quiet(watching, framed), f"other {login['session_state']}") == "changed"

    other = Party(place.provider, framed.app.name, None, free_port())  # another origin has learnt it
    with serving(other.app, int(other.address.rpartition(":")[2])):
        assert ask(quiet(watching, other), good) == "changed"


def test_the_frames_own_hash_is_that_of_the_browser(watching: Visitor, framed: Party) -> None:
    """Below a page of plain http the browser keeps its hash function from frames."""
    (login,) = framed.logins.values()
    page = quiet(watching, framed)
    frame = page.frames[1]
    frame.evaluate("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    assert frame.evaluate("crypto.subtle === undefined")

    assert ask(page, f"{framed.app.name} {login['session_state']}") == "unchanged"
    assert ask(page, f"{framed.app.name} {'0' * 64}.salt") == "changed"
    state = frame.evaluate("document.cookie").partition("tunnus_state=")[2].partition(";")[0]
    for length in (1, 20, 21, 22, 29, 30, 84, 85, 86, 1000):  # below and above the ends of blocks
        client_id, salt = "ä" * length, "salt"
        text = f"{client_id} {framed.address} {state} {salt}"
        right = hashlib.sha256(text.encode()).hexdigest()
        assert ask(page, f"{client_id} {right}.{salt}") == "unchanged", length


def quiet(visitor: Visitor, party: Party) -> Page:
    """A page of the e-service that asks nothing by itself."""
    page = visitor.page.context.new_page()
    page.goto(f"{party.address}/watch?quiet")
    return page


def ask(page: Page, text: str) -> str:
    """What the provider's frame answers to a message of this page."""
    answer: str = page.evaluate(
        "text => Promise.race([ask(text), new Promise((end) => setTimeout(end, 10000, 'no answer'))])", text
    )
    return answer

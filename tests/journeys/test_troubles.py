"""What goes wrong on the way, and what the person is told and offered then."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import VisitorFactory
from tests.support import browser
from tests.support.installation import Installation, minutes_ago
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

WRONG = "Väärä käyttäjätunnus tai salasana. Tarkista oikeinkirjoitus."

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])


# -- logging in


def test_wrong_password_keeps_the_name_and_can_be_corrected(visitor: Visitor) -> None:
    visitor.with_account().start_login()
    visitor.enter(password="Jokin;muu1")

    expect(visitor.page.locator("#error-summary-title")).to_be_focused()
    assert visitor.error_summary() == [WRONG]
    expect(visitor.page.locator("#username")).to_have_value(visitor.email)
    expect(visitor.page.locator("#password")).to_have_value("")
    assert visitor.page.title().startswith("Virhe: ")

    visitor.page.fill("#password", visitor.password)
    visitor.press("#log-in")
    visitor.should_be_logged_in_at_the_eservice()


def test_account_that_waits_for_activation_tells_so_after_the_right_password_only(visitor: Visitor) -> None:
    visitor.start_login()
    visitor.register()
    visitor.start_login()

    visitor.enter(password="Jokin;muu1")
    assert visitor.error_summary() == [WRONG]

    visitor.enter()
    assert visitor.error_summary() == ["Käyttäjätunnusta ei ole aktivoitu."]
    visitor.page.get_by_role("link", name="Lähetä aktivointiviesti uudelleen").click()
    visitor.should_be_on("created")
    visitor.press("#resend")
    visitor.should_see("Lähetimme viestin uudelleen.")
    assert len(visitor.place.inbox(visitor.email)) == 2

    visitor.activate()
    visitor.press("main a.button")
    visitor.enter()
    visitor.should_be_logged_in_at_the_eservice()


def test_five_strangers_tries_lock_the_account_but_not_the_browser_that_knows_it(
    visit: VisitorFactory,
) -> None:
    owner = visit().with_account()
    owner.log_in()
    stranger = visit()
    stranger.start_login()
    for _ in range(4):
        stranger.enter(owner.email, "Jokin;muu1")
        assert stranger.error_summary() == [WRONG]
    stranger.enter(owner.email, "Jokin;muu1")

    stranger.should_be_on("locked")
    stranger.should_see("Käyttäjätunnus on lukittu. Lukitus kestää 24 tuntia.")
    stranger.start_login()
    stranger.enter(owner.email, owner.password)
    stranger.should_be_on("locked")

    owner.should_be_logged_in_at_the_eservice()
    owner.press("#log-out")
    owner.log_in()
    assert [letter["subject"] for letter in owner.place.inbox(owner.email)] != []


def test_browser_without_cookies_is_told_to_allow_them(
    chromium: Browser, place: Installation, tmp_path: Path
) -> None:
    profile = tmp_path / "Default"
    profile.mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Preferences").write_text(json.dumps(settings))
    with persistent(chromium, tmp_path) as page:
        visitor = Visitor(page, place, browser.watch(page))
        visitor.open_eservice()
        visitor.press("#log-in")

        visitor.should_be_on("error")
        visitor.should_see("Selaimesi ei hyväksy evästeitä")
        assert page.context.cookies() == []
        visitor.open("/create-account")
        visitor.fill_registration()
        visitor.press("#create-account")
        visitor.should_be_on("create-account")
        assert "ei hyväksy evästeitä" in visitor.error_summary()[0]
        expect(page.locator("#email")).to_have_value(visitor.email)
        assert visitor.problems == []


@contextmanager
def persistent(chromium: Browser, folder: Path) -> Iterator[Page]:
    """A browser whose profile stays in a folder, as on a person's own machine."""
    context = chromium.browser_type.launch_persistent_context(
        folder,
        executable_path=browser.find_chromium(),
        args=list(browser.FLAGS),
        locale="fi-FI",
    )
    try:
        yield context.pages[0]
    finally:
        context.close()


# -- staying logged in


@pytest.mark.parametrize("remember", [True, False], ids=["remembered", "not remembered"])
def test_only_a_remembered_login_outlives_the_browser(
    chromium: Browser, place: Installation, tmp_path: Path, remember: bool
) -> None:
    with persistent(chromium, tmp_path) as page:
        visitor = Visitor(page, place, []).with_account()
        visitor.log_in(remember=remember)
    with persistent(chromium, tmp_path) as page:
        again = Visitor(page, place, [], email=visitor.email)
        again.open_eservice()
        again.press("#log-in")
        if remember:
            again.should_be_on("demo-front")
            again.should_be_logged_in_at_the_eservice()
        else:
            again.should_be_on("login")


# -- requests that cannot be


def test_unknown_service_is_an_error_page_with_a_way_to_support(visitor: Visitor) -> None:
    visitor.page.goto(visitor.place.request_of("unknown", f"{visitor.place.eservice}/callback"))
    visitor.should_be_on("error")
    visitor.should_be_at(visitor.place.provider)
    expect(visitor.main.locator("a[href^='mailto:']")).to_be_visible()
    expect(visitor.main.locator(".reference")).to_be_visible()


def test_wrong_return_address_names_the_service_and_leads_back_to_it(visitor: Visitor) -> None:
    client_id = visitor.place.demo["confidential_client"]["client_id"]
    visitor.with_account()
    visitor.page.goto(visitor.place.request_of(client_id, "http://127.0.0.1:9/elsewhere"))
    visitor.should_be_on("error")
    visitor.should_see("Esimerkkikunnan asiointipalvelu")
    visitor.press("main a.button")
    visitor.should_be_on("login")
    visitor.enter()
    visitor.should_be_logged_in_at_the_eservice()


# -- the mailed link


def test_link_in_another_browser_asks_the_password_and_the_errand_starts_anew(visit: VisitorFactory) -> None:
    registering = visit()
    registering.start_login()
    registering.register()
    other = visit()
    other.email = registering.email

    other.open_mailed_link()
    other.should_be_on("activate")
    other.fill(password="Jokin;muu1")
    other.press("#activate")
    assert other.error_summary() == ["Väärä salasana. Tarkista oikeinkirjoitus."]
    other.fill(password=other.password)
    other.press("#activate")

    other.should_be_on("activated")
    onward = other.page.locator("main a.button")
    expect(onward).to_have_text("Jatka palveluun Esimerkkikunnan asiointipalvelu")
    assert (onward.get_attribute("href") or "").startswith(f"{other.place.eservice}/login")
    onward.click()
    other.should_be_on("login")
    expect(other.page.locator("#username")).to_have_value(other.email)
    other.fill(password=other.password)
    other.press("#log-in")
    other.should_be_logged_in_at_the_eservice()

    registering.open_mailed_link()
    registering.should_be_on("link-used")
    registering.should_see("Käyttäjätunnus on jo aktivoitu.")


def test_owner_of_the_address_can_disown_a_registration_that_is_not_theirs(visit: VisitorFactory) -> None:
    registering = visit()
    registering.start_login()
    registering.register()
    owner = visit()
    owner.email = registering.email

    owner.open_mailed_link()
    owner.press("#not-me")
    owner.should_see("Käyttäjätunnusta ei luotu ja sen tiedot on poistettu.")
    registering.open_mailed_link()
    registering.page.wait_for_load_state()
    assert registering.page_name in ("link-used", "link-broken", "link-expired")


def test_owner_of_the_address_can_choose_another_password_while_activating(visit: VisitorFactory) -> None:
    registering = visit()
    registering.start_login()
    registering.register()
    owner = visit()
    owner.email, owner.password = registering.email, "Aivan;toinen8"

    owner.open_mailed_link()
    owner.press("#choose-password")
    owner.should_be_on("reset")
    owner.fill(new_password=owner.password, new_password_confirm=owner.password)
    owner.press("#set-password")
    owner.should_be_on("activated")
    owner.log_in()


def test_expired_link_names_the_administrator_and_mails_a_new_one(visitor: Visitor) -> None:
    with minutes_ago(31):
        link = visitor.place.people.applicant(visitor.email)

    visitor.open(link)
    visitor.should_be_on("link-expired")
    visitor.should_see("Aktivointilinkki on vanhentunut. Ota yhteyttä palvelun ylläpitäjään.")
    visitor.press("#resend")
    visitor.should_be_on("created")
    visitor.open_mailed_link()
    visitor.should_be_on("activate")


def test_known_address_gets_the_same_page_and_its_owner_a_letter(visitor: Visitor) -> None:
    visitor.with_account().start_login()
    visitor.register()
    visitor.should_see("Käyttäjätunnus on luotu.")
    assert visitor.place.inbox(visitor.email)[0]["subject"].startswith("Sinulla on jo käyttäjätunnus")


@both_ways
def test_forgotten_password_is_replaced_by_the_mailed_link(visit: VisitorFactory, scripts: bool) -> None:
    visitor = visit(javascript=scripts).with_account()
    visitor.start_login()
    visitor.page.get_by_role("link", name="Unohtuiko käyttäjätunnus tai salasana?").click()
    visitor.should_be_on("forgot")
    visitor.fill(email=visitor.email)
    visitor.press("#send-reset-link")
    visitor.should_be_on("forgot-sent")

    assert visitor.email in visitor.place.inbox(visitor.email)[0]["text"]
    visitor.open_mailed_link()
    visitor.should_be_on("reset")
    visitor.password = "Aivan;toinen8"
    visitor.fill(new_password=visitor.password, new_password_confirm=visitor.password)
    visitor.press("#set-password")
    visitor.should_be_on("reset-done")
    visitor.log_in()


# -- hands that are quicker than the net


def test_back_button_after_logging_in_leads_forward_again(visitor: Visitor) -> None:
    visitor.with_account().log_in()
    visitor.page.go_back()

    visitor.should_be_on("error")
    assert visitor.heading == "Olet jo kirjautunut sisään"
    visitor.press("main a.button")
    visitor.should_be_on("demo-front")
    visitor.should_be_logged_in_at_the_eservice()


def test_back_button_after_registering_keeps_what_was_typed_but_no_password(visitor: Visitor) -> None:
    visitor.start_login()
    visitor.register()
    visitor.page.get_by_role("link", name="Käytä toista osoitetta").click()
    visitor.should_be_on("create-account")
    expect(visitor.page.locator("#email")).to_have_value(visitor.email)
    expect(visitor.page.locator("#given_name")).to_have_value("Maija")
    expect(visitor.page.locator("#new_password")).to_have_value("")


@both_ways
def test_every_button_may_be_pressed_twice(visit: VisitorFactory, scripts: bool) -> None:
    visitor = visit(javascript=scripts)
    page = visitor.page
    visitor.open_eservice()
    page.dblclick("#log-in")
    visitor.should_be_on("login")

    page.dblclick("main a[href*='create-account'] >> nth=0")
    visitor.should_be_on("create-account")
    visitor.fill_registration()
    page.dblclick("#create-account")
    visitor.should_be_on("created")
    page.dblclick("#resend")
    visitor.should_see("Lähetimme viestin uudelleen.")

    visitor.open_mailed_link()
    page.dblclick("#activate")
    expect(page).to_have_title(re.compile("Aktivointi onnistui|Linkki on jo käytetty"))
    page.dblclick("main a.button")
    visitor.should_be_on("login")
    visitor.fill(username=visitor.email, password=visitor.password)
    page.dblclick("#log-in")
    visitor.should_be_on("demo-front")
    visitor.should_be_logged_in_at_the_eservice()

    page.dblclick("#log-out")
    expect(page.locator("main:is([data-page='log-out'], [data-page='demo-logged-out'])")).to_be_attached()
    if visitor.page_name == "log-out":  # the second press came without the ID token: the provider asks
        page.dblclick("#log-out")
    visitor.should_be_on("demo-logged-out")
    visitor.should_be_logged_out_everywhere()

    visitor.open("/forgot")
    visitor.fill(email=visitor.email)
    page.dblclick("#send-reset-link")
    visitor.should_be_on("forgot-sent")
    visitor.open_mailed_link()
    visitor.password = "Aivan;toinen8"
    visitor.fill(new_password=visitor.password, new_password_confirm=visitor.password)
    page.dblclick("#set-password")
    expect(page).to_have_title(re.compile("Uusi salasana on käytössä|Linkki on jo käytetty"))
    visitor.log_in()


def test_two_tabs_with_two_logins_return_each_to_its_own_page(visitor: Visitor) -> None:
    visitor.with_account()
    page = visitor.page
    visitor.open_eservice("/services/plots")
    visitor.press("#log-in")
    visitor.should_be_on("login")
    second = page.context.new_page()
    second.goto(f"{visitor.place.eservice}/permits")
    expect(second.locator("main[data-page='login']")).to_be_attached()

    second.fill("#username", visitor.email)
    second.fill("#password", visitor.password)
    second.click("#log-in")
    expect(second.locator("main[data-page='demo-permits']")).to_be_attached()

    visitor.enter()
    visitor.should_be_on("demo-service")
    visitor.should_be_logged_in_at_the_eservice()
    assert page.url.startswith(f"{visitor.place.eservice}/services/plots")


def test_login_finished_in_the_other_tab_leaves_nothing_broken(visitor: Visitor) -> None:
    visitor.with_account()
    visitor.start_login()
    address = visitor.page.url
    second = visitor.page.context.new_page()
    second.goto(address)
    visitor.enter()
    visitor.should_be_on("demo-front")
    second.fill("#username", visitor.email)
    second.fill("#password", visitor.password)
    second.click("#log-in")
    expect(second.locator("h1")).to_have_text("Olet jo kirjautunut sisään")

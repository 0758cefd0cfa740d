"""A resident creates an account, activates it, logs in, sees their details and logs out."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.conftest import VisitorFactory
from tests.support.installation import Installation
from tests.support.visitor import LOCALES, OPTIONAL_DETAILS, Visitor

pytestmark = pytest.mark.browser

TEXTS = {
    "fi": {
        "log in": "Kirjaudu sisään",
        "login title": "Kirjaudu palveluun Esimerkkikunnan asiointipalvelu",
        "create": "Luo uusi käyttäjätunnus",
        "created": "Käyttäjätunnus on luotu. Aktivoi käyttäjätunnuksesi sähköpostiisi lähetettyjen ohjeiden mukaan.",
        "spam": "Tarkista tarvittaessa myös roskaposti-kansio.",
        "continue": "Jatka palveluun Esimerkkikunnan asiointipalvelu",
        "letter": "Aktivoi käyttäjätunnuksesi",
    },
    "sv": {
        "log in": "Logga in",
        "login title": "Exempelkommunens e-tjänst",
        "create": "Skapa ett nytt konto",
        "created": "Kontot har skapats.",
        "spam": "skräppost",
        "continue": "Exempelkommunens e-tjänst",
        "letter": "Aktivera",
    },
    "en": {
        "log in": "Log in",
        "login title": "Log in to E-services of Example Municipality",
        "create": "Create a new account",
        "created": "Your account has been created. Activate it by following the instructions sent to your email.",
        "spam": "Check your spam folder too.",
        "continue": "Continue to the service E-services of Example Municipality",
        "letter": "Activate your account",
    },
}

both_ways = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
each_language = pytest.mark.parametrize("language", list(TEXTS))


def should_be_top_right(element: Locator) -> None:
    """In the header's first row, at the right edge of its content, and nothing of the header right of it."""
    element.page.wait_for_load_state()  # with its style sheet
    expect(element).to_be_visible()
    box = element.bounding_box()
    header = element.page.locator("header").first
    frame = header.locator("> div").first.evaluate(
        "e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();"
        " return {top: r.top, right: r.right - parseFloat(s.paddingRight)} }"
    )
    assert box is not None
    width = (element.page.viewport_size or {})["width"]
    assert box["x"] + box["width"] / 2 > width / 2, "not in the right half"
    assert abs(box["x"] + box["width"] - frame["right"]) < 2, "not at the right edge"
    assert box["y"] - frame["top"] < 60, "not at the top"
    others = header.locator("a, button").all()
    assert all(
        other["x"] + other["width"] <= box["x"] + box["width"] + 1
        for other in (each.bounding_box() for each in others if each.is_visible())
        if other is not None
    )


def whole_journey(visitor: Visitor) -> None:
    page, language = visitor.page, visitor.language
    texts = TEXTS[language]

    visitor.open_eservice()
    button = page.locator("#log-in")
    assert button.inner_text() == texts["log in"]
    should_be_top_right(button)
    button.click()

    visitor.should_be_on("login")
    visitor.should_be_at(visitor.place.provider)
    assert page.locator("html").get_attribute("lang") == language
    assert texts["login title"] in visitor.heading
    assert visitor.heading in page.title()
    should_be_top_right(page.locator("a.person"))

    expect(page.locator("main").get_by_role("link", name=texts["create"], exact=True)).to_have_count(2)
    visitor.register(**OPTIONAL_DETAILS)
    expect(page.get_by_role("status").first).to_contain_text(texts["created"])
    visitor.should_see(visitor.email)
    visitor.should_see(re.compile(texts["spam"]))

    letter = visitor.place.inbox(visitor.email)[0]
    assert texts["letter"] in letter["subject"]
    assert letter["links"][0] in letter["text"]
    assert letter["links"][0] in letter["html"].replace("&amp;", "&")
    assert "30 min" in letter["text"]

    visitor.open_mailed_link()
    visitor.should_be_on("activate")
    expect(page.locator("input[type=password]")).to_have_count(0)  # the browser that registered
    visitor.press("#activate")
    visitor.should_be_on("activated")
    onward = page.locator("main a.button")
    assert texts["continue"] in onward.inner_text()

    onward.click()
    visitor.should_be_on("login")
    expect(page.locator("#username")).to_have_value(visitor.email)
    page.fill("#password", visitor.password)
    visitor.press("#log-in")

    visitor.should_be_on("demo-front")
    visitor.should_be_logged_in_at_the_eservice()
    should_be_top_right(page.locator("#log-out"))
    name = page.locator("#own-details")
    name.click()

    visitor.should_be_on("account")
    visitor.should_be_at(visitor.place.provider)
    should_be_top_right(page.locator("a.person"))
    assert visitor.name in page.locator("a.person").inner_text()
    for detail in (visitor.email, visitor.name.split()[0], OPTIONAL_DETAILS["phone"]):
        visitor.should_see(detail)

    visitor.open_eservice("/permits")
    visitor.should_be_logged_in_at_the_eservice()
    visitor.press("#log-out")
    visitor.should_be_on("demo-logged-out")
    visitor.should_be_at(visitor.place.eservice)
    visitor.should_be_logged_out_everywhere()


@both_ways
@each_language
def test_from_the_front_page_to_an_account_and_back(
    visit: VisitorFactory, language: str, scripts: bool
) -> None:
    visitor = visit(locale=LOCALES[language], javascript=scripts)
    visitor.language = language
    whole_journey(visitor)


@pytest.mark.postgresql
def test_the_same_journey_on_postgresql(visit: VisitorFactory, place_on_postgresql: Installation) -> None:
    whole_journey(visit(place_on_postgresql))


@each_language
def test_the_way_in_and_the_name_stay_top_right_on_a_phone(visit: VisitorFactory, language: str) -> None:
    visitor = visit(locale=LOCALES[language], size=(320, 640), mobile=True).with_account()
    visitor.language = language
    visitor.open_eservice()
    should_be_top_right(visitor.page.locator("#log-in"))
    visitor.start_login()
    should_be_top_right(visitor.page.locator("a.person"))
    visitor.enter()
    visitor.should_be_logged_in_at_the_eservice()
    should_be_top_right(visitor.page.locator("#own-details"))
    visitor.open("/account")
    should_be_top_right(visitor.page.locator("a.person"))

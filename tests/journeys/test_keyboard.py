"""The whole journey without a mouse: Tab, Space, Enter and typing; the focus is always seen."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

FOCUS = """() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return {
    outline: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2,
    inside: r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
    html: e.outerHTML.slice(0, 120),
  };
}"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus. Whatever is passed on the way must be seen to have it."""
    page.wait_for_load_state()  # the page's script may move the focus once
    for _ in range(60):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["outline"], f"no focus ring: {focus['html']}"
        assert focus["inside"], f"focus out of sight: {focus['html']}"
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached by Tab")


def type_into(page: Page, **fields: str) -> None:
    """In the order of the page."""
    for name, value in fields.items():
        tab_to(page, f"#{name}")
        page.keyboard.type(value)


def press(page: Page, selector: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Enter")


def test_first_tab_stop_leads_past_the_header(visitor: Visitor) -> None:
    visitor.open("/login")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.locator(".skip-link")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    tab_to(visitor.page, "main a")
    visitor.page.keyboard.press("Shift+Tab")
    assert visitor.page.evaluate("() => !document.activeElement.closest('header nav')")


def test_account_is_created_and_used_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open_eservice()
    press(page, "#log-in")
    visitor.should_be_on("login")

    press(page, "main a[href*='create-account']")
    visitor.should_be_on("create-account")
    type_into(
        page,
        email=visitor.email,
        email_confirm="toinen@example.fi",
        new_password=visitor.password,
        new_password_confirm=visitor.password,
        given_name="Maija",
        family_name="Meikäläinen",
    )
    tab_to(page, "#accept_terms")
    page.keyboard.press("Space")
    press(page, "#create-account")

    expect(page.locator("#error-summary-title")).to_be_focused()
    press(page, ".error-summary a")
    expect(page.locator("#email_confirm")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(visitor.email)
    type_into(page, new_password=visitor.password, new_password_confirm=visitor.password)
    tab_to(page, "#accept_terms")
    expect(page.locator("#accept_terms")).to_be_checked()
    press(page, "#create-account")
    visitor.should_be_on("created")
    expect(page.get_by_role("status")).to_be_focused()

    visitor.open_mailed_link()
    press(page, "#activate")
    visitor.should_be_on("activated")
    press(page, "main a.button")
    visitor.should_be_on("login")
    type_into(page, password=visitor.password)
    page.keyboard.press("Enter")  # from the field, as people do
    visitor.should_be_on("demo-front")
    visitor.should_be_logged_in_at_the_eservice()

    press(page, "#own-details")
    visitor.should_be_on("account")
    press(page, "#log-out")
    visitor.should_be_on("logged-out")


def test_password_is_shown_and_hidden_by_its_button(visitor: Visitor) -> None:
    visitor.open("/login")
    field = visitor.page.locator("#password")
    field.fill("Kuusi;7puuta")
    visitor.page.get_by_role("button", name="Näytä salasana").press("Space")
    expect(field).to_have_attribute("type", "text")
    visitor.page.get_by_role("button", name="Piilota salasana").press("Space")
    expect(field).to_have_attribute("type", "password")


def test_rules_of_the_password_are_ticked_while_it_is_typed(visitor: Visitor) -> None:
    visitor.open("/create-account")
    rules = visitor.page.locator("[data-rule]")
    met = visitor.page.locator("[data-rule].rule-met")
    expect(rules).to_have_count(5)
    expect(met).to_have_count(0)
    visitor.page.locator("#new_password").press_sequentially("Aa1½b")
    expect(met).to_have_count(4)
    visitor.page.locator("#new_password").press_sequentially("b")
    expect(met).to_have_count(5)
    visitor.page.fill("#new_password", "Aa1Sbb")  # S is no special character
    expect(met).to_have_count(4)

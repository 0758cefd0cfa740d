"""High contrast and paper: what a person needs is there too."""

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture
def form(visitor: Visitor) -> Visitor:
    """A form with errors, as the page with the most parts."""
    visitor.open("/create-account")
    visitor.press("#create-account")
    return visitor


def test_in_high_contrast_every_part_has_an_edge(form: Visitor) -> None:
    form.page.emulate_media(forced_colors="active")
    for part in ("#create-account", "#email", ".error-summary", "#accept_terms"):
        edge = form.page.locator(part).evaluate(
            "e => { const s = getComputedStyle(e); return s.appearance !== 'none' ||"
            " (s.borderTopStyle !== 'none' && parseFloat(s.borderTopWidth) >= 1); }"
        )
        assert edge, part
    form.page.focus("#email")
    outline = form.page.locator("#email").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline != "none"


def test_on_paper_are_the_words_and_not_the_ways_to_elsewhere(form: Visitor) -> None:
    page = form.page
    page.emulate_media(media="print", color_scheme="dark")
    for part in ("h1", ".error-summary", "label[for=email]", "footer"):
        expect(page.locator(part).first).to_be_visible()
    for part in (".skip-link", ".languages", ".breadcrumb", "footer nav"):
        expect(page.locator(part).first).to_be_hidden()
    colours = page.locator("body").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert colours[0] == "rgb(0, 0, 0)"
    assert colours[1] in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")

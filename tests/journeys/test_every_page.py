"""What holds on every page there is, in every language and error state: see `tests.support.gallery`.

Nothing for axe-core to find in light and dark; no scrolling sideways at 320 CSS pixels, which is also what a
window of 1280 pixels has at 400 %; no raw text; no script error, violated policy or request to others.
"""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.journeys.conftest import VisitorFactory
from tests.support.gallery import strong_tour, tour
from tests.support.installation import Installation
from tests.support.visitor import LOCALES

pytestmark = pytest.mark.browser

STANDARDS = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}

# Raw keys, routes, unfilled places, marks of an unfinished translation.
LEAKS = re.compile(
    r"^(?!tietosuoja\.fi$|www\.)[a-z]+(\.[a-z_]+)+$"  # a message key, but no address
    r"|\[?\b(Account|Home|Login|User)[A-Z]\w+\b"  # a route, as in the source document
    r"|^(SV|EN|FI): |%\(\w+\)|\{\{|\}\}|&(amp|lt|gt|quot);|\b(None|undefined|NaN)\b"
)
# Words that no Finnish or Swedish page has.
ENGLISH = re.compile(r"\b(the|your|you|with|please|cannot|not)\b", re.IGNORECASE)
ADDRESS = re.compile(r"https?://\S+")

VISIBLE_TEXTS = """() => {
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest('script, style, [lang]:not(html)')) texts.push(walker.currentNode.data.trim());
  }
  for (const name of ['aria-label', 'title', 'alt', 'placeholder'])
    for (const each of document.querySelectorAll(`[${name}]`)) texts.push(each.getAttribute(name));
  return texts.filter(Boolean);
}"""

WIDER_THAN_THE_WINDOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) return [`${document.documentElement.scrollWidth} px`];
  return [...document.querySelectorAll('a, button, input, h1, h2, p, li, dd, label, .notice')]
    .filter((each) => !each.closest('.visually-hidden, .skip, .skip-link') && !each.hidden)
    .filter((each) => { const r = each.getBoundingClientRect(); return r.right > width + 1 || r.left < -1; })
    .map((each) => each.outerHTML.slice(0, 100));
}"""


@pytest.mark.parametrize("language", list(LOCALES))
def test_every_page_is_accessible_narrow_and_clean(visit: VisitorFactory, language: str) -> None:
    visitor = visit(locale=LOCALES[language], reduced_motion=True)
    visitor.language = language
    page = visitor.page
    seen: set[str] = set()
    found: list[str] = []
    for name in tour(visitor):
        seen.add(visitor.page_name)
        assert page.locator("html").get_attribute("lang") == language, name
        found += [f"{name}: {problem}" for problem in problems_of(page, language)]
    assert found == []
    assert len(seen) >= 42, seen


@pytest.mark.parametrize("language", list(LOCALES))
def test_so_is_every_page_of_strong_authentication(
    visit: VisitorFactory, strong_place: Installation, language: str
) -> None:
    visitor = visit(strong_place, locale=LOCALES[language], reduced_motion=True)
    visitor.language = language
    found: list[str] = []
    seen: set[str] = set()
    for name in strong_tour(visitor):
        seen.add(visitor.page_name)
        assert visitor.page.locator("html").get_attribute("lang") == language, name
        found += [f"{name}: {problem}" for problem in problems_of(visitor.page, language)]
    assert found == []
    assert {"identify", "identify-known", "identify-again", "identify-confirm", "demo-broker"} <= seen


def problems_of(page: Page, language: str) -> Iterator[str]:
    yield from (f"light: {each}" for each in violations(page, STANDARDS))
    if page.locator("h1").count() != 1:
        yield f"{page.locator('h1').count()} headings of the first level"

    if language == "fi":  # colours are the same in every language
        page.emulate_media(color_scheme="dark")
        yield from (f"dark: {each}" for each in violations(page, CONTRAST))
        page.emulate_media(color_scheme="light")

    texts: list[str] = page.evaluate(VISIBLE_TEXTS)
    yield from (f"raw text: {text!r}" for text in texts if LEAKS.search(text))
    if language != "en":
        yield from (f"English: {text!r}" for text in texts if ENGLISH.search(ADDRESS.sub("", text)))

    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    yield from (f"wider than 320 px: {each}" for each in page.evaluate(WIDER_THAN_THE_WINDOW))
    if size:
        page.set_viewport_size(size)


def violations(page: Page, rules: dict[str, object]) -> list[str]:
    """What axe-core finds in the page as it looks now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    results = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [f"{each['id']} at {node['target']}" for each in results["violations"] for node in each["nodes"]]


def test_every_page_works_without_scripts(visit: VisitorFactory) -> None:
    """The whole tour by forms and links alone; nothing is shown that only a script would serve."""
    visitor = visit(javascript=False)
    found = [
        f"{name}: {button}"
        for name in tour(visitor)
        for button in visitor.page.locator("button[type=button]:visible").all_inner_texts()
    ]
    assert found == []

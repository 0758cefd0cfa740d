"""The main pages look as they did when somebody last looked at them: `make layout` takes the present look.

Not their pixels: which fonts a machine has, how it smooths them and how a browser version draws a field differ from
machine to machine on every page, and a tolerance that forgives all that would forgive a lost button. So the boxes of
landmarks and controls are compared, within what another font explains, and their number and order to the letter.
`make screenshots ARGS=/tmp/all` takes real pictures, for people to look at.
"""

import json
import os
from pathlib import Path

import pytest

from tests.journeys.conftest import VisitorFactory
from tests.support.gallery import tour
from tests.support.layout import Boxes, boxes, differences
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

KEPT = Path(__file__).with_name("layout.json")
UPDATE = "IDP_TEST_TAKE_LAYOUT"
WIDTHS = (1280, 320)
PAGES = (
    *("login", "create-account", "create-account, with errors", "created", "activate", "activated", "locked"),
    *(
        "link-expired, activation",
        "forgot",
        "reset",
        "error, not found",
        "too-many",
        "feedback",
        "accept-terms",
    ),
    *("consent", "own account", "own sessions", "own services", "own history", "own data", "own details"),
    *("own password", "own address, waiting", "own deletion", "confirm address", "cancel deletion"),
)


def test_main_pages_look_as_they_did(visit: VisitorFactory) -> None:
    looks = {f"{name} {width}": found for name, width, found in layouts(visit(reduced_motion=True))}
    if os.environ.get(UPDATE):
        lines = (f"{json.dumps(name)}: {json.dumps(found)}" for name, found in looks.items())
        KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    kept: dict[str, Boxes] = json.loads(KEPT.read_text(encoding="utf-8"))

    assert looks.keys() == kept.keys()
    changed = {name: differences(found, kept[name]) for name, found in looks.items()}
    assert {name: found for name, found in changed.items() if found} == {}, "if it is meant so: make layout"


def layouts(visitor: Visitor) -> list[tuple[str, int, Boxes]]:
    found: list[tuple[str, int, Boxes]] = []
    page = visitor.page
    size = page.viewport_size
    assert size is not None
    for name in tour(visitor):
        if name in PAGES:
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                found.append((name, width, boxes(page)))
            page.set_viewport_size(size)
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("font", ["serif", "sans-serif"])
def test_another_font_is_no_difference(visitor: Visitor, font: str, width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 900})
    visitor.open("/create-account")
    before = boxes(visitor.page)
    visitor.page.evaluate("font => { document.body.style.fontFamily = font; }", font)
    assert differences(boxes(visitor.page), before) == []


@pytest.mark.parametrize(
    "change",
    [
        "document.querySelector('#create-account').remove()",
        "document.querySelector('main').append(document.querySelector('h1'))",
        "document.querySelector('main').style.maxWidth = 'none'",
        "document.querySelector('#email').style.width = '6rem'",
        "document.querySelector('footer').style.position = 'absolute'; document.querySelector('footer').style.top = 0",
        "document.querySelector('header a.person').style.marginInlineEnd = '30rem'",
        "document.querySelectorAll('link[rel=stylesheet]').forEach((each) => { each.disabled = true; })",
    ],
)
def test_what_is_lost_or_moved_is_a_difference(visitor: Visitor, change: str) -> None:
    visitor.open("/create-account")
    before = boxes(visitor.page)
    visitor.page.evaluate(f"() => {{ {change}; }}")
    assert differences(boxes(visitor.page), before) != []

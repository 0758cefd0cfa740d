"""Where the landmarks and controls of a page stand: a picture of it in numbers, to compare with an earlier one."""

from dataclasses import dataclass

from playwright.sync_api import Page

_BOXES = """() => {
  const found = {};
  const wanted = 'header, header nav, header a.person, .breadcrumb, main, h1, .error-summary, .notice, .parts, form,'
    + ' main table, main input:not([type=hidden]), main textarea, main button[id], main a.button, footer';
  const counts = {};
  for (const each of document.querySelectorAll(wanted)) {
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height || each.closest('.visually-hidden')) continue;
    const kind = each.tagName.toLowerCase() + (each.className ? '.' + each.classList[0] : '');
    const name = each.id ? '#' + each.id : kind + ' ' + (counts[kind] = (counts[kind] || 0) + 1);
    found[name] = [box.x, box.y + scrollY, box.width, box.height].map(Math.round);
  }
  return found;
}"""


@dataclass(frozen=True)
class Tolerance:
    """In CSS pixels, and as a part of the earlier value or, for `x`, of the page's width; the larger counts."""

    pixels: int
    part: float

    def allows(self, now: int, before: int, whole: int) -> bool:
        return abs(now - before) <= max(self.pixels, self.part * whole)


# Another font makes lines longer, breaks them elsewhere and pushes down what follows.
TOLERANCES = {
    "x": Tolerance(40, 0.08),
    "y": Tolerance(60, 0.3),
    "width": Tolerance(40, 0.25),
    "height": Tolerance(40, 0.35),
}

Boxes = dict[str, list[int]]


def boxes(page: Page) -> Boxes:
    """x, y, width and height of everything that a person sees first, by its id or kind; in the order of the page."""
    found: Boxes = page.evaluate(_BOXES)
    return found


def differences(now: Boxes, before: Boxes) -> list[str]:
    """What came, went, changed its place in the order, or moved more than another font explains."""
    if list(now) != list(before):
        return [f"{list(before)} became {list(now)}"]
    found = []
    page_width = max(x + width for x, _, width, _ in before.values())
    for name, values in now.items():
        for (side, tolerance), value, earlier in zip(TOLERANCES.items(), values, before[name], strict=True):
            if not tolerance.allows(value, earlier, page_width if side == "x" else earlier):
                found.append(f"{name}: {side} was {earlier}, is {value}")
    return found

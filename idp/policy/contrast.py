"""Whether two colours are far enough apart to be read (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

TEXT = 4.5
"""The least ratio between text and its ground."""

PARTS = 3.0
"""The least ratio between a control and what surrounds it."""

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


class NotAColour(ValueError):
    """The text is not a colour of the form #rgb or #rrggbb."""


def ratio(a: str, b: str) -> float:
    """The contrast ratio of two colours, 1 to 21. Raises NotAColour."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def moved(colour: str, towards: int, share: float) -> str:
    """The colour, by a share (0 to 1) nearer to black (0) or white (255). Raises NotAColour."""
    return "#" + "".join(f"{round(part + (towards - part) * share):02x}" for part in _parts(colour))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(value) for value in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: int) -> float:
    part = value / 255
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _parts(colour: str) -> tuple[int, int, int]:
    if not _HEX.fullmatch(colour):
        raise NotAColour(f"{colour!r} is not a colour such as #0a4d78")
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)

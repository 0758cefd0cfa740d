"""Plots without scripts: where the bars of an SVG picture stand. The template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 132
LEFT, TOP, BOTTOM = 34, 8, 20  # room for the scale, above, and for the labels below
GAP = 0.25  # of a bar's place


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str
    number: int


@dataclass(frozen=True)
class Line:
    """A line of the scale."""

    y: float
    number: int


@dataclass(frozen=True)
class Plot:
    title: str
    total: int
    highest: tuple[str, int]  # where, and how much
    bars: list[Bar]
    lines: list[Line]
    first: str
    last: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


def plot(title: str, labels: Sequence[str], numbers: Sequence[int]) -> Plot:
    """A bar for each number, none where it is zero; `labels` name them."""
    top = scale_end(max(numbers))
    room, place = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT) / len(numbers)
    bars = []
    for index, (label, number) in enumerate(zip(labels, numbers, strict=True)):
        if number:
            height = max(1.0, room * number / top)
            x = LEFT + place * (index + GAP / 2)
            bars.append(
                Bar(
                    round(x, 1),
                    round(TOP + room - height, 1),
                    round(place * (1 - GAP), 1),
                    round(height, 1),
                    label,
                    number,
                )
            )
    highest = max(zip(numbers, labels, strict=True), key=lambda pair: pair[0])
    lines = [Line(TOP + room - room * part / 2, top * part // 2) for part in range(3)]
    return Plot(title, sum(numbers), (highest[1], highest[0]), bars, lines, labels[0], labels[-1])


def scale_end(highest: int) -> int:
    """The even number of two digits at most at which a scale ends: not less than any bar, and not much more."""
    power = 1
    while True:
        for step in (2, 4, 6, 8, 10, 20):
            if step * power >= highest:
                return step * power
        power *= 10

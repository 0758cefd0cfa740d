"""How deep JSON nests, told from its text: before a parser, a comparison or a database recurses into it.

Python gives up at some depth that depends on who called; what one reader takes may so be a fault in the next one.
"""

import re
from itertools import accumulate

MAX_DEPTH = 32
"""More than anything nests that we understand; for readers without a narrower limit of their own."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)  # also one without an end, in linear time
_STEPS = {"{": 1, "[": 1, "}": -1, "]": -1}


def depth(text: str) -> int:
    """How deep brackets nest at most, outside of strings."""
    steps = (_STEPS.get(character, 0) for character in _STRING.sub("", text))
    return max(accumulate(steps), default=0)


def check_depth(text: str) -> None:
    """Raises ValueError for what nests deeper than anything that we understand."""
    if depth(text) > MAX_DEPTH:
        raise ValueError("nested too deeply")

"""The keys by which people are found by the beginning of a name, typed with or without accents and capitals."""

import re
import unicodedata

MAX_KEY = 200
SHORTEST = 2
"""Characters that a search must have: fewer would list people whom nobody looks for."""


def name_key(*names: str | None) -> str:
    """The words of `names` in this order, without accents, capitals and punctuation.

    "Ström-Åberg", "Åke" is "strom aberg ake".
    Any text is accepted; one without letters and digits gives the empty key, which finds nobody.
    """
    plain = unicodedata.normalize("NFKD", " ".join(name for name in names if name)).casefold()
    letters = (char for char in unicodedata.normalize("NFKD", plain) if unicodedata.category(char) != "Mn")
    words = "".join(char if char.isalnum() else " " for char in letters).split()
    return " ".join(words)[:MAX_KEY].rstrip()


_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,22}")


def is_identifier(text: str) -> bool:
    """Whether an account or a registration can have that identifier; databases do not take every text."""
    return _IDENTIFIER.fullmatch(text) is not None


def end_of(prefix: str) -> str:
    """The end of the range of texts that begin with `prefix`, where texts are compared by code point."""
    return prefix + "\U0010ffff"

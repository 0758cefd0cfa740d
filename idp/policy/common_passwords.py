"""Whether a password is among those that everybody tries first.

ASVS 6.2.4 and 6.2.12; NIST SP 800-63B-4 3.1.1.2. Offline: `wordlists/` holds the lists, its README says
where they come from. What else a password needs is not here.
"""

from collections.abc import Iterator
from functools import cache
from importlib import resources

MAX_DECORATION = 12
"""Characters that make no password of a known word: `1!`, `2026!`, a date with dots, a telephone number."""

_SHORTEST_WORD = 4
_LONGEST_PATTERN = 4

_LOOKALIKES = (str.maketrans("@43€0$5781!", "aaeeosstbii"), str.maketrans("@43€0$5781!", "aaeeosstbll"))
_UNSHIFTED = str.maketrans('!"@#£¤$%€&/()=', "12233445567890")  # a Finnish keyboard, and the @ # $ of others


def is_common_password(password: str) -> bool:
    """Whether `password` is on the lists, or one of them in thin disguise. Takes a few milliseconds at most.

    Disguises seen through, in any case: up to MAX_DECORATION characters other than letters around the word
    (`Salasana1!`), lookalikes (`P@ssw0rd`), Shift held over digits (`Zaq1"wsx`) and repetition
    (`salasanasala`). One to four characters repeated are common whatever they are (`Aa1!Aa1!`).
    """
    text = password.casefold()
    return any(
        _is_short_pattern(word) or _is_listed(word) or _is_listed(_repeated_part(word))
        for typed in {text, text.translate(_UNSHIFTED)}
        for undecorated in _undecorated(typed)
        for word in lookalike_spellings(undecorated)
    )


def lookalike_spellings(text: str) -> set[str]:
    """`text`, and what it reads with letters for the digits and signs that look like them (1 is i or l)."""
    return {text, *(text.translate(letters) for letters in _LOOKALIKES)}


def _undecorated(text: str) -> Iterator[str]:
    """`text`, and what is left of it with decoration cut off its end bit by bit, its beginning or not."""
    yield text
    first_letter = next((place for place, char in enumerate(text) if char.isalpha()), len(text))
    end = len(text)
    while end > first_letter and len(text) - end <= MAX_DECORATION:
        for start in {0, first_letter}:
            if end - start >= _SHORTEST_WORD and start + len(text) - end <= MAX_DECORATION:
                yield text[start:end]
        if text[end - 1].isalpha():
            return
        end -= 1


def _repeated_part(text: str) -> str:
    """The shortest beginning that makes up `text` when repeated: ab for ababa, all of abc."""
    return next((text[:period] for period in range(1, len(text)) if text.startswith(text[period:])), text)


def _is_short_pattern(text: str) -> bool:
    part = _repeated_part(text)
    return 0 < len(part) <= _LONGEST_PATTERN and 2 * len(part) <= len(text)


def _is_listed(word: str) -> bool:
    return f"\n{word}\n" in _lists()


@cache
def _lists() -> str:
    """All words, each between newlines: 0.4 MB of memory. A set of them would take ten times that."""
    folder = resources.files("idp.policy") / "wordlists"
    breached = (folder / "breached.txt").read_text("utf-8")
    nordic = (folder / "nordic.txt").read_text("utf-8")
    # People who write ä as a on foreign keyboards are guessed as easily.
    without_dots = nordic.translate(str.maketrans("åäö", "aao"))
    return "\n" + breached + nordic + without_dots

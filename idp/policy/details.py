"""What names, phone numbers and postal codes may look like (R-21, R-22). Mild on purpose: nobody's name is wrong."""

import re
import unicodedata

MAX_NAME = 100
MAX_PHONE = 40
MAX_STREET = 200
MAX_POSTAL_CODE = 20

_NAME_EXTRAS = set(" -'’‘`´.‐‑")
_PHONE = re.compile(r"\+?[0-9 ()-]{3,40}")
_FINNISH_POSTAL_CODE = re.compile(r"[0-9]{5}")
_POSTAL_CODE = re.compile(r"[A-Za-z0-9 -]{2,20}")  # MAX_POSTAL_CODE


def is_name(text: str) -> bool:
    """Letters of any script with their marks, spaces, hyphens, apostrophes and full stops; 1 to 100 characters."""
    return 1 <= len(text) <= MAX_NAME and all(
        unicodedata.category(char)[0] in "LM" or char in _NAME_EXTRAS for char in text
    )


def is_phone(text: str) -> bool:
    """Digits with spaces, hyphens and brackets, after an optional plus; at least three digits."""
    return _PHONE.fullmatch(text) is not None and sum(char.isdigit() for char in text) >= 3


def is_postal_code(text: str) -> bool:
    """Letters, digits, spaces and hyphens, as postal codes of the world have; 2 to 20 characters."""
    return _POSTAL_CODE.fullmatch(text) is not None and any(char.isalnum() for char in text)


def is_finnish_postal_code(text: str) -> bool:
    """Five digits. Another one is kept too: people live abroad; it is worth a note."""
    return _FINNISH_POSTAL_CODE.fullmatch(text) is not None


def is_plain_line(text: str) -> bool:
    """One line without control characters, half surrogates or unassigned code points."""
    return not any(unicodedata.category(char) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for char in text)

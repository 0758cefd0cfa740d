"""The Finnish personal identity code (henkilötunnus): its form, its check character, the birth date in it.

It tells people apart and proves nothing about who is speaking. Keeping one, and whose it is, is not here.
"""

import re
from dataclasses import dataclass
from datetime import date

CHECK_CHARACTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
"""Of the remainder of division by 31."""

CENTURIES = {
    "+": 1800,
    **dict.fromkeys("-UVWXY", 1900),
    **dict.fromkeys("ABCDEF", 2000),
}
"""By the intermediate character. The letters were added in 2023, when codes began to run out."""

LARGEST_GIVEN = 899
"""Individual numbers from 900 on are of tests and of temporary codes: no person is ever given one."""

_FORM = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})([-+A-FU-Y])([0-9]{3})([0-9A-Y])")


class InvalidIdentityCode(ValueError):
    """The text is not a personal identity code. The message never repeats it."""


@dataclass(frozen=True, slots=True, repr=False)
class IdentityCode:
    """One code, in capitals. Neither `str` nor `repr` tells it, so that none gets into a log by mistake."""

    value: str
    birth_date: date | None
    individual_number: int

    @classmethod
    def parse(cls, text: str, *, tolerant: bool = False) -> "IdentityCode":
        """Read a code. `tolerant` takes a wrong check character and an impossible day too, as some codes of brokers'
        test environments have them. Raises InvalidIdentityCode.
        """
        normal = text.strip().upper() if text.isascii() else ""
        match = _FORM.fullmatch(normal)
        if match is None:
            raise InvalidIdentityCode("does not have the form of a personal identity code")
        day, month, year, sign, number, check = match.groups()
        try:
            born = date(CENTURIES[sign] + int(year), int(month), int(day))
        except ValueError as error:
            if not tolerant:
                raise InvalidIdentityCode("holds a day that no calendar has") from error
            born = None
        if not tolerant and check != check_character(day + month + year, number):
            raise InvalidIdentityCode("has another check character than its digits")
        if not tolerant and int(number) < 2:
            raise InvalidIdentityCode("has an individual number that is never given")
        return cls(normal, born, int(number))

    @property
    def is_artificial(self) -> bool:
        """Whether it can only be one of a test, or a temporary one."""
        return self.individual_number > LARGEST_GIVEN

    def __repr__(self) -> str:
        return "<IdentityCode>"

    __str__ = __repr__


def check_character(birth: str, number: str) -> str:
    """The last character of a code, by its six digits of birth (ddmmyy) and its three of the individual number."""
    return CHECK_CHARACTERS[int(birth + number) % 31]

"""Personal identity codes. Every code here has an individual number of tests, or was made by the test itself."""

import re
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.identity_code import (
    CENTURIES,
    CHECK_CHARACTERS,
    IdentityCode,
    InvalidIdentityCode,
    check_character,
)

days = st.dates(date(1850, 1, 1), date(2099, 12, 31))
numbers = st.integers(2, 999)


def code(born: date, number: int, sign: str | None = None) -> str:
    signs = [each for each, century in CENTURIES.items() if century == born.year // 100 * 100]
    digits = f"{born:%d%m%y}"
    return f"{digits}{sign or signs[0]}{number:03}{check_character(digits, f'{number:03}')}"


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("010170-999R", date(1970, 1, 1)),
        ("070770-905D", date(1970, 7, 7)),
        ("010190-999W", date(1990, 1, 1)),
        ("010180-9004", date(1980, 1, 1)),
        ("150590-9010", date(1990, 5, 15)),
        ("311299-902A", date(1999, 12, 31)),
        ("290200A903E", date(2000, 2, 29)),
        ("010195Y9044", date(1995, 1, 1)),
        ("240710B905W", date(2010, 7, 24)),
    ],
)
def test_codes_of_tests_are_read(text: str, born: date) -> None:
    read = IdentityCode.parse(text)

    assert (read.value, read.birth_date, read.is_artificial) == (text, born, True)


@given(days, numbers, st.data())
def test_every_code_with_its_own_check_character_is_read(
    born: date, number: int, data: st.DataObject
) -> None:
    signs = [each for each, century in CENTURIES.items() if century == born.year // 100 * 100]
    text = code(born, number, data.draw(st.sampled_from(signs)))

    read = IdentityCode.parse(text)

    assert (read.value, read.birth_date, read.individual_number) == (text, born, number)
    assert read.is_artificial is (number >= 900)


@given(days, numbers, st.sampled_from(CHECK_CHARACTERS))
def test_every_other_check_character_is_refused(born: date, number: int, other: str) -> None:
    good = code(born, number)
    text = good[:-1] + other
    if text == good:
        return

    with pytest.raises(InvalidIdentityCode) as refused:
        IdentityCode.parse(text)
    assert text not in str(refused.value)
    assert IdentityCode.parse(text, tolerant=True).value == text


@given(days, numbers, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(born: date, number: int, place: int, by: int) -> None:
    good = code(born, number)
    if place == 6:  # the sign between
        return
    text = good[:place] + str((int(good[place]) + by) % 10) + good[place + 1 :]

    with pytest.raises(InvalidIdentityCode):
        IdentityCode.parse(text)


@given(st.text(st.characters(codec=None), max_size=15))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    for tolerant in (False, True):
        with suppress(InvalidIdentityCode):
            read = IdentityCode.parse(text, tolerant=tolerant)
            assert re.fullmatch(r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]", read.value)


@pytest.mark.parametrize("text", [" 010170-999r\n", "010170-999r"])
def test_small_letters_and_space_around_it_do_not_matter(text: str) -> None:
    assert IdentityCode.parse(text).value == "010170-999R"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "010170-999",
        "010170-999RR",
        "010170_999R",
        "010170G999R",
        "0101700999R",
        "٠١٠١٧٠-٩٩٩R",  # digits of another script
        "010170\u2212999R",  # a minus that is no hyphen
        "01 01 70-999R",
        "320170-999R",
        "310270-999R",
        "290201A903E",  # no leap year
        "010170-0009",
    ],
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityCode):
        IdentityCode.parse(text)


@pytest.mark.parametrize("number", ["000", "001"])
def test_the_two_numbers_that_are_never_given_are_refused(number: str) -> None:
    with pytest.raises(InvalidIdentityCode, match="never given"):
        IdentityCode.parse(f"010170-{number}{check_character('010170', number)}")


def test_codes_that_differ_in_the_sign_alone_are_of_different_people() -> None:
    assert IdentityCode.parse("010195-9044") != IdentityCode.parse("010195Y9044")


def test_a_broker_of_tests_may_send_an_invalid_code() -> None:
    read = IdentityCode.parse("280453-111A", tolerant=True)

    assert (read.birth_date, read.is_artificial) == (date(1953, 4, 28), False)
    assert IdentityCode.parse("310299-902X", tolerant=True).birth_date is None


def test_a_code_never_tells_itself() -> None:
    read = IdentityCode.parse("010170-999R")

    assert "010170" not in f"{read} {read!r} {[read]}"

"""Postal codes (R-22): those of the world are kept, those of Finland have five digits."""

import pytest

from idp.policy import details


@pytest.mark.parametrize(
    "text", ["00100", "113 51", "SW1A 1AA", "D-10115", "1010", "LV-1010", "AD100", "12345-6789", "a" * 20]
)
def test_postal_codes_of_the_world_are_kept(text: str) -> None:
    assert details.is_postal_code(text)


@pytest.mark.parametrize("text", ["", "1", "12/3", "00100 (FI)", "- -", "1\n2", "1" * 21, "００１００"])
def test_what_no_country_has_is_not(text: str) -> None:
    assert not details.is_postal_code(text)


@pytest.mark.parametrize(
    ("text", "finnish"),
    [
        ("00100", True),
        ("113 51", False),
        ("0010", False),
        ("001000", False),
        ("FI-00100", False),
        ("٠٠١٠٠", False),
    ],
)
def test_five_digits_are_finnish(text: str, finnish: bool) -> None:
    assert details.is_finnish_postal_code(text) is finnish

"""Reading what a broker tells of a person, whatever it names it; what is no text, or none for people, is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.settings import Upstream
from idp.upstream import dialects
from idp.upstream.dialects import DIALECTS, Unreadable
from tests.conftest import make_settings
from tests.support.broker import upstream_settings

NAMES = DIALECTS["op"]


def section(**more: Any) -> Upstream:
    settings = upstream_settings("https://broker.example.fi", claims_dialect="op", **more)
    return make_settings(upstream=settings).upstream


OP = section()


@pytest.mark.parametrize("missing", ["given_name", "family_name"])
def test_one_name_without_the_other_is_not_taken_for_a_part(missing: str) -> None:
    """Some sources make a single name of both: whoever wrote it into one claim did not know which it is."""
    claims = {"given_name": "Maija Meikäläinen", "family_name": "Maija Meikäläinen"}
    del claims[missing]

    told = dialects.read(claims, OP)

    assert (told.given_names, told.family_name, told.name) == ("", "", "Maija Meikäläinen")


def test_the_scopes_of_a_dialect_are_asked_for_unless_others_are_set() -> None:
    assert dialects.scope(OP) == "openid profile personal_identity_code weak"
    assert dialects.scope(section(scope="openid x")) == "openid x"
    ftn = make_settings(upstream=upstream_settings("https://broker.example.fi")).upstream
    assert dialects.scope(ftn) == "openid"


@pytest.mark.parametrize(
    ("scope", "missing"),
    [
        ("", []),
        ("openid profile personal_identity_code strong", []),
        ("openid personal_identity_code weak", ["profile"]),
        ("openid", ["profile", "personal_identity_code", "weak"]),
    ],
)
def test_scopes_that_the_dialect_needs_are_missed(scope: str, missing: list[str]) -> None:
    assert dialects.missing_scopes(section(scope=scope)) == missing


def test_spaces_around_and_within_names_are_single_ones() -> None:
    told = dialects.read({"given_name": " Maija\n Kaarina ", "family_name": "af\tGrann"}, OP)

    assert (told.given_names, told.family_name) == ("Maija Kaarina", "af Grann")


@pytest.mark.parametrize("name", ["personal_identity_code", "given_name", "family_name", "name"])
@pytest.mark.parametrize("value", [1, True, ["x"], {}, "x" * 600, "a\x00b", "\ud800", "\u202eabc"])
def test_what_nobody_can_read_is_refused_without_repeating_it(name: str, value: Any) -> None:
    with pytest.raises(Unreadable) as refused:
        dialects.read({name: value}, OP)
    assert str(value) not in str(refused.value)


@pytest.mark.parametrize(
    ("amr", "methods"),
    [
        (["https://bank.example.fi"], ("https://bank.example.fi",)),
        ("https://bank.example.fi", ("https://bank.example.fi",)),
        (None, ()),
        ([1, {}, "x"], ("x",)),
        (["y"] * 50, ("y",) * 10),
    ],
)
def test_the_method_is_a_list_or_a_text(amr: Any, methods: tuple[str, ...]) -> None:
    assert dialects.read({"amr": amr}, OP).methods == methods


def test_a_single_claim_can_be_named_otherwise() -> None:
    told = dialects.read({"hetu": "010180-9004"}, section(claims={"identity_code": "hetu"}))

    assert told.identity_code == "010180-9004"
    assert "010180" not in repr(told)


@given(
    st.dictionaries(
        st.sampled_from([*NAMES.values()]), st.text() | st.none() | st.integers() | st.lists(st.text())
    )
)
def test_any_claims_are_read_or_refused_by_name(claims: dict[str, Any]) -> None:
    try:
        told = dialects.read(claims, OP)
    except Unreadable:
        return
    assert all(text.isprintable() for text in (told.given_names, told.family_name, told.name))
    assert bool(told.given_names) == bool(told.family_name)

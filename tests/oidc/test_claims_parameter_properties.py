"""Whatever stands in the `claims` parameter: it is understood or refused with a ValueError, never more."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from idp.accounts.claims import ALL_CLAIMS
from idp.grants.claims_request import ClaimsRequest, parse

NAMES = st.sampled_from([*ALL_CLAIMS, "sub", "acr", "auth_time", "groups", "email#fi", "", "ä"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
LEAVES = PLAIN | st.floats()
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
WISHES = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "essential": st.booleans(),
            "value": st.just("x"),
            "values": st.just(["x"]),
            "more": PLAIN,
        },
    ),
)
GOOD = st.fixed_dictionaries(
    {},
    optional={
        member: st.dictionaries(NAMES, WISHES, max_size=6) for member in ("id_token", "userinfo", "else")
    },
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        member: st.dictionaries(NAMES, ANYTHING, max_size=6) | ANYTHING for member in ("id_token", "userinfo")
    },
)


def parsed(text: str) -> ClaimsRequest | None:
    """What is understood of `text`; None if it is refused, with a reason fit for error_description."""
    try:
        return parse(text)
    except ValueError as error:
        reason = str(error)
    assert reason.startswith("claims")
    assert all(" " <= char <= "~" and char not in '"\\' for char in reason)
    return None


def assert_sound(found: ClaimsRequest) -> None:
    """Only names that exist, each once; only texts as values."""
    for names in (found.id_token, found.userinfo):
        assert set(names) <= set(ALL_CLAIMS)
        assert len(set(names)) == len(names)
    assert all(isinstance(value, str) for value in found.acr_values)
    assert found.sub is None or isinstance(found.sub, str)


@given(st.text())
@example("[" * 8000)
@example('{"' * 4000)
@example('{"a":"\ud800"}')
@example('{"a":"\\ud800"}')
@example('{"id_token":{"sub":{"value":"\\ud800"}}}')
def test_any_text_is_understood_or_refused(text: str) -> None:
    found = parsed(text)

    assert found is None or found == ClaimsRequest() or "{" in text


@given(NEARLY)
def test_any_json_is_understood_or_refused(content: Any) -> None:
    found = parsed(json.dumps(content))

    if found is not None:
        assert_sound(found)


@given(GOOD)
def test_every_request_of_the_right_shape_is_understood_and_no_known_claim_is_lost(content: Any) -> None:
    found = parsed(json.dumps(content))

    assert found is not None
    assert_sound(found)
    for member, names in (("id_token", found.id_token), ("userinfo", found.userinfo)):
        assert names == tuple(name for name in content.get(member, {}) if name in ALL_CLAIMS)

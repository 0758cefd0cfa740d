"""How brokers name what they tell of a person, and reading it from their claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from idp.settings import Upstream

DIALECTS: Mapping[str, Mapping[str, str]] = {
    "ftn": {  # Telia and others, by Traficom's profile
        "identity_code": "urn:oid:1.2.246.21",
        "given_names": "urn:oid:1.2.246.575.1.14",
        "family_name": "urn:oid:2.5.4.4",
        "birth_date": "urn:oid:1.3.6.1.5.5.7.9.1",
        "name": "urn:oid:2.16.840.1.113730.3.1.241",
        "method": "amr",
    },
    "op": {
        "identity_code": "personal_identity_code",
        "given_names": "given_name",
        "family_name": "family_name",
        "birth_date": "birthdate",
        "name": "name",
        "method": "amr",
    },
    "signicat": {
        "identity_code": "ftn_hetu",
        "given_names": "given_name",
        "family_name": "family_name",
        "birth_date": "birthdate",
        "name": "name",
        "method": "ftn_idp",
    },
    "custom": {},
}
SCOPES: Mapping[str, str] = {
    # OP tells nothing but what is asked for by scope. `weak` reports the purpose: an account with a password.
    "op": "openid profile personal_identity_code weak",
}
MAX_GIVEN, MAX_FAMILY = 300, 200  # characters, as the table has them


class Unreadable(ValueError):
    """A claim is not what a broker may send. The message names the meaning, never the value."""


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """What a broker told of a person. Empty: nothing."""

    identity_code: str
    given_names: str
    family_name: str
    name: str
    birth_date: date | None
    methods: tuple[str, ...]

    def __repr__(self) -> str:
        return "<Told>"


def scope(section: Upstream) -> str:
    """The scopes to ask for."""
    return section.scope or SCOPES.get(section.claims_dialect, "openid")


def missing_scopes(section: Upstream) -> list[str]:
    """What the broker's dialect needs and `upstream.scope` leaves out: names or the code will not be told."""
    purposes = {"weak", "strong"}
    asked, needed = set(scope(section).split()), SCOPES.get(section.claims_dialect, "openid").split()
    return [each for each in needed if each not in asked and not (each in purposes and purposes & asked)]


def read(claims: Mapping[str, Any], section: Upstream) -> Told:
    """Raises Unreadable."""
    names = {**DIALECTS[section.claims_dialect], **section.claims}
    given = _text(claims, names, "given_names", MAX_GIVEN)
    family = _text(claims, names, "family_name", MAX_FAMILY)
    both = given and family
    return Told(
        identity_code=_text(claims, names, "identity_code", 20),
        # One without the other is what some sources make of a single name: which part it is, nobody knows.
        given_names=given if both else "",
        family_name=family if both else "",
        name=_text(claims, names, "name", MAX_GIVEN + MAX_FAMILY) or given or family,
        birth_date=_day(_text(claims, names, "birth_date", 40)),
        methods=_methods(claims.get(names.get("method", "amr"))),
    )


def _text(claims: Mapping[str, Any], names: Mapping[str, str], meaning: str, most: int) -> str:
    value = claims.get(names.get(meaning, ""))
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{meaning} is no text")
    text = " ".join(value.split())
    if len(text) > most or not text.isprintable():
        raise Unreadable(f"{meaning} is too long or holds what nobody can read")
    return text


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Unreadable("birth_date is no day (YYYY-MM-DD)") from error


def _methods(value: object) -> tuple[str, ...]:
    """What the person used, for the record: a list by OpenID Connect Core 2, with some brokers a text."""
    each = value if isinstance(value, list) else [value]
    return tuple(text for text in each if isinstance(text, str) and len(text) <= 200)[:10]

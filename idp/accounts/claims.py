"""Standard claims of a person (OpenID Connect Core 5.1), by scope and by single request.

A claim without a value is absent: no nulls, no empty strings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
IDENTITY_CODE_CLAIM = "hetu"
"""The personal identity code: at userinfo alone, for a client app whose legal basis is recorded."""

ALL_CLAIMS = tuple(name for names in SCOPE_CLAIMS.values() for name in names)


@dataclass(frozen=True, slots=True)
class Person:
    """The columns of an account that claims are made of."""

    id: str
    username: str
    email: str | None
    email_verified: bool
    given_name: str | None
    family_name: str | None
    phone: str | None
    street_address: str | None
    postal_code: str | None
    locality: str | None
    language: str
    further: Mapping[str, Any]
    updated_at: datetime


PERSON_COLUMNS = (
    "a.id, a.username, a.email, a.email_verified, a.given_name, a.family_name, a.phone, a.street_address,"
    " a.postal_code, a.locality, a.language, a.claims, a.updated_at"
)  # in the order of Person, for Statements that join accounts as a


def claims_of(person: Person, scopes: Iterable[str], requested: Iterable[str] = ()) -> dict[str, Any]:
    """The claims that `scopes` and the `requested` names give, without `sub`."""
    wanted = set(requested)
    for scope in scopes:
        wanted.update(SCOPE_CLAIMS.get(scope, ()))
    if not wanted:
        return {}
    return {name: value for name, value in _all(person).items() if name in wanted}


def _all(person: Person) -> dict[str, Any]:
    name = " ".join(part for part in (person.given_name, person.family_name) if part)
    address = _address(person)
    values: dict[str, Any] = {
        "name": name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "preferred_username": person.username,
        "locale": person.language,
        "updated_at": int(person.updated_at.timestamp()),
        "email": person.email,
        "email_verified": bool(person.email_verified) if person.email else None,
        "phone_number": person.phone,
        "phone_number_verified": False if person.phone else None,
        "address": address,
    }
    values.update({key: value for key, value in person.further.items() if key in ALL_CLAIMS})
    return {key: value for key, value in values.items() if value is not None and value not in ("", {})}


def _address(person: Person) -> dict[str, str]:
    """The address claim (OpenID Connect Core 5.1.1)."""
    postal = " ".join(part for part in (person.postal_code, person.locality) if part)
    parts = {
        "street_address": person.street_address,
        "postal_code": person.postal_code,
        "locality": person.locality,
        "formatted": "\n".join(part for part in (person.street_address, postal) if part),
    }
    return {key: value for key, value in parts.items() if value}

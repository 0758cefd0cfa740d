"""The people whom the demo's broker knows, and how it names what it tells of them. All are made up.

The individual numbers of their personal identity codes, 900 to 999, are never given to real people.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody to be; `code` is None for a person from abroad who has none."""

    id: str
    given_names: str
    family_name: str
    birth_date: str
    code: str | None


PEOPLE = {
    person.id: person
    for person in (
        Persona("maija", "Maija Kaarina", "Meikäläinen", "1980-01-01", "010180-9004"),
        Persona("matti", "Matti Juhani", "Mallikas", "1990-05-15", "150590-9010"),
        Persona("asa", "Åsa Birgitta", "Ström-Åberg", "1999-12-31", "311299-902A"),
        Persona("onni", "Onni Eino Olavi", "Näyte", "2000-02-29", "290200A903E"),
        Persona("aino", "Aino", "von Testi", "1995-01-01", "010195Y9044"),
        Persona("paavo", "Paavo Sakari", "Pääkäyttäjä", "1970-07-07", "070770-905D"),
        Persona("veeti", "Veeti", "Nuorinen", "2010-07-24", "240710B905W"),
        Persona("jane", "Jane", "Doe", "1985-03-02", None),
    )
}

# What a claim is called, by the broker that is imitated.
NAMES: Mapping[str, Mapping[str, str]] = {
    "ftn": {
        "code": "urn:oid:1.2.246.21",
        "given_names": "urn:oid:1.2.246.575.1.14",
        "family_name": "urn:oid:2.5.4.4",
        "birth_date": "urn:oid:1.3.6.1.5.5.7.9.1",
        "name": "urn:oid:2.16.840.1.113730.3.1.241",
    },
    "op": {
        "code": "personal_identity_code",
        "given_names": "given_name",
        "family_name": "family_name",
        "birth_date": "birthdate",
        "name": "name",
    },
    "signicat": {
        "code": "ftn_hetu",
        "given_names": "given_name",
        "family_name": "family_name",
        "birth_date": "birthdate",
        "name": "name",
    },
}


# What a broker tells for a scope alone.
BY_SCOPE: Mapping[str, Mapping[str, Collection[str]]] = {
    "op": {
        "profile": ("given_names", "family_name", "birth_date", "name"),
        "personal_identity_code": ("code",),
    },
}


def claims_of(person: Persona, dialect: str, scopes: Collection[str]) -> dict[str, Any]:
    names = NAMES[dialect]
    claims: dict[str, Any] = {
        names["given_names"]: person.given_names,
        names["family_name"]: person.family_name,
        names["birth_date"]: person.birth_date,
        names["name"]: f"{person.given_names} {person.family_name}",
    }
    if person.code is not None:
        claims[names["code"]] = person.code
    for scope, meanings in BY_SCOPE.get(dialect, {}).items():
        for meaning in meanings if scope not in scopes else ():
            claims.pop(names[meaning], None)
    return claims

"""The `claims` request parameter (OpenID Connect Core 5.5): single claims asked for, by where they shall be told.

Asking is no demand: `essential` or a `value` of a person's claim changes nothing here, what has no value stays absent
(Core 5.5.1). Only `sub`, `acr` and `auth_time` lead to more, at the authorization endpoint.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.accounts import assurance
from idp.accounts.claims import IDENTITY_CODE_CLAIM, SCOPE_CLAIMS
from idp.clients.registry import Client
from idp.grants import consents
from idp.nesting import depth

MAX_CHARACTERS = 8_000
MAX_DEPTH = 8  # the specification's own members need three, a `value` may be an object such as an address
_SCOPE_OF = {claim: scope for scope, claims in SCOPE_CLAIMS.items() for claim in claims}


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """What the parameter asks for. Claims that this provider does not know have been left out."""

    id_token: tuple[str, ...] = ()  # claims of the person for the ID token
    userinfo: tuple[str, ...] = ()  # and for userinfo
    acr_values: tuple[str, ...] = ()  # any of them, in order of preference
    acr_essential: bool = False
    sub: str | None = None  # the request is about this subject only

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that hold these claims: what a person is asked to consent to."""
        return tuple(dict.fromkeys(_SCOPE_OF[name] for name in (*self.id_token, *self.userinfo)))


NOTHING = ClaimsRequest()


def consent_scope(scope: str, claims: str | None, client: Client) -> str:
    """What a person is to consent to: `scope`, and what holds the single claims that the client may have.

    The personal identity code is one of these, as if there were a scope of its name: who consented before the client
    had a legal basis is asked anew. Raises ValueError as `parse`.
    """
    further = [name for name in parse(claims).scopes if name in client.scopes]
    if assurance.may_get_identity_codes(client):
        further.append(IDENTITY_CODE_CLAIM)
    return " ".join(dict.fromkeys([*scope.split(), *further]))


def identity_code_permitted(client: Client, account_id: str) -> bool:
    """Whether the person has been asked about their identity code, where people are asked at all."""
    return client.first_party or IDENTITY_CODE_CLAIM in consents.given(account_id, client.client_id)


def permitted(names: Sequence[str], client: Client, account_id: str) -> tuple[str, ...]:
    """The claims that the client may have of this person: asking for single ones is no way around scopes and consent.

    One statement, for a client that needs consent.
    """
    scopes = client.scopes
    if names and not client.first_party:
        scopes &= consents.given(account_id, client.client_id)
    return tuple(name for name in names if _SCOPE_OF[name] in scopes)


def parse(text: str | None) -> ClaimsRequest:
    """Read the parameter. Raises ValueError with a printable reason that quotes nothing of it."""
    if text is None:
        return NOTHING
    content = _json(text)
    if not isinstance(content, dict):
        raise ValueError("claims is not a JSON object.")
    id_token, userinfo = (_member(content, name) for name in ("id_token", "userinfo"))
    acr = id_token.get("acr") or {}
    return ClaimsRequest(
        id_token=tuple(name for name in id_token if name in _SCOPE_OF),
        userinfo=tuple(name for name in userinfo if name in _SCOPE_OF),
        acr_values=_values("acr", acr),
        acr_essential=bool(acr.get("essential")),
        sub=_subject(id_token, userinfo),
    )


def _json(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise ValueError("claims is too long.")
    if depth(text) > MAX_DEPTH:
        raise ValueError("claims is nested too deeply.")
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_int=float, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError("claims is not JSON.") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("claims names a member twice.")
    return found


def _no_number(_text: str) -> Any:
    raise ValueError("claims is not JSON.")


def _member(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The claims asked for in `userinfo` or `id_token`, each null or an object (Core 5.5.1)."""
    claims = content.get(name)
    if claims is None:
        return {}
    if not isinstance(claims, dict):
        raise ValueError(f"claims: {name} is not an object.")
    for wish in claims.values():
        if wish is None:
            continue
        if not isinstance(wish, dict):
            raise ValueError(f"claims: {name} has a claim that is neither null nor an object.")
        if not isinstance(wish.get("essential", False), bool):
            raise ValueError(f"claims: {name} has an essential that is neither true nor false.")
        if not isinstance(wish.get("values", []), list):
            raise ValueError(f"claims: {name} has values that are no list.")
    return claims


def _values(name: str, wish: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that `value` or `values` of a claim ask for."""
    values = [wish["value"]] if "value" in wish else wish.get("values", [])
    if not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"claims: {name} has a value that is no text.")
    return tuple(dict.fromkeys(values))


def _subject(*members: Mapping[str, Any]) -> str | None:
    """The one subject that the request is about (Core 5.5.1); two of them are nobody."""
    asked = {value for member in members for value in _values("sub", member.get("sub") or {})}
    if len(asked) > 1:
        raise ValueError("claims: sub names more than one person.")
    return next(iter(asked), None)

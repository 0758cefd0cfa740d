"""Logout requests on their way through the browser: an id stands for them, so that no ID token is in an address.

They lie among the authorization requests, hashed as something else: neither kind of id opens the other. They prove
nothing about a browser and are judged anew whenever they are opened.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from idp.crypto import hash_token, random_token
from idp.database import Statement, instant, json_value
from idp.grants.requests import RequestGone

_STORE = Statement(
    "INSERT INTO authorization_requests"
    " (id_hash, client_id, parameters, browser_hash, answered, created_at, expires_at)"
    " VALUES (:id_hash, :client_id, :parameters, '', '{}', :now, :expires_at)"
)
_LOAD = Statement("SELECT parameters, expires_at FROM authorization_requests WHERE id_hash = :id_hash")


def store(client_id: str, parameters: Mapping[str, str], now: datetime, expires_at: datetime) -> str:
    """Keep a valid request of a client ("" if none is known); returns its id (256 bits)."""
    request_id = random_token()
    _STORE.all(
        id_hash=_hash(request_id),
        client_id=client_id,
        parameters=json.dumps(dict(parameters)),
        now=now,
        expires_at=expires_at,
    )
    return request_id


def load(request_id: str, now: datetime) -> dict[str, str]:
    """The parameters of a live request. Raises RequestGone."""
    row = _LOAD.one(id_hash=_hash(request_id))
    if row is None or now >= instant(row[1]):
        raise RequestGone
    return dict(json_value(row[0]))


def _hash(request_id: str) -> str:
    return hash_token(f"logout\n{request_id}")

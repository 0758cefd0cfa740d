"""Pushed authorization requests (RFC 9126): kept for their client, used up when the request is answered.

Opening one does not use it up: browsers open addresses twice, and people reload.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from idp.crypto import hash_token, random_token
from idp.database import Statement, instant, json_value

PREFIX = "urn:ietf:params:oauth:request_uri:"

_STORE = Statement(
    "INSERT INTO pushed_requests (id_hash, client_id, parameters, created_at, expires_at)"
    " VALUES (:id_hash, :client_id, :parameters, :now, :expires_at)"
)
_LOAD = Statement(
    "SELECT client_id, parameters, expires_at, used_at FROM pushed_requests WHERE id_hash = :id_hash"
)
_USE = Statement(
    "UPDATE pushed_requests SET used_at = :now WHERE id_hash = :id_hash AND used_at IS NULL RETURNING id_hash"
)


def is_pushed(request_uri: str | None) -> bool:
    return request_uri is not None and request_uri.startswith(PREFIX)


def store(client_id: str, parameters: Mapping[str, str], now: datetime, expires_at: datetime) -> str:
    """Keep a validated request; returns its `request_uri` (256 random bits)."""
    request_uri = PREFIX + random_token()
    _STORE.all(
        id_hash=hash_token(request_uri),
        client_id=client_id,
        parameters=json.dumps(dict(parameters)),
        now=now,
        expires_at=expires_at,
    )
    return request_uri


def load(request_uri: str, client_id: str, now: datetime) -> dict[str, str] | None:
    """The parameters of a live pushed request of this client; None if it is another's, used, over or unknown."""
    row = _LOAD.one(id_hash=hash_token(request_uri))
    if row is None:
        return None
    owner, parameters, expires_at, used_at = row
    if owner != client_id or used_at is not None or now >= instant(expires_at):
        return None
    return dict(json_value(parameters))


def use(request_uri: str, now: datetime) -> bool:
    """Take the request for its answer, once; False when it was answered before."""
    return _USE.one(id_hash=hash_token(request_uri), now=now) is not None

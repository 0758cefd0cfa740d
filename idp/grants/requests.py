"""Authorization requests that wait for their person: stored once validated, resumed only in the browser that began.

The id in the address chooses the request, so that tabs do not mix; the browser's cookie must match. Who logged in is
never kept here: each resume is judged against that browser's session.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.crypto import hash_token, random_token
from idp.database import Statement, instant, json_value, writing
from idp.grants.models import AuthorizationRequest


class RequestGone(Exception):
    """The request is unknown, over, used, or was begun in another browser.

    Its `client_id` and the languages that it wished for are told where they are known.
    """

    def __init__(self, client_id: str | None = None, ui_locales: str | None = None) -> None:
        super().__init__("authorization request gone")
        self.client_id = client_id
        self.ui_locales = ui_locales


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A live authorization request of this browser."""

    id: str
    client_id: str
    parameters: Mapping[str, Any]
    answered: Mapping[str, str]  # prompt value -> sid of the session in which the person answered it
    created_at: datetime


_STORE = Statement(
    "INSERT INTO authorization_requests"
    " (id_hash, client_id, parameters, browser_hash, answered, created_at, expires_at)"
    " VALUES (:id_hash, :client_id, :parameters, :browser_hash, '{}', :now, :expires_at)"
)
_LOAD = Statement(
    "SELECT client_id, parameters, browser_hash, answered, created_at, expires_at, used_at"
    " FROM authorization_requests WHERE id_hash = :id_hash"
)
_USE = Statement(
    "UPDATE authorization_requests SET used_at = :now WHERE id_hash = :id_hash AND used_at IS NULL RETURNING id_hash"
)
_BIND = Statement(
    "UPDATE authorization_requests SET browser_hash = :browser_hash WHERE id_hash = :id_hash AND browser_hash = :nobody"
)
_NOBODY = hash_token("")


def store(
    client_id: str, parameters: Mapping[str, str], browser: str, now: datetime, expires_at: datetime
) -> str:
    """Keep a validated request for `browser` (its cookie's value, "" for nobody yet); returns its id (256 bits)."""
    request_id = random_token()
    _STORE.all(
        id_hash=hash_token(request_id),
        client_id=client_id,
        parameters=json.dumps(dict(parameters)),
        browser_hash=hash_token(browser),
        now=now,
        expires_at=expires_at,
    )
    return request_id


def bind(request_id: str, browser: str) -> None:
    """Give a request that was stored for nobody yet (`browser` "": a cross-site POST) to this browser."""
    _BIND.all(id_hash=hash_token(request_id), browser_hash=hash_token(browser), nobody=_NOBODY)


def load(request_id: str, browser: str | None, now: datetime) -> PendingRequest:
    """The live request of that id in that browser. Raises RequestGone."""
    row = _LOAD.one(id_hash=hash_token(request_id))
    if row is None:
        raise RequestGone
    client_id, parameters, browser_hash, answered, created_at, expires_at, used_at = row
    if used_at is not None or now >= instant(expires_at) or browser_hash != hash_token(browser or ""):
        raise RequestGone(client_id, json_value(parameters).get("ui_locales"))
    return PendingRequest(
        request_id, client_id, json_value(parameters), json_value(answered), instant(created_at)
    )


def answer(request: PendingRequest, prompt: str, sid: str) -> None:
    """Note that the person of session `sid` has answered a prompt (`consent`, `select_account`)."""
    with writing() as session:
        values = {**request.answered, prompt: sid}
        session.execute(
            sa.update(AuthorizationRequest)
            .where(AuthorizationRequest.id_hash == hash_token(request.id))
            .values(answered=values)
        )


def use(request: PendingRequest, now: datetime) -> bool:
    """Take the request for its answer, once; False when another tab was first."""
    return _USE.one(id_hash=hash_token(request.id), now=now) is not None

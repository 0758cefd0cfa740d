"""Protected resources that access tokens can be made for (RFC 8707): the addresses that resource servers registered.

Only clients that an operator has made resource servers count; what others write into their metadata names nothing.
Which client may have tokens for which of them is targets.py's.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Session

from idp import versions
from idp.clients.models import ClientApp
from idp.clients.registry import Client
from idp.database import db


class Resources:
    """The registered addresses in memory, each with the client_id of its API, read anew when a client changes."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._read: list[Mapping[str, str]] = []  # one, once it was needed
        versions.watcher(app).on_change("clients", self.forget)

    def forget(self) -> None:
        self._read = []

    def owner(self, uri: str) -> str | None:
        """An unknown one may be one that was registered just now: then they are read anew at once."""
        if uri not in self._known():
            versions.watcher(self._app).check()
        return self._known().get(uri)

    def _known(self) -> Mapping[str, str]:
        read = self._read
        if not read:
            with Session(db.engine) as session:
                read.append(_registered(session))  # into the list that was empty: a change meanwhile drops it
        return read[0]


def _registered(session: Session, *which: sa.ColumnElement[bool]) -> dict[str, str]:
    columns = ClientApp.client_id, ClientApp.registration
    query = sa.select(*columns).where(ClientApp.resource_server, ClientApp.enabled, *which)
    rows = session.execute(query.order_by(columns[0]))
    return {uri: client_id for client_id, registration in rows for uri in _uris(registration)}


def _uris(registration: Mapping[str, Any]) -> list[str]:
    return cast("list[str]", registration.get("resource_uris", []))


def init_app(app: Flask) -> None:
    app.extensions["resources"] = Resources(app)


def owner_of(uri: str) -> str | None:
    """The client_id of the API that has registered `uri`, to the letter (RFC 8707 section 2); None if there is none."""
    return cast("Resources", current_app.extensions["resources"]).owner(uri)


def unregistered(session: Session, uris: Iterable[str]) -> list[str]:
    """Those of `uris` that are no API's at this moment, in order."""
    wanted = list(uris)
    known = _registered(session) if wanted else {}
    return [uri for uri in wanted if uri not in known]


def owned_by_others(session: Session, client_id: str | None, uris: Iterable[str]) -> dict[str, str]:
    """Those of `uris` that another API than `client_id` has at this moment, each with that one's client_id."""
    wanted = list(uris)
    known = _registered(session, ClientApp.client_id != (client_id or "")) if wanted else {}
    return {uri: known[uri] for uri in wanted if uri in known}


def uris_of(client: Client) -> frozenset[str]:
    """The addresses that a resource server has registered; none of other clients."""
    return frozenset(_uris(client.registration)) if client.resource_server else frozenset()

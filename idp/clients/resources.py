"""Protected resources that access tokens can be made for (RFC 8707): the addresses that resource servers registered.

Only clients that an operator has made resource servers count; what others write into their metadata names nothing.
"""

from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app

from idp import versions
from idp.clients.models import ClientApp
from idp.clients.registry import Client
from idp.database import db


class Resources:
    """The registered addresses in memory, read anew when a client changes."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._read: list[frozenset[str]] = []  # one, once it was needed
        versions.watcher(app).on_change("clients", self.forget)

    def forget(self) -> None:
        self._read = []

    def has(self, uri: str) -> bool:
        """An unknown one may be one that was registered just now: then they are read anew at once."""
        if uri not in self._known():
            versions.watcher(self._app).check()
        return uri in self._known()

    def _known(self) -> frozenset[str]:
        read = self._read
        if not read:
            read.append(_registered())  # into the list that was empty: a change meanwhile drops it
        return read[0]


def _registered() -> frozenset[str]:
    query = sa.select(ClientApp.registration).where(ClientApp.resource_server, ClientApp.enabled)
    with db.engine.connect() as connection:
        return frozenset(uri for row in connection.execute(query) for uri in _uris(row[0]))


def _uris(registration: Any) -> list[str]:
    return cast("list[str]", registration.get("resource_uris", []))


def init_app(app: Flask) -> None:
    app.extensions["resources"] = Resources(app)


def known_resource(uri: str) -> bool:
    """Whether a token may be asked for `uri`: it is registered, to the letter (RFC 8707 section 2)."""
    return cast("Resources", current_app.extensions["resources"]).has(uri)


def identifiers(client: Client) -> frozenset[str]:
    """By which audiences a resource server knows that a token is meant for it; none for other clients."""
    return (
        frozenset((client.client_id, *_uris(client.registration))) if client.resource_server else frozenset()
    )

"""Client apps as administrators see them, found one by one and many at once, and what apps may do at their API.

Changing apps is management.py's.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp import clock
from idp.accounts.roles import Actor, Role
from idp.clients.metadata import SECRET_METHODS, InvalidClientMetadata
from idp.clients.models import ClientApp
from idp.clients.options import ClientOptions
from idp.clients.sectors import named_by
from idp.database import db
from idp.policy.lifetimes import is_live

PAGE = 50
ADMIN_SCOPES: Mapping[str, Role] = {
    "admin:clients": Role.CLIENTS,
    "admin:accounts": Role.SUPPORT,
    "admin:audit": Role.AUDITOR,
}
"""The scopes of the administrators' REST API, and the role that each gives to the client that has it."""

ADMIN_API = "/admin/api/v1"
"""Where that API is; with the issuer before it, the audience of tokens that are good for nothing else (RFC 8707)."""


class NoSuchClient(Exception):
    """No client has that client_id, or not any more."""


@dataclass(frozen=True)
class ManagedClient:
    """A client as it stands in the database, enabled or not. No secret is in it."""

    client_id: str
    metadata: Mapping[str, Any]  # as registered: without defaults
    options: ClientOptions
    first_party: bool
    pkce_required: bool
    resource_server: bool
    enabled: bool
    has_secret: bool
    previous_secret_until: datetime | None  # while the secret before is good too
    registered_itself: bool  # and can still change itself
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return str(self.metadata.get("client_name") or self.client_id)

    @property
    def method(self) -> str:
        return method_of(self.metadata)

    @property
    def named_by(self) -> str | None:
        """What people's subjects at this client hang on, see sectors.py."""
        return named_by(self.client_id, self.metadata)

    @property
    def version(self) -> str:
        """Differs when anything that can be changed differs."""
        text = json.dumps(self.wanted_values() | {"enabled": self.enabled}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def wanted_values(self) -> dict[str, Any]:
        """What `change` can change, flat: members of metadata and options beside the switches."""
        return {
            **self.metadata,
            **self.options.values(),
            "first_party": self.first_party,
            "pkce_required": self.pkce_required,
            "resource_server": self.resource_server,
        }

    def admin_roles(self) -> set[Role]:
        """What the client may do at the administrators' API."""
        return admin_roles(self.metadata)


@dataclass(frozen=True)
class Page:
    """`after`: the client_id after which the next page begins, None on the last one."""

    clients: list[ManagedClient]
    after: str | None


def search(text: str, by: Actor, *, after: str | None = None, size: int = PAGE) -> Page:
    """Clients whose name, client_id or redirect URI holds `text`, by client_id; all of them for an empty text.

    Raises NotAllowed.
    """
    by.must_have(Role.CLIENTS, Role.AUDITOR)
    query = sa.select(ClientApp).order_by(ClientApp.client_id)
    if after is not None:
        query = query.where(ClientApp.client_id > after.replace("\0", ""))
    typed = text.strip().casefold()
    found = []
    with db.session.scalars(query.execution_options(yield_per=500, populate_existing=True)) as apps:
        for app in apps:
            if not typed or typed in _searched(app):
                found.append(of(app))
                if len(found) > size:
                    break
    more = len(found) > size
    return Page(found[:size], found[size - 1].client_id if more else None)


def _searched(app: ClientApp) -> str:
    members = app.registration.items()
    names = [str(value) for member, value in members if member.partition("#")[0] == "client_name"]
    return "\n".join([app.client_id, *names, *app.registration.get("redirect_uris", ())]).casefold()


def look(client_id: str, by: Actor) -> ManagedClient:
    """One client. Raises NoSuchClient and NotAllowed."""
    by.must_have(Role.CLIENTS, Role.AUDITOR)
    if not client_id.isprintable():
        raise NoSuchClient
    app = db.session.get(ClientApp, client_id, populate_existing=True)
    if app is None:
        raise NoSuchClient
    return of(app)


def admin_roles(metadata: Mapping[str, Any]) -> set[Role]:
    """The roles that the scopes in a client's metadata give it. Raises InvalidClientMetadata for unknown ones."""
    scope = metadata.get("scope")
    wanted = {value for value in str(scope or "").split() if value.startswith("admin:")}
    if unknown := sorted(wanted - ADMIN_SCOPES.keys()):
        raise InvalidClientMetadata(f"scope: unknown {unknown[0]}")
    return {ADMIN_SCOPES[value] for value in wanted}


def of(app: ClientApp) -> ManagedClient:
    """The client of a row, as it stands there."""
    until = app.previous_secret_until
    return ManagedClient(
        client_id=app.client_id,
        metadata=dict(app.registration),
        options=ClientOptions.stored(app.options),
        first_party=app.first_party,
        pkce_required=app.pkce_required,
        resource_server=app.resource_server,
        enabled=app.enabled,
        has_secret=app.secret_hash is not None and method_of(app.registration) in SECRET_METHODS,
        previous_secret_until=until if until is not None and is_live(until, clock.now()) else None,
        registered_itself=app.registration_token_hash is not None,
        created_at=app.created_at,
        updated_at=app.updated_at,
    )


def method_of(metadata: Mapping[str, Any]) -> str:
    """How the client authenticates at the token endpoint (RFC 7591, section 2)."""
    return str(metadata.get("token_endpoint_auth_method", "client_secret_basic"))

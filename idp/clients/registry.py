"""Client apps in memory: looked up at every protocol request, reloaded when their version changes."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask, current_app
from joserfc.jwk import KeySet

from idp import clock, versions
from idp.clients import jwks
from idp.clients.metadata import LOOPBACK_HOSTS
from idp.clients.models import ClientApp
from idp.clients.options import AS_INSTALLED, ClientOptions
from idp.clients.sectors import sector_of
from idp.crypto import equal, hash_token
from idp.database import db
from idp.policy.lifetimes import is_live

_URI = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Client:
    """A registered client, read-only. `registration` is its metadata by the names of RFC 7591.

    Method names are those that Authlib asks of a client.
    """

    client_id: str
    registration: Mapping[str, Any]
    secret_hash: str | None
    first_party: bool
    pkce_required: bool
    resource_server: bool
    sealed_secret: str | None = None  # of client_secret_jwt
    registration_token_hash: str | None = None
    options: ClientOptions = AS_INSTALLED
    previous_secret_hash: str | None = None
    previous_sealed_secret: str | None = None
    previous_secret_until: datetime | None = None

    # -- for Authlib -------------------------------------------------------------------------------------------------

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """The registered redirect URI, if there is just one (RFC 6749 section 3.1.2.3)."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """The requested scope without what this client may not have."""
        return " ".join(value for value in dict.fromkeys((scope or "").split()) if value in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact string match; a native client's loopback port may vary (RFC 8252 section 7.3)."""
        if redirect_uri in self.redirect_uris:
            return True
        if self.registration.get("application_type") != "native":
            return False
        wanted = _without_loopback_port(redirect_uri)
        return wanted is not None and wanted in {_without_loopback_port(uri) for uri in self.redirect_uris}

    def check_client_secret(self, client_secret: str) -> bool:
        """The secret, or the one before it while both are good."""
        presented = hash_token(client_secret)
        if self.secret_hash is not None and equal(self.secret_hash, presented):
            return True
        return (
            self.previous_secret_hash is not None
            and self.has_previous_secret()
            and equal(self.previous_secret_hash, presented)
        )

    def has_previous_secret(self) -> bool:
        """Whether the secret before this one is still good."""
        return self.previous_secret_until is not None and is_live(self.previous_secret_until, clock.now())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """The one registered method holds at every endpoint (OpenID Connect Registration 2)."""
        return method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types

    @property
    def client_metadata(self) -> Mapping[str, Any]:
        return self.registration

    # -- metadata with the specification's defaults --------------------------------------------------------------------

    @cached_property
    def redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.registration.get("redirect_uris", ()))

    @cached_property
    def post_logout_redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.registration.get("post_logout_redirect_uris", ()))

    @cached_property
    def scopes(self) -> frozenset[str]:
        """What people can let it have; scopes of APIs are apart."""
        return frozenset(self.registration.get("scope", "openid").split()) - self.api_scopes

    @cached_property
    def api_scopes(self) -> frozenset[str]:
        """What it may have in its own name, such as `invoices:read`."""
        return frozenset(value for value in self.registration.get("scope", "").split() if ":" in value)

    @cached_property
    def response_types(self) -> frozenset[str]:
        default = ("code",) if "authorization_code" in self.grant_types else ()
        return frozenset(self.registration.get("response_types", default))

    @cached_property
    def grant_types(self) -> frozenset[str]:
        return frozenset(self.registration.get("grant_types", ("authorization_code",)))

    @property
    def token_endpoint_auth_method(self) -> str:
        return cast("str", self.registration.get("token_endpoint_auth_method", "client_secret_basic"))

    @property
    def id_token_alg(self) -> str:
        return cast("str", self.registration.get("id_token_signed_response_alg", "RS256"))

    @cached_property
    def registered_keys(self) -> KeySet:
        """The keys registered by value (`jwks`). Raises UnusableKeys, also when there are none."""
        return jwks.registered(self.registration.get("jwks"))

    @property
    def client_uri(self) -> str | None:
        return self.registration.get("client_uri")

    @property
    def initiate_login_uri(self) -> str | None:
        return self.registration.get("initiate_login_uri")

    @property
    def backchannel_logout_uri(self) -> str | None:
        return self.registration.get("backchannel_logout_uri")

    @property
    def frontchannel_logout_uri(self) -> str | None:
        return self.registration.get("frontchannel_logout_uri")

    @property
    def pairwise(self) -> bool:
        """Whether people have another `sub` here than at other sectors (OpenID Connect Core 8)."""
        return self.registration.get("subject_type") == "pairwise"

    @cached_property
    def sector(self) -> str:
        """The sector identifier (Core 8.1), see `sectors.sector_of`."""
        return sector_of(self.client_id, self.registration)

    def text(self, name: str, language: str) -> str | None:
        """A human-readable member such as `client_name`, in a language (RFC 7591 section 2.2: `client_name#sv`)."""
        return self.registration.get(f"{name}#{language}") or self.registration.get(name)


def _without_loopback_port(uri: str) -> tuple[str, str, str, str] | None:
    if not _URI.fullmatch(uri):  # urlsplit drops line breaks, tabs and leading spaces
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc
    if parts.scheme != "http" or host not in LOOPBACK_HOSTS or "#" in uri:
        return None
    return parts.scheme, host, parts.path, parts.query


class Registry:
    """Enabled clients by client_id. Misses are not remembered, hits until something changes."""

    def __init__(self, app: Flask) -> None:
        self._known: dict[str, Client] = {}
        self._lock = threading.Lock()
        versions.watcher(app).on_change("clients", self.forget)

    def forget(self) -> None:
        with self._lock:
            self._known = {}

    def find(self, client_id: str | None) -> Client | None:
        if not client_id or len(client_id) > 100:
            return None
        known = self._known
        client = known.get(client_id)
        if client is None:
            client = _read(client_id)
            if client is not None:
                known[client_id] = client  # into the dictionary it was missed in: a reload meanwhile drops it
        return client


def _read(client_id: str) -> Client | None:
    if "\x00" in client_id or not client_id.isprintable():
        return None
    query = sa.select(ClientApp.__table__).where(ClientApp.client_id == client_id, ClientApp.enabled)
    with db.engine.connect() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return Client(
        client_id=row.client_id,
        registration=row.registration,
        secret_hash=row.secret_hash,
        sealed_secret=row.sealed_secret,
        registration_token_hash=row.registration_token_hash,
        options=ClientOptions.stored(row.options),
        previous_secret_hash=row.previous_secret_hash,
        previous_sealed_secret=row.previous_sealed_secret,
        previous_secret_until=row.previous_secret_until,
        first_party=row.first_party,
        pkce_required=row.pkce_required,
        resource_server=row.resource_server,
    )


def init_app(app: Flask) -> None:
    app.extensions["clients"] = Registry(app)


def find(client_id: str | None) -> Client | None:
    """The enabled client of that id, or None."""
    return cast("Registry", current_app.extensions["clients"]).find(client_id)

"""Creating client apps, by the rules of metadata.py."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from idp import clock, versions
from idp.accounts.rules import rules
from idp.clients.metadata import SECRET_METHODS, validate
from idp.clients.models import ClientApp
from idp.clients.options import ClientOptions
from idp.crypto import hash_token, random_id, random_token


def create(
    session: Session,
    metadata: Mapping[str, Any],
    *,
    client_id: str | None = None,
    first_party: bool = True,
    pkce_required: bool = True,
    resource_server: bool = False,
    plain_http: bool = False,
    registration_token: str | None = None,
    options: ClientOptions | None = None,
) -> tuple[str, str | None]:
    """Register a client as part of the caller's transaction; returns (client_id, secret).

    The secret is random and told once, None for methods without one. It is stored hashed, for client_secret_jwt also
    encrypted, since signatures are checked with it.
    """
    clean = validate(metadata, plain_http=plain_http)
    method = clean.get("token_endpoint_auth_method", "client_secret_basic")
    secret = new_secret(method)
    now = clock.now()
    app = ClientApp(
        client_id=client_id or random_id(),
        registration=clean,
        secret_hash=hash_token(secret) if secret else None,
        sealed_secret=sealed(secret, method),
        registration_token_hash=hash_token(registration_token) if registration_token else None,
        options=options.values() if options else {},
        first_party=first_party,
        pkce_required=pkce_required or method == "none",
        resource_server=resource_server,
        enabled=True,
        created_at=now,
        updated_at=now,
    )
    session.add(app)
    versions.bump(session, "clients")
    return app.client_id, secret


def new_secret(method: str) -> str | None:
    """A secret for an authentication method, long enough for it (RFC 7518 3.2: 64 bytes for HS512)."""
    if method == "client_secret_jwt":
        return random_token() + random_token()
    return random_token() if method in SECRET_METHODS else None


def sealed(secret: str | None, method: str) -> str | None:
    """The secret encrypted, for the one method that must read it back."""
    return rules().vault.encrypt(secret) if secret and method == "client_secret_jwt" else None


def change_method(app: ClientApp, before: str, method: str) -> str | None:
    """Adjust the secret of a client to its authentication method; returns a new one where it needs another.

    The secret stays unless the method needs another kind, or none.
    """
    if method not in SECRET_METHODS:
        app.secret_hash = app.sealed_secret = None
        forget_previous_secret(app)
        return None
    if app.secret_hash is not None and (method == "client_secret_jwt") == (before == "client_secret_jwt"):
        return None
    secret = new_secret(method)
    app.secret_hash = hash_token(secret) if secret else None
    app.sealed_secret = sealed(secret, method)
    forget_previous_secret(app)
    return secret


def forget_previous_secret(app: ClientApp) -> None:
    app.previous_secret_hash = app.previous_sealed_secret = app.previous_secret_until = None

"""Client apps in the hands of administrators: made, changed, given new secrets, disabled and deleted.

Each use case takes who acts (`by`), judges whether they may, and writes what they did into the audit log in the same
transaction, with the values before and after. Pages, the REST API and the command call the same functions. What a
client may say of itself is metadata.py's, what is wrong with one checking.py's; finding them is managed.py's.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import audit, clock, versions
from idp.accounts.roles import Actor, NotAllowed, Role
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients import managed, registration, resources
from idp.clients.managed import ManagedClient, NoSuchClient, admin_roles, method_of
from idp.clients.metadata import InvalidClientMetadata, validate
from idp.clients.models import ClientApp, ClientLogo
from idp.clients.options import AS_INSTALLED, ClientOptions
from idp.clients.sectors import check_sector
from idp.crypto import hash_token
from idp.database import db, writing
from idp.grants import of_client

MAX_OVERLAP = timedelta(days=90)
USUAL_OVERLAP = timedelta(days=7)
MAX_LOGO_BYTES = 200_000
_LOGO_BEGINS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
}


class ClientExists(Exception):
    """A client has that client_id already."""


class ClientChangedMeanwhile(Exception):
    """Somebody else has changed the client since it was read."""


class NoSecret(Exception):
    """The client authenticates without a secret."""


class WrongState(Exception):
    """The client is so already, or has not what is to be ended."""


@dataclass(frozen=True)
class Wanted:
    """A client as somebody wants it: metadata by the names of RFC 7591, options by those of ClientOptions."""

    metadata: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    first_party: bool = True
    pkce_required: bool = True
    resource_server: bool = False


# -- making and changing


def create(wanted: Wanted, by: Actor, *, client_id: str | None = None) -> tuple[ManagedClient, str | None]:
    """Register a client; returns it with its secret, which is told once. May ask the host of its sector.

    Raises NotAllowed, ClientExists and InvalidClientMetadata.
    """
    metadata, options = _checked(wanted, by)
    try:
        with writing() as session:
            if client_id is not None and session.get(ClientApp, client_id) is not None:
                raise ClientExists
            _check_resources(session, options)
            _check_own_addresses(session, metadata if wanted.resource_server else {})
            made, secret = registration.create(
                session,
                metadata,
                client_id=client_id,
                first_party=wanted.first_party,
                pkce_required=wanted.pkce_required,
                resource_server=wanted.resource_server,
                plain_http=not rules().settings.production,
                options=options,
            )
            session.flush()
            client = managed.of(session.get_one(ClientApp, made))
            _audit(session, Event.CLIENT_REGISTERED, client.client_id, by, {}, client.wanted_values())
    except IntegrityError as error:  # somebody chose it at this very moment
        raise ClientExists from error
    _tell()
    return client, secret


def change(
    client_id: str, wanted: Wanted, by: Actor, *, version: str | None = None
) -> tuple[ManagedClient, str | None]:
    """Let a client be as wanted; returns it, with a new secret where its authentication method needs another one.

    What it was given ends when people have another `sub` there than before (`named_by` differs).
    `version` is that of the client that was read before. Raises NotAllowed, NoSuchClient, ClientChangedMeanwhile and
    InvalidClientMetadata.
    """
    metadata, options = _checked(wanted, by)
    with writing() as session:
        app = _changeable(session, client_id, by)
        before = managed.of(app)
        if version is not None and version != before.version:
            raise ClientChangedMeanwhile
        _check_resources(session, options, before.options)
        _check_own_addresses(session, metadata if wanted.resource_server else {}, before)
        app.registration, app.options = metadata, options.values()
        app.first_party, app.resource_server = wanted.first_party, wanted.resource_server
        app.pkce_required = wanted.pkce_required or method_of(metadata) == "none"
        secret = registration.change_method(app, before.method, method_of(metadata))
        after = _changed(session, app)
        if after.named_by != before.named_by:
            of_client.forget_people(session, client_id, app.updated_at)
        _forget_logos(session, client_id, options.logo)
        _audit(session, Event.CLIENT_CHANGED, client_id, by, before.wanted_values(), after.wanted_values())
    _tell()
    return after, secret


def put_logo(client_id: str, content: bytes | None, by: Actor) -> ManagedClient:
    """Show a picture (PNG, JPEG or WebP) on pages for the client, or none any more.

    Raises NotAllowed, NoSuchClient, and InvalidClientMetadata for what is no such picture.
    """
    kind = picture_type(content) if content else ""
    with writing() as session:
        app = _changeable(session, client_id, by)
        before = managed.of(app)
        digest = hashlib.sha256(content).hexdigest() if content else None
        if content and digest and session.get(ClientLogo, (digest, client_id)) is None:
            session.add(ClientLogo(digest=digest, client_id=client_id, media_type=kind, content=content))
        values = {name: value for name, value in app.options.items() if name != "logo"}
        app.options = values | ({"logo": digest} if digest else {})
        after = _changed(session, app)
        _forget_logos(session, client_id, digest)
        _audit(session, Event.CLIENT_CHANGED, client_id, by, before.wanted_values(), after.wanted_values())
    _tell()
    return after


def logo(digest: str) -> tuple[str, bytes] | None:
    """Media type and content of a client's picture, for everybody."""
    query = sa.select(ClientLogo).where(ClientLogo.digest == digest).limit(1)
    found = db.session.scalars(query).first() if digest.isalnum() else None
    return (found.media_type, found.content) if found else None


def picture_type(content: bytes) -> str:
    """The media type of a picture that may be a logo. Raises InvalidClientMetadata for anything else."""
    if len(content) > MAX_LOGO_BYTES:
        raise InvalidClientMetadata(f"logo: must be at most {MAX_LOGO_BYTES // 1000} kB")
    for kind, begins in _LOGO_BEGINS.items():
        if content.startswith(begins) and (kind != "image/webp" or content[8:12] == b"WEBP"):
            return kind
    raise InvalidClientMetadata("logo: must be a PNG, JPEG or WebP picture")


def _forget_logos(session: Session, client_id: str, but: str | None) -> None:
    query = sa.delete(ClientLogo).where(ClientLogo.client_id == client_id)
    session.execute(query if but is None else query.where(ClientLogo.digest != but))


# -- secrets


def rotate_secret(
    client_id: str, by: Actor, *, overlap: timedelta = USUAL_OVERLAP, seen: datetime | None = None
) -> str:
    """A new secret; the one before is good for `overlap` more, which may be nothing. An earlier one ends at once.

    `seen` is `updated_at` of the client that was read before: a form that is sent twice does not end the secret in
    use. Raises NotAllowed, NoSuchClient, NoSecret and ClientChangedMeanwhile.
    """
    overlap = max(timedelta(), min(overlap, MAX_OVERLAP))
    with writing() as session:
        app = _changeable(session, client_id, by)
        if seen is not None and seen != app.updated_at:
            raise ClientChangedMeanwhile
        method = method_of(app.registration)
        secret = registration.new_secret(method)
        if secret is None:
            raise NoSecret
        now = clock.now()
        until = now + overlap
        before = managed.of(app)
        app.previous_secret_hash = app.secret_hash if overlap else None
        app.previous_sealed_secret = app.sealed_secret if overlap else None
        app.previous_secret_until = until if overlap else None
        app.secret_hash, app.sealed_secret = hash_token(secret), registration.sealed(secret, method)
        _audit_secrets(session, before, _changed(session, app), by)
    _tell()
    return secret


def end_previous_secret(client_id: str, by: Actor) -> None:
    """Let only the newest secret be good from now on. Raises NotAllowed, NoSuchClient and WrongState."""
    with writing() as session:
        app = _changeable(session, client_id, by)
        before = managed.of(app)
        if before.previous_secret_until is None:
            raise WrongState
        registration.forget_previous_secret(app)
        _audit_secrets(session, before, _changed(session, app), by)
    _tell()


def _audit_secrets(session: Session, before: ManagedClient, after: ManagedClient, by: Actor) -> None:
    was, until = (each.previous_secret_until for each in (before, after))
    changes = audit.difference(
        {"previous_secret_until": was.isoformat()} if was else {},
        {"previous_secret_until": until.isoformat()} if until else {},
    )
    _write(session, Event.CLIENT_SECRET_ROTATED, after.client_id, by, changes)


# -- the client itself


def disable(client_id: str, by: Actor, note: str) -> None:
    """Let nobody log in to the client, and revoke all that it was given. `note` is the reason.

    Raises NotAllowed, NoSuchClient and WrongState.
    """
    with writing() as session:
        app = _changeable(session, client_id, by)
        if not app.enabled:
            raise WrongState
        app.enabled = False
        of_client.revoke_grants(session, client_id, clock.now())
        _changed(session, app)
        _write(session, Event.CLIENT_DISABLED, client_id, by, {"enabled": [True, False]}, note)
    _tell()


def enable(client_id: str, by: Actor, note: str) -> None:
    """Let people log in to a disabled client again. Raises NotAllowed, NoSuchClient and WrongState."""
    with writing() as session:
        app = _changeable(session, client_id, by)
        if app.enabled:
            raise WrongState
        app.enabled = True
        _changed(session, app)
        _write(session, Event.CLIENT_ENABLED, client_id, by, {"enabled": [False, True]}, note)
    _tell()


def end_self_registration(client_id: str, by: Actor, note: str) -> None:
    """Let a client that registered itself be changed by administrators alone. `note` is the reason.

    It stays then when nobody uses it. Raises NotAllowed, NoSuchClient and WrongState.
    """
    with writing() as session:
        app = _changeable(session, client_id, by)
        if app.registration_token_hash is None:
            raise WrongState
        app.registration_token_hash = None
        _changed(session, app)
        changes = {"registered_itself": [True, False]}
        _write(session, Event.CLIENT_SELF_REGISTRATION_ENDED, client_id, by, changes, note)
    _tell()


def delete(client_id: str, by: Actor, note: str, *, version: str | None = None) -> None:
    """Delete the client with all that it was given. The audit log keeps what it was.

    `version` is that of the client that was read before. Raises NotAllowed, NoSuchClient and ClientChangedMeanwhile.
    """
    with writing() as session:
        app = _changeable(session, client_id, by)
        client = managed.of(app)
        if version is not None and version != client.version:
            raise ClientChangedMeanwhile
        before = client.wanted_values()
        _forget_logos(session, client_id, None)
        session.delete(app)
        of_client.end_all(session, client_id, clock.now())
        versions.bump(session, "clients")
        _audit(session, Event.CLIENT_REMOVED, client_id, by, before, {}, note)
    _tell()


# -- shared


def _checked(wanted: Wanted, by: Actor) -> tuple[dict[str, Any], ClientOptions]:
    """What is wanted, as it can be stored; not within a transaction, since it may ask the host of the sector."""
    by.must_have(Role.CLIENTS)
    metadata = validate(wanted.metadata, plain_http=not rules().settings.production)
    options = ClientOptions.checked(wanted.options)
    if options.registration_assurance == "strong" and not rules().settings.upstream.on:
        raise InvalidClientMetadata("registration_assurance: needs a broker, and upstream.issuer names none")
    _must_have_all(by, admin_roles(metadata))
    check_sector(metadata)
    return metadata, options


def _check_resources(session: Session, options: ClientOptions, before: ClientOptions = AS_INSTALLED) -> None:
    """What a client may call is there; what it could call before may have gone. Raises InvalidClientMetadata."""
    added = [uri for uri in options.allowed_resources or () if uri not in (before.allowed_resources or ())]
    if unknown := resources.unregistered(session, added):
        raise InvalidClientMetadata(f"allowed_resources: no API has the address {unknown[0]}")


def _check_own_addresses(
    session: Session, api: Mapping[str, Any], before: ManagedClient | None = None
) -> None:
    """A token for one API is good at no other: an address that is added to `api` is nobody else's.

    Raises InvalidClientMetadata.
    """
    had = before.metadata.get("resource_uris", ()) if before and before.resource_server else ()
    added = [uri for uri in api.get("resource_uris", ()) if uri not in had]
    if taken := resources.owned_by_others(session, before.client_id if before else None, added):
        raise InvalidClientMetadata(f"resource_uris: another API has the address {next(iter(taken))}")


def _must_have_all(by: Actor, roles: set[Role]) -> None:
    """Who makes or changes a client of the administrators' API can act through it: they must have its roles."""
    if not all(by.has(role) for role in roles):
        raise NotAllowed


def _changeable(session: Session, client_id: str, by: Actor) -> ClientApp:
    by.must_have(Role.CLIENTS)
    app = session.get(ClientApp, client_id, with_for_update=True) if client_id.isprintable() else None
    if app is None:
        raise NoSuchClient
    _must_have_all(by, admin_roles(app.registration))
    return app


def _changed(session: Session, app: ClientApp) -> ManagedClient:
    app.updated_at = clock.now()
    versions.bump(session, "clients")
    session.flush()
    return managed.of(app)


def _audit(
    session: Session,
    event: Event,
    client_id: str,
    by: Actor,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    note: str | None = None,
) -> None:
    _write(session, event, client_id, by, audit.difference(before, after), note)


def _write(
    session: Session,
    event: Event,
    client_id: str,
    by: Actor,
    changes: Mapping[str, Any],
    note: str | None = None,
) -> None:
    audit.record(
        session,
        event,
        at=clock.now(),
        actor=by.name,
        client_id=client_id,
        address=by.address,
        changes=changes,
        note=note,
    )


def _tell() -> None:
    """Let this worker know at once; the others notice within seconds."""
    versions.watcher(current_app).check()

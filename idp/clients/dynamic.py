"""Clients that register themselves (RFC 7591) and keep their registration up to date (RFC 7592).

Nobody has looked at what they say of themselves: people are asked for consent, and no resource server and no client
that acts in its own name comes into being here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from idp import audit, clock, versions
from idp.accounts.roles import OPERATOR
from idp.audit import AuditEvent, Event
from idp.clients import registration
from idp.clients.metadata import (
    DEVICE_CODE,
    SCOPES,
    InvalidClientMetadata,
    is_known,
    validate,
    vouching_host,
    with_defaults,
)
from idp.clients.models import ClientApp, ClientLogo, InitialAccessToken
from idp.clients.sectors import check_sector, named_by
from idp.crypto import equal, hash_token, random_token
from idp.database import db, writing
from idp.grants import of_client
from idp.grants.models import Consent, DeviceAuthorization, Grant
from idp.policy.lifetimes import is_live
from idp.policy.usernames import is_email_address

log = structlog.get_logger(__name__)

_OPERATORS_ONLY = {"resource_uris"}
_VOUCHED_FOR = ("redirect_uris", "client_name", "scope", "grant_types")
"""What an administrator saw who made the client the municipality's own: where people go, what it is, what it gets."""


@dataclass(frozen=True)
class Registered:
    """A dynamic client as it stands in the database. Method names are those that Authlib asks of a client."""

    client_id: str
    metadata: Mapping[str, Any]
    issued_at: datetime
    secret_hash: str | None
    secret: str | None = None  # only where it was made just now: it is stored hashed

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: object) -> bool:
        if self.secret_hash is None or not isinstance(client_secret, str):
            return False
        return equal(self.secret_hash, hash_token(client_secret))


def new_initial_token(session: Session, note: str, lifetime: timedelta) -> str:
    """A token that lets its holder register clients until it expires (RFC 7591 section 3). An operator makes it."""
    token, now = random_token(), clock.now()
    ends = now + lifetime
    session.add(InitialAccessToken(token_hash=hash_token(token), note=note, created_at=now, expires_at=ends))
    audit.record(
        session,
        Event.REGISTRATION_TOKEN_MADE,
        at=now,
        actor=OPERATOR.name,
        changes=audit.difference({}, {"expires_at": ends.isoformat()}),
        note=note,
    )
    return token


def withdraw_initial_tokens(session: Session, note: str) -> int:
    """End every such token with that note; how many there were."""
    ended = session.execute(
        sa.delete(InitialAccessToken).filter_by(note=note).returning(InitialAccessToken.note)
    )
    number = len(ended.all())
    if number:
        audit.record(
            session,
            Event.REGISTRATION_TOKENS_WITHDRAWN,
            at=clock.now(),
            actor=OPERATOR.name,
            changes=audit.difference({"number": number}, {}),
            note=note,
        )
    return number


def may_register(token: str) -> bool:
    """Whether that is an initial access token which has not expired."""
    with Session(db.engine) as session:
        found = session.get(InitialAccessToken, hash_token(token))
    return found is not None and is_live(found.expires_at, clock.now())


def prepared(wanted: Mapping[str, Any], *, plain_http: bool) -> dict[str, Any]:
    """The metadata to register of what a client sent: unknown members are ignored (RFC 7591 section 2).

    May ask the host of `sector_identifier_uri`: not within a transaction. Raises InvalidClientMetadata.
    """
    known = {name: value for name, value in wanted.items() if _is_known(name)}
    if "client_credentials" in _texts(known.get("grant_types")):
        raise InvalidClientMetadata(
            "grant_types: client_credentials is for clients that an operator registers"
        )
    known["client_name"] = known.get("client_name") or _host(known)
    known["scope"] = _scope(known)
    if "contacts" in known:
        known["contacts"] = _addresses(known["contacts"])
    clean = validate(known, plain_http=plain_http)
    if clean.get("subject_type") == "pairwise":
        _check_vouched(clean)
    try:
        check_sector(clean)
    except InvalidClientMetadata as error:
        log.warning("sector identifier refused", reason=str(error.__cause__ or error))
        raise
    return clean


def _check_vouched(clean: Mapping[str, Any]) -> None:
    """Nobody takes the sector of a host, and with it the subjects of its services, which that host does not vouch for.

    A host vouches for what is sent to it: by its redirect URI, or by listing that URI. Raises InvalidClientMetadata.
    """
    hosts = {vouching_host(uri) for uri in clean.get("redirect_uris", ())} - {None}
    listed = clean.get("sector_identifier_uri")
    if not hosts and listed is None:
        return  # a sector of its own
    if DEVICE_CODE in clean.get("grant_types", ()):  # which sends nothing to that host
        raise InvalidClientMetadata("subject_type: pairwise goes not with redirect URIs and the device grant")
    if listed is not None and not clean.get("redirect_uris"):
        raise InvalidClientMetadata("sector_identifier_uri: needs redirect URIs that are listed there")
    told = clean.get("backchannel_logout_uri")
    if told is not None and vouching_host(told) not in hosts:  # a logout token names the subject
        raise InvalidClientMetadata(
            "backchannel_logout_uri: pairwise subjects are told to the redirect URIs' hosts alone"
        )


def _is_known(member: str) -> bool:
    return member not in _OPERATORS_ONLY and is_known(member)


def _texts(value: object) -> list[str]:
    """The texts of a list; nothing of what is none, for which `validate` has an error."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _host(known: Mapping[str, Any]) -> str:
    """The name of a client that gives none: people must see where they go."""
    try:
        return next(
            (host for uri in _texts(known.get("redirect_uris")) if (host := urlsplit(uri).hostname)), ""
        )
    except ValueError:
        return ""


def _addresses(contacts: object) -> object:
    """Those that are e-mail addresses: RFC 7591 lets a client name other ways too, of which pages make no use."""
    if not isinstance(contacts, list) or not all(isinstance(each, str) for each in contacts):
        return contacts  # `validate` has an error for it
    return [each for each in contacts if is_email_address(each)]


def _scope(known: Mapping[str, Any]) -> object:
    """The scopes it asked for, as far as there are such; without any, all that fit (RFC 7591 section 2)."""
    wanted = known.get("scope")
    if wanted and not isinstance(wanted, str):
        return wanted  # `validate` has an error for it
    offline = "refresh_token" in _texts(known.get("grant_types"))
    usual = [scope for scope in SCOPES if scope != "offline_access" or offline]
    possible = [scope for scope in (str(wanted).split() if wanted else usual) if scope in SCOPES]
    return " ".join(possible) or "openid"  # the default of what is stored without any


def register(session: Session, clean: Mapping[str, Any], *, plain_http: bool) -> tuple[Registered, str]:
    """Register a client of `prepared` metadata; returns it with its registration access token.

    PKCE is demanded of public clients alone: what is certified uses `nonce` instead.
    """
    token = random_token()
    client_id, secret = registration.create(
        session,
        clean,
        first_party=False,
        pkce_required=False,
        plain_http=plain_http,
        registration_token=token,
    )
    session.flush()
    app = session.get_one(ClientApp, client_id)
    changes = audit.difference({}, _told(app))
    audit.record(session, Event.CLIENT_REGISTERED, at=app.created_at, client_id=client_id, changes=changes)
    return _registered(app, secret), token


def find(client_id: str, token: str) -> Registered | None:
    """The client, if `token` is its registration access token."""
    if len(client_id) > 100 or not client_id.isprintable():
        return None
    with Session(db.engine) as session:
        app = session.get(ClientApp, client_id)
    return _registered(app) if app is not None and _is_keeper(app, token) else None


def update(session: Session, client_id: str, token: str, clean: Mapping[str, Any]) -> Registered | None:
    """Put `prepared` metadata in the place of what was registered (RFC 7592 2.2); None when `token` is not its own.

    The secret stays unless the authentication method needs another kind, or none. The registration access token stays:
    if it changed, a client whose connection broke would never have its registration back. What it was given ends when
    people have another `sub` there than before.

    What administrators have decided stays, PKCE too once it is demanded. But what becomes another client than the one
    they knew is the municipality's own no more: people are asked for consent.
    """
    app = session.get(ClientApp, client_id, with_for_update=True)
    if app is None or not _is_keeper(app, token):
        return None
    told = _told(app)
    before = app.registration.get("token_endpoint_auth_method", "client_secret_basic")
    method = clean.get("token_endpoint_auth_method", "client_secret_basic")
    secret = registration.change_method(app, before, method)
    named = named_by(client_id, app.registration)
    kept = {name: value for name, value in app.registration.items() if name in _OPERATORS_ONLY}
    app.first_party = app.first_party and _vouched_for(app.registration) == _vouched_for(clean)
    app.registration = {**clean, **kept}
    app.pkce_required = app.pkce_required or method == "none"
    app.updated_at = clock.now()
    if named_by(client_id, app.registration) != named:
        of_client.forget_people(session, client_id, app.updated_at)
    versions.bump(session, "clients")
    changes = audit.difference(told, _told(app))
    audit.record(session, Event.CLIENT_CHANGED, at=app.updated_at, client_id=client_id, changes=changes)
    return _registered(app, secret)


def _vouched_for(metadata: Mapping[str, Any]) -> dict[str, Any]:
    whole = with_defaults(metadata)
    return {name: value for name, value in whole.items() if name.partition("#")[0] in _VOUCHED_FOR}


def remove(session: Session, client_id: str, token: str) -> bool:
    """Delete the client (RFC 7592 2.3); False when `token` is not its own. What it was given ends elsewhere."""
    app = session.get(ClientApp, client_id, with_for_update=True)
    if app is None or not _is_keeper(app, token):
        return False
    changes = audit.difference(_told(app), {})
    session.delete(app)
    versions.bump(session, "clients")
    audit.record(session, Event.CLIENT_REMOVED, at=clock.now(), client_id=client_id, changes=changes)
    return True


def remove_unused(since: datetime, *, batch: int = 1000) -> int:
    """Delete clients that registered themselves, and that nobody has used or changed since then; how many.

    Used: people let it have something, or the audit log tells of it since then. Those that an operator has made the
    municipality's own or an API stay.
    """
    removed = 0
    while True:
        with writing() as session:
            apps = session.scalars(_unused(since).limit(batch).with_for_update(skip_locked=True)).all()
            now = clock.now()
            for app in apps:
                of_client.end_all(session, app.client_id, now)
                session.execute(sa.delete(ClientLogo).filter_by(client_id=app.client_id))
                session.delete(app)
                audit.record(session, Event.CLIENT_REMOVED, at=now, client_id=app.client_id, reason="unused")
            if apps:
                versions.bump(session, "clients")
        removed += len(apps)
        if len(apps) < batch:
            return removed


def _unused(since: datetime) -> sa.Select[ClientApp]:
    traces = [
        sa.exists().where(model.client_id == ClientApp.client_id)
        for model in (Grant, Consent, DeviceAuthorization)
    ]
    lately = sa.exists().where(AuditEvent.client_id == ClientApp.client_id, AuditEvent.at >= since)
    strangers = (
        ClientApp.registration_token_hash.is_not(None) & ~ClientApp.first_party & ~ClientApp.resource_server
    )
    return sa.select(ClientApp).where(
        strangers, ClientApp.updated_at < since, ~lately, *(~trace for trace in traces)
    )


def _told(app: ClientApp) -> dict[str, Any]:
    """What a client has chosen of itself and what follows from it, as the audit log compares it; nothing secret."""
    return {**app.registration, "first_party": app.first_party, "pkce_required": app.pkce_required}


def _is_keeper(app: ClientApp, token: str) -> bool:
    """Whether `token` is the client's registration access token. Disabled clients have none, nor others' ones."""
    known = app.registration_token_hash
    return app.enabled and known is not None and equal(known, hash_token(token))


def _registered(app: ClientApp, secret: str | None = None) -> Registered:
    return Registered(app.client_id, dict(app.registration), app.created_at, app.secret_hash, secret)

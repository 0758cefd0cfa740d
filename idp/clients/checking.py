"""What will fail at a client as it is registered, or might be meant otherwise: told before its first login.

Some of it is asked of the client's own hosts, with the limits of outbound.py; so not within a transaction.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from idp.accounts import assurance
from idp.accounts.roles import Actor
from idp.accounts.rules import rules
from idp.clients import jwks, managed, resources
from idp.clients.keys import fetch
from idp.clients.managed import ManagedClient
from idp.clients.metadata import LOOPBACK_HOSTS, PAGE_MEMBERS, InvalidClientMetadata, validate
from idp.clients.sectors import check_sector
from idp.database import db
from idp.outbound import OutboundError, Redirected, TooLarge, UnexpectedContent, outbound
from idp.policy.assurance import ACR_STRONG


class Level(StrEnum):
    ERROR = "error"  # something will fail
    WARNING = "warning"  # it works, but is less safe or less kind than it could be
    HINT = "hint"


class Code(StrEnum):
    """What was found. Each has a sentence at the faces."""

    DISABLED = "disabled"
    NOT_VALID = "not_valid"  # by the rules of today; `about` tells
    PLAIN_HTTP = "plain_http"
    LOOPBACK = "loopback"
    HOST_UNKNOWN = "host_unknown"
    KEYS_UNREACHABLE = "keys_unreachable"
    KEYS_UNUSABLE = "keys_unusable"
    NO_SIGNING_KEY = "no_signing_key"
    NO_ENCRYPTION_KEY = "no_encryption_key"
    SECTOR = "sector"
    LOGOUT_UNREACHABLE = "logout_unreachable"
    NO_OPENID = "no_openid"
    UNKNOWN_ACR = "unknown_acr"
    LIFETIME_CUT = "lifetime_cut"
    NO_OFFLINE_SCOPE = "no_offline_scope"
    NO_REFRESH_GRANT = "no_refresh_grant"
    NO_API_SCOPE = "no_api_scope"
    NO_API = "no_api"
    NO_RESOURCES = "no_resources"
    API_GONE = "api_gone"
    SHARED_RESOURCE = "shared_resource"
    NO_BROKER = "no_broker"
    TOKENS_BY_BROWSER = "tokens_by_browser"
    WITHOUT_PKCE = "without_pkce"
    TWO_SECRETS = "two_secrets"
    NO_WAY_BACK = "no_way_back"
    NO_LOGOUT_ADDRESS = "no_logout_address"
    NO_LOGOUT_NOTICE = "no_logout_notice"
    NO_NAME_IN = "no_name_in"
    FOREIGN_LOGO = "foreign_logo"


@dataclass(frozen=True)
class Finding:
    """`about`: the value, language or reason that it is about; empty when the code says all."""

    level: Level
    code: Code
    about: str = ""


def check(client_id: str, by: Actor) -> list[Finding]:
    """All that is found, errors first. Raises NotAllowed and NoSuchClient."""
    client = managed.look(client_id, by)
    db.session.close()  # no connection is held while others are asked
    found = [finding for look in LOOKS for finding in look(client)]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


# -- by the registration alone


def _state(client: ManagedClient) -> Iterator[Finding]:
    if not client.enabled:
        yield Finding(Level.ERROR, Code.DISABLED)
    try:
        validate(client.metadata, plain_http=not rules().settings.production)
    except InvalidClientMetadata as error:
        yield Finding(Level.ERROR, Code.NOT_VALID, str(error))
    if client.previous_secret_until is not None:
        yield Finding(Level.HINT, Code.TWO_SECRETS, client.previous_secret_until.isoformat())


def _addresses(client: ManagedClient) -> Iterator[Finding]:
    native = client.metadata.get("application_type") == "native"
    for uri in _texts(client, "redirect_uris", "post_logout_redirect_uris"):
        parts = urlsplit(uri)
        if _is_loopback(parts.hostname or ""):
            if not native:
                yield Finding(Level.WARNING, Code.LOOPBACK, uri)
        elif parts.scheme == "http":
            yield Finding(Level.ERROR, Code.PLAIN_HTTP, uri)


def _grants(client: ManagedClient) -> Iterator[Finding]:
    grants = set(client.metadata.get("grant_types", ("authorization_code",)))
    scopes = set(str(client.metadata.get("scope", "openid")).split())
    if {"authorization_code", "implicit"} & grants and "openid" not in scopes:
        yield Finding(Level.ERROR, Code.NO_OPENID)
    if "refresh_token" in grants and "offline_access" not in scopes:
        yield Finding(Level.ERROR, Code.NO_OFFLINE_SCOPE)
    if "offline_access" in scopes and "refresh_token" not in grants:
        yield Finding(Level.ERROR, Code.NO_REFRESH_GRANT)
    if "client_credentials" in grants and not any(":" in scope for scope in scopes):
        yield Finding(Level.WARNING, Code.NO_API_SCOPE)
    if client.resource_server and not client.metadata.get("resource_uris"):
        yield Finding(Level.WARNING, Code.NO_RESOURCES)
    if any("token" in each.split() for each in client.metadata.get("response_types", ())):
        yield Finding(Level.WARNING, Code.TOKENS_BY_BROWSER)
    if not client.pkce_required and "authorization_code" in grants:
        yield Finding(Level.WARNING, Code.WITHOUT_PKCE)


def _logins(client: ManagedClient) -> Iterator[Finding]:
    """What it asks of logins and lifetimes that cannot be had here."""
    possible = assurance.possible()
    if client.options.registration_assurance == "strong" and ACR_STRONG not in possible:
        yield Finding(Level.ERROR, Code.NO_BROKER)
    for level in client.metadata.get("default_acr_values", ()):
        if level not in possible:
            yield Finding(Level.WARNING, Code.UNKNOWN_ACR, level)
    options, lifetimes = client.options, rules().lifetimes
    absolute = options.refresh_absolute_days or lifetimes.refresh_absolute.days
    longest = max(lifetimes.remembered_login, lifetimes.session_absolute)
    for name, most in (
        ("refresh_idle_days", absolute),
        ("session_max_age_seconds", int(longest.total_seconds())),
    ):
        value = getattr(options, name)
        if value is not None and value > most:
            yield Finding(Level.WARNING, Code.LIFETIME_CUT, f"{name}: {value} > {most}")


def _apis(client: ManagedClient) -> Iterator[Finding]:
    """The addresses for which tokens are made: that there are any for a program, and that each is one API's."""
    if "client_credentials" in client.metadata.get("grant_types", ()) and not _has_api(client):
        yield Finding(Level.WARNING, Code.NO_API)
    for uri in client.options.allowed_resources or ():
        if resources.owner_of(uri) is None:
            yield Finding(Level.ERROR, Code.API_GONE, uri)
    if client.resource_server:
        with Session(db.engine) as session:
            shared = resources.owned_by_others(session, client.client_id, _texts(client, "resource_uris"))
        for uri, other in shared.items():
            yield Finding(Level.WARNING, Code.SHARED_RESOURCE, f"{uri}: {other}")


def _has_api(client: ManagedClient) -> bool:
    """Whether an API accepts what the client gets in its own name: another's, its own, the administrators'."""
    own = client.resource_server and client.metadata.get("resource_uris")
    administers = managed.ADMIN_SCOPES.keys() & set(str(client.metadata.get("scope", "")).split())
    return bool(client.options.allowed_resources or own or administers)


def _for_people(client: ManagedClient) -> Iterator[Finding]:
    """What residents miss; nobody sees a client that acts in its own name alone."""
    metadata = client.metadata
    if not metadata.get("redirect_uris"):
        return
    if not metadata.get("initiate_login_uri") and not metadata.get("client_uri"):
        yield Finding(Level.WARNING, Code.NO_WAY_BACK)
    if not metadata.get("post_logout_redirect_uris"):
        yield Finding(Level.HINT, Code.NO_LOGOUT_ADDRESS)
    if not metadata.get("backchannel_logout_uri") and not metadata.get("frontchannel_logout_uri"):
        yield Finding(Level.HINT, Code.NO_LOGOUT_NOTICE)
    for language in rules().settings.site.languages[1:]:
        if not metadata.get(f"client_name#{language}"):
            yield Finding(Level.HINT, Code.NO_NAME_IN, language)
    if metadata.get("logo_uri") and not client.options.logo:
        yield Finding(Level.HINT, Code.FOREIGN_LOGO, str(metadata["logo_uri"]))


# -- asked of the client's hosts


def _hosts(client: ManagedClient) -> Iterator[Finding]:
    """Where browsers are sent, and what they show: that the host exists at all. Nothing is asked of it."""
    named = [
        *_texts(client, "redirect_uris", "post_logout_redirect_uris", "request_uris"),
        *(
            str(value)
            for member, value in client.metadata.items()
            if member.partition("#")[0] in PAGE_MEMBERS | {"frontchannel_logout_uri"}
        ),
    ]
    addresses: dict[str, str] = {}  # the first of each host
    for uri in named:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        if parts.scheme in ("http", "https") and host and not _is_loopback(host):
            addresses.setdefault(host, uri)
    for host in outbound().unknown(addresses):
        yield Finding(Level.WARNING, Code.HOST_UNKNOWN, addresses[host])


def _is_loopback(host: str) -> bool:
    return host.strip("[]") in {each.strip("[]") for each in LOOPBACK_HOSTS}


def _keys(client: ManagedClient) -> Iterator[Finding]:
    metadata = client.metadata
    signs = client.method == "private_key_jwt" or "request_object_signing_alg" in metadata
    encrypted = {
        str(metadata[f"{kind}_encrypted_response_alg"])
        for kind in ("id_token", "userinfo")
        if f"{kind}_encrypted_response_alg" in metadata
    }
    uri = metadata.get("jwks_uri")
    if not uri and not metadata.get("jwks"):
        return
    try:
        keys = fetch(uri) if uri else jwks.registered(metadata["jwks"])
    except OutboundError as error:
        yield Finding(Level.ERROR, Code.KEYS_UNREACHABLE, f"{uri}: {error}")
        return
    except jwks.UnusableKeys as error:
        yield Finding(Level.ERROR, Code.KEYS_UNUSABLE, f"{uri}: {error}" if uri else str(error))
        return
    wanted = metadata.get("token_endpoint_auth_signing_alg") if client.method == "private_key_jwt" else None
    if signs and not list(jwks.for_signatures(keys, wanted)):
        yield Finding(Level.ERROR, Code.NO_SIGNING_KEY, str(wanted or ""))
    for alg in sorted(encrypted):
        if jwks.for_encryption(keys, alg) is None:
            yield Finding(Level.ERROR, Code.NO_ENCRYPTION_KEY, alg)


def _sector(client: ManagedClient) -> Iterator[Finding]:
    try:
        check_sector(client.metadata)
    except InvalidClientMetadata as error:
        yield Finding(Level.ERROR, Code.SECTOR, str(error))


def _logout(client: ManagedClient) -> Iterator[Finding]:
    """Whether somebody listens there; what they answer to a logout that is none tells nothing."""
    uri = client.metadata.get("backchannel_logout_uri")
    if not uri:
        return
    try:
        outbound().get(uri)
    except OutboundError as error:
        if not _answered(error):
            yield Finding(Level.ERROR, Code.LOGOUT_UNREACHABLE, f"{uri}: {error}")


def _answered(error: OutboundError) -> bool:
    return isinstance(error, Redirected | TooLarge | UnexpectedContent)


def _texts(client: ManagedClient, *members: str) -> list[str]:
    metadata: Mapping[str, Any] = client.metadata
    return [value for member in members for value in metadata.get(member, ())]


LOOKS: tuple[Callable[[ManagedClient], Iterator[Finding]], ...] = (
    _state,
    _addresses,
    _grants,
    _logins,
    _apis,
    _for_people,
    _hosts,
    _keys,
    _sector,
    _logout,
)

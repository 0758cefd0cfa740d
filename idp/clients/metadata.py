"""Creating and checking client apps. The rules of metadata live here, whoever registers: CLI, admin, later clients."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from idp import clock, versions
from idp.clients.models import ClientApp
from idp.clients.registry import LOOPBACK_HOSTS
from idp.crypto import hash_token, random_id, random_token

SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
RESPONSE_TYPES = ("code",)
GRANT_TYPES = ("authorization_code", "refresh_token")
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ID_TOKEN_ALGORITHMS = ("RS256", "ES256")
APPLICATION_TYPES = ("web", "native")
DANGEROUS_SCHEMES = {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem"}

PAGE_MEMBERS = {"client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"}
TRANSLATED_MEMBERS = {"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}
TYPES: Mapping[str, type] = {
    **dict.fromkeys(
        PAGE_MEMBERS
        | TRANSLATED_MEMBERS
        | {"application_type", "token_endpoint_auth_method", "id_token_signed_response_alg", "scope"}
        | {"software_id", "software_version", "backchannel_logout_uri"},
        str,
    ),
    **dict.fromkeys(
        {"redirect_uris", "post_logout_redirect_uris", "response_types", "grant_types", "contacts"}, list
    ),
    "jwks": dict,
    "default_max_age": int,  # seconds
    **dict.fromkeys({"require_auth_time", "backchannel_logout_session_required"}, bool),
}
MAX_METADATA = 64_000  # characters of JSON
MIN_RSA_BITS = 2048
_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")  # RFC 3986, without "#"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")


class InvalidClientMetadata(ValueError):
    """A member that cannot be registered (`invalid_client_metadata`, RFC 7591 section 3.2.2)."""


class InvalidRedirectUri(InvalidClientMetadata):
    """A redirect URI that cannot be registered (`invalid_redirect_uri`)."""


def validate(metadata: Mapping[str, Any], *, plain_http: bool = False) -> dict[str, Any]:
    """The metadata to store. `plain_http` allows http redirect URIs (demo and tests only).

    Raises InvalidClientMetadata or InvalidRedirectUri.
    """
    clean = {key: value for key, value in metadata.items() if value not in (None, "", [], ())}
    for member, value in clean.items():
        _check_type(member, value)
    if not clean.get("client_name"):
        raise InvalidClientMetadata("client_name: residents must see which e-service asks")
    native = clean.get("application_type", "web") == "native"
    _choices(clean, "response_types", RESPONSE_TYPES)
    _choices(clean, "grant_types", GRANT_TYPES)
    _choice(clean, "application_type", APPLICATION_TYPES)
    _choice(clean, "token_endpoint_auth_method", AUTH_METHODS)
    _choice(clean, "id_token_signed_response_alg", ID_TOKEN_ALGORITHMS)
    unknown = set(clean.get("scope", "openid").split()) - set(SCOPES)
    if unknown:
        raise InvalidClientMetadata(f"scope: unknown {' '.join(sorted(unknown))}")
    if not clean.get("redirect_uris"):
        raise InvalidRedirectUri("redirect_uris: at least one is needed")
    for uri in (*clean["redirect_uris"], *clean.get("post_logout_redirect_uris", ())):
        _check_redirect_uri(uri, native, plain_http)
    for member, value in clean.items():
        if member.split("#", 1)[0] in PAGE_MEMBERS:
            _check_address(member, value.partition("#")[0], plain_http)
    if "backchannel_logout_uri" in clean:  # Back-Channel Logout 2.2: no fragment
        _check_address("backchannel_logout_uri", clean["backchannel_logout_uri"], plain_http)
    _check_keys(clean)
    _check_text(clean)
    return clean


def _check_type(member: str, value: object) -> None:
    """A known member of the type that the specification gives it; `client_name#sv` only where people read it."""
    name, translated, _ = member.partition("#")
    expected = TYPES.get(name)
    if expected is None or (translated and name not in TRANSLATED_MEMBERS):
        raise InvalidClientMetadata(f"{member}: not a member that this provider knows")
    fits = isinstance(value, expected)
    if isinstance(value, int) and expected is int:
        fits = value >= 0 and not isinstance(value, bool)
    if not fits:
        raise InvalidClientMetadata(f"{member}: not a {expected.__name__} as it should be")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise InvalidClientMetadata(f"{member}: must be a list of texts")


def _check_text(metadata: Mapping[str, Any]) -> None:
    """What a database can store as JSON: text without NUL and lone surrogates, of sensible size."""
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidClientMetadata("holds what JSON cannot say") from error
    if "\\u0000" in text or len(text) > MAX_METADATA:
        raise InvalidClientMetadata("holds a NUL character or is too long")


def _choice(metadata: Mapping[str, Any], member: str, allowed: tuple[str, ...]) -> None:
    if member in metadata and metadata[member] not in allowed:
        raise InvalidClientMetadata(f"{member}: must be one of {', '.join(allowed)}")


def _choices(metadata: Mapping[str, Any], member: str, allowed: tuple[str, ...]) -> None:
    if not set(metadata.get(member, ())) <= set(allowed):
        raise InvalidClientMetadata(f"{member}: only {', '.join(allowed)}")


def _parts(uri: str) -> SplitResult:
    """The parts of an absolute URI (RFC 3986) without user information. Raises ValueError."""
    parts = urlsplit(uri)
    _ = parts.port  # ValueError when it is no port
    if not parts.scheme or not _URI.fullmatch(uri):
        raise ValueError("not an address")
    if "@" in parts.netloc:
        raise ValueError("must have no user information")
    if parts.netloc and not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError("not a host name")
    return parts


def _check_redirect_uri(uri: str, native: bool, plain_http: bool) -> None:
    """RFC 9700 2.1, RFC 8252 7: https; native clients also loopback http and private schemes; never a fragment."""
    if "#" in uri:
        raise InvalidRedirectUri(f"{uri}: must have no fragment")
    try:
        parts = _parts(uri)
    except ValueError as error:
        raise InvalidRedirectUri(f"{uri!r}: {error}") from error
    host = parts.hostname or ""
    if parts.scheme in DANGEROUS_SCHEMES:
        raise InvalidRedirectUri(f"{uri}: this scheme is not allowed")
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and host:
        if plain_http or (native and (f"[{host}]" in LOOPBACK_HOSTS or host in LOOPBACK_HOSTS)):
            return
        raise InvalidRedirectUri(f"{uri}: must be https")
    if native and "." in parts.scheme:  # a private-use scheme is a reversed domain name (RFC 8252 7.1)
        return
    raise InvalidRedirectUri(f"{uri}: must be https")


def _check_address(member: str, uri: str, plain_http: bool) -> None:
    schemes = {"https", "http"} if plain_http else {"https"}
    try:
        parts = _parts(uri)
    except ValueError as error:
        raise InvalidClientMetadata(f"{member}: {error}") from error
    if parts.scheme not in schemes or not parts.netloc:
        raise InvalidClientMetadata(f"{member}: must be an https address")


def _check_keys(metadata: Mapping[str, Any]) -> None:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method == "private_key_jwt" and "jwks" not in metadata:
        raise InvalidClientMetadata("jwks: private_key_jwt needs the client's public keys")
    if "jwks" not in metadata:
        return
    keys = metadata["jwks"].get("keys")
    if not isinstance(keys, list) or not keys:
        raise InvalidClientMetadata("jwks: not a JWK Set with keys")
    for key in keys:
        _check_key(key)
    try:
        KeySet.import_key_set(metadata["jwks"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidClientMetadata("jwks: not a JWK Set") from error


def _check_key(key: object) -> None:
    """One public key, long enough (RFC 7518 3.3)."""
    if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC", "OKP"):
        raise InvalidClientMetadata("jwks: keys must be of kty RSA, EC or OKP")
    if {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & key.keys():
        raise InvalidClientMetadata("jwks: holds a private key; register the public ones only")
    if key["kty"] == "RSA" and len(str(key.get("n", ""))) * 6 < MIN_RSA_BITS:
        raise InvalidClientMetadata(f"jwks: RSA keys need at least {MIN_RSA_BITS} bits")


def create(
    session: Session,
    metadata: Mapping[str, Any],
    *,
    client_id: str | None = None,
    first_party: bool = True,
    pkce_required: bool = True,
    resource_server: bool = False,
    plain_http: bool = False,
) -> tuple[str, str | None]:
    """Register a client as part of the caller's transaction; returns (client_id, secret).

    The secret is random, told once and stored hashed; None for methods without a secret.
    """
    clean = validate(metadata, plain_http=plain_http)
    method = clean.get("token_endpoint_auth_method", "client_secret_basic")
    secret = random_token() if method.startswith("client_secret") else None
    now = clock.now()
    app = ClientApp(
        client_id=client_id or random_id(),
        registration=clean,
        secret_hash=hash_token(secret) if secret else None,
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

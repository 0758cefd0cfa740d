"""Creating and checking client apps. The rules of metadata live here, whoever registers: CLI, admin, later clients."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

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

TEXT_MEMBERS = {"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}
KNOWN_MEMBERS = TEXT_MEMBERS | {
    "redirect_uris",
    "post_logout_redirect_uris",
    "response_types",
    "grant_types",
    "application_type",
    "token_endpoint_auth_method",
    "id_token_signed_response_alg",
    "scope",
    "jwks",
    "contacts",
    "initiate_login_uri",
    "default_max_age",
    "require_auth_time",
    "software_id",
    "software_version",
}


class InvalidClientMetadata(ValueError):
    """A member that cannot be registered (`invalid_client_metadata`, RFC 7591 section 3.2.2)."""


class InvalidRedirectUri(InvalidClientMetadata):
    """A redirect URI that cannot be registered (`invalid_redirect_uri`)."""


def validate(metadata: Mapping[str, Any], *, plain_http: bool = False) -> dict[str, Any]:
    """The metadata to store. `plain_http` allows http redirect URIs (demo and tests only).

    Raises InvalidClientMetadata or InvalidRedirectUri.
    """
    clean = {key: value for key, value in metadata.items() if value not in (None, "", [], ())}
    for member in clean:
        if member.split("#", 1)[0] not in KNOWN_MEMBERS:
            raise InvalidClientMetadata(f"{member}: not a member that this provider knows")
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
    for uri in clean["redirect_uris"]:
        _check_redirect_uri(uri, native, plain_http)
    for uri in clean.get("post_logout_redirect_uris", ()):
        _check_redirect_uri(uri, native, plain_http)
    for member, value in clean.items():
        if member.split("#", 1)[0] in {
            "client_uri",
            "logo_uri",
            "policy_uri",
            "tos_uri",
            "initiate_login_uri",
        }:
            _check_page(member, value, plain_http)
    _check_keys(clean)
    return clean


def _choice(metadata: Mapping[str, Any], member: str, allowed: tuple[str, ...]) -> None:
    if member in metadata and metadata[member] not in allowed:
        raise InvalidClientMetadata(f"{member}: must be one of {', '.join(allowed)}")


def _choices(metadata: Mapping[str, Any], member: str, allowed: tuple[str, ...]) -> None:
    if not set(metadata.get(member, ())) <= set(allowed):
        raise InvalidClientMetadata(f"{member}: only {', '.join(allowed)}")


def _check_redirect_uri(uri: object, native: bool, plain_http: bool) -> None:
    """RFC 9700 2.1, RFC 8252 7: https; native clients also loopback http and private schemes; never a fragment."""
    if not isinstance(uri, str) or not uri.isprintable() or " " in uri:
        raise InvalidRedirectUri(f"{uri!r}: not an address")
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise InvalidRedirectUri(f"{uri}: {error}") from error
    if "#" in uri:
        raise InvalidRedirectUri(f"{uri}: must have no fragment")
    if parts.username or parts.password:
        raise InvalidRedirectUri(f"{uri}: must have no user information")
    if parts.scheme in DANGEROUS_SCHEMES or not parts.scheme:
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


def _check_page(member: str, uri: object, plain_http: bool) -> None:
    schemes = {"https", "http"} if plain_http else {"https"}
    if not isinstance(uri, str) or urlsplit(uri).scheme not in schemes or not urlsplit(uri).netloc:
        raise InvalidClientMetadata(f"{member}: must be an https address")


def _check_keys(metadata: Mapping[str, Any]) -> None:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method == "private_key_jwt" and "jwks" not in metadata:
        raise InvalidClientMetadata("jwks: private_key_jwt needs the client's public keys")
    if "jwks" in metadata:
        try:
            keys = KeySet.import_key_set(metadata["jwks"])
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidClientMetadata("jwks: not a JWK Set") from error
        if any(key.is_private for key in keys.keys):
            raise InvalidClientMetadata("jwks: holds a private key; register the public ones only")


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

"""What client metadata may say (RFC 7591 2, OpenID Connect Registration 2), whoever registers it."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from idp.clients import jwks
from idp.nesting import check_depth
from idp.policy.usernames import is_email_address

LOOPBACK_HOSTS = {"127.0.0.1", "[::1]", "localhost"}
_LOOPBACK = {host.strip("[]") for host in LOOPBACK_HOSTS}  # as urlsplit tells them
SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
API_SCOPE = re.compile(r"[a-z][a-z0-9._-]*:[a-z0-9._:/-]+")  # of client_credentials, such as invoices:read
RESPONSE_TYPES = (
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ("authorization_code", "implicit", "refresh_token", "client_credentials", DEVICE_CODE)
SECRET_METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
AUTH_METHODS = (*SECRET_METHODS, "private_key_jwt", "none")
SUBJECT_TYPES = ("public", "pairwise")
ID_TOKEN_ALGORITHMS = ("RS256", "ES256")
CLIENT_ALGORITHMS = (
    "RS256",
    "PS256",
    "ES256",
    "Ed25519",
    "EdDSA",
)  # of what clients sign with their own keys
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")  # of client_secret_jwt
ENCRYPTION_ALGORITHMS = ("RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
CONTENT_ENCRYPTIONS = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
APPLICATION_TYPES = ("web", "native")
DANGEROUS_SCHEMES = {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem"}

PAGE_MEMBERS = {"client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"}
ENDPOINT_MEMBERS = {
    *("jwks_uri", "sector_identifier_uri"),
    *("backchannel_logout_uri", "frontchannel_logout_uri"),
}
TRANSLATED_MEMBERS = {"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "application_type": APPLICATION_TYPES,
    "token_endpoint_auth_method": AUTH_METHODS,
    "token_endpoint_auth_signing_alg": CLIENT_ALGORITHMS + SECRET_ALGORITHMS,
    "subject_type": SUBJECT_TYPES,
    "id_token_signed_response_alg": ID_TOKEN_ALGORITHMS,
    "id_token_encrypted_response_alg": ENCRYPTION_ALGORITHMS,
    "id_token_encrypted_response_enc": CONTENT_ENCRYPTIONS,
    "userinfo_signed_response_alg": ID_TOKEN_ALGORITHMS,
    "userinfo_encrypted_response_alg": ENCRYPTION_ALGORITHMS,
    "userinfo_encrypted_response_enc": CONTENT_ENCRYPTIONS,
    "request_object_signing_alg": CLIENT_ALGORITHMS,
}
SWITCHES = {
    *("require_auth_time", "require_signed_request_object", "require_pushed_authorization_requests"),
    *("backchannel_logout_session_required", "frontchannel_logout_session_required"),
}
TYPES: Mapping[str, type] = {
    **dict.fromkeys(
        PAGE_MEMBERS
        | ENDPOINT_MEMBERS
        | TRANSLATED_MEMBERS
        | CHOICES.keys()
        | {"scope", "software_id", "software_version"},
        str,
    ),
    **dict.fromkeys(
        {"redirect_uris", "post_logout_redirect_uris", "response_types", "grant_types", "contacts"}
        | {"request_uris", "resource_uris", "default_acr_values"},
        list,
    ),
    "jwks": dict,
    "default_max_age": int,  # seconds
    **dict.fromkeys(SWITCHES, bool),
}
MAX_NAME = 100  # characters
MAX_SECONDS = 999_999_999  # as in a request, 31 years
LANGUAGE_TAG = re.compile(  # well-formed by BCP 47 (RFC 5646 2.1), but for grandfathered tags
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?"
    r"(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?",
    re.ASCII | re.IGNORECASE,
)
MAX_LANGUAGE_TAG = 35  # characters (RFC 5646 4.4.1)
MAX_METADATA = 64_000  # characters of JSON
_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")  # RFC 3986, without "#"
_FRAGMENT = re.compile(r"([A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
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
    for member, value in clean.items():
        if member.partition("#")[0] == "client_name":
            _check_name(member, value)
    native = clean.get("application_type", "web") == "native"
    if "response_types" in clean:
        clean["response_types"] = [in_order(value) for value in clean["response_types"]]
    _choices(clean, "response_types", RESPONSE_TYPES)
    _choices(clean, "grant_types", GRANT_TYPES)
    for member, allowed in CHOICES.items():
        _choice(clean, member, allowed)
    _check_agreement(clean)
    _check_scope(clean)
    _check_redirect_uris(clean, native, plain_http)
    _check_sector(clean)
    _check_addresses(clean, plain_http)
    _check_keys(clean)
    _check_contacts(clean)
    _check_text(clean)
    return clean


def with_defaults(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Registered metadata with what the specifications say of members left out (OpenID Connect Registration 2)."""
    grant_types = metadata.get("grant_types", ["authorization_code"])
    found = {
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": grant_types,
        "response_types": ["code"] if "authorization_code" in grant_types else [],
        "scope": "openid",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": False,
        **{
            f"{kind}_encrypted_response_enc": "A128CBC-HS256"
            for kind in _ENCRYPTED
            if f"{kind}_encrypted_response_alg" in metadata
        },
    }
    return found | dict(metadata)


def _check_scope(clean: Mapping[str, Any]) -> None:
    """Scopes of OpenID Connect, and scopes of APIs for a client that acts in its own name."""
    further = set(clean.get("scope", "openid").split()) - set(SCOPES)
    unknown = [value for value in sorted(further) if not API_SCOPE.fullmatch(value)]
    if unknown:
        raise InvalidClientMetadata(f"scope: unknown {' '.join(unknown)}")
    if further and "client_credentials" not in clean.get("grant_types", ()):
        raise InvalidClientMetadata(
            f"scope: {' '.join(sorted(further))} needs the grant type client_credentials"
        )


def _check_name(member: str, name: str) -> None:
    """What people read must be readable: not blank, endless, turned around or of several lines (RFC 7591 5)."""
    odd = any(unicodedata.category(char)[0] in "CZ" and char != " " for char in name)
    if odd or not name.strip() or len(name) > MAX_NAME:
        raise InvalidClientMetadata(f"{member}: must be a name of at most {MAX_NAME} visible characters")


def _check_contacts(clean: Mapping[str, Any]) -> None:
    """People who need help are shown the first one, as a link that writes to it."""
    for contact in clean.get("contacts", ()):
        if not is_email_address(contact):
            raise InvalidClientMetadata(f"contacts: {contact[:100]} is not an e-mail address")


def _check_redirect_uris(clean: Mapping[str, Any], native: bool, plain_http: bool) -> None:
    redirecting = {"authorization_code", "implicit"} & set(clean.get("grant_types", ("authorization_code",)))
    if redirecting and not clean.get("redirect_uris"):
        raise InvalidRedirectUri("redirect_uris: at least one is needed")
    for uri in (*clean.get("redirect_uris", ()), *clean.get("post_logout_redirect_uris", ())):
        _check_redirect_uri(uri, native, plain_http)
    if "implicit" in redirecting and not native:
        for uri in clean["redirect_uris"]:  # Registration 2: https when tokens come by it, and no loopback
            parts = urlsplit(uri)
            if not plain_http and (parts.scheme != "https" or parts.hostname in _LOOPBACK):
                raise InvalidRedirectUri(f"{uri}: must be https, not localhost, for the grant type implicit")


def _check_sector(clean: Mapping[str, Any]) -> None:
    """Redirect URIs of several hosts have no sector of their own (OpenID Connect Core 8.1)."""
    if clean.get("subject_type") == "pairwise" and "sector_identifier_uri" not in clean:
        hosts = {vouching_host(uri) for uri in clean.get("redirect_uris", ())}
        if len(hosts) > 1:
            raise InvalidClientMetadata(
                "sector_identifier_uri: pairwise subjects for redirect URIs of several hosts need it"
            )


def vouching_host(uri: str) -> str | None:
    """The host that sees what is sent to a redirect URI, and so vouches for the client (Core 8.1).

    None where no host does: loopback is everybody's, and of a private-use scheme (RFC 8252 7.1) nobody is asked.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"https", "http"} or parts.hostname in _LOOPBACK:
        return None
    return parts.hostname


def _check_addresses(clean: Mapping[str, Any], plain_http: bool) -> None:
    for member, value in clean.items():
        if member.split("#", 1)[0] in PAGE_MEMBERS:
            own = plain_http and (member != "initiate_login_uri" or _is_loopback(value))
            _check_with_fragment(member, value, own)
        elif member in ENDPOINT_MEMBERS:  # no fragment (Back-Channel Logout 2.2 and others)
            _check_address(member, value, plain_http)
    _check_front_channel(clean)
    for uri in clean.get("request_uris", ()):  # whose fragment tells versions (Core 6.2)
        _check_with_fragment("request_uris", uri, plain_http)
    for uri in clean.get("resource_uris", ()):
        try:
            check_resource(uri)
        except ValueError as error:
            raise InvalidClientMetadata(f"resource_uris: {error}") from error


def _is_loopback(uri: str) -> bool:
    return uri.startswith("http://") and urlsplit(uri).hostname in _LOOPBACK


def _check_front_channel(clean: Mapping[str, Any]) -> None:
    """Its page has scheme, host and port of a redirect URI (Front-Channel Logout 2)."""
    uri = clean.get("frontchannel_logout_uri")
    if uri and _site(uri) not in {_site(each) for each in clean.get("redirect_uris", ())}:
        raise InvalidClientMetadata(
            "frontchannel_logout_uri: must have scheme, host and port of a redirect URI"
        )


def _site(uri: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_known(member: str) -> bool:
    """Whether that is a member that means something here; `client_name#sv` only where people read it."""
    name, translated, language = member.partition("#")
    if not translated:
        return name in TYPES
    return name in TRANSLATED_MEMBERS and is_language_tag(language)


def is_language_tag(text: str) -> bool:
    return len(text) <= MAX_LANGUAGE_TAG and LANGUAGE_TAG.fullmatch(text) is not None


def _check_type(member: str, value: object) -> None:
    """A known member of the type that the specification gives it; `client_name#sv` only where people read it."""
    expected = TYPES.get(member.partition("#")[0])
    if expected is None or not is_known(member):
        raise InvalidClientMetadata(f"{member}: not a member that this provider knows")
    fits = isinstance(value, expected)
    if isinstance(value, int) and expected is int:
        fits = 0 <= value <= MAX_SECONDS and not isinstance(value, bool)
    if not fits:
        raise InvalidClientMetadata(f"{member}: not a {expected.__name__} as it should be")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise InvalidClientMetadata(f"{member}: must be a list of texts")


def _check_text(metadata: Mapping[str, Any]) -> None:
    """What a database can store as JSON: text without NUL and lone surrogates, of sensible size."""
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode()
        check_depth(text)
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


_ENCRYPTED = ("id_token", "userinfo")
_GRANTS_OF = {"code": "authorization_code", "id_token": "implicit", "token": "implicit"}


def in_order(response_type: str) -> str:
    """A response type with its values in the order of RESPONSE_TYPES: their order means nothing (RFC 6749 3.1.1)."""
    values = response_type.split(" ")
    known = [value for value in ("code", "id_token", "token") if value in values]
    return " ".join(known) if sorted(known) == sorted(values) else response_type


def _check_agreement(metadata: Mapping[str, Any]) -> None:
    """Members that must fit each other (RFC 7591 2.1, OpenID Connect Registration 2)."""
    grants = set(metadata.get("grant_types", ("authorization_code",)))
    for response_type in metadata.get("response_types", ()):
        for value in response_type.split():
            if _GRANTS_OF[value] not in grants:
                raise InvalidClientMetadata(
                    f"response_types: {response_type} needs the grant type {_GRANTS_OF[value]}"
                )
    if "implicit" in grants and "authorization_code" not in grants and "response_types" not in metadata:
        raise InvalidClientMetadata("response_types: those of the grant type implicit must be named")
    _check_assertion_algorithm(metadata)
    public = metadata.get("token_endpoint_auth_method") == "none"
    if public and "client_credentials" in grants:
        raise InvalidClientMetadata("grant_types: client_credentials needs client authentication")
    for kind in _ENCRYPTED:
        member = f"{kind}_encrypted_response_enc"
        if member in metadata and f"{kind}_encrypted_response_alg" not in metadata:
            raise InvalidClientMetadata(f"{member}: not without {kind}_encrypted_response_alg")
    if metadata.get("require_signed_request_object") and not {"jwks", "jwks_uri"} & metadata.keys():
        raise InvalidClientMetadata("jwks: require_signed_request_object needs the client's public keys")


def _check_assertion_algorithm(metadata: Mapping[str, Any]) -> None:
    """A secret signs with HMAC and a private key does not (OpenID Connect Core 9)."""
    method = metadata.get("token_endpoint_auth_method")
    allowed = {"client_secret_jwt": SECRET_ALGORITHMS, "private_key_jwt": CLIENT_ALGORITHMS}.get(str(method))
    alg = metadata.get("token_endpoint_auth_signing_alg")
    if allowed and alg and alg not in allowed:
        raise InvalidClientMetadata(
            f"token_endpoint_auth_signing_alg: for {method} one of {', '.join(allowed)}"
        )


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
        if plain_http or (native and host in _LOOPBACK):
            return
        raise InvalidRedirectUri(f"{uri}: must be https")
    if native and "." in parts.scheme:  # a private-use scheme is a reversed domain name (RFC 8252 7.1)
        if uri.partition(":")[2].startswith("//"):
            raise InvalidRedirectUri(f"{uri}: a scheme of an app's own has one slash and no host")
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


def _check_with_fragment(member: str, uri: str, plain_http: bool) -> None:
    """An address that may have a fragment, of the same characters (RFC 3986 3.5)."""
    address, _, fragment = uri.partition("#")
    _check_address(member, address, plain_http)
    if not _FRAGMENT.fullmatch(fragment):
        raise InvalidClientMetadata(f"{member}: not an address")


def check_resource(uri: str) -> None:
    """An absolute URI without fragment, of a scheme that names something (RFC 8707 section 2). Raises ValueError."""
    parts = _parts(uri)
    if parts.scheme in DANGEROUS_SCHEMES or not (parts.netloc or parts.scheme == "urn"):
        raise ValueError("must be absolute addresses or urn:")


def _check_keys(metadata: Mapping[str, Any]) -> None:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks: not together with jwks_uri")
    has_keys = "jwks" in metadata or "jwks_uri" in metadata
    if method == "private_key_jwt" and not has_keys:
        raise InvalidClientMetadata("jwks: private_key_jwt needs the client's public keys")
    for member in ("request_object_signing_alg", *(f"{kind}_encrypted_response_alg" for kind in _ENCRYPTED)):
        if member in metadata and not has_keys:
            raise InvalidClientMetadata(f"jwks: {member} needs the client's public keys")
    if "jwks" in metadata:
        try:
            jwks.registered(metadata["jwks"])
        except jwks.UnusableKeys as error:
            raise InvalidClientMetadata(f"jwks: {error}") from error

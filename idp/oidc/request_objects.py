"""Request objects (RFC 9101, OpenID Connect Core 6): an authorization request as a JWT that the client has signed.

What the object says wins. Beside it the query still counts (Core 6.1), unless the client may only send signed requests
or has pushed the object: then the object is all (RFC 9101 6.3, RFC 9126 3).
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyBase

from idp import clock
from idp.accounts.rules import rules
from idp.clients.keys import ClientKeysUnavailable, keys_of
from idp.clients.metadata import CLIENT_ALGORITHMS
from idp.clients.registry import Client
from idp.keys import UNREADABLE
from idp.oidc.errors import InvalidRequestObject, InvalidRequestUri, TemporarilyUnavailable
from idp.outbound import OutboundError, outbound

CLOCK_SKEW_SECONDS = 15
MAX_URI = 512  # characters (Core 6.2)
MAX_OBJECT = 32_000  # characters
TYPES = {"jwt", "oauth-authz-req+jwt"}
MEDIA_TYPES = ("application/oauth-authz-req+jwt", "application/jwt", "application/jose", "text/plain")
MAX_WAITING = 8  # threads of one worker that wait for a client's server, of 32 in all
_waiting = threading.BoundedSemaphore(MAX_WAITING)
_ABOUT_THE_OBJECT = {"iss", "aud", "exp", "nbf", "iat", "jti", "sub"}


def merged(client: Client, parameters: Mapping[str, str], *, alone: bool) -> dict[str, str]:
    """The request that a client makes by an object, without the object itself. `alone`: what stands beside is ignored.

    Raises InvalidRequestObject, or InvalidRequestUri or TemporarilyUnavailable when it cannot be fetched.
    """
    text = parameters.get("request") or fetched(client, parameters["request_uri"])
    inner = read(client, text)
    for name in ("client_id", "response_type"):
        if name in inner and sorted(inner[name].split()) != sorted(parameters.get(name, inner[name]).split()):
            raise InvalidRequestObject(f"{name} differs from that beside the request object.")
    if alone:
        return {"client_id": client.client_id, **inner}
    outer = {name: value for name, value in parameters.items() if name not in {"request", "request_uri"}}
    return outer | inner


def fetched(client: Client, uri: str) -> str:
    """The object behind a `request_uri` that the client has registered (Core 6.2).

    Whoever knows such an address can make us ask for it, so only some threads at a time do. Raises InvalidRequestUri
    or TemporarilyUnavailable.
    """
    address = uri.partition("#")[0]
    registered = {each.partition("#")[0] for each in client.registration.get("request_uris", ())}
    if len(uri) > MAX_URI or address not in registered:
        raise InvalidRequestUri("request_uri is not registered for this client.")
    if not _waiting.acquire(blocking=False):
        raise TemporarilyUnavailable("Too many request objects are being fetched.")
    try:
        answer = outbound().get(address, media_types=MEDIA_TYPES)
        text = answer.body.decode("ascii").strip()
    except (OutboundError, ValueError) as error:
        raise InvalidRequestUri("The document of request_uri cannot be fetched.") from error
    finally:
        _waiting.release()
    if answer.status != 200:
        raise InvalidRequestUri("The document of request_uri cannot be fetched.")
    return text


def read(client: Client, text: str) -> dict[str, str]:
    """The parameters in an object that the client has signed. Raises InvalidRequestObject."""
    if len(text) > MAX_OBJECT:
        raise InvalidRequestObject("The request object is too long.")
    try:
        token = jwt.decode(text, _key_finder(client), algorithms=list(CLIENT_ALGORITHMS))
    except ClientKeysUnavailable as error:
        raise InvalidRequestObject(f"The request object cannot be checked: {error}.") from error
    except UNREADABLE as error:
        raise InvalidRequestObject("The request object is not signed by the client.") from error
    _check_type(token.header)
    _check_claims(client, token.claims)
    found = {
        name: text
        for name, value in token.claims.items()
        if name not in _ABOUT_THE_OBJECT and (text := _as_parameter(name, value))
    }
    try:
        "".join(found.values()).encode()
    except UnicodeEncodeError as error:  # JSON can say half a character (RFC 8259 8.2), and nothing else can
        raise InvalidRequestObject("The request object holds what is no text.") from error
    return found


def _key_finder(client: Client) -> Any:
    registered = client.registration.get("request_object_signing_alg")

    def find(signature: Any) -> KeyBase:
        header = signature.headers()
        if registered is not None and header["alg"] != registered:
            raise InvalidRequestObject("The request object is signed by another algorithm than registered.")
        return keys_of(client, kid=header.get("kid"), alg=header["alg"])

    return find


def _check_type(header: Mapping[str, Any]) -> None:
    """No other kind of JWT passes for a request (RFC 9101 10.8)."""
    typ = header.get("typ")
    if typ is not None and str(typ).lower().removeprefix("application/") not in TYPES:
        raise InvalidRequestObject("The request object is a JWT of another type.")


def _check_claims(client: Client, claims: Mapping[str, Any]) -> None:
    """Whose it is, for whom and for how long, as far as it says; an assertion has a `sub` and is none (10.8)."""
    if {"request", "request_uri"} & claims.keys():
        raise InvalidRequestObject("A request object holds no other one.")
    if claims.get("sub") == client.client_id:
        raise InvalidRequestObject("A client assertion is no request object.")
    expected = jwt.JWTClaimsRegistry(
        now=clock.timestamp(),
        leeway=CLOCK_SKEW_SECONDS,
        iss={"value": client.client_id},
        aud={"values": [rules().settings.issuer]},
    )
    try:
        expected.validate(dict(claims))
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidRequestObject("iss, aud, exp, nbf or iat of the request object is refused.") from error


def _as_parameter(name: str, value: Any) -> str:
    """A member as the parameter that it stands for (RFC 9101 4): numbers as digits, `claims` as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name == "claims" and isinstance(value, dict):
        return _as_json(value)
    if name == "resource" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in PARAMETERS:
        raise InvalidRequestObject(f"{name} has a value of another type.")
    return ""  # one that means nothing here


def _as_json(claims: Mapping[str, Any]) -> str:
    try:
        return json.dumps(claims, separators=(",", ":"))
    except RecursionError as error:
        raise InvalidRequestObject("claims of the request object nests too deeply.") from error


PARAMETERS = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt"),
    *("max_age", "ui_locales", "claims_locales", "login_hint", "id_token_hint", "acr_values", "claims"),
    *("code_challenge", "code_challenge_method", "display", "resource"),
)  # that mean something here; others are ignored (RFC 6749 3.1)

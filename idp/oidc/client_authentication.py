"""How clients prove who they are: exactly one method per request, the one that is registered.

client_secret_post and none are Authlib's; private_key_jwt and client_secret_jwt are RFC 7523 with single-use `jti`,
each with algorithms of its own, so that a public key is never taken for a secret (RFC 8725 2.1).
"""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, cast
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import request as http_request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyBase, KeyCallable, OctKey

from idp import clock
from idp.accounts.rules import rules
from idp.clients.keys import ClientKeysUnavailable, keys_of
from idp.clients.metadata import AUTH_METHODS, CLIENT_ALGORITHMS, SECRET_ALGORITHMS
from idp.clients.registry import Client
from idp.crypto import Undecryptable
from idp.grants import access
from idp.keys import UNREADABLE
from idp.oidc.requests import ProviderRequest

CLOCK_SKEW_SECONDS = 15
MAX_ASSERTION_SECONDS = 3600
ASSERTION_ALGORITHMS = [*CLIENT_ALGORITHMS, *SECRET_ALGORITHMS]


class UnauthenticatedClient(InvalidClientError):
    """`invalid_client`: 401 with a challenge, whatever method was tried (RFC 6749 5.2)."""

    status_code = 401

    def __init__(self, description: str = "Client authentication failed.") -> None:
        super().__init__(description=description, status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's, with the realm that RFC 7617 section 2 demands."""
        return [
            (name, value.replace("Basic ", f'Basic realm="{rules().settings.issuer}", ', 1))
            if name == "WWW-Authenticate"
            else (name, value)
            for name, value in super().get_headers()
        ]


def presented_method(request: ProviderRequest) -> str:
    """The method that the request uses. Raises InvalidRequestError for more than one (RFC 6749 2.3)."""
    form = request.payload.data
    found = [
        method
        for method, present in (
            ("client_secret_basic", request.headers.get("Authorization", "")[:6].lower() == "basic "),
            (_assertion_method(form), "client_assertion" in form or "client_assertion_type" in form),
            ("client_secret_post", "client_secret" in form),
        )
        if present
    ]
    if len(found) > 1:
        raise InvalidRequestError("More than one client authentication method was used.")
    return found[0] if found else "none"


def _assertion_method(form: Mapping[str, str]) -> str:
    """The method of an assertion: the algorithm that it names tells which one is tried."""
    try:
        alg = jws.extract_compact(form.get("client_assertion", "").encode()).headers().get("alg")
    except UNREADABLE:
        alg = None
    return "client_secret_jwt" if alg in SECRET_ALGORITHMS else "private_key_jwt"


def client_secret_basic(find: Callable[[str], Client | None], request: ProviderRequest) -> Client | None:
    """HTTP Basic; identifier and secret are form-url-encoded before they are joined (RFC 6749 2.3.1)."""
    credentials = base64.b64decode(request.headers["Authorization"][6:].strip(), validate=True).decode()
    client_id, _, secret = credentials.partition(":")
    client = find(unquote_plus(client_id))
    return client if client and client.check_client_secret(unquote_plus(secret)) else None


FindKey = Callable[[Mapping[str, Any]], KeyBase]
"""From the header of an assertion to the keys that may have signed it."""


class ClientAssertion(JWTBearerClientAssertion):
    """RFC 7523 section 3: a JWT that the client has signed for us, accepted once."""

    ALGORITHMS: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__(validate_jti=True, leeway=CLOCK_SKEW_SECONDS)

    def get_audiences(self) -> list[str]:
        """The issuer, the token endpoint or the endpoint that is asked (RFC 7523 3, RFC 9126 2)."""
        issuer = rules().settings.issuer
        return [issuer, f"{issuer}/oauth2/token", issuer + http_request.path]

    def resolve_client_public_key(self, client: Client) -> list[KeyCallable]:
        """What finds the key by the header, once the algorithm is known to be the client's: tried in this order."""
        if client.token_endpoint_auth_method != self.CLIENT_AUTH_METHOD:
            raise UnauthenticatedClient
        registered = client.registration.get("token_endpoint_auth_signing_alg")
        allowed = self.ALGORITHMS if registered is None else (registered,)

        def checked(find: FindKey) -> KeyCallable:
            def key(signature: Any) -> KeyBase:
                header = signature.headers()
                if header["alg"] not in allowed or header["alg"] not in self.ALGORITHMS:
                    raise UnauthenticatedClient("The client signs by another algorithm.")
                return find(header)

            return key

        return [checked(find) for find in self.keys_to_try(client)]

    def keys_to_try(self, client: Client) -> list[FindKey]:
        """What finds the keys that may have signed an assertion with a header. These raise UnauthenticatedClient."""
        raise NotImplementedError

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> dict[str, Any]:
        token = self._decode(assertion, resolve_key)
        if str(token.header.get("typ", "JWT")).lower() not in {"jwt", "client-authentication+jwt"}:
            raise UnauthenticatedClient("That JWT is no client assertion.")  # RFC 8725 3.11
        self.verify_claims(token.claims)
        return token.claims

    def _decode(self, assertion: str, keys: list[KeyCallable]) -> jwt.Token:
        for number, key in enumerate(keys, 1):
            try:
                return jwt.decode(assertion, key, algorithms=self.ALGORITHMS)
            except UNREADABLE as error:
                if number == len(keys):
                    raise UnauthenticatedClient(
                        "The client assertion is not signed by the client."
                    ) from error
        raise UnauthenticatedClient

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """RFC 7523 section 3, by the project's clock."""
        registry = jwt.JWTClaimsRegistry(
            now=clock.timestamp(),
            leeway=self.leeway,
            iss={"essential": True, "value": claims.get("sub", "")},
            sub={"essential": True},
            aud={"essential": True, "values": self.get_audiences()},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise UnauthenticatedClient(f"The client assertion is refused: {error.error}.") from error
        if not self.validate_jti(claims, claims["jti"]):
            raise UnauthenticatedClient("The client assertion lives too long or was used before.")

    def validate_jti(self, claims: dict[str, Any], jti: Any) -> bool:
        """Single use, remembered until the assertion expires; so it may not live long."""
        exp = int(claims["exp"])
        if exp - clock.timestamp() > MAX_ASSERTION_SECONDS + CLOCK_SKEW_SECONDS:
            return False
        expires_at = datetime.fromtimestamp(exp + CLOCK_SKEW_SECONDS, UTC)
        return access.spend_assertion(claims["sub"], jti, expires_at)


class PrivateKeyJwt(ClientAssertion):
    """Signed with the client's own key (OpenID Connect Core 9)."""

    CLIENT_AUTH_METHOD = "private_key_jwt"
    ALGORITHMS = CLIENT_ALGORITHMS

    def keys_to_try(self, client: Client) -> list[FindKey]:
        def find(header: Mapping[str, Any]) -> KeyBase:
            try:
                return keys_of(client, kid=header.get("kid"), alg=header["alg"])
            except ClientKeysUnavailable as error:
                raise UnauthenticatedClient(f"Not authenticated: {error}.") from error

        return [find]


class ClientSecretJwt(ClientAssertion):
    """Signed with the client's secret (OpenID Connect Core 9), or with the one before while both are good."""

    CLIENT_AUTH_METHOD = "client_secret_jwt"
    ALGORITHMS = SECRET_ALGORITHMS

    def keys_to_try(self, client: Client) -> list[FindKey]:
        before = [client.previous_sealed_secret] if client.has_previous_secret() else []
        return [partial(self._secret, sealed) for sealed in (client.sealed_secret, *before)]

    @staticmethod
    def _secret(sealed: str | None, _header: Mapping[str, Any]) -> KeyBase:
        try:
            return OctKey.import_key(rules().vault.decrypt(sealed or ""))
        except Undecryptable as error:
            raise UnauthenticatedClient from error


def register_methods(server: Any) -> None:
    server.register_client_auth_method("client_secret_basic", client_secret_basic)
    for assertion in (PrivateKeyJwt(), ClientSecretJwt()):
        server.register_client_auth_method(assertion.CLIENT_AUTH_METHOD, assertion)


def authenticate(server: Any, request: ProviderRequest, endpoint: str) -> Client:
    """The client of a request. Raises UnauthenticatedClient or InvalidRequestError."""
    method = presented_method(request)
    if method not in AUTH_METHODS:
        raise UnauthenticatedClient
    try:
        client = cast("Client", server.call_client_auth(request, [method], endpoint))
    except UnauthenticatedClient:
        raise
    except InvalidClientError as error:
        raise UnauthenticatedClient from error
    except UNREADABLE as error:  # credentials of a shape that Authlib does not expect
        raise UnauthenticatedClient from error
    stated = request.payload.client_id
    if stated and stated != client.client_id:
        raise UnauthenticatedClient("client_id is not the authenticated client.")
    request.client = client
    return client

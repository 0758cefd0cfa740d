"""Dynamic client registration (RFC 7591, OpenID Connect Registration 1.0) and its management (RFC 7592).

Off unless `clients.dynamic_registration` says otherwise. Secrets and registration access tokens are stored hashed: a
secret is told when it is made and never again.
"""

import json
from typing import Any, cast

from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7591 import (
    ClientRegistrationEndpoint,
    InvalidClientMetadataError,
    InvalidRedirectURIError,
)
from authlib.oauth2.rfc7592 import ClientConfigurationEndpoint
from flask import Blueprint, Response, abort, current_app, request

from idp import clock, versions
from idp.accounts.rules import rules
from idp.clients import dynamic
from idp.clients.dynamic import Registered
from idp.clients.metadata import InvalidClientMetadata, InvalidRedirectUri, with_defaults
from idp.database import writing
from idp.grants import of_client
from idp.nesting import check_depth
from idp.oidc.errors import printable
from idp.oidc.requests import Payload, ProviderRequest
from idp.web import limits

PATH = "/oauth2/register"
_FAILED, _REGISTERED = "client_registration_per_address", "registered_clients_per_address"


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(PATH, "register", register, methods=["POST"])
    blueprint.add_url_rule(f"{PATH}/<client_id>", "registration", manage, methods=["GET", "PUT", "DELETE"])


def is_on() -> bool:
    return rules().settings.clients.dynamic_registration != "off"


def register() -> Response:
    return _respond(Registration.ENDPOINT_NAME)


def manage(client_id: str) -> Response:
    return _respond(Configuration.ENDPOINT_NAME, client_id)


def _respond(name: str, client_id: str = "") -> Response:
    from idp.oidc.server import provider

    if not is_on():
        abort(404)
    registering = request.method == "POST"  # the others need a token of their own
    if registering:
        limits.refuse_if_spent(_FAILED)  # before anything is read or asked of other hosts
    answer = cast("Response", provider().create_endpoint_response(name, RegistrationRequest(client_id)))
    if registering and answer.status_code >= 400:
        limits.count_error(_FAILED)
    return answer


class RegistrationRequest(ProviderRequest):
    """A request with a JSON object for a body, which is read when it is needed: after the token was checked."""

    def __init__(self, client_id: str) -> None:
        super().__init__({})
        self.client_id_of_path = client_id

    @property
    def bearer_token(self) -> str:
        """The token of the header (RFC 6750 2.1). Raises InvalidTokenError."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidTokenError("A bearer token is needed.")
        return token.strip()

    def read(self) -> None:
        """Raises InvalidClientMetadataError for anything but one JSON object without repeated names."""
        if request.mimetype != "application/json":
            raise InvalidClientMetadataError("The body must be application/json.")
        try:
            self.payload = Payload(parsed(request.get_data()))
        except ValueError as error:
            raise InvalidClientMetadataError(
                "The body must be a JSON object, each name given once."
            ) from error


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object (RFC 8259) that a body is. Raises ValueError, also for a name that is given twice."""
    text = body.decode(json.detect_encoding(body))
    check_depth(text)
    found = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which every reader sees the same."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class Extracting:
    """What both endpoints do with the metadata that a client sends. Mixed in before Authlib's class."""

    def extract_client_metadata(self, request: RegistrationRequest) -> dict[str, Any]:
        try:
            return dynamic.prepared(request.payload.data, plain_http=not rules().settings.production)
        except InvalidRedirectUri as error:
            raise InvalidRedirectURIError(printable(str(error))) from error
        except InvalidClientMetadata as error:
            raise InvalidClientMetadataError(printable(str(error))) from error

    def create_endpoint_request(self, request: Any) -> Any:
        return request


class Registration(Extracting, ClientRegistrationEndpoint):
    """RFC 7591 section 3."""

    def authenticate_token(self, request: RegistrationRequest) -> str:
        """The initial access token, where one is needed (RFC 7591 section 3). Raises InvalidTokenError."""
        token = "none needed"  # noqa: S105
        if rules().settings.clients.dynamic_registration == "token":
            token = request.bearer_token
            if not dynamic.may_register(token):
                raise InvalidTokenError
        request.read()
        return token

    def generate_client_info(self, request: RegistrationRequest) -> dict[str, Any]:
        return {}  # known when the client is saved

    def save_client(
        self, client_info: dict[str, Any], client_metadata: dict[str, Any], request: RegistrationRequest
    ) -> tuple[Registered, str]:
        if (
            rules().settings.clients.dynamic_registration == "open"
        ):  # a token has its holder's own limit: its days
            limits.count_error(_REGISTERED)
        with writing() as session:
            return dynamic.register(session, client_metadata, plain_http=not rules().settings.production)

    def generate_client_registration_info(
        self, client: tuple[Registered, str], request: RegistrationRequest
    ) -> dict[str, Any]:
        registered, token = client
        return _information(registered) | _access(registered, token)


class Keeper:
    """A registration access token and the client that it is for."""

    def __init__(self, token: str, client: Registered) -> None:
        self.token, self.client = token, client

    def check_client(self, client: Registered) -> bool:
        return client.client_id == self.client.client_id


class Configuration(Extracting, ClientConfigurationEndpoint):
    """RFC 7592. An unknown client and a token of another one are the same 401."""

    def authenticate_token(self, request: RegistrationRequest) -> Keeper:
        token = request.bearer_token
        client = dynamic.find(request.client_id_of_path, token)
        if client is None:
            raise InvalidTokenError
        if request.method == "PUT":
            request.read()
        return Keeper(token, client)

    def authenticate_client(self, request: RegistrationRequest) -> Registered:
        return cast("Keeper", request.credential).client

    def check_permission(self, client: Registered, request: RegistrationRequest) -> bool:
        return True  # its own registration

    def introspect_client(self, client: Registered) -> dict[str, Any]:
        return _information(client)

    def generate_client_registration_info(
        self, client: Registered, request: RegistrationRequest
    ) -> dict[str, Any]:
        return _access(client, request.credential.token)

    def update_client(
        self, client: Registered, client_metadata: dict[str, Any], request: RegistrationRequest
    ) -> Registered:
        with writing() as session:
            updated = dynamic.update(session, client.client_id, request.credential.token, client_metadata)
        if updated is None:  # somebody else was faster
            raise InvalidTokenError
        versions.watcher(current_app).check()
        return updated

    def delete_client(self, client: Registered, request: RegistrationRequest) -> None:
        with writing() as session:
            if not dynamic.remove(session, client.client_id, request.credential.token):
                raise InvalidTokenError
            of_client.end_all(session, client.client_id, clock.now())
        versions.watcher(current_app).check()

    def revoke_access_token(self, token: Any, request: Any) -> None:
        """Nothing to do: the token ends with its client."""


def _information(client: Registered) -> dict[str, Any]:
    """The client information response (RFC 7591 3.2.1): all that is registered, with its defaults."""
    found = with_defaults(client.metadata) | {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.issued_at.timestamp()),
    }
    if client.secret is not None:
        found["client_secret"] = client.secret
    if client.secret_hash is not None:
        found["client_secret_expires_at"] = 0  # never
    return found


def _access(client: Registered, token: str) -> dict[str, Any]:
    """Where and with what the client looks after its registration (RFC 7592 section 3)."""
    return {
        "registration_client_uri": f"{rules().settings.issuer}{PATH}/{client.client_id}",
        "registration_access_token": token,
    }

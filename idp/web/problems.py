"""Problem documents (RFC 9457): how the administrators' REST API tells what went wrong, the server's own errors too.

The `type` of a problem never changes: programs tell problems apart by it. docs/admin-api.md has them all in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, json, request

from idp.web import logs

PREFIX = "/admin/api/"
MEDIA_TYPE = "application/problem+json"
TYPE = "urn:tunnus:problem:"


@dataclass(frozen=True)
class Kind:
    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return TYPE + self.name


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("malformed", 400, "The request cannot be read"),
        Kind("unauthenticated", 401, "An access token is needed"),
        Kind("invalid-token", 401, "The access token is not good, or not any more"),
        Kind("insufficient-scope", 403, "The access token has not the scope for this"),
        Kind("delegated-token", 403, "The access token was given for a person"),
        Kind("not-allowed", 403, "Your client may not do this here"),
        Kind("not-found", 404, "There is no such thing"),
        Kind("method-not-allowed", 405, "The method is not one of this address"),
        Kind("client-exists", 409, "A client has that client_id already"),
        Kind("no-secret", 409, "The client authenticates without a secret"),
        Kind("account-exists", 409, "The name or the address is in use"),
        Kind("wrong-state", 409, "As things stand, that cannot be done"),
        Kind("no-address", 409, "The account has no e-mail address"),
        Kind("last-admin", 409, "Nobody would be left who may everything"),
        Kind("changed-meanwhile", 412, "It has been changed since you read it"),
        Kind("too-large", 413, "The body of the request is too large"),
        Kind("unsupported-media-type", 415, "The body is not of a type that is taken here"),
        Kind("invalid", 422, "Something in the request is not as it must be"),
        Kind("precondition-required", 428, "If-Match is needed"),
        Kind("too-many-errors", 429, "Too many requests"),
        Kind("internal-error", 500, "There is a problem with the service"),
        Kind("unavailable", 503, "The service cannot answer right now"),
    )
}
_OF_STATUS = {kind.status: kind for kind in reversed(list(KINDS.values()))}


def wanted() -> bool:
    """Whether errors of this request are told so."""
    return request.path.startswith(PREFIX)


def of_status(status: int) -> Response:
    """The problem of an error that the server itself has found."""
    kind = _OF_STATUS.get(status)
    return _document(kind.type if kind else "about:blank", status, kind.title if kind else _phrase(status))


def answer(name: str, detail: str | None = None, errors: Sequence[Mapping[str, str]] = ()) -> Response:
    """The problem of that name. `errors` names each fault of an `invalid` one: `detail` and where it is."""
    kind = KINDS[name]
    further: dict[str, Any] = {"detail": detail} if detail else {}
    if errors:
        further["errors"] = list(errors)
    return _document(kind.type, kind.status, kind.title, further)


def _document(type_: str, status: int, title: str, further: Mapping[str, Any] | None = None) -> Response:
    content = {
        "type": type_,
        "title": title,
        "status": status,
        **(further or {}),
        "reference": logs.reference(),
    }
    response = Response(json.dumps(content), status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"

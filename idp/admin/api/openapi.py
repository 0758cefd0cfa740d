"""The OpenAPI 3.1 document, made of what `@operation` declares and of the models' own schemas."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, cast

from flask import Response, current_app, json, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from idp.accounts.rules import rules
from idp.admin.api import api
from idp.admin.api.operations import OPERATIONS, Operation
from idp.admin.api.reading import JSON
from idp.admin.api.rights import ACCOUNTS, AUDIT, CLIENTS, RIGHTS
from idp.clients.managed import ADMIN_API
from idp.web.problems import KINDS, MEDIA_TYPE

VERSION = "1"
_REFERENCE = "#/components/schemas/{model}"
_SCOPES = {
    CLIENTS: "Register and change client apps.",
    ACCOUNTS: "Help with residents' accounts.",
    AUDIT: "Read everything, change nothing.",
}
_HEADERS: Mapping[str, Any] = {
    "ETag": ("Of what stands in the answer, without a secret.", True),
    "Link": ('The next page: rel="next". Not on the last one.', False),
    "Location": ("Where it is.", True),
    "WWW-Authenticate": ("RFC 6750: error and scope.", True),
    "Retry-After": ("Seconds.", True),
}
_PARTS = {
    "client_id": {"type": "string", "minLength": 1, "maxLength": 100},
    "account_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,22}$"},
    "registration_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,22}$"},
}
_EVERYWHERE = ("internal-error", "unavailable")


@api.route("/openapi.json", methods=["GET"], endpoint="openapi", provide_automatic_options=False)
def openapi() -> Response:
    """The document itself, for everybody. It is the same until the next version."""
    made: dict[str, str] = current_app.extensions.setdefault("openapi", {})
    text = made.get("text") or made.setdefault("text", json.dumps(document()))
    response = Response(text, content_type=JSON, headers={"Cache-Control": "no-store"})
    response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
    return cast("Response", response.make_conditional(request))


def document() -> dict[str, Any]:
    issuer = rules().settings.issuer
    schemas, names = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for declared in OPERATIONS.values():
        path = re.sub(r"<(\w+)>", r"{\1}", declared.path)
        paths.setdefault(path, {})[declared.method.lower()] = _operation(declared, schemas, names)
    for model in {each.query for each in OPERATIONS.values() if each.query}:
        del schemas[names[model]]  # they are parameters
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Tunnus: administrators' API",
            "version": VERSION,
            "description": "Client apps, residents' accounts and the audit log of one installation.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": issuer + ADMIN_API}],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Problem": _problem()},
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "description": f"A token of a client in its own name, for the resource {issuer}{ADMIN_API}.",
                    "flows": {"clientCredentials": {"tokenUrl": f"{issuer}/oauth2/token", "scopes": _SCOPES}},
                }
            },
        },
    }


def _schemas() -> tuple[dict[str, Any], dict[type[BaseModel], str]]:
    """The schema of each model, and its name."""
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for each in OPERATIONS.values():
        wanted |= {(model, "validation"): None for model in (each.body, each.query) if model}
        wanted |= {(each.answers, "serialization"): None} if each.answers else {}
    references, definitions = models_json_schema(list(wanted), ref_template=_REFERENCE)
    names = {
        cast("type[BaseModel]", model): str(reference["$ref"]).rpartition("/")[2]
        for (model, _), reference in references.items()
    }
    return definitions["$defs"], names


def _operation(declared: Operation, schemas: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
    scopes = RIGHTS[declared.name].scopes
    found: dict[str, Any] = {
        "operationId": declared.name,
        "summary": declared.summary,
        "tags": [declared.path.split("/")[1]],
        "parameters": [*_parts(declared), *_query(declared, schemas, names), *_conditions(declared)],
        "responses": _responses(declared, names),
        "security": [{"oauth2": [scope]} for scope in scopes],
    }
    if declared.explanation:
        found["description"] = declared.explanation
    if declared.media_types:  # without a model: bytes, which have no schema (OpenAPI 4.8.14.2)
        schema = {"schema": {"$ref": _REFERENCE.format(model=names[declared.body])}} if declared.body else {}
        content = dict.fromkeys(declared.media_types, schema)
        found["requestBody"] = {"required": declared.body_needed, "content": content}
    return found


def _parts(declared: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"<(\w+)>", declared.path)
    return [{"name": name, "in": "path", "required": True, "schema": _PARTS[name]} for name in names]


def _query(declared: Operation, schemas: Mapping[str, Any], names: Mapping[Any, str]) -> list[dict[str, Any]]:
    if declared.query is None:
        return []
    schema = schemas[names[declared.query]]
    return [
        _parameter(name, name in schema.get("required", ()), value)
        for name, value in schema["properties"].items()
    ]


def _parameter(name: str, required: bool, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is null; the text "null" is none."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", "title", "description"}}
    if kinds:
        kept = {**{key: value for key, value in kept.items() if key != "default"}, **kinds[0]}
    found = {"name": name, "in": "query", "required": required, "schema": kept}
    if "description" in schema:
        found["description"] = schema["description"]
    return found


def _conditions(declared: Operation) -> list[dict[str, Any]]:
    found = []
    if declared.condition:
        told = "The ETag that you have read: nothing is done if it is another one by now."
        found.append(_header("If-Match", told, required=declared.condition == "required"))
    if declared.method == "GET" and not declared.file:
        found.append(_header("If-None-Match", "The ETag of what you have: 304 if it is still so."))
    return found


def _header(name: str, told: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": told,
        "schema": {"type": "string"},
    }


def _responses(declared: Operation, names: Mapping[Any, str]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": declared.summary}
    if declared.answers:
        schema = {"$ref": _REFERENCE.format(model=names[declared.answers])}
        good["content"] = {JSON: {"schema": schema}}
    if declared.file:
        good["content"] = {declared.file: {"schema": {"type": "string"}}}
    tagged = declared.method == "GET" and not declared.file
    headers = [*declared.headers, *(["ETag"] if tagged else [])]
    if headers:
        good["headers"] = {name: _told_header(name) for name in headers}
    found = {str(declared.status): good}
    if tagged:
        found["304"] = {"description": "It is as you have it."}
    by_status: dict[int, list[str]] = {}
    for name in _problems(declared):
        by_status.setdefault(KINDS[name].status, []).append(name)
    for status, kinds in sorted(by_status.items()):
        found[str(status)] = _refusal(status, kinds)
    return found


def _told_header(name: str) -> dict[str, Any]:
    told, required = _HEADERS[name]
    return {"description": told, "required": required, "schema": {"type": "string"}}


def _refusal(status: int, kinds: list[str]) -> dict[str, Any]:
    described = "; ".join(f"`{kind}`: {KINDS[kind].title}" for kind in kinds)
    headers = {
        401: ["WWW-Authenticate"],
        403: ["WWW-Authenticate"],
        429: ["Retry-After"],
        503: ["Retry-After"],
    }
    found: dict[str, Any] = {
        "description": described,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    if status in headers:
        found["headers"] = {name: _told_header(name) for name in headers[status]}
    return found


def _problems(declared: Operation) -> list[str]:
    """Every problem that an operation can answer with."""
    found = ["invalid", *declared.conflicts, *_EVERYWHERE]
    if RIGHTS[declared.name].scopes:
        found += [
            "unauthenticated",
            "invalid-token",
            "insufficient-scope",
            "delegated-token",
            "too-many-errors",
        ]
        found += ["not-allowed"]
    if "<" in declared.path:
        found += ["not-found"]
    if declared.media_types:
        found += ["malformed", "too-large", "unsupported-media-type"]
    if declared.query:
        found += ["malformed"]
    if declared.condition:
        found += ["changed-meanwhile"]
    if declared.condition == "required":
        found += ["precondition-required"]
    return found


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": {**text, "enum": [*(kind.type for kind in KINDS.values()), "about:blank"]},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "reference": {**text, "description": "For whoever runs the service: it stands in the log."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "A fault, and where: a JSON pointer into the body, or a query parameter.",
                    "properties": {"detail": text, "pointer": text, "parameter": text},
                    "required": ["detail"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["type", "title", "status", "reference"],
        "additionalProperties": False,
    }

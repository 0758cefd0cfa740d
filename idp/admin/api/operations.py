"""What the API can do. `@operation` over a view declares all of it: the document (openapi.py) and what is run agree."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Response, request
from pydantic import BaseModel

from idp.accounts.roles import Actor
from idp.admin.api import api, authentication, reading
from idp.web.downloads import download

PICTURES = ("image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True)
class Operation:
    """`answers` None: no content. `conflicts` are problems of status 409; `condition` says what If-Match is."""

    name: str
    method: str
    path: str  # Flask's form, below the API
    summary: str
    explanation: str
    answers: type[BaseModel] | None
    status: int
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    media_types: tuple[str, ...]  # of the body
    body_needed: bool
    conflicts: tuple[str, ...]
    condition: str  # "required", "optional" or ""
    headers: tuple[str, ...]
    file: str  # the media type of an answer that is a file instead


@dataclass(frozen=True)
class Call:
    """Who calls, with the query and the body as the operation's models."""

    actor: Actor
    query: Any = None
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """`etag`: where it is not that of the content itself. `file`: lines and a name, for an operation that gives one."""

    content: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    file: tuple[Iterator[str], str] | None = None


OPERATIONS: dict[str, Operation] = {}
View = Callable[..., Answer]


def operation(
    method: str,
    path: str,
    *,
    answers: type[BaseModel] | None = None,
    status: int | None = None,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    media_types: tuple[str, ...] = (),
    body_needed: bool = True,
    conflicts: tuple[str, ...] = (),
    condition: str = "",
    headers: tuple[str, ...] = (),
    file: str = "",
) -> Callable[[View], View]:
    """Declare a view of the API, by the name of its function; its docstring is the document's text.

    The view gets a `Call` and the path's parts, after rights.py let the caller in and the request was read. With
    `media_types` and no `body` the view reads the body itself.
    """

    def declare(view: View) -> View:
        summary, _, explanation = (view.__doc__ or "").strip().partition("\n")
        declared = Operation(
            name=view.__name__,
            method=method,
            path=path,
            summary=summary.rstrip("."),
            explanation=" ".join(explanation.split()),
            answers=answers,
            status=status or (200 if answers or file else 204),
            query=query,
            body=body,
            media_types=media_types or ((reading.JSON,) if body else ()),
            body_needed=body_needed,
            conflicts=conflicts,
            condition=condition,
            headers=headers,
            file=file,
        )
        OPERATIONS[declared.name] = declared
        run = partial(_run, declared, view)
        api.add_url_rule(
            path,
            declared.name,
            run,
            methods=[method],
            provide_automatic_options=False,
            merge_slashes=False,  # no page that leads elsewhere
        )
        return view

    return declare


def _run(declared: Operation, view: View, **path: str) -> Response:
    actor = authentication.actor_for(declared.name)
    query = reading.query(declared.query)
    body = None
    if declared.body:
        body = reading.body(declared.body, *declared.media_types, needed=declared.body_needed)
    answer = view(Call(actor, query, body), **path)
    return respond(declared, answer)


def etag_of(content: BaseModel) -> str:
    """A strong validator: it differs when anything in the representation does (RFC 9110 8.8.1)."""
    return hashlib.sha256(content.model_dump_json().encode()).hexdigest()[:32]


def respond(declared: Operation, answer: Answer) -> Response:
    """The answer; 304 for who has it already (RFC 9110 13.1.2)."""
    if answer.file is not None:
        lines, name = answer.file
        return download(lines, declared.file, name)
    response = Response(status=declared.status)
    if answer.content is not None:
        response = Response(
            answer.content.model_dump_json(by_alias=True), declared.status, content_type=reading.JSON
        )
        if declared.method == "GET" or answer.etag:
            response.set_etag(answer.etag or etag_of(answer.content))
        if declared.method == "GET":
            response.make_conditional(request)
    response.headers.update(answer.headers)
    response.headers["Cache-Control"] = "no-store"
    return response

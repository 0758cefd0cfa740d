"""Reading a request: its query, its body and its conditions. What is wrong becomes a problem that says where."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from idp.admin.api.problems import Problem, at, of_parameter
from idp.nesting import check_depth

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396

Model = TypeVar("Model", bound=BaseModel)


def query(model: type[Model] | None) -> Model | None:
    """The query parameters; each once, none that is not known. Raises Problem."""
    faults = [
        of_parameter("given more than once", name) for name, values in request.args.lists() if len(values) > 1
    ]
    if model is None:
        faults += [of_parameter("not a parameter of this address", name) for name in request.args]
    if faults:
        raise Problem("invalid", errors=faults)
    if model is None:
        return None
    _refuse_unstorable(request.args.to_dict())
    try:
        return model.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        faults = [
            of_parameter(_words(fault), str(fault["loc"][0]) if fault["loc"] else "")
            for fault in _faults(error)
        ]
        raise Problem("invalid", errors=faults) from None


def body(model: type[Model], media_type: str = JSON, *, needed: bool = True) -> Model:
    """The body as a model; no body is an empty object where none is `needed`. Raises Problem."""
    raw = request.get_data()
    content = {} if not raw and not needed else _json(raw, media_type)
    try:
        return model.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Problem:
    """The faults of a body."""
    return Problem("invalid", errors=[at(_words(fault), *fault["loc"]) for fault in _faults(error)])


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _words(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return "not a member that is known here"
    return fault["msg"].removeprefix("Value error, ")


def _json(raw: bytes, media_type: str) -> Any:
    if not raw:
        raise Problem("malformed", "There is no body.")
    must_be(media_type)
    try:
        text = raw.decode("utf-8")
        check_depth(text)
        content = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
        _refuse_unstorable(content)
    except ValueError as error:
        reason = str(error) if isinstance(error, _Twice) else "It is not JSON in UTF-8."
        raise Problem("malformed", reason) from None
    return content


def must_be(*media_types: str) -> None:
    """Raises Problem for a body of another type."""
    if request.mimetype not in media_types:
        header = "Accept-Patch" if request.method == "PATCH" else "Accept"
        raise Problem(
            "unsupported-media-type",
            f"Send {' or '.join(media_types)}.",
            headers={header: ", ".join(media_types)},
        )


class _Twice(ValueError):
    pass


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Whoever checks a request and whoever acts on it must read the same: no name twice (RFC 8259 section 4)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice("A member is there twice.")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse_unstorable(content: Any) -> None:
    """No database takes these texts: NUL, halves of surrogate pairs."""
    text = json.dumps(content, ensure_ascii=False).replace("\\\\", "")  # an escaped backslash escapes nothing
    if "\\u0000" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Problem("malformed", "It holds a NUL character or half a surrogate pair.")


def refuse_if_changed(etag: str, *, required: bool) -> None:
    """Hold If-Match (RFC 9110 13.1.1) against what is there now. Raises Problem."""
    if "If-Match" not in request.headers:
        if required:
            raise Problem("precondition-required", "Send the ETag that you have read.")
        return
    if not request.if_match.contains(etag):
        raise Problem("changed-meanwhile")

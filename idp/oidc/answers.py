"""Answers of the protocol endpoints to programs: JSON, made by one encoder and kept by nobody."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

NOT_KEPT = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_JSON = ("Content-Type", "application/json")

encode = json.JSONEncoder(separators=(",", ":")).encode


def json_answer(content: Mapping[str, Any], status: int = 200, *headers: tuple[str, str]) -> Response:
    """A JSON answer that is not kept; `headers` are further ones."""
    return Response(encode(content), status, (_JSON, *NOT_KEPT, *headers))

"""Cross-origin requests: allowed where a script needs them (token, userinfo, JWKS, discovery), never at authorize."""

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, Response, current_app, request

_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "3600",
}
_MARK = "cross_origin"


def allowed(view: Callable[[], Response]) -> Callable[[], Response]:
    """Let any origin call the view; no cookie is read there, so nothing is given away."""

    @wraps(view)
    def wrapped() -> Response:
        return Response(status=204, headers=_PREFLIGHT) if request.method == "OPTIONS" else view()

    setattr(wrapped, _MARK, True)
    return wrapped


def init_app(blueprint: Blueprint) -> None:
    """Every answer of such a view has the headers, the error handlers' too: a script must see why, and when again."""
    blueprint.after_request(_let_read)


def _let_read(response: Response) -> Response:
    if hasattr(current_app.view_functions.get(request.endpoint or ""), _MARK):
        response.headers.update(_ANY_ORIGIN)
    return response

"""Cross-origin requests: allowed where a script needs them (token, userinfo, JWKS, discovery), never at authorize."""

from collections.abc import Callable
from functools import wraps

from flask import Response, request

_ANY_ORIGIN = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "WWW-Authenticate"))
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "3600",
}


def allowed(view: Callable[[], Response]) -> Callable[[], Response]:
    """Let any origin call the view; no cookie is read there, so nothing is given away."""

    @wraps(view)
    def wrapped() -> Response:
        preflight = request.method == "OPTIONS"
        response = Response(status=204, headers=_PREFLIGHT) if preflight else view()
        response.headers.extend(_ANY_ORIGIN)
        return response

    return wrapped

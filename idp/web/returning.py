"""Where somebody goes on after a page that comes first: logging in, new terms, the password once more."""

from datetime import timedelta

from flask import Response, make_response, redirect, session

from idp import clock

WAITS_FOR = timedelta(minutes=30)  # what the person came for, while they log in


def first(page: str, *, then: str) -> Response:
    """To a page that comes first; `go_on` will lead to `then`, a path of ours."""
    session["came_for"] = {"path": then, "until": int((clock.now() + WAITS_FOR).timestamp())}
    return see_other(page)


def came_for() -> str | None:
    """The path that the person came for before they were sent to log in, not long ago."""
    wanted = session.get("came_for")
    return wanted["path"] if wanted and clock.timestamp() < wanted["until"] else None


def go_on(otherwise: str) -> Response:
    """To what the person came for, if anything, and else to another path of ours."""
    path = came_for() or otherwise
    session.pop("came_for", None)
    return see_other(path)


def see_other(location: str) -> Response:
    """303: the next request is a GET, whatever this one was (RFC 9700 4.12)."""
    return make_response(redirect(location, 303))

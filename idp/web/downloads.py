"""Files that are made while they are sent."""

from collections.abc import Iterator
from itertools import islice

from flask import Flask, Response, current_app

LINES_AT_ONCE = 500


def download(lines: Iterator[str], mimetype: str, name: str) -> Response:
    """A file that is made while it is sent, a piece at a time."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def pieces() -> Iterator[str]:
        # The context lasts for a piece alone: who goes away in the middle leaves nothing open.
        while True:
            with app.app_context():
                piece = "".join(islice(lines, LINES_AT_ONCE))
            if not piece:
                return
            yield piece

    response = Response(pieces(), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response

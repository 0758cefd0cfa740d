"""Lists, page by page: a cursor says after what the next page begins, and only to us (opaque)."""

import base64
import binascii
from dataclasses import replace
from datetime import UTC
from urllib.parse import urlencode

from flask import request

from idp.accounts.rules import rules
from idp.admin.api.problems import Problem, of_parameter
from idp.audit_log import Place


def cursor_of(place: str | None) -> str | None:
    """The cursor for a place, None for the last page."""
    return None if place is None else base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str | None:
    """The place of a cursor. Raises Problem for one that is none of ours."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise wrong_cursor() from None


def wrong_cursor() -> Problem:
    return Problem("invalid", errors=[of_parameter("not a cursor of this list", "cursor")])


def link(cursor: str | None) -> dict[str, str]:
    """The header that leads to the next page (RFC 8288), with the filters of this one."""
    if cursor is None:
        return {}
    query = urlencode({**request.args.to_dict(), "cursor": cursor})
    return {"Link": f'<{rules().settings.issuer}{request.path}?{query}>; rel="next"'}


def event_place(cursor: str | None) -> Place | None:
    """The place of a cursor among events. Raises Problem."""
    text = place_of(cursor)
    if text is None:
        return None
    place = Place.parse(text)
    if place is None:
        raise wrong_cursor()
    try:
        return replace(place, at=place.at.astimezone(UTC))
    except OverflowError:
        raise wrong_cursor() from None

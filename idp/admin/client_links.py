"""Addresses of a client app's pages.

A client_id that this provider makes stands in the path as it is. Operators may choose others, with slashes, dots or
blanks, which servers and browsers would take apart: these stand there encoded, after a tilde.
"""

import base64
import binascii
import re

CLIENTS = "/admin/clients"
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_PAGES = {"new"}  # beside the clients


def client_url(client_id: str, *pages: str) -> str:
    """The path of a client's page, or of one below it."""
    return "/".join([CLIENTS, _segment(client_id), *pages])


def _segment(client_id: str) -> str:
    if _PLAIN.fullmatch(client_id) and client_id not in _PAGES:
        return client_id
    return "~" + base64.urlsafe_b64encode(client_id.encode()).rstrip(b"=").decode()


def client_id_of(segment: str) -> str:
    """The client_id that a part of a path stands for; what is no such part stands for itself, and finds nobody."""
    if not segment.startswith("~"):
        return segment
    coded = segment[1:]
    try:
        found = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (ValueError, binascii.Error):
        return segment
    return found if _segment(found) == segment else segment

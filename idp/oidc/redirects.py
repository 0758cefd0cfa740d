"""Parameters added to a client's address: what is registered there stays as it is, to the letter (RFC 6749 3.1.2)."""

from collections.abc import Sequence
from urllib.parse import urlencode


def with_parameters(uri: str, parameters: Sequence[tuple[str, str]]) -> str:
    """`uri` (without a fragment) with `parameters` added to its query."""
    _, mark, query = uri.partition("?")
    separator = "" if mark else "?"
    if query and not query.endswith("&"):
        separator = "&"
    return f"{uri}{separator}{urlencode(parameters)}"

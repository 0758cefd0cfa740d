"""What somebody typed into this browser, kept for the page that comes next: sealed in its own cookie, for an hour.

A shared computer has a next person. The cookie shows nothing of it, time ends it, and so does any login, logout or
new password in this browser (`forget_all`).
"""

import json
import zlib
from base64 import b85decode, b85encode
from datetime import timedelta
from typing import Any

from flask import session

from idp import clock
from idp.accounts.rules import rules
from idp.crypto import Undecryptable

KEPT_FOR = timedelta(hours=1)
_PREFIX = "kept "


def keep(name: str, /, **values: Any) -> None:
    """Keep values that JSON can hold, in place of those kept by this name before."""
    until = int((clock.now() + KEPT_FOR).timestamp())
    plain = json.dumps({"until": until, "values": values}).encode()
    # Browsers refuse a large cookie: what is sealed can be made smaller no more.
    session[_PREFIX + name] = rules().vault.encrypt(b85encode(zlib.compress(plain, 9)).decode())


def find(name: str) -> dict[str, Any]:
    """What is kept by that name; empty when nothing is, or not any more."""
    sealed = session.get(_PREFIX + name)
    if sealed is None:
        return {}
    try:
        found = json.loads(zlib.decompress(b85decode(rules().vault.decrypt(sealed))))
    except Undecryptable:
        return {}
    values: dict[str, Any] = found["values"]
    return values if clock.timestamp() < found["until"] else {}


def forget_all() -> None:
    for key in [key for key in session if key.startswith(_PREFIX)]:
        del session[key]

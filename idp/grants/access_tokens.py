"""Access tokens that come back: JWTs of ours (RFC 9068) that have not expired. Making them is idp/oidc/tokens.py's.

A verified one is remembered by its hash until it expires, so that its signature is checked once per worker; whether it
was revoked is asked of the database each time (access.py).
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, cast

from flask import Flask, current_app

from idp import clock, versions
from idp.accounts.rules import rules
from idp.crypto import hash_token
from idp.keys import NotOurToken, keyring

ALGORITHM = "ES256"
TYPE = "at+jwt"
CACHE_SIZE = 20_000


class InvalidToken(Exception):
    """Not an access token that we issued and that is still valid by its claims."""


class AccessTokenCache:
    """Claims of verified access tokens by the hash of the token; beyond CACHE_SIZE the oldest one goes."""

    def __init__(self) -> None:
        self._claims: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = Lock()

    def verify(self, token: str) -> Mapping[str, Any]:
        """The claims of an access token that has not expired. Raises InvalidToken."""
        key = hash_token(token)
        known = self._claims
        claims = known.get(key)
        if claims is None:
            claims = self._check(token)
            with self._lock:
                known[key] = (
                    claims  # into the dictionary it was missed in: a change of keys meanwhile drops it
                )
                if len(known) > CACHE_SIZE:
                    known.popitem(last=False)
        if clock.timestamp() >= claims["exp"]:
            with self._lock:
                known.pop(key, None)
            raise InvalidToken
        return claims

    def forget(self) -> None:
        """After a change of keys: a withdrawn key's tokens are to be judged again."""
        with self._lock:
            self._claims = OrderedDict()

    def _check(self, token: str) -> dict[str, Any]:
        try:
            found = keyring().verify(token, algorithms=(ALGORITHM,))
        except NotOurToken as error:
            raise InvalidToken from error
        claims = found.claims
        if found.header.get("typ") != TYPE or claims.get("iss") != rules().settings.issuer:
            raise InvalidToken
        return claims


def init_app(app: Flask) -> None:
    """After the keys: these are forgotten first, then what they have verified."""
    cache = app.extensions["access_tokens"] = AccessTokenCache()
    keyring = app.extensions["keyring"]

    def keys_changed() -> None:
        keyring.forget()
        cache.forget()

    versions.watcher(app).on_change("keys", keys_changed)


def verified(token: str) -> Mapping[str, Any]:
    """The claims of an access token of ours that has not expired. Raises InvalidToken."""
    return cast("AccessTokenCache", current_app.extensions["access_tokens"]).verify(token)


def is_for(claims: Mapping[str, Any], identifier: str) -> bool:
    """Whether the `aud` of a verified token is or holds `identifier`."""
    meant = claims["aud"]
    return bool(meant == identifier) or (isinstance(meant, list) and identifier in meant)

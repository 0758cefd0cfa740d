"""Making and checking tokens: RFC 9068 access tokens (ES256), ID tokens, opaque refresh tokens.

A verified access token is remembered by its hash until it expires, so that its signature is checked once per worker;
whether it was revoked is asked of the database each time.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from idp import clock
from idp.accounts.rules import rules
from idp.clients.registry import Client
from idp.crypto import hash_token, random_id, random_token
from idp.grants.codes import Grant, NewRefreshToken
from idp.keys import NotOurToken, keyring
from idp.policy.lifetimes import Lifetimes

ACCESS_TOKEN_ALGORITHM = "ES256"  # noqa: S105
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105
ID_TOKEN_TYPE = "JWT"  # noqa: S105
CACHE_SIZE = 20_000


def access_token(client: Client, grant: Grant, scope: str) -> str:
    """A JWT access token of a grant (RFC 9068). Its `aud` is the issuer: userinfo."""
    now = clock.timestamp()
    settings = rules().settings
    return (
        keyring()
        .signing(ACCESS_TOKEN_ALGORITHM)
        .sign(
            {
                "iss": settings.issuer,
                "sub": grant.account_id,
                "aud": settings.issuer,
                "client_id": client.client_id,
                "scope": scope,
                "jti": random_id(),
                "grant": grant.id,
                "auth_time": grant.auth_time,
                "acr": grant.acr,
                "amr": grant.amr.split(),
                "iat": now,
                "exp": now + settings.tokens.access_token_seconds,
            },
            ACCESS_TOKEN_TYPE,
        )
    )


def id_token(client: Client, grant: Grant, access_token_value: str | None, *, with_nonce: bool) -> str:
    """An ID token (OpenID Connect Core 2), signed by the client's algorithm."""
    now = clock.timestamp()
    settings = rules().settings
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": grant.account_id,
        "aud": client.client_id,
        "iat": now,
        "exp": now + settings.tokens.id_token_seconds,
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": grant.amr.split(),
        "sid": grant.sid,
    }
    if with_nonce and grant.nonce is not None:
        claims["nonce"] = grant.nonce
    if access_token_value is not None:
        claims["at_hash"] = half_hash(access_token_value)
    return keyring().signing(client.id_token_alg).sign(claims, ID_TOKEN_TYPE)


def half_hash(value: str) -> str:
    """The left half of SHA-256, as at_hash and c_hash want it for the 256-bit algorithms (Core 3.1.3.6)."""
    digest = hashlib.sha256(value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def new_refresh_token(lifetimes: Lifetimes, now: datetime, ends_at: datetime) -> tuple[str, NewRefreshToken]:
    """A random refresh token and what is stored of it; `ends_at` is the absolute limit of its family."""
    value = random_token()
    expires_at = min(now + lifetimes.refresh_idle, ends_at)
    return value, NewRefreshToken(hash_token(value), expires_at, ends_at)


def claims_of_hint(id_token_hint: str) -> dict[str, Any]:
    """The claims of an ID token of ours, expired or not (OpenID Connect Core 3.1.2.1). Raises NotOurToken.

    Other tokens of ours are none, though we signed them (RFC 8725 3.11).
    """
    found = keyring().verify(id_token_hint)
    claims = found.claims
    if found.header.get("typ") != ID_TOKEN_TYPE or claims.get("iss") != rules().settings.issuer:
        raise NotOurToken("not an ID token of this provider")
    return claims


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
            found = keyring().verify(token, algorithms=(ACCESS_TOKEN_ALGORITHM,))
        except NotOurToken as error:
            raise InvalidToken from error
        claims = found.claims
        if found.header.get("typ") != ACCESS_TOKEN_TYPE or claims.get("iss") != rules().settings.issuer:
            raise InvalidToken
        return claims

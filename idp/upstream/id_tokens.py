"""ID tokens of the broker: encrypted to us, and inside signed by it. Both are demanded.

The order is that of OpenID Connect Core 3.1.3.7: decrypt, verify, judge the claims. What fails is Refused, with a
reason that names no person.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwe, jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

from idp import clock
from idp.crypto import equal, hash_token
from idp.keys import UNREADABLE
from idp.upstream.broker import CLOCK_SKEW_SECONDS, SIGNING_ALGORITHMS
from idp.upstream.providers import Expected, Refusal, Refused

KEY_ALGORITHMS = ("RSA-OAEP", "RSA-OAEP-256")
CONTENT_ALGORITHMS = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
MAX_LENGTH = 64_000  # characters
MAX_AGE_SECONDS = 600  # since it was made: it was made for us, just now

# Parameters of a header that one does not know are ignored, unless they are critical (RFC 7515 4, RFC 7516 4).
_SIGNED = JWSRegistry(algorithms=SIGNING_ALGORITHMS, strict_check_header=False)
_ENCRYPTED = JWERegistry(algorithms=(*KEY_ALGORITHMS, *CONTENT_ALGORITHMS), strict_check_header=False)


def opened(token: object, ours: Sequence[RSAKey], theirs: Callable[[str | None], KeySet]) -> dict[str, Any]:
    """The claims of a token that is encrypted to one of our keys and signed by one of `theirs`, asked for by `kid`.

    Raises Refused, and UpstreamUnavailable when their keys cannot be fetched.
    """
    if not isinstance(token, str) or len(token) > MAX_LENGTH:
        raise Refused(Refusal.FAILED, "no ID token")
    outer, signed = _decrypted(token, ours)
    header = _header(signed, parts=3)
    if header.get("alg") not in SIGNING_ALGORITHMS:
        raise Refused(Refusal.FAILED, "signed by an algorithm that is not accepted")
    if header.get("typ", "JWT") not in ("JWT", "jwt"):
        raise Refused(Refusal.FAILED, "a JWT of another type")
    kid = header.get("kid")
    keys = theirs(kid if isinstance(kid, str) else None)
    try:
        claims = jwt.decode(signed, keys, registry=_SIGNED).claims
    except UNREADABLE as error:
        raise Refused(Refusal.FAILED, f"not signed by the broker: {type(error).__name__}") from error
    if any(outer[name] != claims.get(name) for name in ("iss", "sub", "aud") if name in outer):
        raise Refused(Refusal.FAILED, "says outside what it does not say inside")  # RFC 7519 5.3
    return claims


def _decrypted(token: str, ours: Sequence[RSAKey]) -> tuple[Mapping[str, Any], str]:
    if token.count(".") != 4:
        raise Refused(Refusal.FAILED, "not encrypted")
    header = _header(token, parts=5)
    if header.get("alg") not in KEY_ALGORITHMS or header.get("enc") not in CONTENT_ALGORITHMS:
        raise Refused(Refusal.FAILED, "encrypted by an algorithm that is not accepted")
    if "zip" in header:
        raise Refused(Refusal.FAILED, "compressed before it was encrypted")
    kid = header.get("kid")
    for key in [key for key in ours if kid is None or key.kid == kid] or ours:
        try:
            plain = jwe.decrypt_compact(token, key, registry=_ENCRYPTED).plaintext
            return header, (plain or b"").decode("ascii")
        except UNREADABLE:
            continue
    raise Refused(Refusal.FAILED, "encrypted to none of our keys")


def _header(token: str, *, parts: int) -> Mapping[str, Any]:
    first, *rest = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        header = None
    if len(rest) != parts - 1 or not isinstance(header, dict):
        raise Refused(Refusal.FAILED, "no JWT")
    return header


@dataclass(frozen=True, slots=True)
class Authentication:
    """What a token says of how and when somebody was identified."""

    acr: str
    auth_time: datetime


def judged(
    claims: Mapping[str, Any], expected: Expected, *, issuer: str, client_id: str, acr: str
) -> Authentication:
    """Whether the token is of this broker, for us, of this very question and of now. Raises Refused."""
    wanted = jwt.JWTClaimsRegistry(
        now=clock.timestamp(),
        leeway=CLOCK_SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True},
    )
    try:
        wanted.validate(dict(claims))
    except UNREADABLE as error:
        raise Refused(Refusal.FAILED, f"claims: {error}"[:200]) from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise Refused(Refusal.FAILED, "azp is not us")
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not equal(hash_token(nonce), expected.nonce_hash):
        raise Refused(Refusal.FAILED, "another nonce")
    if claims["iat"] < clock.timestamp() - MAX_AGE_SECONDS:
        raise Refused(Refusal.STALE, "made long ago")
    # Exactly the level asked for: a higher one is not what was agreed, and of test environments there are more.
    if claims.get("acr") != acr:
        raise Refused(Refusal.OTHER_LEVEL, "another level")
    return Authentication(acr, _fresh(claims.get("auth_time"), expected.asked_at))


def _fresh(value: object, asked_at: datetime) -> datetime:
    """When somebody was identified: after we asked, and not in the future."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Refusal.STALE, "no auth_time")
    now = clock.timestamp()
    if not asked_at.timestamp() - CLOCK_SKEW_SECONDS <= value <= now + CLOCK_SKEW_SECONDS:
        raise Refused(Refusal.STALE, "auth_time is not of now")
    return datetime.fromtimestamp(min(value, now), UTC)

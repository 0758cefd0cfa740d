"""JWK Sets of clients (RFC 7517): public keys only, of usable types and sizes, and which fits which algorithm."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.util import base64_to_int

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
MAX_KEYS = 50
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_KINDS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

# The key types and curves of an algorithm; RSA keys have no curve.
_SIGNING: Mapping[str, Sequence[tuple[str, str | None]]] = {
    "RS256": [("RSA", None)],
    "PS256": [("RSA", None)],
    "ES256": [("EC", "P-256")],
    "Ed25519": [("OKP", "Ed25519")],
    "EdDSA": [("OKP", "Ed25519")],
}
_AGREEING = [("EC", "P-256"), ("EC", "P-384"), ("EC", "P-521"), ("OKP", "X25519")]
_ENCRYPTING: Mapping[str, Sequence[tuple[str, str | None]]] = {
    "RSA-OAEP": [("RSA", None)],
    "RSA-OAEP-256": [("RSA", None)],
    "ECDH-ES": _AGREEING,
    "ECDH-ES+A128KW": _AGREEING,
    "ECDH-ES+A256KW": _AGREEING,
}


class UnusableKeys(ValueError):
    """Not a JWK Set that a client may have. The message says why, in one line."""


def registered(document: object) -> KeySet:
    """The keys of a set as somebody registers it: every one must be usable. Raises UnusableKeys."""
    return KeySet([_key(jwk) for jwk in _jwks(document)])


def published(document: object) -> KeySet:
    """The keys of a set as a client publishes it, without those that cannot be used (RFC 7517 section 5).

    Raises UnusableKeys when none is left.
    """
    keys = []
    for jwk in _jwks(document):
        try:
            keys.append(_key(jwk))
        except UnusableKeys:
            continue
    if not keys:
        raise UnusableKeys("no key that can be used")
    return KeySet(keys)


def for_signatures(keys: KeySet, alg: str | None = None) -> KeySet:
    """The keys that may have signed something, with `alg` if that is known."""
    return KeySet([key for key in keys if _serves(key, "sig", alg, _SIGNING)])


def for_encryption(keys: KeySet, alg: str) -> Key | None:
    """The key to encrypt to: one that was made for it before one that may do anything."""
    fitting = [key for key in keys if _serves(key, "enc", alg, _ENCRYPTING)]
    return min(fitting, key=lambda key: key.get("use") is None, default=None)


def _serves(
    key: Key, use: str, alg: str | None, fitting: Mapping[str, Sequence[tuple[str, str | None]]]
) -> bool:
    if key.get("use") not in (None, use):
        return False
    kind = (key.key_type, cast("str | None", key.get("crv")))
    if alg is None:
        return any(kind in kinds for kinds in fitting.values())
    return key.alg in (None, alg) and kind in fitting.get(alg, ())


def _jwks(document: object) -> list[Any]:
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise UnusableKeys("not a JWK Set with keys")
    if len(keys) > MAX_KEYS:
        raise UnusableKeys(f"more than {MAX_KEYS} keys")
    if any(isinstance(key, dict) and _PRIVATE & key.keys() for key in keys):
        raise UnusableKeys("holds a private key; publish the public ones only")
    return keys


def _check_rsa_size(modulus: str) -> None:
    """By the base64url text, before anything is computed with it."""
    try:
        bits = base64_to_int(modulus).bit_length() if len(modulus) <= MAX_RSA_BITS else MAX_RSA_BITS + 1
    except ValueError as error:
        raise UnusableKeys("not a JWK Set") from error
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise UnusableKeys(f"RSA keys need at least {MIN_RSA_BITS} bits and at most {MAX_RSA_BITS}")


def _key(jwk: Any) -> Key:
    """One public key, long enough and not so long that it would keep us busy (RFC 7518 3.3)."""
    kind = _KINDS.get(str(jwk.get("kty"))) if isinstance(jwk, dict) else None
    if kind is None:
        raise UnusableKeys("keys must be of kty RSA, EC or OKP")
    if kind is RSAKey:
        _check_rsa_size(jwk["n"] if isinstance(jwk.get("n"), str) else "")
    try:
        key = kind.import_key(cast("Any", jwk))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UnusableKeys("not a JWK Set") from error
    if not isinstance(key.get("kid", ""), str):
        raise UnusableKeys("kid must be a text")
    return key

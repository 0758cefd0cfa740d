"""The keys of the demo's broker, and the ID tokens that it makes with them: signed, then encrypted to the client."""

import base64
import hmac
import json
import secrets
import warnings
from typing import Any, cast

from joserfc import jwe, jwt
from joserfc.jwk import RSAKey
from joserfc.registry import HeaderParameter

from idp import clock
from idp.demo.broker_faults import Fault

ALGORITHM = "RS256"
KEY_SET_SECONDS = 24 * 3600


class BrokerKeys:
    """One key that signs, and the entity key that signs the published set. Both new unless given."""

    def __init__(self, entity: RSAKey | None = None, signing: RSAKey | None = None) -> None:
        self.entity = entity or _new("entity")
        self.signing = signing or _new("sig")

    def rotate(self) -> None:
        """From now on another key signs, and it alone is published."""
        self.signing = _new("sig")

    def published(self) -> dict[str, Any]:
        return {"keys": [self.signing.as_dict(private=False)]}

    def signed_set(self, issuer: str | None, typ: str | None = "jwk-set+jwt") -> str:
        """`issuer` None: it does not say whose it is, nor until when, as with some brokers."""
        whose = {"iss": issuer, "sub": issuer} if issuer is not None else {}
        return self._by_entity(typ, {**whose, **self.published()}, ends=issuer is not None)

    def entity_statement(self, issuer: str, metadata: dict[str, Any]) -> str:
        jwks = {"keys": [self.entity.as_dict(private=False)]}
        claims = {"iss": issuer, "sub": issuer, "jwks": jwks, "metadata": {"openid_provider": metadata}}
        return self._by_entity("entity-statement+jwt", claims)

    def _by_entity(self, typ: str | None, claims: dict[str, Any], *, ends: bool = True) -> str:
        now = clock.timestamp()
        header: dict[str, Any] = {"alg": ALGORITHM, "kid": self.entity.kid}
        header |= {"typ": typ} if typ is not None else {}
        times = {"iat": now, "exp": now + KEY_SET_SECONDS} if ends else {"iat": now}
        return jwt.encode(header, {**claims, **times}, self.entity, algorithms=[ALGORITHM])

    # -- ID tokens

    def id_token(
        self, claims: dict[str, Any], recipient: RSAKey, encryption: tuple[str, str], fault: Fault | None
    ) -> str:
        """A token for the holder of `recipient`; `encryption` is its alg and enc. Or what a fault makes of it."""
        signed = json.dumps(claims) if fault is Fault.UNSIGNED else self._signed(claims, fault)
        if fault is Fault.UNENCRYPTED:
            return signed
        alg, enc = encryption
        if fault is Fault.ENCRYPTED_TO_ANOTHER:
            recipient = RSAKey.generate_key(2048, {"kid": recipient.kid or "", "use": "enc"})
        if fault is Fault.OLD_ENCRYPTION:
            alg = "RSA1_5"
        header: dict[str, Any] = {"alg": alg, "enc": enc, "kid": recipient.kid, "cty": "JWT"}
        if fault is Fault.COMPRESSED:
            header["zip"] = "DEF"
        header |= _OUTSIDE.get(fault, {}) if fault is not None else {}
        # By its numbers alone: what it recommends is no hindrance to a fault.
        public = {
            name: value
            for name, value in recipient.as_dict(private=False).items()
            if name in ("kty", "n", "e")
        }
        key = RSAKey.import_key(cast("Any", public))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that RSA1_5 is not safe any more is why it is among the faults
            return jwe.encrypt_compact(header, signed, key, registry=_anything([alg, enc, "DEF"]))

    def _signed(self, claims: dict[str, Any], fault: Fault | None) -> str:
        if fault is Fault.ROTATED_KEY:
            self.rotate()
        header = {"alg": ALGORITHM, "kid": self.signing.kid, "typ": "JWT"}
        if fault is Fault.OTHER_TOKEN_TYPE:
            header["typ"] = "logout+jwt"
        if fault is Fault.ALG_NONE:
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        if fault is Fault.SYMMETRIC_SIGNATURE:
            secret = self.signing.as_pem(private=False)
            content = f"{_part({**header, 'alg': 'HS256'})}.{_part(claims)}"
            return f"{content}.{_encoded(hmac.digest(secret, content.encode(), 'sha256'))}"
        key = self.signing
        if fault in (Fault.WRONG_SIGNATURE, Fault.UNKNOWN_KID):
            key = _new("sig")
        if fault is Fault.UNKNOWN_KID:
            header["kid"] = key.kid or ""
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


_OUTSIDE: dict[Fault, dict[str, Any]] = {
    Fault.ANOTHER_ISSUER_OUTSIDE: {"iss": "https://another-broker.example.fi"},
    Fault.CRITICAL_HEADER: {"crit": ["example"], "example": "demand"},
    Fault.UNKNOWN_HEADER: {"example": "remark"},
}


def _anything(algorithms: list[str]) -> jwe.JWERegistry:
    """Writes what no provider should read."""
    known = {"example": HeaderParameter("Example", "str")}
    return jwe.JWERegistry(header_registry=known, algorithms=algorithms, strict_check_header=False)


def _new(kind: str) -> RSAKey:
    use: dict[str, str] = {"use": "sig"} if kind == "sig" else {}
    return RSAKey.generate_key(
        2048, cast("Any", {"kid": f"{kind}-{secrets.token_hex(4)}", "alg": ALGORITHM, **use})
    )


def _part(content: dict[str, Any]) -> str:
    return _encoded(json.dumps(content).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""What we sign for the broker: requests (RFC 9101), proofs of who we are (RFC 7523), our keys and entity statement."""

from typing import Any

from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from joserfc import jwt
from joserfc.jwk import RSAKey

from idp import clock
from idp.crypto import random_token
from idp.settings import Settings
from idp.upstream import CALLBACK_PATH
from idp.upstream.keys import upstream_keys

ALGORITHM = "RS256"
REQUEST_SECONDS = 600
ASSERTION_SECONDS = 60
KEY_SET_SECONDS = 24 * 3600
ENTITY_STATEMENT_SECONDS = 365 * 24 * 3600
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _signed(key: RSAKey, typ: str, claims: dict[str, Any], seconds: int) -> str:
    now = clock.timestamp()
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": typ}
    return jwt.encode(header, {**claims, "iat": now, "exp": now + seconds}, key, algorithms=[ALGORITHM])


def request_object(client_id: str, issuer: str, parameters: dict[str, Any]) -> str:
    """An authorization request, signed; `parameters` are those of the request itself."""
    claims = {"iss": client_id, "aud": issuer, "client_id": client_id, "jti": random_token(), **parameters}
    return _signed(upstream_keys().current().signing, "oauth-authz-req+jwt", claims, REQUEST_SECONDS)


def client_assertion(client_id: str, audience: str) -> dict[str, str]:
    """The parameters that prove at an endpoint of the broker who we are, once."""
    key, now = upstream_keys().current().signing, clock.timestamp()
    assertion = private_key_jwt_sign(
        key,
        client_id,
        audience,
        alg=ALGORITHM,
        claims={"jti": random_token()},
        header={"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"},
        issued_at=now,
        expires_at=now + ASSERTION_SECONDS,
    )
    return {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def key_set() -> dict[str, Any]:
    """Our public keys: those that sign, and the one to encrypt to (RFC 7517)."""
    return {"keys": [_public(key) for key in upstream_keys().current().published]}


def signed_key_set(subject: str) -> str:
    """The same, signed with the entity key (OpenID Federation 5.2.1). `subject` is what the broker knows us by."""
    claims = {"iss": subject, "sub": subject, **key_set()}
    return _signed(upstream_keys().current().entity, "jwk-set+jwt", claims, KEY_SET_SECONDS)


def own_entity_statement(settings: Settings) -> str:
    """Who we are and where our keys are, signed with the entity key (OpenID Federation 3)."""
    subject, section = settings.issuer, settings.upstream
    keys = upstream_keys().current()
    claims = {
        "iss": subject,
        "sub": subject,
        "jwks": {"keys": [_public(keys.entity)]},
        "metadata": {
            "openid_relying_party": {
                "client_id": section.client_id,
                "redirect_uris": [subject + CALLBACK_PATH],
                "application_type": "web",
                # OP registers by hand what people have compared, and says so in the statement.
                "client_registration_types": [] if section.claims_dialect == "op" else ["automatic"],
                "id_token_signed_response_alg": ALGORITHM,
                "id_token_encrypted_response_alg": "RSA-OAEP",
                "id_token_encrypted_response_enc": "A128CBC-HS256",
                "request_object_signing_alg": ALGORITHM,
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": ALGORITHM,
                "grant_types": ["authorization_code"],
                "response_types": ["code"],
                "organization_name": settings.site.name[settings.site.languages[0]],
                "signed_jwks_uri": f"{subject}/upstream/jwks.jwt",
            }
        },
    }
    return _signed(keys.entity, "entity-statement+jwt", claims, ENTITY_STATEMENT_SECONDS)


def _public(key: RSAKey) -> dict[str, Any]:
    public: dict[str, Any] = dict(key.as_dict(private=False))
    public["kid"] = key.kid
    return public


def fingerprint(key: RSAKey) -> str:
    """The thumbprint of a public key (RFC 7638), which people compare."""
    return key.thumbprint()

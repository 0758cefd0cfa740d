"""What the demo's broker demands of its clients: signed requests (RFC 9101), proofs of who they are (RFC 7523), keys
published signed. It is as strict as a real one, so that what it takes, others take too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from idp import clock
from idp.demo.eservice_store import BoundedStore

ALGORITHMS = ["RS256"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SERVICE_NAME_LENGTH = 40
ID_SECONDS = 3600
TIMEOUT_SECONDS = 5
FRESH_SECONDS = 300


class Rejected(Exception):
    """The client did something that a broker does not take. `code` is the OAuth error."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code, self.why = code, why


@dataclass(frozen=True)
class BrokerClient:
    """A registered client. Its keys come by its entity statement; `entity_key`: the thumbprint that people compared."""

    client_id: str
    redirect_uris: tuple[str, ...]
    entity_statement: str
    entity_key: str | None = None


class Clients:
    """The clients, with what is fetched of their keys and which ids of theirs were seen."""

    def __init__(self, issuer: str, clients: Mapping[str, BrokerClient]) -> None:
        self._issuer, self._clients = issuer, clients
        self._keys = BoundedStore[KeySet](limit=100, seconds=FRESH_SECONDS)
        self._seen = BoundedStore[bool](limit=10_000, seconds=ID_SECONDS)

    def get(self, client_id: str | None) -> BrokerClient:
        client = self._clients.get(client_id or "")
        if client is None:
            raise Rejected("invalid_client", "nobody of that name is registered")
        return client

    # -- their keys

    def forget_keys(self) -> None:
        self._keys.delete_where(lambda _: True)

    def keys(self, client: BrokerClient, kid: str | None = None) -> KeySet:
        """The client's keys; fetched again when none of them has that `kid`."""
        known = self._keys.get(client.client_id)
        if known is None or (kid is not None and all(key.kid != kid for key in known)):
            known = self._fetched(client)
            self._keys.set(client.client_id, known)
        return known

    def encryption_key(self, client: BrokerClient) -> RSAKey:
        found = (key for key in self.keys(client) if key.get("use") == "enc" and isinstance(key, RSAKey))
        key = next(found, None)
        if key is None:
            raise Rejected("invalid_client", "the client publishes no key to encrypt to")
        return key

    def _fetched(self, client: BrokerClient) -> KeySet:
        statement = _get(client.entity_statement, "application/entity-statement+jwt")
        own = json.loads(_payload(statement))["jwks"]
        entity = KeySet.import_key_set(own)
        if client.entity_key not in (None, next(iter(entity)).thumbprint()):
            raise Rejected("invalid_client", "another entity key than people have compared")
        claims = self._verified(statement, entity, "entity-statement+jwt")
        party = claims["metadata"]["openid_relying_party"]
        if party["client_id"] != client.client_id or set(client.redirect_uris) - set(party["redirect_uris"]):
            raise Rejected("invalid_client", "the entity statement is of another client")
        signed = _get(party["signed_jwks_uri"], "application/jwk-set+jwt")
        contents = self._verified(signed, entity, "jwk-set+jwt")
        if not contents["iss"] == contents["sub"] == claims["sub"]:
            raise Rejected("invalid_client", "the key set is of somebody else")
        return KeySet.import_key_set({"keys": contents["keys"]})

    def _verified(self, text: str, keys: KeySet, typ: str) -> dict[str, Any]:
        try:
            token = jwt.decode(text, keys, algorithms=ALGORITHMS)
            rules = jwt.JWTClaimsRegistry(
                now=clock.timestamp(),
                exp={"essential": True},
                iat={"essential": True},
                iss={"essential": True},
            )
            rules.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise Rejected("invalid_client", f"{typ}: {error}") from error
        if token.header.get("typ") != typ:
            raise Rejected("invalid_client", f"not a {typ}")
        return token.claims

    # -- what they sign

    def request(self, client: BrokerClient, text: str | None) -> dict[str, Any]:
        """The parameters of a signed authorization request."""
        claims = self._signed_by(client, text, audiences=[self._issuer], what="request object")
        wrong = {
            "client_id": claims.get("client_id") != client.client_id,
            "response_type": claims.get("response_type") != "code",
            "scope": "openid" not in str(claims.get("scope", "")).split(),
            "redirect_uri": claims.get("redirect_uri") not in client.redirect_uris,
            "state": len(str(claims.get("state", ""))) < 32,
            "nonce": len(str(claims.get("nonce", ""))) < 32,
            "acr_values": not str(claims.get("acr_values", "")).startswith("http://ftn.ficora.fi/2017/loa"),
            "ftn_spname": not 0 < len(str(claims.get("ftn_spname", ""))) <= SERVICE_NAME_LENGTH,
            "prompt": claims.get("prompt") != "login" and claims.get("max_age") != 0,
            "ui_locales": str(claims.get("ui_locales", "fi")) not in ("fi", "sv", "en"),
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise Rejected("invalid_request_object", f"{name} is not as the profile has it")
        return claims

    def authenticate(self, form: Mapping[str, str], endpoint: str) -> BrokerClient:
        """Who sends this form, by private_key_jwt."""
        client = self.get(form.get("client_id"))
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Rejected("invalid_client", "private_key_jwt is the only way")
        audiences = [endpoint, self._issuer]
        claims = self._signed_by(client, form.get("client_assertion"), audiences, what="client assertion")
        if claims.get("sub") != client.client_id:
            raise Rejected("invalid_client", "the assertion is about somebody else")
        if claims["exp"] - claims.get("iat", 0) > ID_SECONDS:
            raise Rejected("invalid_client", "the assertion is for too long")
        return client

    def _signed_by(
        self, client: BrokerClient, text: str | None, audiences: list[str], what: str
    ) -> dict[str, Any]:
        code = "invalid_request_object" if what == "request object" else "invalid_client"

        def find(signature: Any) -> Any:
            kid = signature.headers().get("kid")
            if not kid:
                raise Rejected(code, f"{what}: its header has no kid")
            found = [key for key in self.keys(client, kid) if key.kid == kid and key.get("use") == "sig"]
            if not found:
                raise Rejected(code, f"{what}: signed with a key that the client does not publish")
            return found[0]

        rules = jwt.JWTClaimsRegistry(
            now=clock.timestamp(),
            iss={"essential": True, "value": client.client_id},
            aud={"essential": True, "values": list(audiences)},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            claims = jwt.decode(text or "", find, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise Rejected(code, f"{what}: {error}") from error
        if not self._seen.add(f"{client.client_id} {claims['jti']}", True):
            raise Rejected(code, f"{what}: its jti was seen before")
        return claims


def _get(url: str, media_type: str) -> str:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(url, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise Rejected("invalid_client", f"{url} cannot be fetched") from error
    if answer.status_code != 200 or answer.headers.get("Content-Type", "").split(";")[0] != media_type:
        raise Rejected("invalid_client", f"{url} is no {media_type}")
    return answer.text


def _payload(token: str) -> bytes:
    from joserfc.util import urlsafe_b64decode

    return urlsafe_b64decode(token.split(".")[1].encode())

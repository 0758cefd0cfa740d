"""Token revocation (RFC 7009). Either token of a grant revokes the whole grant; an unknown token is 200 too.

A token without a grant (client_credentials) is revoked alone.
"""

from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Blueprint, Response

from idp import clock
from idp.clients.registry import Client
from idp.grants import access, access_tokens, codes, refresh
from idp.grants.access_tokens import InvalidToken
from idp.oidc import cors
from idp.oidc.endpoint import TokenParameterEndpoint, respond


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/revoke", "revoke", revoke, methods=["POST", "OPTIONS"])


@cors.allowed
def revoke() -> Response:
    return respond(Revocation.ENDPOINT_NAME)


class Revocable:
    """A token that was found, by its grant."""

    def __init__(self, client_id: str, grant_id: str | None, jti: str | None = None, exp: int = 0) -> None:
        self.client_id, self.grant_id, self.jti, self.exp = client_id, grant_id, jti, exp

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id


class Revocation(TokenParameterEndpoint, RevocationEndpoint):
    def query_token(self, token_string: str, token_type_hint: str | None) -> Revocable | None:
        found = refresh.find(token_string)
        if found is not None:
            return Revocable(found.client_id, found.grant.id)
        try:
            claims = access_tokens.verified(token_string)
        except InvalidToken:
            return None
        return Revocable(claims["client_id"], claims.get("grant"), claims["jti"], claims["exp"])

    def revoke_token(self, token: Revocable, request: Any) -> None:
        if token.grant_id is not None:
            codes.revoke(token.grant_id, clock.now())
        elif token.jti is not None:
            access.revoke_token(token.jti, datetime.fromtimestamp(token.exp, UTC))

"""Token introspection (RFC 7662). A client sees its own tokens; a resource server those made for it too."""

from dataclasses import dataclass
from typing import Any, cast

from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Blueprint, Response

from idp import clock
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.subjects import subject_of
from idp.clients.targets import addresses_of
from idp.grants import access, access_tokens, refresh
from idp.grants.access_tokens import InvalidToken
from idp.oidc.client_authentication import UnauthenticatedClient
from idp.oidc.endpoint import TokenParameterEndpoint, respond
from idp.oidc.requests import ProviderRequest
from idp.policy.lifetimes import is_live


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/introspect", "introspect", introspect, methods=["POST"])


def introspect() -> Response:
    return respond(Introspection.ENDPOINT_NAME)


@dataclass(frozen=True)
class Introspected:
    """A token of ours that is active, with the members of its answer (RFC 7662 2.2)."""

    client_id: str
    members: dict[str, Any]
    audience: frozenset[str]

    def is_expired(self) -> bool:
        return False  # inactive tokens are not found at all

    def is_revoked(self) -> bool:
        return False


class Introspection(TokenParameterEndpoint, IntrospectionEndpoint):
    def authenticate_endpoint_client(self, request: ProviderRequest) -> Client:
        client = cast("Client", super().authenticate_endpoint_client(request))
        if client.token_endpoint_auth_method == "none":  # noqa: S105
            raise UnauthenticatedClient("Introspection needs client authentication.")
        return client

    def query_token(self, token_string: str, token_type_hint: str | None) -> Introspected | None:
        lookups = [_access_token, _refresh_token]
        if token_type_hint == "refresh_token":  # noqa: S105
            lookups.reverse()
        found = next((found for lookup in lookups if (found := lookup(token_string))), None)
        return found if found and registry.find(found.client_id) else None  # its client may be disabled since

    def check_permission(self, token: Introspected, client: Client, request: Any) -> bool:
        if token.client_id == client.client_id:
            return True
        return not token.audience.isdisjoint(addresses_of(client))

    def introspect_token(self, token: Introspected) -> dict[str, Any]:
        return {"active": True, **token.members}


def _access_token(value: str) -> Introspected | None:
    try:
        claims = access_tokens.verified(value)
    except InvalidToken:
        return None
    members = {name: value for name, value in claims.items() if name != "grant"} | {"token_type": "Bearer"}
    if "grant" in claims:
        username = access.username_of(claims["grant"], claims["jti"])
        if username is None:
            return None
        client = registry.find(claims["client_id"])
        if client and not client.pairwise:  # a name would tie together what pairwise subjects keep apart
            members["username"] = username
    elif access.is_revoked(claims["jti"]):
        return None
    audience = claims["aud"]
    return Introspected(
        claims["client_id"], members, frozenset([audience] if isinstance(audience, str) else audience)
    )


def _refresh_token(value: str) -> Introspected | None:
    found = refresh.find(value)
    if found is None or found.used_at is not None or not is_live(found.expires_at, clock.now()):
        return None
    client = registry.find(found.client_id)
    if client is None:
        return None
    members = {
        "iss": rules().settings.issuer,
        "client_id": found.client_id,
        "sub": subject_of(client, found.grant.account_id),
        "scope": found.grant.scope,
        "iat": int(found.created_at.timestamp()),
        "exp": int(found.expires_at.timestamp()),
    }
    return Introspected(found.client_id, members, frozenset())

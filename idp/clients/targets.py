"""For which resources (RFC 8707) a client may have access tokens, and which tokens are made for it.

A token opens more doors than one if anybody may have it made for anything: so a client names what an operator lets it,
beside what is its own.
"""

from idp.accounts.rules import rules
from idp.clients import resources
from idp.clients.managed import ADMIN_API, ADMIN_SCOPES
from idp.clients.registry import Client


def admin_api() -> str:
    """The address of the administrators' API: the one audience that it knows as its own."""
    return rules().settings.issuer + ADMIN_API


def addresses_of(client: Client) -> frozenset[str]:
    """The audiences by which a resource server knows that a token is made for it; none for other clients.

    Nobody is the issuer or its API, whatever they have registered.
    """
    return resources.uris_of(client) - {rules().settings.issuer, admin_api()}


def apis_among(resources: str | None) -> tuple[str, ...]:
    """Of space-separated resources those that are no part of this provider's own userinfo: what a person is told of."""
    return tuple(uri for uri in (resources or "").split() if uri != rules().settings.issuer)


def may_have(client: Client, uri: str) -> bool:
    """Whether tokens of the client can be made for `uri`.

    That is the issuer (userinfo), the client's own addresses, the administrators' API for who has a scope of it,
    and the APIs that the client's option `allowed_resources` lists, as long as they are registered.
    """
    if uri == rules().settings.issuer:
        return True
    if uri == admin_api():
        return not client.api_scopes.isdisjoint(ADMIN_SCOPES)
    if uri not in resources.uris_of(client) and uri not in (client.options.allowed_resources or ()):
        return False
    return resources.owner_of(uri) is not None

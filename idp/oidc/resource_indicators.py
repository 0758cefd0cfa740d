"""Resource indicators (RFC 8707): for which of its resources an access token is asked."""

from collections.abc import Sequence

from idp.accounts.rules import rules
from idp.clients.registry import Client
from idp.clients.targets import may_have
from idp.grants.codes import Grant
from idp.oidc.errors import InvalidTarget
from idp.oidc.requests import ProviderRequest

MAX_RESOURCES = 10


def asked(request: ProviderRequest) -> tuple[str, ...]:
    """The values of `resource`, each once; none if the parameter is absent. Raises InvalidTarget for too many."""
    value = request.payload.data.get("resource")
    if value is None:
        return ()
    resources = tuple(dict.fromkeys(value.split(" ")))
    if len(resources) > MAX_RESOURCES:
        raise InvalidTarget("Too many resources at once.")
    return resources


def permitted(client: Client, resources: Sequence[str]) -> tuple[str, ...]:
    """The resources, for all of which the client may have tokens. Raises InvalidTarget.

    What there is not and what is not for this client are told alike.
    """
    if not all(may_have(client, uri) for uri in resources):
        raise InvalidTarget
    return tuple(resources)


def granted(request: ProviderRequest, client: Client, grant: Grant) -> tuple[str, ...]:
    """The resources of a token of `grant`: all that were granted, or those asked for now (section 2.2).

    What the client may not have any more is left out. Raises InvalidTarget for one that was not granted, and when
    nothing is left: a token for less must not become one for the issuer.
    """
    allowed = tuple(grant.resource.split()) if grant.resource else ()
    wanted = asked(request)
    if not set(wanted) <= set(allowed or (rules().settings.issuer,)):
        raise InvalidTarget
    if wanted:
        return permitted(client, wanted)
    left = tuple(uri for uri in allowed if may_have(client, uri))
    if allowed and not left:
        raise InvalidTarget
    return left

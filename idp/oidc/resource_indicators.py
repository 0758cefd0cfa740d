"""Resource indicators (RFC 8707): for which of its resources an access token is asked."""

from collections.abc import Sequence

from idp.accounts.rules import rules
from idp.clients.management import ADMIN_API
from idp.clients.resources import known_resource
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


def known(resources: Sequence[str]) -> tuple[str, ...]:
    """The resources, all of which exist here: the issuer (userinfo), its API, and what resource servers registered.

    Raises InvalidTarget.
    """
    issuer = rules().settings.issuer
    own = (issuer, issuer + ADMIN_API)
    if not all(uri in own or known_resource(uri) for uri in resources):
        raise InvalidTarget
    return tuple(resources)


def granted(request: ProviderRequest, grant: Grant) -> tuple[str, ...]:
    """The resources of a token of `grant`: all that were granted, or those asked for now (section 2.2).

    Raises InvalidTarget for one that was not granted.
    """
    allowed = tuple(grant.resource.split()) if grant.resource else ()
    wanted = asked(request)
    if not set(wanted) <= set(allowed or (rules().settings.issuer,)):
        raise InvalidTarget
    return wanted or allowed

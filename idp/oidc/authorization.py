"""What an authorization request must pass, in order (RFC 6749 4.1.1, OpenID Connect Core 3).

A request passes the three lists below from top to bottom, once and whole: pushed or come by the browser, all the same.
What fails before the redirect URI is trusted is told to the person, what fails after it to the client.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from flask_babel import gettext as _

from idp.accounts import assurance
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.metadata import RESPONSE_TYPES, in_order
from idp.clients.registry import Client
from idp.clients.subjects import subject_of
from idp.grants import claims_request, pushed
from idp.grants.claims_request import NOTHING, ClaimsRequest
from idp.keys import NotOurToken
from idp.oidc import request_objects, resource_indicators, response_modes, tokens, trial
from idp.oidc.discovery import PROMPTS
from idp.oidc.errors import (
    InvalidTarget,
    RegistrationNotSupported,
    UnmetAuthenticationRequirements,
    printable,
)
from idp.oidc.requests import ProviderRequest
from idp.policy.assurance import preferred

MAX_PARAMETER = 4096  # characters of one parameter
LONGER = {"claims": claims_request.MAX_CHARACTERS}


class NotTrusted(Exception):
    """The request fails before its redirect URI is trusted: an error page (RFC 6749 4.1.2.1)."""

    def __init__(self, message: str, client: Client | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.client = client


@dataclass
class Authorization:
    """An authorization request on its way through the checks; they fill in what they establish."""

    parameters: dict[str, str]
    repeated: list[str]
    began: datetime
    answered: Mapping[str, str] = field(default_factory=dict)
    pushed: str | None = None  # its `request_uri`, when it was pushed (RFC 9126)
    pushing: bool = False  # it is being pushed at this moment
    client: Client | None = None
    redirect_uri: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    hint: Mapping[str, Any] | None = None  # claims of the id_token_hint
    wish: ClaimsRequest = NOTHING
    acr: str | None = None  # the level that the client would like best, of those that can be had here
    acceptable_acr: Set[str] | None = None  # what it accepts, if it does not accept all

    @property
    def response_type(self) -> str:
        return self.parameters.get("response_type", "")

    @property
    def mode(self) -> str:
        """How the client is answered, also when the request fails."""
        return response_modes.mode_of(
            self.response_type, self.parameters.get("response_mode"), cast("str", self.redirect_uri)
        )

    def is_about(self, account_id: str) -> bool:
        """Whether that person is the one whom the client asks for, if it asks for one (Core 3.1.2.1, 5.5.1)."""
        if self.hint is not None and not tokens.hint_is_of(self.hint, account_id):
            return False
        return self.wish.sub is None or self.wish.sub == subject_of(cast("Client", self.client), account_id)


# -- who asks, and what


def _client_is_known(a: Authorization) -> None:
    if "client_id" not in a.repeated:
        a.client = trial.as_tried(
            registry.find(a.parameters.get("client_id")), a.parameters.get("redirect_uri")
        )
    if a.client is None:
        raise NotTrusted(_("Unknown service. Return to the service and try again."))


def _pushed_request_is_live(a: Authorization) -> None:
    """What was pushed is the whole request; what stands beside it means nothing (RFC 9126 4)."""
    request_uri = a.parameters.get("request_uri")
    if not pushed.is_pushed(request_uri) or a.pushing:
        return
    client = cast("Client", a.client)
    found = pushed.load(cast("str", request_uri), client.client_id, a.began)
    if found is None or "request_uri" in a.repeated:
        raise NotTrusted(
            _("This login has expired or was used already. Return to the service and start again."), client
        )
    a.parameters, a.repeated, a.pushed = found, [], request_uri


def _request_is_pushed_where_it_must(a: Authorization) -> None:
    client = cast("Client", a.client)
    must = rules().settings.clients.require_pushed_requests or client.registration.get(
        "require_pushed_authorization_requests"
    )
    if must and a.pushed is None and not a.pushing:
        raise InvalidRequestError("This client must push its authorization requests.")


def _request_object_is_read(a: Authorization) -> None:
    """RFC 9101 5: by value or by reference, never both. Where it must be signed, it must be there."""
    client = cast("Client", a.client)
    given = {"request", "request_uri"} & a.parameters.keys()
    if len(given) > 1 or given & set(a.repeated):
        raise InvalidRequestError("request and request_uri: only one of them, and once.")
    if "request_uri" in given and a.pushing:
        raise InvalidRequestError("A pushed request has no request_uri.")
    if given:
        alone = a.pushing or bool(client.registration.get("require_signed_request_object"))
        a.parameters = request_objects.merged(client, a.parameters, alone=alone)
        a.repeated = [name for name in a.repeated if name in a.parameters]
    elif client.registration.get("require_signed_request_object") and a.pushed is None:
        raise InvalidRequestError("This client must send its requests as signed request objects.")


def _redirect_uri_is_registered(a: Authorization) -> None:
    client = cast("Client", a.client)
    wanted = a.parameters.get("redirect_uri")
    if (
        wanted is None and "openid" not in a.parameters.get("scope", "").split()
    ):  # which demands it (Core 3.1.2.1)
        wanted = client.get_default_redirect_uri()
    if not wanted or "redirect_uri" in a.repeated or not client.check_redirect_uri(wanted):
        raise NotTrusted(
            _(
                "The service asked to return to an address that it has not registered. Tell its administrator."
            ),
            client,
        )
    a.redirect_uri = wanted


# -- whether the request makes sense


def _no_parameter_is_repeated(a: Authorization) -> None:
    if a.repeated:
        raise InvalidRequestError(printable(f"{a.repeated[0]} is given twice."))


def _parameters_are_of_sensible_size(a: Authorization) -> None:
    for name, value in a.parameters.items():
        if name not in request_objects.PARAMETERS:
            continue  # it means nothing here
        if len(name) + len(value) > LONGER.get(name, MAX_PARAMETER):
            raise InvalidRequestError(printable(f"{name} is too long."))
        if "\x00" in name + value:
            raise InvalidRequestError(printable(f"{name} holds a NUL character."))


def _no_registration_parameter(a: Authorization) -> None:
    if "registration" in a.parameters:
        raise RegistrationNotSupported


def _response_type_is_allowed(a: Authorization) -> None:
    if not a.response_type:
        raise InvalidRequestError("Missing 'response_type'.")
    response_type = in_order(a.response_type)
    if response_type not in RESPONSE_TYPES:
        raise UnsupportedResponseTypeError(printable(a.response_type))
    if not cast("Client", a.client).check_response_type(response_type):
        raise UnauthorizedClientError("This client may not use that response_type.")
    a.parameters["response_type"] = response_type


def _response_mode_can_carry_it(a: Authorization) -> None:
    wanted = a.parameters.get("response_mode")
    if wanted is not None and wanted != a.mode:
        raise InvalidRequestError("response_mode is unknown or not for this response_type and redirect_uri.")


def _scope_has_something(a: Authorization) -> None:
    """Without a code there is no refresh token: `offline_access` is ignored then (Core 11)."""
    scope = cast("Client", a.client).get_allowed_scope(a.parameters.get("scope"))
    if "code" not in a.response_type.split():
        scope = " ".join(value for value in scope.split() if value != "offline_access")
    if not scope:
        raise InvalidScopeError("No scope that this client may have; openid is needed.")
    if "id_token" in a.response_type.split() and "openid" not in scope.split():
        raise InvalidScopeError("An ID token needs the scope openid.")
    a.parameters["scope"] = scope


def _nonce_goes_with_an_id_token(a: Authorization) -> None:
    """Core 3.2.2.1: against replay, where the ID token comes by the browser."""
    if "id_token" in a.response_type.split() and not a.parameters.get("nonce"):
        raise InvalidRequestError("Missing 'nonce' in request.")


def _prompt_makes_sense(a: Authorization) -> None:
    a.prompts = tuple(a.parameters.get("prompt", "").split())
    if set(a.prompts) - set(PROMPTS):
        raise InvalidRequestError("prompt has an unknown value.")
    if "none" in a.prompts and len(set(a.prompts)) > 1:
        raise InvalidRequestError("prompt none goes with no other value.")


def _max_age_is_a_number(a: Authorization) -> None:
    text = a.parameters.get("max_age")
    if text is None:
        a.max_age = cast("Client", a.client).registration.get("default_max_age")
    elif text.isascii() and text.isdigit() and len(text) <= 9:
        a.max_age = int(text)
    else:
        raise InvalidRequestError("max_age must be a number of seconds.")


def _id_token_hint_is_ours(a: Authorization) -> None:
    """Also an expired one counts (OpenID Connect Core 3.1.2.1)."""
    hint = a.parameters.get("id_token_hint")
    if not hint:
        return
    try:
        a.hint = tokens.claims_of_hint(hint)
    except NotOurToken as error:
        raise InvalidRequestError("id_token_hint is not an ID token of this provider.") from error


def _claims_parameter_is_readable(a: Authorization) -> None:
    if "claims" not in a.parameters:
        return
    try:
        a.wish = claims_request.parse(a.parameters["claims"])
    except ValueError as error:
        raise InvalidRequestError(printable(str(error))) from error


def _demanded_acr_can_be_met(a: Authorization) -> None:
    """An essential `acr` must be had (Core 5.5.1.1); `acr_values` are only wishes, in order of preference."""
    client = cast("Client", a.client)
    wished = a.wish.acr_values or a.parameters.get("acr_values", "").split()
    possible = assurance.possible()
    a.acr = preferred(wished or client.registration.get("default_acr_values", ()), possible)
    if a.wish.acr_essential and a.wish.acr_values:
        a.acceptable_acr = possible & set(a.wish.acr_values)
        if not a.acceptable_acr:
            raise UnmetAuthenticationRequirements


def _resources_are_permitted(a: Authorization) -> None:
    """RFC 8707 2: absolute, without a fragment, and such that this client may have tokens for it."""
    client = cast("Client", a.client)
    resources = a.parameters.get("resource", "").split()
    if not resources:
        return
    if len(resources) > resource_indicators.MAX_RESOURCES or any("#" in uri for uri in resources):
        raise InvalidTarget
    try:
        absolute = all(urlsplit(uri).scheme for uri in resources)
    except ValueError as error:
        raise InvalidTarget from error
    if not absolute:
        raise InvalidTarget
    a.parameters["resource"] = " ".join(resource_indicators.permitted(client, list(dict.fromkeys(resources))))


def _authlib_agrees(a: Authorization) -> None:
    """Authlib's own validation: client, redirect URI, response type, scope, PKCE."""
    grant_of(a).validate_authorization_request()


Check = Callable[[Authorization], None]

WHO_ASKS_AND_WHAT: tuple[Check, ...] = (
    _client_is_known,
    _pushed_request_is_live,
    _request_is_pushed_where_it_must,
    _request_object_is_read,
)
BEFORE_TRUST: tuple[Check, ...] = (_redirect_uri_is_registered,)
CHECKS: tuple[Check, ...] = (
    _no_parameter_is_repeated,
    _parameters_are_of_sensible_size,
    _no_registration_parameter,
    _response_type_is_allowed,
    _response_mode_can_carry_it,
    _scope_has_something,
    _nonce_goes_with_an_id_token,
    _prompt_makes_sense,
    _max_age_is_a_number,
    _id_token_hint_is_ours,
    _claims_parameter_is_readable,
    _demanded_acr_can_be_met,
    _resources_are_permitted,
    _authlib_agrees,
)
AGAIN = (_client_is_known, *BEFORE_TRUST, *CHECKS)  # for a request that was stored after it had passed all


def check(a: Authorization) -> None:
    """Judge a new request. Raises NotTrusted, or OAuth2Error with `redirect_uri` set as far as it is trusted."""
    try:
        for each in WHO_ASKS_AND_WHAT:
            each(a)
    except OAuth2Error:
        if not a.pushing:  # the one who pushes hears of it directly
            _trust_what_stands_outside(a)
        raise
    for each in (*BEFORE_TRUST, *CHECKS):
        each(a)


def check_again(a: Authorization) -> None:
    """Judge a stored request: settings, clients and keys may have changed. Raises NotTrusted or OAuth2Error."""
    for each in AGAIN:
        each(a)


def _trust_what_stands_outside(a: Authorization) -> None:
    """The object cannot be read: the client is told if the redirect URI beside it is good, else the person."""
    _redirect_uri_is_registered(a)


def grant_of(a: Authorization) -> Any:
    """Authlib's grant for this request."""
    from idp.oidc.server import provider

    return provider().get_authorization_grant(ProviderRequest(a.parameters, "GET"))

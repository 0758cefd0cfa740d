"""The device authorization endpoint (RFC 8628 3.1). Its page is idp/pages/device.py, its grant grant_device_code.py."""

from typing import Any, cast

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749.errors import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint
from flask import Blueprint, Response

from idp import clock
from idp.accounts.rules import rules
from idp.clients.metadata import DEVICE_CODE
from idp.clients.registry import Client
from idp.grants import device
from idp.oidc import endpoint, resource_indicators
from idp.oidc.requests import ProviderRequest
from idp.web import limits


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """Two codes for a device whose client may have them."""

    CLIENT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    def create_endpoint_request(self, request: Any) -> Any:
        return request

    def create_endpoint_response(
        self, request: ProviderRequest
    ) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client = cast("Client", self.authenticate_client(request))
        if not client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("This client may not use the device grant.")
        scope = client.get_allowed_scope(request.payload.scope)
        if not scope:
            raise InvalidScopeError("No scope that this client may have.")
        resources = resource_indicators.permitted(client, resource_indicators.asked(request))
        settings, now = rules().settings, clock.now()
        lifetime, interval = rules().lifetimes.device_code, settings.tokens.device_poll_seconds
        codes = device.begin(
            client.client_id,
            scope,
            " ".join(resources) or None,
            interval=interval,
            vault=rules().vault,
            now=now,
            expires_at=now + lifetime,
        )
        page = f"{settings.issuer}/device"
        answer = {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={codes.user_code}",
            "expires_in": int(lifetime.total_seconds()),
            "interval": interval,
        }
        return 200, answer, default_json_headers


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/oauth2/device_authorization", "device_authorization", device_authorization, methods=["POST"]
    )


def device_authorization() -> Response:
    limits.count_error("device_codes_per_address")
    return endpoint.respond(DeviceAuthorization.ENDPOINT_NAME)

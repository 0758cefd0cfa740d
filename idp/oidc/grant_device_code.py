"""The device code grant (RFC 8628 3.4, 3.5): a device asks again and again until its person has decided elsewhere."""

from typing import Any, cast

from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidGrantError
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)

from idp import clock
from idp.clients.registry import Client
from idp.grants import codes, device
from idp.grants.codes import Grant
from idp.grants.device import Device
from idp.oidc.grant_authorization_code import refresh_token_of, token_response
from idp.policy.lifetimes import is_live


class DeviceCode(DeviceCodeGrant):
    """What the person allowed is redeemed once, in one conditional write."""

    TOKEN_ENDPOINT_AUTH_METHODS = ()  # the client's registered one, see client_authentication

    def query_device_credential(self, device_code: str) -> Device:
        found = device.find(device_code)
        if found is None or found.client_id != self.request.client.client_id:
            raise InvalidGrantError("Invalid 'device_code' in request.")
        return found

    def validate_device_credential(self, credential: Device) -> str:
        """The account behind a live grant; else where the device stands (section 3.5)."""
        now = clock.now()
        if not is_live(credential.expires_at, now):
            raise ExpiredTokenError
        if not credential.decided:
            raise SlowDownError if device.asked_too_soon(credential, now) else AuthorizationPendingError
        if credential.denied:
            raise AccessDeniedError
        if credential.grant is None:
            raise InvalidGrantError("The 'device_code' was used or withdrawn.")
        return credential.grant.account_id

    def generate_token(self, **_kwargs: Any) -> dict[str, Any]:
        grant = self._grant()
        return token_response(self.request, grant, grant.scope, with_nonce=False)

    def save_token(self, token: dict[str, Any]) -> None:
        """Use the grant, with its refresh token if there is to be one: one write."""
        now = clock.now()
        stored = None
        if (made := refresh_token_of(cast("Client", self.request.client), self._grant(), now)) is not None:
            token["refresh_token"], stored = made
        if not codes.spend(self._grant(), stored, now):
            raise InvalidGrantError("The 'device_code' was used or withdrawn.")

    def _grant(self) -> Grant:
        return cast("Grant", cast("Device", self.request.credential).grant)

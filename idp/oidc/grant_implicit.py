"""The implicit grant (OpenID Connect Core 3.2): ID tokens, and access tokens, by the browser. For clients that must.

RFC 9700 2.1.2 advises against access tokens in the front channel; a client has to be registered for it.
"""

from typing import Any

from authlib.oauth2.rfc6749.grants import ImplicitGrant

from idp.clients import registry
from idp.oidc import trial


class Implicit(ImplicitGrant):
    """Authlib's validation alone: what is issued is made by issuing.py, for every response type alike."""

    RESPONSE_TYPES = frozenset({"id_token", "id_token token"})

    def authenticate_token_endpoint_client(self) -> Any:
        """Nobody authenticates at the authorization endpoint; the client is known by its `client_id`."""
        client_id = self.request.payload.client_id
        return trial.tried(client_id) or registry.find(client_id)

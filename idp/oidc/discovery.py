"""Provider metadata at both addresses (OpenID Connect Discovery, RFC 8414) and the JWK Set.

Every list is true to what the endpoints accept; a test compares them.
"""

from typing import Any

from flask import Blueprint, Response, json

from idp.accounts import assurance
from idp.accounts.claims import ALL_CLAIMS, IDENTITY_CODE_CLAIM
from idp.accounts.rules import rules
from idp.clients.metadata import (
    AUTH_METHODS,
    CLIENT_ALGORITHMS,
    CONTENT_ENCRYPTIONS,
    ENCRYPTION_ALGORITHMS,
    GRANT_TYPES,
    ID_TOKEN_ALGORITHMS,
    RESPONSE_TYPES,
    SCOPES,
    SUBJECT_TYPES,
)
from idp.keys import keyring
from idp.oidc import client_registration, cors, response_modes
from idp.oidc.client_authentication import ASSERTION_ALGORITHMS

PROMPTS = ("none", "login", "consent", "select_account", "create")
CACHE_SECONDS = 300


def add_to(blueprint: Blueprint) -> None:
    for name, path in (
        ("openid_configuration", "/.well-known/openid-configuration"),
        ("oauth_authorization_server", "/.well-known/oauth-authorization-server"),
    ):
        blueprint.add_url_rule(path, name, configuration, methods=["GET", "OPTIONS"])
    blueprint.add_url_rule("/oauth2/jwks", "jwks", jwks, methods=["GET", "OPTIONS"])


def metadata() -> dict[str, Any]:
    settings = rules().settings
    issuer = settings.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo",
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        **(
            {"registration_endpoint": f"{issuer}{client_registration.PATH}"}
            if client_registration.is_on()
            else {}
        ),
        "device_authorization_endpoint": f"{issuer}/oauth2/device_authorization",
        "end_session_endpoint": f"{issuer}/oauth2/logout",
        "check_session_iframe": f"{issuer}/oauth2/check-session",
        "scopes_supported": list(SCOPES),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(response_modes.MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "id_token_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "id_token_encryption_enc_values_supported": list(CONTENT_ENCRYPTIONS),
        "userinfo_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "userinfo_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "userinfo_encryption_enc_values_supported": list(CONTENT_ENCRYPTIONS),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [
            method for method in AUTH_METHODS if method != "none"
        ],
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "acr_values_supported": list(assurance.possible()),
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub",
            *ALL_CLAIMS,
            *_identity_code(),
            "auth_time",
            "acr",
            "amr",
            "sid",
            "nonce",
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(CLIENT_ALGORITHMS),
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "require_pushed_authorization_requests": settings.clients.require_pushed_requests,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "ui_locales_supported": list(settings.site.languages),
        "service_documentation": f"{issuer}/help",
        "op_policy_uri": f"{issuer}/privacy",
        "op_tos_uri": f"{issuer}/terms",
    }


@cors.allowed
def configuration() -> Response:
    return _cacheable(metadata())


@cors.allowed
def jwks() -> Response:
    return _cacheable(keyring().jwks())


def _cacheable(content: dict[str, Any]) -> Response:
    headers = {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
    return Response(json.dumps(content), mimetype="application/json", headers=headers)


def _identity_code() -> list[str]:
    """Where it is kept, some client may have it."""
    upstream = rules().settings.upstream
    return [IDENTITY_CODE_CLAIM] if upstream.on and upstream.store_identity_code else []

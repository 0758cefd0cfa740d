"""What a new client app gets by its kind: safe values, and the few things that only its makers know.

PKCE is always required, but of apps of the older hybrid flow, which cannot do it (OpenID Connect Core 3.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    WEB = "web"  # on a server, which keeps a secret
    SPA = "spa"  # in the browser alone
    MOBILE = "mobile"  # on a phone or a computer
    MACHINE = "machine"  # a program, nobody logs in
    HYBRID = "hybrid"  # `code id_token` by form_post


@dataclass(frozen=True)
class Preset:
    """`asked`: names of members and switches that somebody has to give, in the order of a form."""

    metadata: Mapping[str, Any]
    asked: tuple[str, ...]
    pkce_required: bool = True


_LOGIN = {"scope": "openid profile email", "response_types": ["code"]}
_ADDRESSES = ("client_uri", "redirect_uris", "post_logout_redirect_uris")

PRESETS: Mapping[Kind, Preset] = {
    Kind.WEB: Preset(
        {
            **_LOGIN,
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
        asked=("client_name", *_ADDRESSES, "backchannel_logout_uri", "first_party"),
    ),
    Kind.SPA: Preset(
        {**_LOGIN, "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"},
        asked=("client_name", *_ADDRESSES, "first_party"),
    ),
    Kind.MOBILE: Preset(
        {
            "application_type": "native",
            "scope": "openid profile email offline_access",
            "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        },
        asked=("client_name", *_ADDRESSES, "first_party"),
    ),
    Kind.MACHINE: Preset(
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"},
        asked=("client_name", "scope", "allowed_resources"),
    ),
    Kind.HYBRID: Preset(
        {
            "scope": "openid profile email",
            "response_types": ["code id_token"],
            "grant_types": ["authorization_code", "implicit"],
            "token_endpoint_auth_method": "client_secret_post",
        },
        asked=("client_name", *_ADDRESSES, "backchannel_logout_uri", "first_party"),
        pkce_required=False,
    ),
}

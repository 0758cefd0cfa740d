"""What can be set of a client app, and on which page: each member of the metadata, each option, each switch.

The words are client_texts.py's, the forms client_forms.py's. What a value may be is judged by the domain alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from idp.admin.client_texts import TEXTS
from idp.clients.metadata import CHOICES, GRANT_TYPES, RESPONSE_TYPES, TRANSLATED_MEMBERS, TYPES
from idp.clients.options import ASSURANCES, LIMITS, LISTS, SESSION_LIMITS, SWITCHES, ClientOptions
from idp.web.fields import lazy

Widget = Literal["line", "lines", "choice", "choices", "scopes", "number", "switch", "json", "picture"]

WANTED_SWITCHES = ("first_party", "pkce_required", "resource_server")
OPTIONS = tuple(field.name for field in fields(ClientOptions))
NAMES = (*TYPES, *OPTIONS, *WANTED_SWITCHES)
"""Everything there is to set."""

VALUES: Mapping[str, tuple[str, ...]] = {
    **CHOICES,
    "registration_assurance": ASSURANCES,
    "grant_types": GRANT_TYPES,
    "response_types": RESPONSE_TYPES,
}


@dataclass(frozen=True)
class Group:
    """A page of a few settings. `fresh`: it opens after the password has been asked for again, not long ago, since
    whoever changes them lets others in or sees a new secret."""

    title: str
    names: tuple[str, ...]
    fresh: bool = False


GROUPS: Mapping[str, Group] = {
    "names": Group(
        lazy("Name and support"),
        ("client_name", "support_email", "support_phone", "contacts", "software_id", "software_version"),
    ),
    "addresses": Group(
        lazy("Login addresses"), ("redirect_uris", "application_type", "initiate_login_uri"), fresh=True
    ),
    "logout": Group(
        lazy("Logout"),
        (
            "post_logout_redirect_uris",
            *("backchannel_logout_uri", "backchannel_logout_session_required"),
            *("frontchannel_logout_uri", "frontchannel_logout_session_required"),
        ),
        fresh=True,
    ),
    "consent": Group(
        lazy("People's details and permission"),
        (
            *("scope", "first_party", "consent_each_time"),
            *("subject_type", "sector_identifier_uri", "identity_code_basis"),
        ),
        fresh=True,
    ),
    "login": Group(
        lazy("Strength and age of logins"),
        (
            *("session_max_age_seconds", "remembered_login_counts", "registration_assurance"),
            *("default_acr_values", "default_max_age", "require_auth_time"),
        ),
        fresh=True,
    ),
    "pages": Group(lazy("Links to the app's pages"), ("client_uri", "policy_uri", "tos_uri", "logo_uri")),
    "logo": Group(lazy("Logo of the app"), ("logo",)),
    "appearance": Group(lazy("Colours"), ("colour", "colour_dark")),
    "lifetimes": Group(lazy("Lifetimes of tokens"), tuple(LIMITS)),
    "protocol": Group(
        lazy("Protocol"),
        (
            *("grant_types", "response_types", "pkce_required"),
            *("token_endpoint_auth_method", "token_endpoint_auth_signing_alg"),
            "require_pushed_authorization_requests",
        ),
        fresh=True,
    ),
    "keys": Group(
        lazy("Keys and signed requests"),
        (
            *("jwks_uri", "jwks"),
            *("require_signed_request_object", "request_object_signing_alg", "request_uris"),
        ),
        fresh=True,
    ),
    "tokens": Group(
        lazy("Signatures and encryption"),
        (
            "id_token_signed_response_alg",
            *("id_token_encrypted_response_alg", "id_token_encrypted_response_enc"),
            "userinfo_signed_response_alg",
            *("userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"),
        ),
        fresh=True,
    ),
    "api": Group(lazy("APIs"), ("allowed_resources", "resource_server", "resource_uris"), fresh=True),
}


def group_of(member: str) -> str | None:
    """The page on which a member is set."""
    name = member.partition("#")[0]
    return next((key for key, group in GROUPS.items() if name in group.names), None)


def is_metadata(member: str) -> bool:
    return member.partition("#")[0] in TYPES


def is_translated(name: str) -> bool:
    return name in TRANSLATED_MEMBERS


def label(member: str) -> str:
    """What a setting is called, with the language that it is of, if any; other names stay as they are."""
    name, translated, language = member.partition("#")
    if name not in TEXTS:
        return member
    return f"{TEXTS[name][0]} ({language})" if translated else str(TEXTS[name][0])


def widget(name: str) -> Widget:
    """How it is typed."""
    if name in ("scope", "logo", "jwks"):
        return {"scope": "scopes", "logo": "picture", "jwks": "json"}[name]  # type: ignore[return-value]
    if name in VALUES:
        return "choices" if TYPES.get(name) is list else "choice"
    if name in LIMITS or name in SESSION_LIMITS or TYPES.get(name) is int:
        return "number"
    if name in WANTED_SWITCHES or name in SWITCHES or TYPES.get(name) is bool:
        return "switch"
    return "lines" if TYPES.get(name) is list or name in LISTS else "line"

"""The options by which a client app is described, for creating and for changing one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from idp.cli.context import json_object

METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none")
GRANTS = ("authorization_code", "implicit", "client_credentials", "device")
MEMBERS = {  # of the metadata, by the option that sets it
    "name": "client_name",
    "redirect_uris": "redirect_uris",
    "post_logout_redirect_uris": "post_logout_redirect_uris",
    "scope": "scope",
    "response_types": "response_types",
    "auth_method": "token_endpoint_auth_method",
    "subject_type": "subject_type",
    "jwks_uri": "jwks_uri",
    "client_uri": "client_uri",
    "initiate_login_uri": "initiate_login_uri",
    "backchannel_logout_uri": "backchannel_logout_uri",
}
SWITCHES = {  # of the client, by the option that sets it, and what that option's True means there
    "ask_consent": ("first_party", False),
    "without_pkce": ("pkce_required", False),
    "resource_server": ("resource_server", True),
}
OPTIONS = (  # of ClientOptions: what this provider decides for the client
    *("support_email", "support_phone", "colour", "colour_dark", "registration_assurance"),
    *("access_token_seconds", "id_token_seconds", "refresh_idle_days", "refresh_absolute_days"),
    *("session_max_age_seconds", "remembered_login_counts", "consent_each_time"),
    *("identity_code_basis", "allowed_resources"),
)

_DESCRIBING = (
    click.option("--name", help="What residents see. Other languages: in --metadata, as client_name#sv."),
    click.option(
        "--redirect-uri", "redirect_uris", multiple=True, help="Where the login returns to. May be repeated."
    ),
    click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        multiple=True,
        help="Where logout returns to. May be repeated.",
    ),
    click.option("--scope", help="Space-separated. A new one: openid profile email, with --machine none."),
    click.option(
        "--auth-method",
        type=click.Choice(METHODS),
        help="How it proves who it is; client_secret_basic unless given. `none` is for apps that cannot keep a "
        "secret: single-page and mobile apps.",
    ),
    click.option(
        "--jwks-uri", help="Where the client publishes its public keys. By value: jwks in --metadata."
    ),
    click.option(
        "--grant",
        "grants",
        multiple=True,
        type=click.Choice(GRANTS),
        help="How it gets tokens. May be repeated. A new one: authorization_code.",
    ),
    click.option(
        "--response-type",
        "response_types",
        multiple=True,
        help='Of the authorization endpoint, such as "code id_token". May be repeated. A new one: code.',
    ),
    click.option(
        "--subject-type",
        type=click.Choice(["public", "pairwise"]),
        help="pairwise: people have another `sub` here than elsewhere.",
    ),
    click.option("--client-uri", help="Front page of the e-service."),
    click.option("--initiate-login-uri", help="Address at the e-service that starts a login."),
    click.option("--backchannel-logout-uri", help="Address at the e-service that is told of logouts."),
    click.option("--native/--web", default=None, help="A mobile or desktop app, or not."),
    click.option(
        "--refresh-tokens/--no-refresh-tokens", default=None, help="May have offline_access, or not."
    ),
    click.option(
        "--ask-consent/--no-consent",
        default=None,
        help="Not the municipality's own: people are asked what it may have. Or its own.",
    ),
    click.option(
        "--without-pkce/--with-pkce",
        default=None,
        help="Exempt a confidential client that cannot do PKCE, or not.",
    ),
    click.option(
        "--resource-server/--no-resource-server",
        default=None,
        help="May introspect access tokens that it receives, or not.",
    ),
    click.option("--support-email", help="Shown to people who need help with it."),
    click.option("--support-phone", help="Shown to people who need help with it."),
    click.option("--colour", help="Of buttons and links on pages for it, as #rrggbb."),
    click.option("--colour-dark", help="The same, on a dark ground."),
    click.option(
        "--logo",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A picture shown on pages for it: PNG, JPEG or WebP, at most 200 kB.",
    ),
    click.option(
        "--registration-assurance",
        type=click.Choice(["none", "strong"]),
        help="What creating an account for it asks for.",
    ),
    click.option("--access-token-seconds", type=int, help="How long its access tokens live."),
    click.option("--id-token-seconds", type=int, help="How long its ID tokens live."),
    click.option("--refresh-idle-days", type=int, help="How long its refresh tokens live unused."),
    click.option("--refresh-absolute-days", type=int, help="How long they live at most since the login."),
    click.option(
        "--session-max-age-seconds", type=int, help="An older login is no login for it, whatever it asks for."
    ),
    click.option(
        "--remembered-logins/--no-remembered-logins",
        "remembered_login_counts",
        default=None,
        help="Whether a remembered login is one for it. A new one: yes.",
    ),
    click.option(
        "--consent-each-time/--consent-once",
        default=None,
        help="With --ask-consent: at each login, or until it wants more. A new one: once.",
    ),
    click.option("--identity-code-basis", help="The legal basis on which it gets people's identity codes."),
    click.option(
        "--allowed-resource",
        "allowed_resources",
        multiple=True,
        help="Address of an API for which it may have access tokens. May be repeated.",
    ),
    click.option(
        "--metadata",
        type=click.Path(exists=True, path_type=Path),
        help="JSON file with more members (RFC 7591); they win over the options.",
    ),
)


def describing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe a client; None, or nothing repeated, is one that was not given."""
    for option in reversed(_DESCRIBING):
        command = option(command)
    return command


def given_metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """The members that were given, by the names of RFC 7591, --metadata on top. Raises click.ClickException."""
    members: dict[str, Any] = {
        member: list(value) if isinstance(value, tuple) else value
        for option, member in MEMBERS.items()
        if (value := given[option]) not in (None, ())
    }
    if given["native"] is not None:
        members["application_type"] = "native" if given["native"] else "web"
    if given["grants"]:
        members["grant_types"] = grant_types(given["grants"])
    return {**members, **json_object(given["metadata"], "--metadata")}


def grant_types(names: tuple[str, ...]) -> list[str]:
    from idp.clients.metadata import DEVICE_CODE

    return [DEVICE_CODE if name == "device" else name for name in names]


def with_refresh_tokens(metadata: dict[str, Any], wanted: bool | None) -> dict[str, Any]:
    """The metadata with scope and grant for refresh tokens, or without; None leaves both as they are."""
    if wanted is None:
        return metadata
    grants = metadata.get("grant_types") or ["authorization_code"]
    scope = metadata.get("scope") or ""
    if not isinstance(grants, list) or not isinstance(scope, str):
        return metadata  # which nobody will register
    grants = [grant for grant in grants if grant != "refresh_token"]
    scopes = [each for each in scope.split() if each != "offline_access"]
    return {
        **metadata,
        "grant_types": [*grants, *(["refresh_token"] if wanted else [])],
        "scope": " ".join([*scopes, *(["offline_access"] if wanted else [])]),
    }


def given_switches(given: Mapping[str, Any]) -> dict[str, bool]:
    return {
        switch: given[option] is meaning
        for option, (switch, meaning) in SWITCHES.items()
        if given[option] is not None
    }


def given_options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name in OPTIONS
        if (value := given[name]) not in (None, ())
    }

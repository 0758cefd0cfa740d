"""A client app's settings, to copy into what it runs on. The secret is never in them.

The texts are templates/relying-parties/; docs/relying-parties/ has whole examples of the first five, which are tested.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import render_template
from flask_babel import gettext as _

from idp.accounts.rules import rules
from idp.clients import managed
from idp.clients.managed import ManagedClient
from idp.clients.metadata import with_defaults

SECRET = "your-client-secret"  # noqa: S105 -- what stands in place of one
HERE = "https://asiointi.example.fi"


@dataclass(frozen=True)
class Kind:
    """`answers`: the response types that it can use; `methods`: how it can prove who it is; `runs`: where it does."""

    title: str
    file: str  # where it goes
    answers: tuple[str, ...] = ("code",)
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    runs: str = "server"  # or "browser", "device"


@dataclass(frozen=True)
class Snippet:
    key: str
    title: str
    text: str


_ANY_SECRET = ("client_secret_basic", "client_secret_post")

KINDS: Mapping[str, Kind] = {
    "openid-client": Kind(
        "Node.js: openid-client", "server.mjs", methods=(*_ANY_SECRET, "client_secret_jwt")
    ),
    "authlib": Kind("Python: Authlib (Flask)", "app.py"),
    "mod_auth_openidc": Kind(
        "Apache: mod_auth_openidc",
        "asiointi.conf",
        answers=("code", "code id_token", "id_token"),
        methods=(*_ANY_SECRET, "client_secret_jwt"),
    ),
    "mozilla-django-oidc": Kind("Django: mozilla-django-oidc", "settings.py"),
    "oidc-client-ts": Kind("JavaScript: oidc-client-ts", "login.js", methods=("none",), runs="browser"),
    "spring-boot": Kind("Java: Spring Boot", "application.yaml", methods=(*_ANY_SECRET, "client_secret_jwt")),
    "aspnet-core": Kind(  # which sends the secret in the form
        "C#: ASP.NET Core", "Program.cs", answers=("code", "code id_token"), methods=("client_secret_post",)
    ),
    "keycloak": Kind(
        "Keycloak (broker)", "tunnus.json", methods=(*_ANY_SECRET, "client_secret_jwt", "private_key_jwt")
    ),
    "appauth-android": Kind("Android: AppAuth", "LoginActivity.kt", methods=("none",), runs="device"),
    "appauth-ios": Kind("iOS: AppAuth", "Login.swift", methods=("none",), runs="device"),
    "curl": Kind("curl", "sh", answers=(), methods=("client_secret_basic",)),
}


def plain_values(client: ManagedClient) -> list[tuple[str, list[str]]]:
    """What a library that is not among them asks for, by the names that it uses."""
    issuer = rules().settings.issuer
    values = with_defaults(client.metadata)
    return [
        ("issuer", [issuer]),
        ("discovery", [f"{issuer}/.well-known/openid-configuration"]),
        ("client_id", [client.client_id]),
        ("client_secret", [_("shown only when it was made")] if client.has_secret else []),
        ("token_endpoint_auth_method", [client.method]),
        ("scope", [values["scope"]]),
        ("response_type", list(values["response_types"])),
        ("code_challenge_method", ["S256"] if client.pkce_required else []),
        ("redirect_uri", list(values.get("redirect_uris", ()))),
        ("post_logout_redirect_uri", list(values.get("post_logout_redirect_uris", ()))),
        ("authorization_endpoint", [f"{issuer}/oauth2/authorize"]),
        ("token_endpoint", [f"{issuer}/oauth2/token"]),
        ("userinfo_endpoint", [f"{issuer}/oauth2/userinfo"]),
        ("jwks_uri", [f"{issuer}/oauth2/jwks"]),
        ("end_session_endpoint", [f"{issuer}/oauth2/logout"]),
        ("id_token_signed_response_alg", [values["id_token_signed_response_alg"]]),
    ]


def snippets(client: ManagedClient) -> list[Snippet]:
    """The configurations that fit the client."""
    values = with_defaults(client.metadata)
    answers = [value for value in values["response_types"] if "authorization_code" in values["grant_types"]]
    answers += [value for value in values["response_types"] if value == "id_token"]
    machine = "client_credentials" in values["grant_types"]
    place = _place(values, client.method)
    found = []
    for key, kind in KINDS.items():
        usable = [answer for answer in kind.answers if answer in answers]
        if kind.runs == place and client.method in kind.methods and (usable or (key == "curl" and machine)):
            found.append(Snippet(key, kind.title, _text(key, client, values, usable[0] if usable else "")))
    return found


def _place(values: Mapping[str, object], method: str) -> str:
    """Where the app runs: what keeps no secret and is no app of a device is a page in a browser."""
    if values["application_type"] == "native":
        return "device"
    return "browser" if method == "none" else "server"


def _text(key: str, client: ManagedClient, values: Mapping[str, object], answer: str) -> str:
    redirect_uris, after = (
        client.metadata.get("redirect_uris"),
        client.metadata.get("post_logout_redirect_uris"),
    )
    redirect_uri = redirect_uris[0] if redirect_uris else f"{HERE}/callback"
    parts = urlsplit(redirect_uri)
    return render_template(
        f"relying-parties/{key}.txt",
        q=quoted,
        kotlin=lambda value: quoted(value).replace("$", "\\$"),  # which reads values into texts
        issuer=rules().settings.issuer,
        client_id=client.client_id,
        secret=SECRET,
        method=client.method,
        scope=str(values["scope"]),
        response_type=answer,
        redirect_uri=redirect_uri,
        callback_path=parts.path or "/",
        scheme=parts.scheme,
        here=f"{parts.scheme}://{parts.netloc}" if parts.netloc else HERE,
        after_logout=after[0] if after else None,
        pkce=client.pkce_required,
        alg=str(values["id_token_signed_response_alg"]),
        resource=_resource(client, str(values["scope"])),
    ).strip()


def _resource(client: ManagedClient, scope: str) -> str | None:
    """For which API a program's token is made: the administrators', if it is for that; else the first that it may call.

    A token that is made for none is accepted by none.
    """
    if managed.ADMIN_SCOPES.keys() & set(scope.split()):
        return f"{rules().settings.issuer}{managed.ADMIN_API}"
    return next(iter(client.options.allowed_resources or ()), None)


def quoted(value: str) -> str:
    """A text in double quotes, as JSON, JavaScript, Python, YAML, C# and Apache read it alike."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

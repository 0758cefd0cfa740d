"""The address at a client that starts a login there (OpenID Connect Core 4, third-party-initiated login)."""

from urllib.parse import urlencode

from idp.accounts.rules import rules


def starting_login(initiate_login_uri: str, *, login_hint: str | None = None) -> str:
    """A registered `initiate_login_uri` with our issuer, and the name of who wants to log in if that is told."""
    parameters = {"iss": rules().settings.issuer}
    if login_hint is not None:
        parameters["login_hint"] = login_hint
    uri, mark, fragment = initiate_login_uri.partition("#")
    separator = ("" if uri.endswith(("?", "&")) else "&") if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}{mark}{fragment}"

"""Strong identification of people by an outside provider: a broker of the Finnish Trust Network.

identification.py sends a browser away and takes it back, tickets.py keeps what was found out for minutes, persons.py
whose account it is. providers.py is the seam; openid_connect.py the one provider that there is.
"""

from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from idp.crypto import Vault
from idp.settings import Settings

if TYPE_CHECKING:
    from idp.upstream.providers import UpstreamProvider

CALLBACK_PATH = "/upstream/callback"
"""Where the broker sends the browser back to; registered there."""


def is_configured() -> bool:
    """Whether there is a provider at all."""
    return "upstream" in current_app.extensions


def provider() -> "UpstreamProvider":
    """The provider of the running app. Raises KeyError when there is none: ask `is_configured` first."""
    return cast("UpstreamProvider", current_app.extensions["upstream"])


def init_app(app: Flask, settings: Settings, vault: Vault) -> None:
    """Nothing is asked of the broker yet. Raises UnusableSettings."""
    from idp.upstream import keys
    from idp.upstream.openid_connect import OpenIdConnect

    keys.init_app(app, vault)
    if settings.upstream.on:
        app.extensions["upstream"] = OpenIdConnect(settings)

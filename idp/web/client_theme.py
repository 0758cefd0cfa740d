"""Pages on behalf of an e-service look a little like it: its colour, its logo, whom to ask there.

Both are ours to serve, so that residents' browsers tell nobody else where they are logging in.
"""

import hashlib
from urllib.parse import quote

from flask import Blueprint, Flask, Response, abort, request

from idp.clients import management, registry
from idp.clients.registry import Client
from idp.policy import contrast
from idp.web.theme import CACHE

client_theme = Blueprint("client_theme", __name__)

_HOVER = 0.3  # how far a colour moves away from its ground where the pointer is


def stylesheet(client: Client) -> str:
    """The client's colours over the municipality's; empty for one that has none."""
    options, lines = client.options, []
    if options.colour:
        lines += [
            f"  --municipality-colour: {options.colour};",
            f"  --municipality-colour-hover: {contrast.moved(options.colour, 0, _HOVER)};",
            "  --municipality-on-colour: #fff;",
        ]
    if options.colour_dark:
        lines += [
            f"  --municipality-colour-dark: {options.colour_dark};",
            f"  --municipality-colour-dark-hover: {contrast.moved(options.colour_dark, 255, _HOVER)};",
            "  --municipality-on-colour-dark: #0d1a24;",
        ]
    return ":root {\n" + "\n".join(lines) + "\n}\n" if lines else ""


def stylesheet_url(client: Client) -> str | None:
    text = stylesheet(client)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"/client-theme/{quote(client.client_id)}.css?v={digest}" if text else None


def logo_url(client: Client, language: str) -> str | None:
    """The logo that was uploaded here, or else the one that the client publishes itself."""
    own = client.options.logo
    return f"/client-logo/{own}" if own else client.text("logo_uri", language)


@client_theme.get("/client-theme/<path:client_id>.css")
def css(client_id: str) -> Response:
    client = registry.find(client_id)
    text = stylesheet(client) if client else ""
    if not text:
        abort(404)
    return Response(
        text, mimetype="text/css", headers={"Cache-Control": CACHE if "v" in request.args else "no-cache"}
    )


@client_theme.get("/client-logo/<digest>")
def logo(digest: str) -> Response:
    found = management.logo(digest)
    if found is None:
        abort(404)
    media_type, content = found
    policy = "default-src 'none'; sandbox"
    return Response(
        content, mimetype=media_type, headers={"Cache-Control": CACHE, "Content-Security-Policy": policy}
    )


def init_app(app: Flask) -> None:
    app.register_blueprint(client_theme)

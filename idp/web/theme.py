"""The municipality's colours and font, from the settings into a small stylesheet that follows ours."""

import hashlib

from flask import Blueprint, Flask, Response, current_app

from idp.policy import contrast
from idp.policy.contrast import NotAColour
from idp.settings import Settings, Theme, UnusableSettings

theme = Blueprint("theme", __name__)

LIGHT_GROUND, DARK_GROUND = "#fff", "#192128"  # --surface of tunnus.css
CACHE = "public, max-age=31536000, immutable"


def stylesheet(settings: Settings) -> str:
    """The stylesheet's text; empty without a theme. Raises UnusableSettings where people could not read it."""
    chosen = settings.site.theme
    lines = [f"  --municipality-{name.replace('_', '-')}: {value};" for name, value in chosen if value]
    if not lines:
        return ""
    _check(chosen)
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _check(chosen: Theme) -> None:
    pairs = (
        ("colour", chosen.colour, LIGHT_GROUND, "on_colour", chosen.on_colour or "#fff"),
        (
            "colour_dark",
            chosen.colour_dark,
            DARK_GROUND,
            "on_colour_dark",
            chosen.on_colour_dark or "#0d1a24",
        ),
    )
    for name, colour, ground, on_name, on_colour in pairs:
        if not colour:
            continue
        try:
            on_ground, text = contrast.ratio(colour, ground), contrast.ratio(on_colour, colour)
        except NotAColour as error:
            raise UnusableSettings(f"site.theme.{name}: {error}") from error
        if on_ground < contrast.TEXT:
            message = f"{colour} on {ground} has a contrast of {on_ground:.1f}; links need {contrast.TEXT}"
            raise UnusableSettings(f"site.theme.{name}: {message}")
        if text < contrast.TEXT:
            message = f"{on_colour} on {colour} has a contrast of {text:.1f}; buttons need {contrast.TEXT}"
            raise UnusableSettings(f"site.theme.{on_name}: {message}")


def init_app(app: Flask, settings: Settings) -> None:
    text = stylesheet(settings)
    app.extensions["theme"] = text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    app.extensions["theme_url"] = f"/theme.css?v={digest}" if text else None
    app.register_blueprint(theme)


@theme.get("/theme.css")
def theme_css() -> Response:
    return Response(current_app.extensions["theme"], mimetype="text/css", headers={"Cache-Control": CACHE})

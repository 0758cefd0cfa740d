"""The pages of the demo e-service: a small municipality's maps and permits. Nothing about logging in is here.

All content is made up. Languages: ``?lang=`` (remembered in the cookie ``demo_language``), else Finnish.
"""

from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from idp.demo.eservice_login import current_person, login_url
from idp.demo.eservice_texts import LANGUAGES, SERVICES, texts

LANGUAGE_COOKIE = "demo_language"
LANGUAGE_COOKIE_SECONDS = 365 * 24 * 60 * 60

bp = Blueprint("pages", __name__)


@bp.get("/")
def front() -> str:
    """The front page, with the services."""
    return render_template("demo/front.html")


@bp.get("/services/<slug>")
def service(slug: str) -> str:
    """The page of one service."""
    if slug not in SERVICES:
        abort(404)
    return render_template("demo/service.html", service=service_texts(slug))


@bp.get("/permits")
def permits() -> Response | str:
    """A page for people who are logged in. Others log in first and come back here."""
    if current_person() is None:
        return redirect(login_url(url_for("pages.permits")))
    return render_template("demo/permits.html")


def show_http_error(error: HTTPException) -> Response | tuple[str, int]:
    """Page not found and the like, in the language of the page."""
    if error.code is None or error.code < 400:
        return error.get_response()
    return render_template("demo/error.html", not_found=error.code == 404), error.code


def choose_language() -> None:
    """Set ``g.language``."""
    wishes = (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    g.language = next((wish for wish in wishes if wish in LANGUAGES), "fi")


def remember_language(response: Response, secure: bool) -> None:
    """Keep a language that the person chose."""
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, g.language, LANGUAGE_COOKIE_SECONDS, secure=secure, httponly=True, samesite="Lax"
        )


def service_texts(slug: str) -> SimpleNamespace:
    """What is written about one service."""
    words, name = texts(g.language), SERVICES[slug]
    return SimpleNamespace(
        slug=slug, title=words[name], summary=words[f"{name}_summary"], text=words[f"{name}_text"]
    )


def without_lang(here: str) -> str:
    """``here`` (path and query) without the language parameter."""
    parts = urlsplit(here)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "lang"])
    return f"{parts.path}?{query}" if query else parts.path


def language_context(here: str) -> dict[str, object]:
    """Texts and language links for the templates; ``here`` is the page to show in another language."""
    language: str = g.language
    plain = without_lang(here)
    separator = "&" if "?" in plain else "?"
    return {
        "locale": language,
        "t": SimpleNamespace(**texts(language)),
        "services": [service_texts(slug) for slug in SERVICES],
        "languages": [
            SimpleNamespace(
                code=code, label=label, url=f"{plain}{separator}lang={code}", current=code == language
            )
            for code, label in LANGUAGES.items()
        ],
    }

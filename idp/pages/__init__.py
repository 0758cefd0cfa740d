"""The hosted pages for residents. One module per step of the journey; templates/pages holds what they look like."""

from flask import Blueprint, Response, request

from idp.accounts.rules import rules
from idp.texts import LANGUAGE_COOKIE
from idp.web import cookies

pages = Blueprint("pages", __name__)

from idp.pages import (  # noqa: E402  the modules add their views to the blueprint
    account,
    activation,
    consent,
    login,
    logout,
    recovery,
    registration,
    statements,
)

__all__ = [
    "account",
    "activation",
    "consent",
    "login",
    "logout",
    "pages",
    "recovery",
    "registration",
    "statements",
]


@pages.after_request
def remember_language(response: Response) -> Response:
    """A language link was followed: keep the choice."""
    settings = rules().settings
    chosen = request.args.get("lang")
    if chosen in settings.site.languages and request.cookies.get(LANGUAGE_COOKIE) != chosen:
        cookies.write(response, LANGUAGE_COOKIE, chosen, settings, cookies.LANGUAGE_LIFETIME)
    return response

"""The hosted pages for residents. One module per step of the journey; templates/pages holds what they look like."""

from flask import Blueprint, Response, request

from idp.accounts import details
from idp.accounts.rules import rules
from idp.texts import LANGUAGE_COOKIE
from idp.web import cookies, visitors

pages = Blueprint("pages", __name__)

# The modules add their views to the blueprint.
from idp.pages import (  # noqa: E402
    activation,
    consent,
    feedback,
    login,
    logout,
    mailed_links,
    own_account,
    own_data,
    own_details,
    own_email,
    own_history,
    own_password,
    own_services,
    own_sessions,
    recovery,
    registration,
    statements,
    terms,
)

__all__ = [
    "activation",
    "consent",
    "feedback",
    "login",
    "logout",
    "mailed_links",
    "own_account",
    "own_data",
    "own_details",
    "own_email",
    "own_history",
    "own_password",
    "own_services",
    "own_sessions",
    "pages",
    "recovery",
    "registration",
    "statements",
    "terms",
]


@pages.after_request
def remember_language(response: Response) -> Response:
    """A language link was followed: keep the choice, in the browser and on the account (its mails follow)."""
    settings = rules().settings
    chosen = request.args.get("lang")
    if chosen in settings.site.languages and request.cookies.get(LANGUAGE_COOKIE) != chosen:
        cookies.write(response, LANGUAGE_COOKIE, chosen, settings, cookies.LANGUAGE_LIFETIME)
        person = visitors.current_session()
        if person is not None and person.language != chosen:
            details.choose_language(person.account_id, chosen)
    return response

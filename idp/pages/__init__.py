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
    device,
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
    "device",
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


def _newly_chosen() -> str | None:
    """The language of a language link that was followed, unless this browser has it already."""
    chosen = request.args.get("lang")
    known = chosen in rules().settings.site.languages and request.cookies.get(LANGUAGE_COOKIE) != chosen
    return chosen if known else None


@pages.before_request
def keep_language() -> None:
    """Keep a new choice on the account, whose mails follow. Here, where an outage still becomes a 503."""
    chosen = _newly_chosen()
    if chosen is not None:
        person = visitors.current_session()
        if person is not None and person.language != chosen:
            details.choose_language(person.account_id, chosen)


@pages.after_request
def remember_language(response: Response) -> Response:
    """Keep a new choice in the browser."""
    chosen = _newly_chosen()
    if chosen is not None:
        cookies.write(response, LANGUAGE_COOKIE, chosen, rules().settings, cookies.LANGUAGE_LIFETIME)
    return response

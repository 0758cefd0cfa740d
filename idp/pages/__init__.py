"""The hosted pages for residents. One module per step of the journey; templates/pages holds what they look like."""

from flask import Blueprint

from idp.web import languages

pages = Blueprint("pages", __name__)

# The modules add their views to the blueprint.
from idp.pages import (  # noqa: E402
    activation,
    consent,
    device,
    feedback,
    identify,
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
    results,
    statements,
    terms,
)

__all__ = [
    "activation",
    "consent",
    "device",
    "feedback",
    "identify",
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
    "results",
    "statements",
    "terms",
]

languages.follow_choices(pages)

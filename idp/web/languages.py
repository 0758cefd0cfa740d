"""Keeping the language that somebody has chosen by a language link, in their browser and on their account."""

from flask import Blueprint, Response, request

from idp.accounts import details
from idp.accounts.rules import rules
from idp.texts import LANGUAGE_COOKIE
from idp.web import cookies, visitors


def follow_choices(blueprint: Blueprint) -> None:
    """Let every page of a blueprint do so."""
    blueprint.before_request(_keep)
    blueprint.after_request(_remember)


def _newly_chosen() -> str | None:
    """The language of a language link that was followed, unless this browser has it already."""
    chosen = request.args.get("lang")
    known = chosen in rules().settings.site.languages and request.cookies.get(LANGUAGE_COOKIE) != chosen
    return chosen if known else None


def _keep() -> None:
    """Keep a new choice on the account, whose mails follow. Here, where an outage still becomes a 503."""
    chosen = _newly_chosen()
    if chosen is not None:
        person = visitors.current_session()
        if person is not None and person.language != chosen:
            details.choose_language(person.account_id, chosen)


def _remember(response: Response) -> Response:
    """Keep a new choice in the browser."""
    chosen = _newly_chosen()
    if chosen is not None:
        cookies.write(response, LANGUAGE_COOKIE, chosen, rules().settings, cookies.LANGUAGE_LIFETIME)
    return response

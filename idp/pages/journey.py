"""The pending authorization request that a page belongs to, and where the person goes next."""

from datetime import timedelta
from urllib.parse import urlencode

from flask import Flask, Response, g, make_response, redirect, request, session

from idp import clock
from idp.clients import registry
from idp.grants import requests
from idp.grants.requests import PendingRequest, RequestGone
from idp.texts import language, wish
from idp.web import headers, visitors
from idp.web.errors import interrupted

RESUME = "/oauth2/authorize/resume"
HOME = "/account"
WAITS_FOR = timedelta(minutes=30)  # what the person came for, while they log in


class JourneyOver(Exception):
    """The page's request cannot go on; `response` tells the person and offers a way back."""

    def __init__(self, response: Response) -> None:
        super().__init__("journey over")
        self.response = response


def init_app(app: Flask) -> None:
    app.register_error_handler(JourneyOver, lambda over: over.response)


def pending() -> PendingRequest | None:
    """The live request named by `?request=` in this browser, None without one. Raises JourneyOver.

    Sets the e-service, its wish for a language, and where this page's form may lead and its logo come from.
    """
    request_id = request.args.get("request")
    if not request_id:
        return None
    try:
        found = requests.load(request_id, visitors.browser_id(), clock.now())
    except RequestGone as gone:
        raise JourneyOver(interrupted(registry.find(gone.client_id))) from gone
    remember(found)
    return found


def remember(found: PendingRequest) -> None:
    """Let the page of this request know its e-service."""
    g.request_id = found.id
    wish(found.parameters.get("ui_locales"))
    g.client = registry.find(found.client_id)
    logo = g.client.text("logo_uri", language()) if g.client else None
    if logo:
        headers.allow_image(logo)
    target = found.parameters.get("redirect_uri") or (g.client and g.client.get_default_redirect_uri())
    if target:
        headers.allow_form_target(target)


def resume(found: PendingRequest) -> Response:
    """Go on with the request, which is judged anew at the authorization endpoint."""
    return see_other(f"{RESUME}?{urlencode({'request': found.id})}")


def first(page: str, *, then: str) -> Response:
    """To a page that comes first; `home` will lead to `then`, a path of ours."""
    session["came_for"] = {"path": then, "until": int((clock.now() + WAITS_FOR).timestamp())}
    return see_other(page)


def came_for() -> str | None:
    """The path that the person came for before they were sent to log in, not long ago."""
    wanted = session.get("came_for")
    return wanted["path"] if wanted and clock.timestamp() < wanted["until"] else None


def home() -> Response:
    """After a login or new terms without a pending request: to what the person came for, else to own details."""
    path = came_for() or HOME
    session.pop("came_for", None)
    return see_other(path)


def see_other(location: str) -> Response:
    """303: the next request is a GET, whatever this one was (RFC 9700 4.12)."""
    return make_response(redirect(location, 303))

"""The pending authorization request that a page belongs to, and where the person goes next."""

from urllib.parse import urlencode

from flask import Flask, Response, g, make_response, redirect, request

from idp import clock
from idp.clients import registry
from idp.grants import requests
from idp.grants.requests import PendingRequest, RequestGone
from idp.texts import wish
from idp.web import headers, visitors
from idp.web.errors import interrupted

RESUME = "/oauth2/authorize/resume"


class JourneyOver(Exception):
    """The page's request cannot go on; `response` tells the person and offers a way back."""

    def __init__(self, response: Response) -> None:
        super().__init__("journey over")
        self.response = response


def init_app(app: Flask) -> None:
    app.register_error_handler(JourneyOver, lambda over: over.response)


def pending() -> PendingRequest | None:
    """The live request named by `?request=` in this browser, None without one. Raises JourneyOver.

    Sets the e-service, its wish for a language and where this page's form may lead.
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
    target = found.parameters.get("redirect_uri") or (g.client and g.client.get_default_redirect_uri())
    if target:
        headers.allow_form_target(target)


def resume(found: PendingRequest) -> Response:
    """Go on with the request, which is judged anew at the authorization endpoint."""
    return see_other(f"{RESUME}?{urlencode({'request': found.id})}")


def see_other(location: str) -> Response:
    """303: the next request is a GET, whatever this one was (RFC 9700 4.12)."""
    return make_response(redirect(location, 303))

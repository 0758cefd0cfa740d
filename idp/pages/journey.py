"""The pending authorization request that a page belongs to, and where the person goes next."""

from typing import cast
from urllib.parse import urlencode

from flask import Flask, Response, g, request

from idp import clock
from idp.clients import registry
from idp.grants import requests
from idp.grants.requests import PendingRequest, RequestGone
from idp.texts import language, wish
from idp.web import client_theme, headers, visitors
from idp.web.errors import interrupted
from idp.web.returning import came_for, first, go_on, see_other

__all__ = [
    "came_for",
    "client_id",
    "first",
    "go_on",
    "home",
    "pending",
    "pending_if_live",
    "query",
    "remember",
    "request_id",
    "resume",
    "see_other",
]

RESUME = "/oauth2/authorize/resume"
HOME = "/account"


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
    return load(request_id) if request_id else None


def pending_if_live() -> PendingRequest | None:
    """As `pending`, for a form that needs no request: one that is over still tells its e-service and its language.

    So nobody loses what they have typed, however long it took.
    """
    wanted = request.args.get("request")
    if not wanted:
        return None
    try:
        found = requests.load(wanted, visitors.browser_id(), clock.now())
    except RequestGone as gone:
        if gone.client_id is not None:  # any other text is none of ours
            g.request_over = wanted
        _name_client(gone.client_id, gone.ui_locales)
        return None
    remember(found)
    return found


def request_id() -> str | None:
    """The request that this page belongs to, live or over."""
    return cast("str | None", g.get("request_id") or g.get("request_over"))


def query() -> str:
    """The end of an address that belongs to it too."""
    found = request_id()
    return f"?{urlencode({'request': found})}" if found else ""


def client_id() -> str | None:
    """The e-service of this page."""
    client = g.get("client")
    return client.client_id if client else None


def load(request_id: str) -> PendingRequest:
    """As `pending`, of a request known otherwise."""
    try:
        found = requests.load(request_id, visitors.browser_id(), clock.now())
    except RequestGone as gone:
        raise JourneyOver(interrupted(registry.find(gone.client_id))) from gone
    remember(found)
    return found


def remember(found: PendingRequest) -> None:
    """Let the page of this request know its e-service, which may show it in a popup."""
    headers.keep_opener()
    g.request_id = found.id
    _name_client(found.client_id, found.parameters.get("ui_locales"))
    target = found.parameters.get("redirect_uri") or (g.client and g.client.get_default_redirect_uri())
    if target:
        headers.allow_form_target(target)


def _name_client(client_id: str | None, ui_locales: str | None) -> None:
    wish(ui_locales)
    g.client = registry.find(client_id)
    logo = client_theme.logo_url(g.client, language()) if g.client else None
    if logo and not logo.startswith("/"):
        headers.allow_image(logo)


def resume(found: PendingRequest) -> Response:
    """Go on with the request, which is judged anew at the authorization endpoint."""
    return see_other(f"{RESUME}?{urlencode({'request': found.id})}")


def home() -> Response:
    """After a login or new terms without a pending request: to what the person came for, else to own details."""
    return go_on(HOME)

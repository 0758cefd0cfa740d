"""Who is at the other end of this request: browser, address, live session."""

from ipaddress import IPv4Address, ip_address, ip_network
from typing import cast

from flask import Response, after_this_request, g, request, session

from idp import clock
from idp.accounts.authentication import Visitor
from idp.accounts.rules import rules
from idp.crypto import random_token
from idp.sessions import browser
from idp.sessions.browser import CurrentSession
from idp.web import cookies

_TRANSLATED = ip_network("64:ff9b::/96")  # IPv4 addresses as a translator writes them (RFC 6052)


def current_session() -> CurrentSession | None:
    """The live session of this browser, looked up once per request."""
    if "current_session" not in g:
        token = cookies.read(cookies.SESSION, rules().settings)
        g.current_session = browser.find(token, rules().lifetimes, clock.now())
        if token and g.current_session is None:
            after_this_request(_forget_state)
    return cast("CurrentSession | None", g.current_session)


def _forget_state(response: Response) -> Response:
    """The session has ended elsewhere or by time: scripts that watch it are to notice. Its own cookie opens nothing."""
    if cookies.read(cookies.STATE, rules().settings):
        cookies.erase_state(response, rules().settings)
    return response


def forget_current_session() -> None:
    """After a login or logout within this request."""
    g.current_session = None


def logged_in_meanwhile(token: str) -> None:
    """Within this request, which goes on with the new session."""
    g.current_session = browser.find(token, rules().lifetimes, clock.now())


def browser_id() -> str | None:
    """What pending requests are bound to, if this browser has one."""
    return session.get("id")


def ensure_browser_id() -> str:
    """As `browser_id`, made and set as a cookie if need be."""
    if "id" not in session:
        session["id"] = random_token()
    return cast("str", session["id"])


def address() -> str:
    """The network address of the visitor (behind trusted proxies, what they say)."""
    return (request.remote_addr or "unknown")[:45]


def network() -> str:
    """What limits count: an IPv4 address, or of an IPv6 one the first half: whoever has one has all that begin so."""
    found = address()
    try:
        parsed = ip_address(found)
    except ValueError:
        return found
    if parsed.version == 4:
        return found
    if parsed in _TRANSLATED:
        return str(IPv4Address(parsed.packed[-4:]))
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


def visitor() -> Visitor:
    device = cookies.read(cookies.DEVICE, rules().settings)
    return Visitor(address(), request.headers.get("User-Agent"), device, current_session())

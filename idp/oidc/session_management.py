"""Noticing a logout without asking us (OpenID Connect Session Management 1.0).

`session_state` goes with each successful authorization response. An e-service keeps our page `check_session` in a
hidden frame and asks it whether that state still holds; its script compares with the cookie `tunnus_state`.
"""

import hashlib
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Blueprint, Response, after_this_request, make_response, render_template

from idp.accounts.rules import rules
from idp.crypto import random_id
from idp.sessions.browser import CurrentSession
from idp.web import cookies, headers, visitors

CACHE_SECONDS = 3600
DEFAULT_PORTS = {"http": 80, "https": 443}


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/check-session", "check_session", check_session, methods=["GET"])


def check_session() -> Response:
    """The page for the frame (section 3.2): the one page of ours that others may frame; it shows and does nothing."""
    headers.allow_framing()
    name = cookies.full_name(cookies.STATE, rules().settings)
    response = make_response(render_template("oidc/check_session.html", cookie=name))
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response


def session_state(client_id: str, redirect_uri: str) -> str | None:
    """`session_state` of an authorization response (section 3): what the frame will compare, for this client alone.

    None without a session, and for apps whose redirect URI has no web origin.
    """
    session = visitors.current_session()
    origin = web_origin(redirect_uri)
    if session is None or origin is None:
        return None
    state = cookies.browser_state(session.id_hash)
    if cookies.read(cookies.STATE, rules().settings) != state:
        _give_state(session, state)
    salt = random_id()
    return hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).hexdigest() + "." + salt


def _give_state(session: CurrentSession, state: str) -> None:
    """The browser has lost the cookie, or logged in before there was one."""

    @after_this_request
    def write(response: Response) -> Response:
        lifetime = rules().lifetimes.remembered_login if session.remembered else None
        cookies.write_state(response, state, rules().settings, lifetime)
        return response


@lru_cache(maxsize=1024)
def web_origin(uri: str) -> str | None:
    """The origin of a web address as browsers write it (RFC 6454 6.2), None for private schemes."""
    parts = urlsplit(uri)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    own_port = parts.port is not None and parts.port != DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}:{parts.port}" if own_port else f"{parts.scheme}://{host}"

"""Ending sessions, whichever face was asked to.

A logout in the browser goes on by way of a page with hidden frames when e-services want to be told there (OpenID
Connect Front-Channel Logout 1.0): none of them can hold the person, and without scripts the page goes on by itself too.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Response, after_this_request, make_response, redirect, render_template

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.subjects import sid_of
from idp.database import writing
from idp.grants import front_channel
from idp.sessions import browser
from idp.web import cookies, headers, identifications, keepsakes, visitors
from idp.web.context import ClientView

WAIT_SECONDS = 5  # for frames that do not load; without scripts always


@dataclass(frozen=True)
class Frame:
    """A hidden frame in which an e-service forgets the person."""

    service: str
    url: str


def end_current_session() -> tuple[Frame, ...]:
    """End this browser's session and erase its cookies; the frames that the page to be shown must have."""
    identifications.forget()
    current = visitors.current_session()
    frames: tuple[Frame, ...] = ()
    if current is not None:
        now = clock.now()
        with writing() as session:
            browser.end(session, current.account_id, now, only=current.sid)
            audit.record(session, Event.LOGGED_OUT, at=now, account_id=current.account_id)
        frames = frames_of(current.sid)
    after_this_request(_without_session)
    keepsakes.forget_all()
    visitors.forget_current_session()
    return frames


def _without_session(response: Response) -> Response:
    cookies.erase_session(response, rules().settings)
    return response


def frames_of(sid: str) -> tuple[Frame, ...]:
    """A frame for each client of the session that wants one; this response may have these, and no others."""
    clients = [client for each in front_channel.clients_of(sid) if (client := registry.find(each))]
    frames = tuple(Frame(ClientView.of(client).name, _address(client, sid)) for client in clients)
    headers.allow_frames([*dict.fromkeys(_origin(frame.url) for frame in frames)])
    return frames


def _address(client: Client, sid: str) -> str:
    """Section 3: `iss` and `sid` are added, whether the client requires them or not; its own query stays."""
    uri = client.frontchannel_logout_uri or ""
    about = urlencode({"iss": rules().settings.issuer, "sid": sid_of(client, sid)})
    return f"{uri}{'&' if '?' in uri else '?'}{about}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def log_out(next_url: str) -> Response:
    """End this browser's session and lead on: at once, or once the frames have loaded or had their time."""
    frames = end_current_session()
    if not frames:
        return make_response(redirect(next_url, 303))
    page = render_template(
        "pages/logging_out.html", frames=frames, next_url=next_url, seconds=WAIT_SECONDS, languages=[]
    )
    return make_response(page)


def end_sessions(account_id: str, *, only: str | None = None, but: str | None = None) -> int:
    """End an account's live sessions: the one of sid `only`, or all `but` one. Returns how many ended."""
    now = clock.now()
    with writing() as session:
        ended = browser.end(session, account_id, now, only=only, but=but)
        for _sid in ended:
            audit.record(session, Event.SESSION_ENDED, at=now, account_id=account_id)
    return len(ended)

"""The demo's mail inbox: what would have been mailed, as a page and as JSON. Exists in demo mode only."""

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, jsonify, make_response, render_template

from idp.accounts.rules import rules
from idp.mail import outbox

inbox = Blueprint("demo", __name__)

_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Letter:
    id: int
    to: str
    subject: str
    text: str
    html: str
    links: list[str]
    sent_at: datetime


def letters() -> list[Letter]:
    """Newest first."""
    return [
        Letter(number, m.to, m.subject, m.text, m.html, _LINK.findall(m.text), at)
        for number, at, m in outbox.recent(rules().vault)
    ]


@inbox.get("/demo/inbox")
def show() -> Response:
    return make_response(render_template("demo/inbox.html", messages=letters()))


@inbox.get("/demo/inbox/<int:number>")
def show_letter(number: int) -> Response:
    letter = next((letter for letter in letters() if letter.id == number), None)
    if letter is None:
        abort(404)
    return make_response(
        render_template("demo/message.html", message=letter, html_url=f"/demo/inbox/{number}/html")
    )


@inbox.get("/demo/inbox/<int:number>/html")
def show_html(number: int) -> Response:
    """The HTML part, in a sandbox of its own."""
    letter = next((letter for letter in letters() if letter.id == number), None)
    if letter is None:
        abort(404)
    response = Response(letter.html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return response


@inbox.get("/demo/inbox.json")
def as_json() -> Response:
    return jsonify(
        [
            {
                "to": letter.to,
                "subject": letter.subject,
                "text": letter.text,
                "html": letter.html,
                "links": letter.links,
                "sent_at": letter.sent_at.isoformat(),
            }
            for letter in letters()
        ]
    )

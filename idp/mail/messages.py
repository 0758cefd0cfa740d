"""Composing: each kind of message is three templates in templates/mail: subject, text and HTML."""

from typing import Any

from flask import render_template
from flask_babel import force_locale

from idp.clients import registry
from idp.mail.outbox import Message


def compose(kind: str, to: str, language: str, **context: Any) -> Message:
    """Render a message of `kind` in the person's language. A `client_id` in `context` becomes its `service` name."""
    client = registry.find(context.get("client_id"))
    context["service"] = client.text("client_name", language) if client else None
    context["locale"] = language
    with force_locale(language):
        return Message(
            kind=kind,
            to=to,
            subject=" ".join(render_template(f"mail/{kind}.subject.txt", **context).split()),
            text=render_template(f"mail/{kind}.txt", **context).strip() + "\n",
            html=render_template(f"mail/{kind}.html", **context),
        )

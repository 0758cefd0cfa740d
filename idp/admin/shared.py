"""What the pages for administrators share: who is there, the navigation, the page, what was done."""

from dataclasses import dataclass
from typing import Any, cast

from flask import Response, flash, g, get_flashed_messages, make_response, render_template, request
from flask_babel import gettext as _

from idp.accounts.roles import Actor
from idp.admin.rights import permits
from idp.web.forms import Form, form_page
from idp.web.returning import see_other


@dataclass(frozen=True)
class Part:
    """An entry of the navigation."""

    label: str
    url: str
    current: bool


def actor() -> Actor:
    """Who is at the page."""
    return cast("Actor", g.actor)


def navigation() -> list[Part]:
    """The parts that are there for this person."""
    parts = (
        ("dashboard", _("Overview"), "/admin/"),
        ("accounts", _("Accounts"), "/admin/accounts"),
        ("clients", _("Client apps"), "/admin/clients"),
        ("audit", _("Audit log"), "/admin/audit"),
        ("terms", _("Terms and notices"), "/admin/terms"),
        ("keys", _("Signing keys"), "/admin/keys"),
        ("team", _("Administrators"), "/admin/team"),
    )
    return [Part(label, url, _is_here(url, name)) for name, label, url in parts if permits(name, actor())]


def _is_here(url: str, name: str) -> bool:
    if name == "accounts" and request.path.startswith("/admin/registrations/"):
        return True
    return request.path == url or (url != "/admin/" and request.path.startswith(f"{url}/"))


def may(endpoint: str) -> bool:
    """Whether this person has the page of an endpoint: for links in templates."""
    return permits(endpoint, actor())


def page(name: str, form: Form | None = None, status: int | None = None, **context: Any) -> Response:
    """A page for administrators; 422 when its form has errors."""
    messages = get_flashed_messages()
    text = render_template(
        f"admin/{name}.html",
        form=form,
        admin_nav=navigation(),
        may=may,
        notice_text=messages[0] if messages else None,
        **context,
    )
    if form is not None and status is None:
        return form_page(text, form)
    return make_response(text, status or 200)


def done(path: str, message: str) -> Response:
    """To another page, which says what was done."""
    flash(message)
    return see_other(path)

"""What came of a mailed link's button, at an address of its own: the page can be read in another language too.

What the page has to say is kept in this browser alone; anybody else is led to the login.
"""

from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, session
from flask_babel import gettext as _

from idp import clock
from idp.accounts.activation import Invitation
from idp.clients import registry
from idp.grants import requests
from idp.grants.requests import RequestGone
from idp.pages import journey, pages
from idp.web import keepsakes, visitors
from idp.web.addresses import starting_login
from idp.web.context import ClientView


def to_activated(invitation: Invitation) -> Response:
    request_id = session.pop("request", None)
    keepsakes.forget_all()
    keepsakes.keep(
        "activated",
        email=invitation.email,
        client_id=invitation.client_id,
        request=request_id if invitation.same_browser else None,
    )
    return journey.see_other("/activated")


@pages.get("/activated")
def activated() -> Response:
    kept = keepsakes.find("activated")
    if not kept:
        return journey.see_other("/login")
    g.client = registry.find(kept["client_id"])
    page = render_template(
        "pages/activated.html",
        continue_url=_continue_url(kept["email"], kept["request"]),
        login_url=f"/login?{urlencode({'username': kept['email']})}",
    )
    return make_response(page)


def _continue_url(email: str, request_id: str | None) -> str | None:
    """Where the errand goes on: the pending request of this browser, else a new one begun at the e-service."""
    if request_id:
        try:
            pending = requests.load(request_id, visitors.browser_id(), clock.now())
        except RequestGone:
            pass
        else:
            return f"/login?{urlencode({'request': pending.id, 'username': email})}"
    client = g.client
    if client is None:
        return None
    if client.initiate_login_uri and client.first_party:  # others learn the address by consent alone
        return starting_login(client.initiate_login_uri, login_hint=email)
    return ClientView.of(client).return_url


def to_reset_done(client_id: str | None) -> Response:
    """`client_id`: the e-service from which the person had asked for the new password."""
    keepsakes.forget_all()
    keepsakes.keep("reset", client_id=client_id)
    return journey.see_other("/reset/done")


@pages.get("/reset/done")
def reset_done() -> Response:
    kept = keepsakes.find("reset")
    if not kept:
        return journey.see_other("/login")
    g.client = registry.find(kept["client_id"])
    return make_response(render_template("pages/reset_done.html"))


def to_done(what: str) -> Response:
    """`what`: "address", "kept" or "disowned"."""
    keepsakes.keep("done", what=what)
    return journey.see_other("/done")


@pages.get("/done")
def done() -> Response:
    what = keepsakes.find("done").get("what")
    if what is None:
        return journey.see_other("/login")
    texts = {
        "address": (_("Email address"), _("Your email address has been confirmed.")),
        "kept": (_("The account is kept"), _("The deletion has been cancelled. You can log in.")),
        "disowned": (_("Thank you"), _("The account was not created and its details have been deleted.")),
    }
    title, message = texts[what]
    onward = _("My details") if visitors.current_session() else _("Log in")  # /login leads there by itself
    if what == "disowned":
        onward = _("Back to login")
    page = render_template(
        "pages/link_done.html", title=title, message=message, continue_url="/login", continue_text=onward
    )
    return make_response(page)

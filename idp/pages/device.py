"""Allowing a device that has no keyboard or browser of its own to use the account (RFC 8628 3.3).

Whoever sends a person a code of theirs wants that person's account (section 5.4): the person logs in first, types or
at least sends off the code, and is then always asked, by a page that names the service and shows the code.
"""

from typing import Any

from flask import Response, g, render_template, request, session
from flask_babel import gettext as _

from idp import clock
from idp.accounts import assurance
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.targets import apis_among
from idp.crypto import random_id
from idp.grants import consents, device
from idp.grants.claims_request import consent_scope
from idp.grants.codes import Approval
from idp.grants.device import DeviceGone, Waiting
from idp.pages import journey, pages
from idp.pages.consent import api_names, scope_views
from idp.pages.forms import DeviceForm, EmptyForm
from idp.sessions.browser import CurrentSession
from idp.web import visitors
from idp.web.forms import form_page
from idp.web.limits import limiter, setting

CHOSEN = "device_code"  # in the browser's cookie: the code that was found
OUTCOME = "device_outcome"
MAX_TYPED = 40  # characters
EXAMPLE = "BCDF-GHJK"


def _account_or_address() -> str:
    current = visitors.current_session()
    return f"account {current.account_id}" if current else visitors.network()


@pages.route("/device", methods=["GET", "POST"])
@limiter.limit(setting("device_entries_per_address"), methods=["POST"])
@limiter.limit(setting("device_entries_per_account"), key_func=_account_or_address, methods=["POST"])
def enter_device_code() -> Response:
    typed = device.shown(device.normalized(request.args.get("user_code", "")[:MAX_TYPED]))
    typed = typed if len(typed) == device.LENGTH + 1 else ""
    _person(came_for=f"/device?user_code={typed}" if typed else "/device")
    form = DeviceForm()
    if form.validate_on_submit():
        try:
            found = device.waiting((form.user_code.data or "")[:MAX_TYPED], rules().vault, clock.now())
        except DeviceGone:
            return _not_found(form)
        session[CHOSEN] = found.user_code
        return journey.see_other("/device/allow")
    if request.method == "GET":
        form.user_code.data = typed
    return _entry(form)


@pages.route("/device/allow", methods=["GET", "POST"])
def allow_device() -> Response:
    person = _person(came_for="/device")
    if CHOSEN not in session:
        return journey.see_other("/device")
    try:
        waiting = device.waiting(session[CHOSEN], rules().vault, clock.now())
        g.client = registry.find(waiting.client_id)
        if g.client is None:
            raise DeviceGone
        if assurance.must_be_identified(g.client, person.account_id):
            return journey.first("/identify", then="/device/allow")
        form = EmptyForm()
        decision = request.form.get("decision")
        # The page may be an older one, about another device.
        if form.validate_on_submit() and request.form.get("user_code") == waiting.user_code and decision:
            return _decide(person, waiting, allowed=decision == "allow")
    except DeviceGone:
        return _not_found(DeviceForm(formdata=None))
    scopes = scope_views(consent_scope(waiting.scope, None, g.client), g.client)
    page = render_template(
        "pages/device_allow.html",
        form=form,
        user_code=waiting.user_code,
        scopes=scopes,
        apis=api_names(apis_among(waiting.resource)),
    )
    return form_page(page, form)


@pages.get("/device/done")
def device_done() -> Response:
    outcome: dict[str, Any] | None = session.get(OUTCOME)
    if outcome is None:
        return journey.see_other("/device")
    g.client = registry.find(outcome["client_id"])
    return Response(render_template("pages/device_done.html", allowed=outcome["allowed"]))


def _person(came_for: str) -> CurrentSession:
    """Who is logged in here; the login page comes first, and new terms too (R-23). Raises JourneyOver."""
    current = visitors.current_session()
    if current is None:
        raise journey.JourneyOver(journey.first("/login", then=came_for))
    if current.terms_due:
        raise journey.JourneyOver(journey.first("/accept-terms", then=came_for))
    return current


def _decide(person: CurrentSession, waiting: Waiting, *, allowed: bool) -> Response:
    """Raises DeviceGone."""
    now, vault = clock.now(), rules().vault
    if allowed:
        device.allow(waiting.user_code, _approval(person, waiting), vault, now)
        if (
            not g.client.first_party
        ):  # what the page showed, remembered and withdrawn like any other permission
            scope, apis = consent_scope(waiting.scope, None, g.client), apis_among(waiting.resource)
            consents.give(person.account_id, waiting.client_id, scope, now, apis)
    else:
        device.deny(waiting.user_code, person.account_id, vault, now)
    session.pop(CHOSEN, None)
    session[OUTCOME] = {"client_id": waiting.client_id, "allowed": allowed}
    return journey.see_other("/device/done")


def _approval(person: CurrentSession, waiting: Waiting) -> Approval:
    return Approval(
        client_id=waiting.client_id,
        account_id=person.account_id,
        sid=random_id(),  # of no browser session: the device stays when the person logs out here
        scope=waiting.scope,
        resource=waiting.resource,
        redirect_uri=None,
        nonce=None,
        claims=None,
        code_challenge=None,
        acr=person.acr,
        amr=person.amr,
        auth_time=int(person.auth_time.timestamp()),
    )


def _not_found(form: DeviceForm) -> Response:
    """One answer for what never was, has expired, or was decided."""
    session.pop(CHOSEN, None)
    form.user_code.errors = [
        _("The code is wrong or has expired. Check it on the device, or start again there.")
    ]
    return _entry(form)


def _entry(form: DeviceForm) -> Response:
    return form_page(render_template("pages/device.html", form=form, example=EXAMPLE), form)

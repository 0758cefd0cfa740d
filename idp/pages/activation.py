"""The activation link: a page with a button, since mail scanners open links; only the POST uses it."""

import contextlib
from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, request, session
from flask_babel import gettext as _

from idp import clock
from idp.accounts import activation, links
from idp.accounts.activation import Invitation, PasswordNeeded, WaitsNoLonger
from idp.accounts.assurance import PersonHasAccount
from idp.accounts.authentication import AccountLocked, AttemptsCrowded
from idp.accounts.hashing import HashingBusy
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.rules import rules
from idp.clients import registry
from idp.grants import requests
from idp.grants.requests import RequestGone
from idp.pages import journey, pages, results
from idp.pages.forms import ActivationForm, EmptyForm, NewPasswordForm
from idp.web import visitors
from idp.web.errors import error_page
from idp.web.forms import form_page
from idp.web.limits import limiter, setting


@pages.route("/activate", methods=["GET", "POST"])
@limiter.limit(setting("registration_per_address"), methods=["POST"])
def activate() -> Response:
    token = request.args.get("token", "")
    try:
        invitation = activation.look(token, visitors.browser_id())
    except LinkNotLive as error:
        return link_not_live(token, Purpose.ACTIVATION, error.state)
    g.client = registry.find(invitation.client_id)
    form = ActivationForm()
    if form.validate_on_submit():
        answer = _use(form, token, invitation)
        if answer is not None:
            return answer
    return _page(form, invitation)


def _use(form: ActivationForm, token: str, invitation: Invitation) -> Response | None:
    browser = visitors.browser_id()
    try:
        if "not_me" in request.form:
            activation.disown(token, browser=browser)
            return results.to_done("disowned")
        if "choose_password" in request.form:
            return journey.see_other(f"/activate/password?{urlencode({'token': token})}")
        activation.activate(token, browser=browser, password=form.password.data, rules=rules())
    except PersonHasAccount:
        return error_page(
            409,
            _("You already have an account"),
            _("Another account has been connected to your identity meanwhile. Log in with that account."),
            client=g.client,
        )
    except LinkNotLive as error:
        return link_not_live(token, Purpose.ACTIVATION, error.state)
    except PasswordNeeded:
        wrong = bool(form.password.data)
        form.password.errors = [
            _("The password is wrong. Check the spelling.") if wrong else _("Enter your password.")
        ]
    except AccountLocked:
        form.refuse(_("Too many login attempts. Try again later."))
    except (HashingBusy, AttemptsCrowded):
        form.refuse_for_now()
    else:
        return results.to_activated(invitation)
    return None


def _page(form: ActivationForm, invitation: Invitation) -> Response:
    form.password.data = None
    page = render_template(
        "pages/activate.html",
        form=form,
        email=invitation.email,
        needs_password=not invitation.same_browser,
        may_choose_password=not invitation.identified,
    )
    return form_page(page, form)


@pages.route("/activate/password", methods=["GET", "POST"])
@limiter.limit(setting("registration_per_address"), methods=["POST"])
def activate_password() -> Response:
    """Activating with a new password, for who has the mail but not the password of the registration."""
    token = request.args.get("token", "")
    try:
        invitation = activation.look(token, visitors.browser_id())
        g.client = registry.find(invitation.client_id)
        if invitation.identified:
            return journey.see_other(f"/activate?{urlencode({'token': token})}")
        form = NewPasswordForm()
        form.known = (invitation.email, *invitation.names)
        if form.validate_on_submit() and _activated_anew(form, token):
            return results.to_activated(invitation)
    except LinkNotLive as error:
        return link_not_live(token, Purpose.ACTIVATION, error.state)
    page = render_template(
        "pages/reset.html", form=form, username=invitation.email, title=_("Set a new password")
    )
    return form_page(page, form)


def _activated_anew(form: NewPasswordForm, token: str) -> bool:
    try:
        activation.activate_with_new_password(
            token, browser=visitors.browser_id(), password=form.new_password.data or "", rules=rules()
        )
    except HashingBusy:
        form.refuse_for_now()
        return False
    return True


_WHY = {LinkState.WITHDRAWN: "replaced", LinkState.BARRED: "barred"}


def link_not_live(token: str, purpose: Purpose, state: LinkState) -> Response:
    """The page of a link that cannot be used: expired, used, replaced or broken."""
    link = links.look(token, purpose, clock.now())
    g.client = registry.find(link.client_id)
    if state is LinkState.EXPIRED:
        return _expired(token, purpose)
    if state is LinkState.USED:
        _keep_errand()
        return make_response(render_template("pages/link_used.html", purpose=purpose.value), 410)
    if state in _WHY:
        return make_response(
            render_template("pages/link_expired.html", purpose=_WHY[state], resend_form=None), 410
        )
    return make_response(render_template("pages/link_broken.html"), 404)


def _keep_errand() -> None:
    """A second press of the button finds the link used; the log-in link must still lead to the e-service."""
    request_id = session.get("request")
    if request_id:
        with contextlib.suppress(RequestGone):
            journey.remember(requests.load(request_id, visitors.browser_id(), clock.now()))


def _expired(token: str, purpose: Purpose) -> Response:
    """The administrator's contact (R-30) and, where the setting allows, a button that mails a new link."""
    offer = purpose is Purpose.ACTIVATION and rules().settings.links.self_service_resend
    form = EmptyForm() if offer else None
    if form and request.form.get("action") == "resend" and form.validate_on_submit():
        try:
            email = activation.resend(token, rules())
        except WaitsNoLonger:
            return waits_no_longer()
        page = render_template("pages/created.html", email=email, resend_form=None, sent_again=True)
        return make_response(page)
    page = render_template("pages/link_expired.html", purpose=purpose.value, resend_form=form)
    return make_response(page, 410)


def waits_no_longer() -> Response:
    """There is nothing any more that a new link could activate."""
    page = render_template("pages/link_expired.html", purpose="over", resend_form=None)
    return make_response(page, 410)

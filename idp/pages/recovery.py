"""Forgotten username or password (R-13, R-33)."""

from flask import Response, make_response, render_template, request

from idp import clock
from idp.accounts import links, recovery
from idp.accounts.hashing import HashingBusy
from idp.accounts.links import LinkNotLive, Purpose
from idp.accounts.rules import rules
from idp.pages import journey, pages, results
from idp.pages.activation import link_not_live
from idp.pages.forms import ForgotForm, NewPasswordForm
from idp.texts import language
from idp.web import headers, keepsakes, visitors
from idp.web.forms import form_page
from idp.web.limits import limiter, mail_is_spent, setting


@pages.route("/forgot", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def forgot() -> Response:
    journey.pending_if_live()
    form = ForgotForm()
    if form.validate_on_submit():
        name = form.email.data or ""
        recovery.ask(
            name,
            language=language(),
            client_id=journey.client_id(),
            address=visitors.address(),
            silent=mail_is_spent("forgot", name),
            rules=rules(),
        )
        keepsakes.keep("asked", name=name[:254])
        return journey.see_other(f"/forgot/sent{journey.query()}")
    page = render_template("pages/forgot.html", form=form)
    return form_page(page, form)


@pages.get("/forgot/sent")
def forgot_sent() -> Response:
    journey.pending_if_live()
    asked = keepsakes.find("asked").get("name")
    if not asked:
        return journey.see_other("/forgot")
    headers.keep_opener()
    return make_response(render_template("pages/forgot_sent.html", email=asked))


@pages.route("/reset", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def reset() -> Response:
    token = request.args.get("token", "")
    try:
        account = recovery.look(token)
        form = NewPasswordForm()
        form.known = (account.username, account.given_name or "", account.family_name or "")
        if form.validate_on_submit() and _reset(form, token):
            return results.to_reset_done(links.look(token, Purpose.RESET, clock.now()).client_id)
    except LinkNotLive as error:
        return link_not_live(token, Purpose.RESET, error.state)
    page = render_template("pages/reset.html", form=form, username=account.username)
    return form_page(page, form)


def _reset(form: NewPasswordForm, token: str) -> bool:
    try:
        recovery.reset(token, form.new_password.data or "", rules(), device=visitors.visitor().device)
    except HashingBusy:
        form.refuse_for_now()
        return False
    return True

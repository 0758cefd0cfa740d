"""The login page."""

from flask import Response, g, make_response, render_template, request
from flask_babel import gettext as _

from idp import crypto
from idp.accounts import assurance, authentication
from idp.accounts.authentication import (
    AccountClosing,
    AccountDisabled,
    AccountLocked,
    AttemptsCrowded,
    LoggedIn,
    NotActivated,
    WrongCredentials,
)
from idp.accounts.hashing import HashingBusy
from idp.accounts.rules import rules
from idp.grants.requests import PendingRequest
from idp.pages import journey, pages
from idp.pages.forms import LoginForm
from idp.policy.usernames import comparison_key
from idp.web import cookies, identifications, keepsakes, visitors
from idp.web.forms import form_page
from idp.web.limits import failed, known_device, limiter, setting, typed_name


@pages.route("/login", methods=["GET", "POST"])
@limiter.limit(setting("login_per_address"), methods=["POST"], deduct_when=failed)
@limiter.limit(
    setting("login_per_username"),
    key_func=typed_name("username"),
    exempt_when=known_device("username"),
    methods=["POST"],
)
def login() -> Response:
    pending = journey.pending()
    if pending is None and request.method == "GET" and visitors.current_session():
        return journey.home()
    form = LoginForm()
    if form.validate_on_submit():
        answer = _try(form, pending)
        if answer is not None:
            return answer
    elif request.method == "GET":
        form.username.data = _hint(pending)
    return _page(form, pending)


def _hint(pending: PendingRequest | None) -> str:
    hint = request.args.get("username") or (pending.parameters.get("login_hint") if pending else "") or ""
    return hint[:254]


def _try(form: LoginForm, pending: PendingRequest | None) -> Response | None:
    """Log in; None when the form is to be shown again with what was wrong."""
    try:
        logged_in = authentication.log_in(
            form.username.data or "",
            form.password.data or "",
            remember=bool(form.remember.data),
            visitor=visitors.visitor(),
            new_device=crypto.random_token(),
            rules=rules(),
        )
    except WrongCredentials:
        form.refuse(_("Wrong username or password. Check the spelling."))
    except AccountLocked:
        return make_response(render_template("pages/locked.html", hours=rules().settings.lockout.hours), 403)
    except NotActivated as error:
        form.refuse(_("The account has not been activated."))
        _let_wait(error.registration_id, form.username.data or "")
    except AccountClosing:
        form.refuse(
            _("The account is being deleted. The link in the message that we sent cancels the deletion.")
        )
    except AccountDisabled:
        form.refuse(_("The account has been disabled. Contact the administrator."))
    except (HashingBusy, AttemptsCrowded):
        form.refuse_for_now()
    else:
        return _welcome(logged_in, pending, remembered=bool(form.remember.data))
    return None


def _welcome(logged_in: LoggedIn, pending: PendingRequest | None, *, remembered: bool) -> Response:
    keepsakes.forget_all()  # the next person at a shared computer has logged in
    settings = rules().settings
    identifications.forget()
    response = journey.resume(pending) if pending else journey.home()
    lifetime = rules().lifetimes.remembered_login if remembered else None
    cookies.write_session(response, logged_in.session_token, settings, lifetime)
    cookies.write(response, cookies.DEVICE, logged_in.device, settings, cookies.DEVICE_LIFETIME)
    return response


def _page(form: LoginForm, pending: PendingRequest | None) -> Response:
    form.password.data = None
    for_device = pending is None and (journey.came_for() or "").startswith("/device")
    page = render_template(
        "pages/login.html",
        form=form,
        notices=[_("Log in first. Then you can connect your device.")] if for_device else [],
        activation_resend_url=_resend_url(form),
        identification=assurance.needed_to_register(g.get("client")),
    )
    return form_page(page, form)


def _resend_url(form: LoginForm) -> str | None:
    """Where the activation message is sent again, for who waits for it in this browser and could not log in."""
    if not rules().settings.links.self_service_resend:
        return None
    email = keepsakes.find("waiting").get("email") or ""
    waits = bool(email) and _are_one(email, form.username.data or "")
    return "/created" if waits and form.form_errors else None


def _let_wait(registration_id: str, name: str) -> None:
    """The message can be sent again from this browser. Somebody else may have registered in it before."""
    if not _are_one(keepsakes.find("waiting").get("email") or "", name):
        keepsakes.forget_all()
    keepsakes.keep("waiting", registration=registration_id, email=name)


def _are_one(name: str, other: str) -> bool:
    return comparison_key(name) == comparison_key(other)

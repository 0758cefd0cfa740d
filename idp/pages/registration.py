"""The registration form and the page that waits for the activation."""

from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, request, session
from flask_babel import gettext as _

from idp.accounts import activation, assurance, registration
from idp.accounts.activation import WaitsNoLonger
from idp.accounts.hashing import HashingBusy
from idp.accounts.registration import AccountExists, Application
from idp.accounts.rules import rules
from idp.grants.requests import PendingRequest
from idp.pages import identify, journey, pages
from idp.pages.activation import waits_no_longer
from idp.pages.forms import EmptyForm, RegistrationForm, postal_code_note
from idp.policy.usernames import EmailAddress
from idp.texts import language
from idp.upstream import persons
from idp.upstream.tickets import Identified, TicketGone
from idp.web import headers, keepsakes, visitors
from idp.web.forms import form_page
from idp.web.identifications import TICKET
from idp.web.limits import count_mail, limiter, setting

CORRECTABLE = ("email", "given_name", "family_name", "phone", "street_address", "postal_code", "locality")
"""Kept in the browser for a while, so that a wrong address can be corrected without typing all again."""


@pages.route("/create-account", methods=["GET", "POST"])
@limiter.limit(setting("registration_per_address"), methods=["POST"])
def create_account() -> Response:
    pending = journey.pending_if_live()
    identified = identify.identified() if assurance.needed_to_register(g.get("client")) else None
    form = RegistrationForm()
    if assurance.needed_to_register(g.get("client")) and identified is None:
        _keep_what_was_typed(form)
        return identify.way_to_identify()
    if identified is not None and persons.account_of(identified) is not None:
        return journey.see_other("/identify/known")
    names = _registered_names(form, identified)
    if form.validate_on_submit():
        answer = _register(form, identified)
        if answer is not None:
            return answer
    elif request.method == "GET":
        _prefill(form, pending)
        _registered_names(form, identified)
    return _page(form, names, identified)


def _keep_what_was_typed(form: RegistrationForm) -> None:
    """So that nobody has to type all again: a wrong address, an identification that took too long."""
    if request.method == "POST":
        keepsakes.keep("typed", **{name: form[name].data for name in CORRECTABLE if form[name].data})


def _registered_names(form: RegistrationForm, identified: Identified | None) -> list[str]:
    """Put the names of an identification into the form, whatever was sent; the given names to choose from."""
    if identified is None or not assurance.tells_names_apart(identified):
        return []
    names = assurance.given_names(identified)
    form.family_name.data = identified.family_name
    if form.given_name.data not in names:
        form.given_name.data = names[0]
    return names


def _prefill(form: RegistrationForm, pending: PendingRequest | None) -> None:
    """What this browser has typed before, to correct a wrong address; else the e-service's hint."""
    if "correct" in request.args or TICKET in session:
        for name, value in keepsakes.find("typed").items():
            form[name].data = value
    elif pending:
        form.email.data = pending.parameters.get("login_hint", "")[:254]


def _register(form: RegistrationForm, identified: Identified | None) -> Response | None:
    email = EmailAddress.parse(form.email.data or "")
    application = Application(
        email=email,
        password=form.new_password.data or "",
        given_name=form.given_name.data,
        family_name=form.family_name.data,
        phone=form.phone.data or None,
        street_address=form.street_address.data or None,
        postal_code=form.postal_code.data or None,
        locality=form.locality.data or None,
        language=language(),
    )
    count_mail("create-account", email.address)
    try:
        registration_id = registration.register(
            application,
            browser=visitors.ensure_browser_id(),
            client_id=journey.client_id(),
            rules=rules(),
            identification=identify.proof() if identified else None,
        )
    except TicketGone:
        _keep_what_was_typed(form)
        return identify.way_to_identify()
    except AccountExists:
        form.email.errors = [_("There is already an account for your email address.")]
        return None
    except HashingBusy:
        form.refuse_for_now()
        return None
    session.pop(TICKET, None)
    _keep_what_was_typed(form)
    keepsakes.keep("waiting", registration=registration_id, email=email.address)
    if request_id := journey.request_id():
        session["request"] = request_id
    return journey.see_other("/created")


def _page(form: RegistrationForm, registered_names: list[str], identified: Identified | None) -> Response:
    form.new_password.data = form.new_password_confirm.data = None
    page = render_template(
        "pages/create_account.html",
        form=form,
        terms_url="/terms",
        privacy_url="/privacy",
        registered_names=registered_names,
        again=identify.again_url() if identified else None,
        again_form=EmptyForm(),
    )
    return form_page(page, form)


@pages.route("/created", methods=["GET", "POST"])
@limiter.limit(setting("recovery_per_address"), methods=["POST"])
def created() -> Response:
    """Waiting for the activation; the message can be sent again."""
    waiting = keepsakes.find("waiting")
    if not waiting:
        return journey.see_other("/login")
    headers.keep_opener()
    form = EmptyForm() if rules().settings.links.self_service_resend else None
    if form and form.validate_on_submit():
        count_mail("created", waiting["email"])
        try:
            activation.resend_registration(waiting["registration"], rules())
        except WaitsNoLonger:
            return waits_no_longer()
        return journey.see_other("/created?sent=again")
    page = render_template(
        "pages/created.html",
        email=waiting["email"],
        resend_form=form,
        change_address_url=_correct_url(),
        sent_again="sent" in request.args,
        hint_text=postal_code_note(keepsakes.find("typed").get("postal_code")),
    )
    return form_page(page, form) if form else make_response(page)


def _correct_url() -> str:
    pending = session.get("request")
    return f"/create-account?{urlencode({'request': pending, 'correct': 1} if pending else {'correct': 1})}"

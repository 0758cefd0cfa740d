"""Strong identification with an outside provider: before an account is created, or for an e-service that asks for it.

What the provider answers is judged by idp/upstream; the page tells no more of a refusal than the person can do about.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, request, session
from flask_babel import gettext as _

from idp.accounts import assurance
from idp.accounts.assurance import OtherPerson, PersonHasAccount
from idp.accounts.rules import rules
from idp.clients import registry
from idp.crypto import hash_token
from idp.grants import requests
from idp.grants.requests import PendingRequest
from idp.pages import journey, pages
from idp.pages.forms import EmptyForm
from idp.sessions.browser import CurrentSession
from idp.texts import language, localized
from idp.upstream import identification, persons
from idp.upstream.identification import Outcome
from idp.upstream.providers import Refusal, UpstreamUnavailable
from idp.upstream.purposes import Purpose
from idp.upstream.tickets import Identified, Proof, TicketGone
from idp.web import cookies, identifications, keepsakes, visitors
from idp.web.errors import error_page, interrupted
from idp.web.forms import Form, form_page
from idp.web.identifications import IN_DOUBT, TICKET, browser_key
from idp.web.limits import limiter, setting


@dataclass(frozen=True)
class Notice:
    text: str
    kind: str = "warning"


# -- for an e-service that asks for it


@pages.route("/identify", methods=["GET", "POST"])
@limiter.limit(setting("login_per_address"), methods=["POST"])
def identify() -> Response:
    """The person is logged in and has come from an e-service that wants to know more surely who they are."""
    pending, current = _asked()
    demanded = pending is None or _is_demanded(pending, current)
    form = EmptyForm()
    if form.validate_on_submit():
        if request.form.get("decision") == "decline":
            return _declined(pending, current, demanded=demanded)
        return _begin(form, Purpose.STEP_UP, current, demanded=demanded)
    return _page(form, Purpose.STEP_UP, demanded=demanded)


def _asked() -> tuple[PendingRequest | None, CurrentSession]:
    """Who is logged in, and for which request; without one, on the way to a page of ours that sent them here."""
    pending, current = journey.pending(), visitors.current_session()
    if pending is None and (current is None or journey.came_for() is None):
        raise journey.JourneyOver(journey.see_other("/account"))
    if current is None:
        raise journey.JourneyOver(journey.see_other(f"/login{journey.query()}"))
    return pending, current


def _is_demanded(pending: PendingRequest, current: CurrentSession) -> bool:
    """Whether nobody goes on to this client who has never been identified."""
    client = registry.find(pending.client_id)
    return client is not None and assurance.must_be_identified(client, current.account_id)


def _declined(pending: PendingRequest | None, current: CurrentSession, *, demanded: bool) -> Response:
    if pending is None:
        session.pop("came_for", None)
        return journey.see_other("/account")
    requests.answer(pending, "denied" if demanded else "identify", current.sid)
    return journey.resume(pending)


# -- before an account is created


@pages.route("/identify/new", methods=["GET", "POST"])
@limiter.limit(setting("registration_per_address"), methods=["POST"])
def identify_new() -> Response:
    """Somebody wants an account that is created after an identification alone."""
    journey.pending_if_live()
    form = EmptyForm()
    if form.validate_on_submit():
        return _begin(form, Purpose.REGISTRATION, None)
    return _page(form, Purpose.REGISTRATION)


def way_to_identify() -> Response:
    return journey.see_other(f"/identify/new{journey.query()}")


def again_url() -> str:
    """Of the button with which somebody says that the identification is not theirs."""
    return f"/identify/again{journey.query()}"


def identified() -> Identified | None:
    """Who has identified themselves in this browser for a registration, not long ago."""
    return identifications.found()


def proof() -> Proof:
    """What `identified` has found, to be used."""
    return Proof(session.get(TICKET, ""), browser_key())


@pages.route("/identify/again", methods=["GET", "POST"])
@limiter.limit(setting("registration_per_address"), methods=["POST"])
def identify_again() -> Response:
    """The identification was somebody else's, who has used this computer before."""
    journey.pending_if_live()
    form = EmptyForm()
    if form.validate_on_submit():
        identifications.forget()
        keepsakes.forget_all()  # and what they have typed
        return way_to_identify()
    return form_page(render_template("pages/identify_again.html", form=form), form)


# -- to the provider and back


def _begin(
    form: Form, purpose: Purpose, current: CurrentSession | None, *, demanded: bool = False
) -> Response:
    client = g.get("client")
    site = rules().settings.site
    try:
        address = identification.begin(
            purpose,
            browser=browser_key(),
            language=language(),
            request_id=journey.request_id(),
            client_id=journey.client_id(),
            account_id=current.account_id if current else None,
            service_name=(client and client.text("client_name", language())) or localized(site.service),
        )
    except UpstreamUnavailable:
        form.busy = True
        form.refuse(_("The identification service does not answer right now. Please try again in a moment."))
        return _page(form, purpose, demanded=demanded)
    # No redirect: Chromium applies `form-action` to all of those that follow a form, and brokers go on to other hosts.
    return make_response(render_template("pages/identify_leaving.html", address=address))


def _page(form: Form, purpose: Purpose, *, demanded: bool = False) -> Response:
    page = render_template(
        "pages/identify.html",
        form=form,
        new=purpose is Purpose.REGISTRATION,
        demanded=demanded,
        keeps_code=rules().settings.upstream.store_identity_code,
        notice_text=_notice(session.pop("identify_notice", None), purpose),
    )
    return form_page(page, form)


def _notice(code: str | None, purpose: Purpose) -> str | None:
    """What happened to the identification before, in words."""
    new = purpose is Purpose.REGISTRATION
    texts = {
        Refusal.CANCELLED: _("Identification was interrupted. No account was created.")
        if new
        else _("Identification was interrupted. You can try again."),
        Refusal.FAILED: _("The identification did not succeed. You can try again."),
        Refusal.OTHER_LEVEL: _(
            "The identification was not a strong one. Choose another way to identify yourself."
        ),
        Refusal.NO_IDENTITY_CODE: _(
            "The identification told no Finnish personal identity code, which is needed. Contact the administrator."
        ),
        Refusal.STALE: _("The identification was too old. Identify yourself anew."),
    }
    return next((text for refusal, text in texts.items() if refusal.value == code), None)


@pages.get("/upstream/callback")
@limiter.limit(setting("login_per_address"))
def upstream_callback() -> Response:
    """The provider's answer. It counts once, and in the browser that asked alone."""
    if request.method == "HEAD":
        return Response(status=405, headers={"Allow": "GET"})
    outcome = identification.finish(request.args.to_dict(), browser=_known_browser())
    pending = _pending_of(outcome)
    if outcome.refusal in (Refusal.NOT_THIS_BROWSER, Refusal.EXPIRED):
        return error_page(
            400,
            _("The identification cannot go on"),
            _(
                "It was used already, took too long, or began in another browser. Start again from the service."
            ),
            client=registry.find(outcome.client_id),
        )
    if outcome.refusal is not None:
        session["identify_notice"] = outcome.refusal.value
        return _back_to_page(outcome)
    if outcome.purpose is Purpose.STEP_UP:
        return _stepped_up(outcome, pending)
    session[TICKET] = outcome.ticket
    found = identified()
    if found is not None and persons.account_of(found) is not None:
        return journey.see_other(f"/identify/known{_query(outcome)}")
    return journey.see_other(f"/create-account{_query(outcome)}")


def _known_browser() -> str | None:
    known = visitors.browser_id()
    return hash_token(known) if known else None


def _pending_of(outcome: Outcome) -> PendingRequest | None:
    if outcome.request_id is None:
        return None
    try:
        return journey.load(outcome.request_id)
    except journey.JourneyOver:
        return None


def _query(outcome: Outcome) -> str:
    """The request for which it was, live or over."""
    return f"?{urlencode({'request': outcome.request_id})}" if outcome.request_id else ""


def _back_to_page(outcome: Outcome) -> Response:
    page = "/identify/new" if outcome.purpose is Purpose.REGISTRATION else "/identify"
    return journey.see_other(f"{page}{_query(outcome)}")


def _stepped_up(outcome: Outcome, pending: PendingRequest | None) -> Response:
    current = visitors.current_session()
    client = registry.find(outcome.client_id)
    if current is None:
        return error_page(
            400, _("The identification cannot go on"), _("You have been logged out meanwhile."), client=client
        )
    proof_of_it = Proof(outcome.ticket or "", browser_key())
    if assurance.doubt(proof_of_it, current) is not None:
        session[IN_DOUBT] = {
            "ticket": outcome.ticket,
            "request": outcome.request_id,
            "client": outcome.client_id,
        }
        return journey.see_other("/identify/confirm")
    return _raised(outcome, pending, current)


@pages.route("/identify/confirm", methods=["GET", "POST"])
@limiter.limit(setting("login_per_address"), methods=["POST"])
def identify_confirm() -> Response:
    """The account's last name is another than that of the person: it is bound once they say that it is theirs."""
    waiting, current = session.get(IN_DOUBT), visitors.current_session()
    if waiting is None or current is None:
        return journey.see_other("/account")
    outcome = Outcome(
        Purpose.STEP_UP, request_id=waiting["request"], client_id=waiting["client"], ticket=waiting["ticket"]
    )
    pending = _pending_of(outcome)
    doubt = assurance.doubt(Proof(waiting["ticket"], browser_key()), current)
    form = EmptyForm()
    if form.validate_on_submit():
        if request.form.get("decision") == "confirm":
            session.pop(IN_DOUBT)
            return _raised(outcome, pending, current)
        identifications.forget()
        return _back_to_page(outcome) if pending else journey.see_other("/account")
    if doubt is None:
        identifications.forget()
        return journey.see_other("/account")
    page = render_template("pages/identify_confirm.html", form=form, doubt=doubt)
    return form_page(page, form)


def _raised(outcome: Outcome, pending: PendingRequest | None, current: CurrentSession) -> Response:
    client = registry.find(outcome.client_id)
    try:
        raised = assurance.step_up(Proof(outcome.ticket or "", browser_key()), current, visitors.visitor())
    except TicketGone:
        return error_page(
            400, _("The identification cannot go on"), _("Start again from the service."), client=client
        )
    except (OtherPerson, PersonHasAccount) as error:
        assurance.refused(current.account_id, error, visitors.visitor())
        return error_page(
            403, _("The identification does not fit your account"), _misfit(error), client=client
        )
    response = _onwards(outcome, pending)
    lifetime = rules().lifetimes.remembered_login if raised.remembered else None
    cookies.write_session(response, raised.session_token, rules().settings, lifetime)
    visitors.forget_current_session()
    return response


def _onwards(outcome: Outcome, pending: PendingRequest | None) -> Response:
    """Where a raised session goes on: its request may have expired while the person was away."""
    if pending is not None:
        return journey.resume(pending)
    if outcome.request_id is not None:
        return interrupted(registry.find(outcome.client_id))
    return journey.home()


def _misfit(error: OtherPerson | PersonHasAccount) -> str:
    if isinstance(error, OtherPerson):
        return _("You are logged in with somebody else's account. Log out, and log in with your own account.")
    return _(
        "You have another account, which is connected to your identity. Log out, and log in with that account."
    )


@pages.get("/identify/known")
def identify_known() -> Response:
    """The person has an account already: they are sure to be its owner, so they may be told."""
    found = identified()
    journey.pending_if_live()
    if found is None or persons.account_of(found) is None:
        return journey.see_other("/login")
    return make_response(render_template("pages/identify_known.html", form=EmptyForm(), again=again_url()))

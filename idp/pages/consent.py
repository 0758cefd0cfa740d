"""Questions between login and code: may the e-service have this, and as whom does the person go on."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, render_template, request
from flask_babel import gettext as _

from idp import clock
from idp.accounts import assurance
from idp.accounts.claims import IDENTITY_CODE_CLAIM
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.resources import owner_of
from idp.clients.targets import apis_among
from idp.grants import consents, requests
from idp.grants.claims_request import consent_scope
from idp.grants.requests import PendingRequest
from idp.pages import journey, pages
from idp.pages.forms import EmptyForm
from idp.sessions.browser import CurrentSession
from idp.texts import language
from idp.web import visitors
from idp.web.forms import form_page


@dataclass(frozen=True)
class ScopeView:
    title: str
    items: tuple[str, ...]


@pages.route("/consent", methods=["GET", "POST"])
def consent() -> Response:
    pending, session = _ready()
    apis = apis_among(pending.parameters.get("resource"))
    shown = " ".join([_scope(pending), *apis])
    form = EmptyForm()
    if form.validate_on_submit():
        if request.form.get("decision") != "allow":
            requests.answer(pending, "denied", session.sid)
            return journey.resume(pending)
        if request.form.get("shown") == shown:  # the client may have registered more meanwhile
            consents.give(session.account_id, pending.client_id, _scope(pending), clock.now(), apis)
            requests.answer(pending, "consent", session.sid)
            return journey.resume(pending)
    page = render_template(
        "pages/consent.html",
        form=form,
        scopes=scope_views(_scope(pending), registry.find(pending.client_id)),
        apis=api_names(apis),
        shown=shown,
        host=_host(pending),
    )
    return form_page(page, form)


@pages.route("/select-account", methods=["GET", "POST"])
def select_account() -> Response:
    pending, session = _ready()
    form = EmptyForm()
    if form.validate_on_submit():
        if request.form.get("decision") == "continue":
            requests.answer(pending, "select_account", session.sid)
            return journey.resume(pending)
        return journey.see_other(f"/login?request={pending.id}")
    page = render_template("pages/select_account.html", form=form)
    return form_page(page, form)


def _ready() -> tuple[PendingRequest, CurrentSession]:
    """The pending request and the live session that these pages need. Raises JourneyOver."""
    pending = journey.pending()
    session = visitors.current_session()
    if pending is None:
        raise journey.JourneyOver(journey.see_other("/account"))
    if session is None:
        raise journey.JourneyOver(journey.see_other(f"/login?request={pending.id}"))
    return pending, session


def _host(pending: PendingRequest) -> str | None:
    """Where the answer goes: of a client that registered itself all that is known for sure (RFC 7591 section 5)."""
    parts = urlsplit(str(pending.parameters.get("redirect_uri") or ""))
    return parts.hostname if parts.scheme in {"https", "http"} else None  # an app's own scheme names no host


def _scope(pending: PendingRequest) -> str:
    """What is asked for by scopes and by single claims, in scopes."""
    scope = str(pending.parameters["scope"])
    client = registry.find(pending.client_id)
    return consent_scope(scope, pending.parameters.get("claims"), client) if client else scope


def api_names(uris: Iterable[str]) -> list[str]:
    """What APIs are called in the person's language, each once; the address of one that has no name."""
    return list(dict.fromkeys(_api_name(uri) for uri in uris))


def _api_name(uri: str) -> str:
    api = registry.find(owner_of(uri))
    return (api.text("client_name", language()) if api else None) or uri


def scope_views(scope: str, client: Client | None) -> list[ScopeView]:
    """What each scope that the client asks for means to a person (ASVS 10.7.2)."""
    own = client.options.refresh_absolute_days if client else None
    days = own or rules().settings.tokens.refresh_absolute_days
    views = {
        "openid": ScopeView(_("Identifier"), (_("A code that tells you apart from other people"),)),
        "profile": ScopeView(_("Name"), (_("Name"), _("Username"), _("Language"))),
        "email": ScopeView(_("Email"), (_("Email address"),)),
        "phone": ScopeView(_("Phone"), (_("Phone number"),)),
        "address": ScopeView(
            _("Address information"), (_("Street address"), _("Postal code"), _("City (post office)"))
        ),
        "offline_access": ScopeView(
            _("Use when you are not there"),
            (_("The service may use this information for %(days)d days without a new login.", days=days),),
        ),
    }
    chosen = [view for name, view in views.items() if name in scope.split()]
    unasked = client is not None and client.first_party and assurance.may_get_identity_codes(client)
    if unasked or IDENTITY_CODE_CLAIM in scope.split():
        chosen.append(ScopeView(_("Identity"), (_("Personal identity code, after a strong identification"),)))
    return chosen

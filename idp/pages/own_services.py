"""Services that the person uses, and consents, which can be withdrawn (ASVS 10.7.3)."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response, request
from flask_babel import gettext as _

from idp import clock
from idp.accounts import overview
from idp.accounts.models import Account
from idp.clients import registry
from idp.clients.targets import apis_among
from idp.grants import consents
from idp.pages import own, pages
from idp.pages.consent import ScopeView, api_names, scope_views
from idp.sessions.browser import CurrentSession
from idp.texts import language
from idp.web.forms import EmptyForm


@dataclass(frozen=True)
class ServiceView:
    client_id: str
    name: str
    uri: str | None
    last_used: datetime
    scopes: list[ScopeView]
    apis: list[str]
    consent: bool


@pages.route("/account/services", methods=["GET", "POST"])
@own.needs_login
def account_services(_session: CurrentSession, account: Account) -> Response:
    form = EmptyForm()
    used = overview.services(account.id)
    wanted = request.form.get("withdraw")
    if form.validate_on_submit() and wanted in {service.client_id for service in used}:
        consents.withdraw(account.id, wanted, clock.now())
        return own.done("/account/services", _("The service no longer gets your information."))
    return own.page("account_services", form, services=[_view(service) for service in used])


def _view(service: overview.UsedService) -> ServiceView:
    client = registry.find(service.client_id)
    return ServiceView(
        client_id=service.client_id,
        name=(client.text("client_name", language()) if client else None) or service.client_id,
        uri=client.client_uri if client else None,
        last_used=service.last_used,
        scopes=scope_views(service.scope, client),
        apis=api_names(apis_among(service.resource)),
        consent=service.consent,
    )

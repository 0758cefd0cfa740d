"""Own data: read, downloaded, deleted (GDPR articles 15, 17, 20)."""

import json
from datetime import datetime

from flask import Response, make_response, render_template
from flask_babel import gettext as _

from idp import audit, clock
from idp.accounts import deletion, overview
from idp.accounts.models import Account
from idp.accounts.roles import LastAdmin
from idp.accounts.rules import rules
from idp.audit import Event
from idp.database import writing
from idp.pages import own, own_data_view, pages
from idp.pages.forms import DeletionForm
from idp.sessions.browser import CurrentSession
from idp.web import cookies, visitors
from idp.web.logout import frames_of


@pages.get("/account/data")
@own.needs_login_alone
def account_data(_session: CurrentSession, account: Account) -> Response:
    return own.page(
        "account_data",
        sections=own_data_view.sections(account),
        download_url="/account/data.json",
        delete_url="/account/delete",
    )


@pages.get("/account/data.json")
@own.needs_login_alone
def account_data_json(_session: CurrentSession, account: Account) -> Response:
    with writing() as session:
        audit.record(session, Event.DATA_DOWNLOADED, at=clock.now(), account_id=account.id)
    text = json.dumps(overview.everything(account), ensure_ascii=False, indent=2)
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="tunnus-data.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


@pages.route("/account/delete", methods=["GET", "POST"])
@own.needs_login_alone
def account_delete(session: CurrentSession, account: Account) -> Response:
    form = DeletionForm()
    if form.validate_on_submit() and own.confirmed(form, account) and (until := _order(form, account)):
        visitors.forget_current_session()
        frames = frames_of(session.sid)
        response = make_response(render_template("pages/account_deleting.html", until=until, frames=frames))
        cookies.erase_session(response, rules().settings)
        return response
    form.password.data = None
    return own.page("account_delete", form, days=rules().lifetimes.cancel_deletion.days)


def _order(form: DeletionForm, account: Account) -> datetime | None:
    try:
        return deletion.order(account, rules())
    except LastAdmin:
        form.refuse(_("You are the only administrator. Give somebody else the role first."))
        return None

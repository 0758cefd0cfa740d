"""Accepting a new version of the terms (R-23)."""

from flask import Response, render_template

from idp import clock
from idp.accounts import acceptance
from idp.database import db
from idp.pages import journey, pages
from idp.pages.forms import TermsForm
from idp.texts import language
from idp.web import visitors
from idp.web.forms import form_page


@pages.route("/accept-terms", methods=["GET", "POST"])
def accept_terms() -> Response:
    pending = journey.pending()
    session = visitors.current_session()
    if session is None:
        return journey.see_other(f"/login?request={pending.id}" if pending else "/login")
    form = TermsForm()
    if not session.terms_due or form.validate_on_submit():
        if session.terms_due:
            acceptance.accept(session.account_id, language(), clock.now())
        return journey.resume(pending) if pending else journey.home()
    first = acceptance.is_first(db.session(), session.account_id)
    page = render_template(
        "pages/accept_terms.html", form=form, terms_url="/terms", privacy_url="/privacy", first=first
    )
    return form_page(page, form)

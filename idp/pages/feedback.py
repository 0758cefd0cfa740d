"""Feedback, on accessibility for instance: mailed to the service's contact, answered by people."""

from flask import Response, make_response, render_template

from idp import clock
from idp.accounts.rules import rules
from idp.database import writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.pages import journey, pages
from idp.pages.forms import FeedbackForm
from idp.web.forms import form_page
from idp.web.limits import limiter, setting


@pages.route("/feedback", methods=["GET", "POST"])
@limiter.limit(setting("feedback_per_address"), methods=["POST"])
def feedback() -> Response:
    journey.pending_if_live()
    form = FeedbackForm()
    if form.validate_on_submit():
        _send(form.message.data or "", form.email.data or None, journey.client_id())
        return journey.see_other(f"/feedback/sent{journey.query()}")
    page = render_template("pages/feedback.html", form=form)
    return form_page(page, form)


def _send(message: str, sender: str | None, client_id: str | None) -> None:
    settings = rules().settings
    language = settings.site.languages[0]
    letter = compose(
        "feedback", settings.site.contact_email, language, message=message, sender=sender, client_id=client_id
    )
    with writing() as session:
        outbox.put(session, rules().vault, letter, clock.now())


@pages.get("/feedback/sent")
def feedback_sent() -> Response:
    journey.pending_if_live()
    return make_response(render_template("pages/feedback_sent.html"))

"""Logging out at the provider itself. An e-service logs out through /oauth2/logout."""

from flask import Response, make_response, render_template, request

from idp.pages import journey, pages
from idp.pages.forms import EmptyForm
from idp.web import keepsakes, visitors
from idp.web.forms import form_page
from idp.web.logout import log_out


@pages.route("/logout", methods=["GET", "POST"])
def logout() -> Response:
    if visitors.current_session() is None:
        if request.method == "POST":
            keepsakes.forget_all()  # the login ended by time, the person leaves now
            return journey.see_other("/logged-out")
        return journey.see_other("/login")
    form = EmptyForm()
    if form.validate_on_submit():
        return log_out("/logged-out")
    page = render_template("pages/log_out.html", form=form)
    return form_page(page, form)


@pages.get("/logged-out")
def logged_out() -> Response:
    return make_response(render_template("pages/logged_out.html", continue_url=None))

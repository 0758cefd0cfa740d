"""Terms of use, privacy notice, accessibility statement, cookies, and the login guide."""

from datetime import date

from flask import Response, abort, make_response, render_template, request
from flask_babel import format_date
from markupsafe import Markup

from idp.accounts.statements import statement
from idp.pages import journey, pages
from idp.texts import language
from idp.web import guide, headers

GUIDE_CACHE_SECONDS = 3600


@pages.get("/terms", defaults={"document": "terms"})
@pages.get("/privacy", defaults={"document": "privacy"})
@pages.get("/accessibility", defaults={"document": "accessibility"})
@pages.get("/cookies", defaults={"document": "cookies"})
@pages.get("/help", defaults={"document": "help"})
def show(document: str) -> Response:
    headers.keep_opener()  # read on the way to a login, and the same for everybody
    found = statement(document, language())
    page = render_template(
        "pages/help.html" if document == "help" else "pages/statement.html",
        title=found.title,
        html=Markup(found.html),  # noqa: S704  rendered by us, without raw HTML
        version=found.version,
        date=format_date(date.fromisoformat(found.date), "long"),
        document=document,
    )
    return make_response(page)


@pages.get("/help/guide.<code>.pdf")
def show_guide(code: str) -> Response:
    """The login guide as a PDF."""
    pdf = guide.pdf(code)
    if pdf is None:
        abort(404)
    response = Response(pdf, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{guide.file_name(code)}"'
    response.headers["Content-Language"] = code
    response.cache_control.public = True
    response.cache_control.max_age = GUIDE_CACHE_SECONDS
    response.add_etag()
    response.make_conditional(request)
    return response


@pages.get("/.well-known/change-password")
def change_password() -> Response:
    """Where password managers send people (W3C, A Well-Known URL for Changing Passwords)."""
    return journey.see_other("/forgot")

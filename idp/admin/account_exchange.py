"""Many accounts at once: from a CSV file, checked first; and all of them into one."""

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import ngettext

from idp import clock
from idp.accounts import exchange
from idp.accounts.exchange import (
    MAX_BYTES,
    MAX_ROWS,
    Fault,
    NotATable,
    Result,
    TooManyRows,
    Unreadable,
    WrongColumns,
)
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.forms import ImportForm
from idp.web.downloads import download
from idp.web.forms import EmptyForm


@admin.route("/accounts/import", methods=["GET", "POST"])
def accounts_import() -> Response:
    request.max_content_length = request.max_form_memory_size = 3 * MAX_BYTES  # nothing of it was read yet
    form = ImportForm()
    results: list[Result] = []
    imported = False
    if form.validate_on_submit():
        text = _text(form)
        try:
            if "do_import" in request.form:
                results = [*exchange.bring_in(text, shared.actor(), rules(), limit=MAX_ROWS)]
                imported = True
            else:
                results = exchange.check(text, shared.actor(), rules(), limit=MAX_ROWS)
                form.text.data = text
        except Unreadable as error:
            form.file.errors = [_what_is_wrong(error)]
    good = sum(result.fault is None for result in results)
    return shared.page(
        "accounts_import",
        form,
        needed=exchange.NEEDED,
        optional=exchange.OPTIONAL,
        languages_allowed=", ".join(rules().settings.site.languages),
        max_rows=MAX_ROWS,
        results=[(r.line, r.email, r.name, r.fault and _fault_text(r.fault)) for r in results],
        summary=_summary(good, imported=imported) if results else None,
        good=good,
        bad=len(results) - good,
        imported=imported,
    )


def _text(form: ImportForm) -> str:
    if "do_import" in request.form:
        return form.text.data or ""
    return exchange.decoded(form.file.data.read(MAX_BYTES)) if form.file.data else ""


def _summary(good: int, *, imported: bool) -> str:
    if imported:
        return ngettext("%(num)d account has been created.", "%(num)d accounts have been created.", good)
    return ngettext("%(num)d account can be created.", "%(num)d accounts can be created.", good)


def _what_is_wrong(error: Unreadable) -> str:
    match error:
        case NotATable():
            return _("Choose a CSV file that has a heading and at least one row.")
        case WrongColumns(missing=missing) if missing:
            return _("Add the missing columns: %(columns)s.", columns=", ".join(missing))
        case WrongColumns(unknown=unknown):
            return _("Remove the columns that cannot be imported: %(columns)s.", columns=", ".join(unknown))
        case TooManyRows():
            return _("Split the file: at most %(number)d rows can be imported at once.", number=MAX_ROWS)
        case _:
            return _("The file could not be read.")


def _fault_text(fault: Fault) -> str:
    texts = {
        Fault.ADDRESS: _("The email address is not in the form name@example.com."),
        Fault.NAME: _("The first or the last name is missing or has other characters than names have."),
        Fault.DETAILS: _("Check the phone number, the postal code and the address."),
        Fault.LANGUAGE: _("The service does not have that language."),
        Fault.CELLS: _("The row has more cells than there are columns."),
        Fault.TWICE: _("The same address is on an earlier row."),
        Fault.EXISTS: _("There is already an account for the address."),
    }
    return texts[fault]


@admin.route("/accounts/export", methods=["GET", "POST"])
def accounts_export() -> Response:
    form = EmptyForm()
    if form.validate_on_submit():
        lines = exchange.written_out(shared.actor())
        return download(lines, "text/csv", f"tunnus-accounts-{clock.now():%Y-%m-%d}.csv")
    return shared.page("accounts_export", form)

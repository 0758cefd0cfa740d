"""The statements in force, in each language, and how many have accepted which version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import Response

from idp.accounts import accepted, statements
from idp.accounts.rules import rules
from idp.accounts.statements import Statement
from idp.admin import admin, shared
from idp.texts import LANGUAGE_NAMES, language


@dataclass(frozen=True)
class TextView:
    language: str
    language_name: str
    url: str
    version: str
    date: date
    sha256: str
    placeholder: bool


@dataclass(frozen=True)
class AcceptedView:
    version: str
    number: int
    in_force: bool


@dataclass(frozen=True)
class DocumentView:
    title: str
    texts: list[TextView]
    accepted: list[AcceptedView] | None  # None: nobody is asked to


@admin.get("/terms")
def terms() -> Response:
    counted = accepted.lately()
    return shared.page(
        "terms",
        documents=[_view(name, counted.numbers.get(name, {})) for name in statements.DOCUMENTS],
        counted_at=counted.at,
    )


def _view(document: str, numbers: Mapping[str, int]) -> DocumentView:
    texts = [statements.statement(document, code) for code in rules().settings.site.languages]
    in_force = {text.version for text in texts}
    accepted = None
    if document in statements.ACCEPTED:
        versions = sorted(numbers.keys() | in_force, reverse=True)
        accepted = [AcceptedView(v, numbers.get(v, 0), v in in_force) for v in versions]
    title = statements.statement(document, language()).title
    return DocumentView(title, [_text(document, text) for text in texts], accepted)


def _text(document: str, text: Statement) -> TextView:
    return TextView(
        language=text.language,
        language_name=LANGUAGE_NAMES.get(text.language, text.language),
        url=f"/{document}?lang={text.language}",
        version=text.version,
        date=date.fromisoformat(text.date),
        sha256=text.sha256,
        placeholder=text.placeholder,
    )

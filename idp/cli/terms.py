"""Terms of use, privacy notice and the other statements: which are in force, and what they still lack."""

from collections.abc import Iterable
from typing import Any

import click

from idp.cli.context import Context, cell, folding, json_option, pass_context, put_json


@click.group()
def terms() -> None:
    """Terms of use, privacy notice and the other statements."""


@terms.command("list")
@json_option
@pass_context
def list_terms(context: Context, as_json: bool) -> None:
    """Show every text, and how many accounts have accepted its version."""
    with context.app():
        documents = list(_documents(context.settings.site.languages))
    if as_json:
        put_json(documents)
        return
    table = folding("document", "language", "version", "date", "sha256", "accepted by", "")
    for document in documents:
        for text in document["texts"]:
            row = (document["document"], text["language"], text["version"], text["date"], text["sha256"][:12])
            table.add_row(
                *map(cell, (*row, text["accepted"], "placeholder" if text["placeholder"] else None))
            )
    context.console.print(table)


def _documents(languages: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Needs an app context. `accepted` is None where nobody is asked to accept."""
    from idp.accounts import statements
    from idp.accounts.accepted import count

    numbers = count()
    for document in statements.DOCUMENTS:
        texts = []
        for language in languages:
            text = statements.statement(document, language)
            accepted = (
                numbers.get(document, {}).get(text.version, 0) if document in statements.ACCEPTED else None
            )
            texts.append(
                {
                    "language": language,
                    "title": text.title,
                    "version": text.version,
                    "date": text.date,
                    "sha256": text.sha256,
                    "placeholder": text.placeholder,
                    "accepted": accepted,
                }
            )
        yield {"document": document, "texts": texts}


@terms.command()
@json_option
@pass_context
def check(context: Context, as_json: bool) -> None:
    """Say which texts are missing in a language, still placeholders or unfinished; exit 1 when there are any."""
    from idp.accounts import statements

    findings = statements.check(context.settings)
    if as_json:
        put_json(
            [
                {
                    "document": f.document,
                    "language": f.language,
                    "flaw": f.flaw.name.lower(),
                    "text": f.flaw.value,
                }
                for f in findings
            ]
        )
    for finding in () if as_json else findings:
        context.console.print(cell(f"{finding.file} {finding.flaw.value}"))
    if findings:
        raise SystemExit(1)
    if not as_json:
        context.console.print("Every text is there in every language.")

"""Accounts in CSV files: many made at once, all written out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp.cli.accounts import account
from idp.cli.context import Context, cell, folding, json_option, pass_context, put_json
from idp.cli.faults import one_line
from idp.cli.files import written
from idp.cli.progress import progress_bar

if TYPE_CHECKING:
    from idp.accounts.exchange import Result

SHOWN = 200  # rows with a fault, in a table


@account.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would become of each row, and make nothing.")
@json_option
@pass_context
def import_accounts(context: Context, file: Path, dry_run: bool, as_json: bool) -> None:
    """Make an account of each row of a CSV file, and mail its owner a link for the first password.

    Needed columns: email, given_name, family_name; possible: phone, street_address, postal_code, locality, language.
    Rows with a fault are left out and said; after a correction the same file can be imported again. Exit code 1 if
    there is one.
    """
    from idp.accounts import exchange
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules

    text = exchange.decoded(file.read_bytes())
    with context.app(), one_line():
        if dry_run:
            results = exchange.check(text, OPERATOR, rules())
        else:
            total = exchange.number_of_rows(text)
            results = list(_taken(exchange.bring_in(text, OPERATOR, rules()), total))
    good = sum(result.fault is None for result in results)
    if as_json:
        put_json([_values(result) for result in results])
    else:
        bad = [result for result in results if result.fault is not None]
        if bad:
            _print(context, bad)
        what = "could be made" if dry_run else "are made"
        context.console.print(f"{good} accounts {what}, {len(bad)} rows have a fault.")
    if good < len(results):
        raise SystemExit(1)


def _taken(results: Iterator["Result"], total: int) -> Iterator["Result"]:
    with progress_bar("Making accounts") as advance:
        for done, result in enumerate(results, 1):
            advance(done, total)
            yield result


def _values(result: "Result") -> dict[str, object]:
    return {
        "line": result.line,
        "email": result.email,
        "name": result.name,
        "fault": result.fault.name.lower() if result.fault else None,
    }


def _print(context: Context, bad: list["Result"]) -> None:
    table = folding("row", "email", "name", "fault")
    for result in bad[:SHOWN]:
        table.add_row(
            *map(cell, (result.line, result.email, result.name, result.fault and result.fault.value))
        )
    context.console.print(table)
    if len(bad) > SHOWN:
        context.console.print(f"... and {len(bad) - SHOWN} more; --json tells all.")


@account.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_context
def export_accounts(context: Context, file: Path, force: bool) -> None:
    """Write every account into a CSV FILE that you alone can read; "-" is standard output."""
    from idp.accounts import exchange
    from idp.accounts.models import Account
    from idp.accounts.roles import OPERATOR
    from idp.database import db

    with context.app(), written(file, force) as put, progress_bar("Writing") as advance:
        total = db.session.query(Account).count()
        lines = exchange.written_out(OPERATOR)
        for done, line in enumerate(lines):
            put(line)
            if done % 1000 == 0:
                advance(done, total)
        advance(total, total)
    if str(file) != "-":
        context.console.print(f"{file} holds {total} accounts.", markup=False)

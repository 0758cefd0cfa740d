"""Everything into one file, and out of it again."""

import sys
from pathlib import Path

import click

from idp.cli.context import Context, pass_context
from idp.cli.progress import progress_bar


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_context
def export_all(context: Context, file: Path, *, force: bool) -> None:
    """Write everything (accounts, clients, keys, audit log, ...) into FILE; "-" is standard output.

    The server may run meanwhile: the file shows one moment. It is readable by its owner alone, and of use only with
    `secrets.keys`; keep these apart from it.
    """
    from idp import transfer
    from idp.accounts.roles import OPERATOR

    to_output = str(file) == "-"
    if not to_output and file.exists() and not force:
        raise click.ClickException(f"{file} exists already; --force replaces it")
    with context.app(), progress_bar("Writing") as progress:
        try:
            if to_output:
                transfer.write_to(sys.stdout.buffer, OPERATOR, progress)
                return
            rows = transfer.write(file, OPERATOR, progress)
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from error
    context.console.print(f"{file} holds {rows} rows, as they stood at this moment.", markup=False)
    context.console.print(
        "As a backup it is of use only with secrets.keys: keep a copy of these, somewhere else."
    )


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@pass_context
def import_all(context: Context, file: Path) -> None:
    """Put everything of FILE, which `idp export` has written, into a database without accounts and clients.

    "-" is standard input.
    Its tables must be there (`idp migrate`), of the version that wrote the file. All of it comes in, or nothing.
    """
    from idp import transfer
    from idp.accounts.roles import OPERATOR
    from idp.cli.doctor import Schema, schema

    with context.app(), progress_bar("Reading") as progress:
        if schema() is not Schema.CURRENT:
            raise click.ClickException(
                "the database's tables are not of this version; run `idp migrate` first"
            )
        try:
            if str(file) == "-":
                header = transfer.read_from(sys.stdin.buffer, OPERATOR, progress)
            else:
                header = transfer.read(file, OPERATOR, progress)
        except transfer.NotEmpty as error:
            raise click.ClickException(
                "the database has accounts or clients already; it is left as it is"
            ) from error
        except transfer.UnusableFile as error:
            raise click.ClickException(str(error)) from error
    context.console.print(f"{header.total} rows are in, as they stood at {header.at:%Y-%m-%d %H:%M} UTC.")
    if header.issuer != context.settings.issuer:
        context.console.print(
            f"They come from {header.issuer}; this installation is {context.settings.issuer}: clients must be told."
        )

"""Setting an installation up and running it: init, migrate, serve, purge."""

import json
import signal
import sys
from pathlib import Path

import click

from idp.cli.context import Context, pass_context
from idp.cli.progress import progress_bar

_TEMPLATE = """\
# Written by `idp init`. Every setting is explained in default.toml; only what differs stands here.
mode = "production"
issuer = {issuer}

{folders}[secrets]
# Keep this secret, and a copy of it in a safe place: signing keys in the database are encrypted with it.
keys = [{key}]

[database]
# Empty: SQLite in the data folder. For more than one machine: "postgresql+psycopg://user@host/database".
url = {database}

[server]
# Reverse proxies in front that set X-Forwarded-For and X-Forwarded-Proto.
trusted_proxies = 1

[site]
name = {{ fi = {name}, sv = {name}, en = {name} }}
contact_email = {contact}

[mail]
host = {smtp}
port = 587
username = ""
password = ""
security = "starttls"
sender = {sender}
"""


_ASKED = {
    "issuer": "Public address of the provider (https://...)",
    "name": "Name of the municipality",
    "contact": "E-mail address of the service's administrator",
    "smtp": "SMTP server",
}


@click.command()
@click.option(
    "--issuer", help="Public address of the provider, such as https://tunnus.example.fi; asked for."
)
@click.option("--name", help="Name of the municipality, as residents know it; asked for.")
@click.option("--contact", help="E-mail address of the service's administrator; asked for.")
@click.option("--smtp", help="Name of the mail server; asked for.")
@click.option(
    "--database", default="", help="postgresql+psycopg://...; without it SQLite in the data folder."
)
@click.option("--data", help="Folder of the embedded database and of nothing else; var here unless given.")
@click.option(
    "--admin",
    help="E-mail address of the first administrator: makes the tables and prints their one-time link.",
)
@click.option("--output", type=click.Path(path_type=Path), default=Path("tunnus.toml"), show_default=True)
@pass_context
def init(
    context: Context,
    /,
    database: str,
    data: str | None,
    admin: str | None,
    output: Path,
    **given: str | None,
) -> None:
    """Write a settings file with a fresh secret key; with --admin, make the tables and invite the first administrator.

    A file that is there is left as it is: with --admin the rest is still done, as far as it is missing.
    """
    if output.exists():
        if admin is None:
            raise click.ClickException(
                f"{output} exists already; it is left as it is. `idp init --admin EMAIL` goes on from there"
            )
        context.console.print(f"{output} exists already; it is left as it is.", markup=False)
    else:
        values = {name: given[name] or click.prompt(asked) for name, asked in _ASKED.items()}
        if admin is None and sys.stdin.isatty():
            asked = "E-mail address of the first administrator (empty: later)"
            admin = click.prompt(asked, default="", show_default=False)
        _write_settings(output, database, data, values)
        context.console.print(f"[bold]{output}[/bold] is written, readable by you alone.")
    fault = None
    if admin:
        try:
            _first_admin(Context([output], context.console), admin)
        except click.ClickException as error:  # the settings stay, and the next try goes on from there
            fault = error
    _say_what_is_next(context, None if fault else admin)
    if fault is not None:
        raise fault


def _write_settings(output: Path, database: str, data: str | None, given: dict[str, str]) -> None:
    from idp.crypto import random_token

    domain = given["contact"].partition("@")[2] or "example.fi"
    values = {
        **given,
        "issuer": given["issuer"].rstrip("/"),
        "key": random_token(),
        "database": database,
        "sender": f"noreply@{domain}",
    }
    # A JSON string is a TOML string.
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    folders = f"[folders]\ndata = {json.dumps(data, ensure_ascii=False)}\n\n" if data else ""
    text = _TEMPLATE.format(folders=folders, **quoted)
    output.touch(mode=0o600)
    output.write_text(text, encoding="utf-8")


def _first_admin(context: Context, email: str) -> None:
    """Make the tables of a database that has none, give the role, and print the link if the account needs one."""
    from idp.cli.admin import invited, say_link
    from idp.cli.doctor import Schema, schema

    with context.app():
        found = schema()
        if found is Schema.NONE:
            upgrade_database()
            context.console.print("The tables are made.")
        elif found is not Schema.CURRENT:
            raise click.ClickException(f"the database's tables are {found.value}")
        link = invited(context, email, "admin")
    if link is None:
        context.console.print(f"{email} has the role admin, and logs in with the account's own password.")
    else:
        context.console.print()
        say_link(context, email, "admin", link)


def _say_what_is_next(context: Context, admin: str | None) -> None:
    """`admin`: who is invited, by which the tables are there too."""
    steps = [
        ("write your terms, privacy notice and other statements", "docs/operators.md, Statements"),
        ("idp doctor", "checks everything"),
        ("idp serve", "starts the provider"),
    ]
    if not admin:
        steps = [
            ("idp migrate", "makes the tables"),
            ("idp admin invite EMAIL --role admin", "prints the first administrator's one-time link"),
            *steps,
        ]
    context.console.print("\nNext:")
    for number, (step, told) in enumerate(steps, 1):
        context.console.print(f"  {number}. {step}\n     {told}", markup=False)


@click.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database's tables to this version. Make a backup first: there is no way back but to restore it."""
    from idp.cli.doctor import Schema, schema

    with context.app():
        if schema() is Schema.OLDER:
            context.console.print(
                "The tables are of an older version and are changed now. There is no way back but a backup "
                "(`idp export FILE`, with the version before; or pg_dump)."
            )
        upgrade_database()
    context.console.print("The database is at this version's tables.")


def upgrade_database() -> None:
    """Run the migrations, quietly. Needs an app context."""
    import logging

    from idp import database

    logging.getLogger("alembic").setLevel(logging.WARNING)
    database.upgrade()


@click.command()
@pass_context
def serve(context: Context) -> None:
    """Start the provider: workers, outbox, everything. Stops at Ctrl-C or SIGTERM."""
    # Until the server heeds it: the first process of a container would not even be ended by it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from idp import keys, serving
    from idp.accounts.rules import rules
    from idp.cli.doctor import Schema, schema

    with context.app(for_people=True):
        found = schema()
        if found in (Schema.OLDER, Schema.NONE):
            raise click.ClickException(f"the database's tables are {found.value}; run `idp migrate`")
        keys.ensure(rules().vault)
    server = context.settings.server
    context.console.print(f"Tunnus serves {context.settings.issuer} on {server.host}:{server.port}")
    serving.serve(context.settings, context.files)


@click.command()
@pass_context
def purge(context: Context) -> None:
    """Delete what is over: expired links, requests, sessions and tokens, accounts never activated."""
    from idp import housekeeping

    with context.app():
        with progress_bar("Deleting") as progress:
            deleted = housekeeping.purge(progress)
        for table, count in deleted.items():
            if count:
                context.console.print(f"{table}: {count}")
    context.console.print("Done.")

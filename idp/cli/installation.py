"""Setting an installation up and running it: init, migrate, serve, purge."""

import json
import sys
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from idp.cli.context import Context, pass_context

_TEMPLATE = """\
# Written by `idp init`. Every setting is explained in default.toml; only what differs stands here.
mode = "production"
issuer = {issuer}

[secrets]
# Keep this secret, and a copy of it in a safe place: signing keys in the database are encrypted with it.
keys = [{key}]

[database]
# Empty: SQLite in the data folder. For more than one machine: "postgresql+psycopg://user@host/database".
url = ""

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


@click.command()
@click.option(
    "--issuer", prompt="Public address of the provider (https://...)", help="https://tunnus.example.fi"
)
@click.option("--name", prompt="Name of the municipality", help="As residents know it.")
@click.option("--contact", prompt="E-mail address of the service's administrator")
@click.option("--smtp", prompt="SMTP server", help="Name of the mail server.")
@click.option("--admin", help="E-mail address of the first administrator of /admin/.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("tunnus.toml"), show_default=True)
@pass_context
def init(
    context: Context, issuer: str, name: str, contact: str, smtp: str, admin: str | None, output: Path
) -> None:
    """Write a settings file with a fresh secret key, and invite the first administrator."""
    from idp.crypto import random_token

    if output.exists():
        raise click.ClickException(f"{output} exists already; it is left as it is")
    if admin is None and sys.stdin.isatty():
        asked = "E-mail address of the first administrator (empty: later)"
        admin = click.prompt(asked, default="", show_default=False)
    domain = contact.partition("@")[2] or "example.fi"
    values = {
        "issuer": issuer.rstrip("/"),
        "key": random_token(),
        "name": name,
        "contact": contact,
        "smtp": smtp,
        "sender": f"noreply@{domain}",
    }
    # A JSON string is a TOML string.
    text = _TEMPLATE.format(**{key: json.dumps(value, ensure_ascii=False) for key, value in values.items()})
    output.touch(mode=0o600)
    output.write_text(text, encoding="utf-8")
    context.console.print(f"[bold]{output}[/bold] is written, readable by you alone. Next:")
    context.console.print(
        "  1. write your terms, privacy notice and accessibility statement (docs/operators)\n"
        "  2. idp migrate   makes the tables\n"
        "  3. idp doctor    checks everything\n"
        "  4. idp serve     starts the provider"
    )
    who = admin or "EMAIL"
    if not admin or not _invite_first_admin(Context([output], context.console), admin):
        context.console.print(
            f"  5. idp admin invite {who} --role admin\n"
            "                   prints the link with which the first administrator sets a password"
        )


def _invite_first_admin(context: Context, email: str) -> bool:
    """Print the link, if the database of these settings has its tables already. Whether it has."""
    from idp.cli.admin import invited, say_link
    from idp.cli.doctor import Schema, schema

    try:
        url = make_url(context.settings.database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            return False
        with context.app():
            if schema() is not Schema.CURRENT:
                return False
            link = invited(context, email, "admin")
    except click.ClickException:  # the statements are not written yet, the database is not there
        return False
    if link is not None:
        context.console.print()
        say_link(context, email, "admin", link)
    return True


@click.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database's tables to this version."""
    with context.app():
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
    from idp import keys, serving
    from idp.accounts.rules import rules
    from idp.cli.doctor import Schema, schema

    with context.app():
        if schema() is Schema.OLDER:
            raise click.ClickException("the database's tables are older than this version; run `idp migrate`")
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
        for table, count in housekeeping.purge().items():
            if count:
                context.console.print(f"{table}: {count}")
    context.console.print("Done.")

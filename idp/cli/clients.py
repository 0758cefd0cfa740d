"""Client apps: listed and shown, and tokens for those that register themselves. client_changes.py changes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from idp.cli.context import Context, cell, folding, json_option, pass_context, put_json
from idp.cli.faults import one_line

if TYPE_CHECKING:
    from idp.clients.managed import ManagedClient


@click.group()
def client() -> None:
    """E-services that delegate their login to this provider."""


@client.command("list")
@click.option("--search", default="", help="Part of a name, a client_id or a redirect URI.")
@json_option
@pass_context
def list_clients(context: Context, search: str, as_json: bool) -> None:
    """Show the registered clients."""
    with context.app():
        found = list(_all(search))
        if as_json:
            put_json([values(each) for each in found])
            return
    table = folding("client_id", "name", "authentication", "redirect URIs", "enabled")
    for each in found:
        row = (each.client_id, each.name, each.method, each.metadata.get("redirect_uris", ()), each.enabled)
        table.add_row(*map(cell, row))
    context.console.print(table)
    if search and not found:
        context.console.print("No client has that in its name, client_id or redirect URIs.")


def _all(search: str) -> Iterator["ManagedClient"]:
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed

    after = None
    while True:
        page = managed.search(search, OPERATOR, after=after)
        yield from page.clients
        after = page.after
        if after is None:
            return


def values(each: "ManagedClient") -> dict[str, Any]:
    """All that is registered of a client, with its defaults. Secrets are stored hashed, and in here is none."""
    from idp.clients.metadata import with_defaults

    until = each.previous_secret_until
    return {
        "client_id": each.client_id,
        **with_defaults(each.metadata),
        "first_party": each.first_party,
        "pkce_required": each.pkce_required,
        "resource_server": each.resource_server,
        "options": each.options.values(),
        "previous_secret_until": until.isoformat() if until else None,
        "registered_itself": each.registered_itself,
        "enabled": each.enabled,
        "created_at": each.created_at.isoformat(),
        "updated_at": each.updated_at.isoformat(),
    }


@client.command()
@click.argument("client_id")
@json_option
@pass_context
def show(context: Context, client_id: str, as_json: bool) -> None:
    """Print all that is registered of a client, with its defaults: to a terminal as a table, else as JSON."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed

    with context.app(), one_line(client_id=client_id):
        found = values(managed.look(client_id, OPERATOR))
    if context.wants_json(as_json):
        put_json(found)
        return
    table = folding("what", "value")
    for name, value in {**found, **found["options"]}.items():
        if name != "options" and value is not None:
            table.add_row(name, cell(value))
    context.console.print(table)


@client.command()
@click.argument("client_id")
@json_option
@pass_context
def check(context: Context, client_id: str, as_json: bool) -> None:
    """Say what will fail at a client, and what might be better. Asks its hosts. Exit code 1 if something will fail."""
    from idp.accounts.roles import OPERATOR
    from idp.cli.findings import sentence
    from idp.clients import checking

    with context.app(), one_line(client_id=client_id):
        found = checking.check(client_id, OPERATOR)
    if as_json:
        put_json([{"level": each.level, "code": each.code, "about": each.about} for each in found])
    elif not found:
        context.console.print("Nothing to say: it is fine.")
    else:
        table = folding("level", "what", "where")
        for each in found:
            table.add_row(*map(cell, (each.level, sentence(each.code), each.about)))
        context.console.print(table)
    if any(each.level == checking.Level.ERROR for each in found):
        raise SystemExit(1)


@client.command("registration-token")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long it is good."
)
@click.option("--note", required=True, help="Who gets it and what for; at most 100 characters.")
@click.option("--withdraw", is_flag=True, help="End every token of that note instead.")
@pass_context
def registration_token(context: Context, days: int, note: str, withdraw: bool) -> None:
    """Make a token with which apps can register themselves (RFC 7591). It is shown once."""
    from idp.clients import dynamic
    from idp.database import writing

    if len(note) > 100:
        raise click.BadParameter("at most 100 characters", param_hint="--note")
    with context.app(), writing() as session:
        if withdraw:
            click.echo(f"{dynamic.withdraw_initial_tokens(session, note)} withdrawn")
            return
        token = dynamic.new_initial_token(session, note, timedelta(days=days))
    click.echo(token)
    if context.settings.clients.dynamic_registration == "off":
        click.echo('It opens nothing yet: set clients.dynamic_registration to "token".', err=True)

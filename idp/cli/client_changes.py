"""Client apps made, changed, given new secrets, disabled, deleted."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp.cli.client_options import (
    describing,
    given_metadata,
    given_options,
    given_switches,
    with_refresh_tokens,
)
from idp.cli.clients import client, values
from idp.cli.context import Context, json_option, note_option, pass_context, put_json
from idp.cli.faults import one_line

if TYPE_CHECKING:
    from idp.clients.managed import ManagedClient
    from idp.clients.management import Wanted

CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


@client.command()
@describing
@click.option(
    "--machine", is_flag=True, help="A program that acts in its own name: the grant client_credentials alone."
)
@click.option("--client-id", help="Choose the identifier yourself.")
@json_option
@pass_context
def create(
    context: Context, /, as_json: bool, client_id: str | None, machine: bool, logo: Path | None, **given: Any
) -> None:
    """Register a client. The secret is shown once."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import management
    from idp.clients.management import Wanted

    if machine and given["grants"]:
        raise click.UsageError("--machine is a grant of its own; leave --grant out")
    if client_id is not None and not CLIENT_ID.fullmatch(client_id):
        message = "at most 50 letters, digits, '.', '_' and '-', the first a letter or digit"
        raise click.BadParameter(message, param_hint="--client-id")
    wanted = Wanted(_new_metadata(given, machine), given_options(given), **given_switches(given))
    with context.app(), one_line(client_id=client_id or ""):
        _must_be_picture(logo)
        made, secret = management.create(wanted, OPERATOR, client_id=client_id)
        _put_logo(made.client_id, logo)
    if as_json:
        click.echo(json.dumps({"client_id": made.client_id, "client_secret": secret}))
        return
    context.console.print(f"client_id      [bold]{made.client_id}[/bold]")
    if secret:
        _say_secret(context, secret)
    context.console.print(f"issuer         {context.settings.issuer}")


def _new_metadata(given: dict[str, Any], machine: bool) -> dict[str, Any]:
    default_grants = ["client_credentials"] if machine else ["authorization_code"]
    metadata = {"grant_types": default_grants, **given_metadata(given)}
    if "scope" not in metadata and metadata["grant_types"] != ["client_credentials"]:
        metadata["scope"] = "openid profile email"
    return with_refresh_tokens(metadata, given["refresh_tokens"] or None)


@client.command()
@click.argument("client_id")
@describing
@click.option(
    "--unset",
    multiple=True,
    metavar="MEMBER",
    help="A member of the metadata or an option to take away, by the name that `show` tells. May be repeated.",
)
@json_option
@pass_context
def update(
    context: Context,
    /,
    client_id: str,
    as_json: bool,
    logo: Path | None,
    unset: tuple[str, ...],
    **given: Any,
) -> None:
    """Change a client; what is not given stays. What may be repeated replaces what was there.

    A member that is null in --metadata is taken away (RFC 7396). Another method of authentication may need a new
    secret, which is shown once. What it was given ends when people have another sub there than before: by another
    subject type, or by another host of a pairwise client.
    """
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management

    with context.app(), one_line(client_id=client_id):
        _must_be_picture(logo)
        before = managed.look(client_id, OPERATOR)
        wanted = _changed(before, given, unset)
        after, secret = management.change(client_id, wanted, OPERATOR, version=before.version)
        if logo is not None:
            after = _put_logo(client_id, logo)
    if as_json:
        put_json({**values(after), "client_secret": secret})
        return
    same = after.wanted_values() == before.wanted_values()
    context.console.print(f"{client_id} is as it was." if same else f"{client_id} is changed.")
    if after.named_by != before.named_by:
        context.console.print(
            "People have other identifiers there now: all logins and permissions have ended."
        )
    if secret:
        _say_secret(context, secret)


def _changed(before: "ManagedClient", given: dict[str, Any], unset: tuple[str, ...]) -> "Wanted":
    from idp.clients.management import Wanted

    now = {"first_party", "pkce_required", "resource_server"}
    metadata = with_refresh_tokens({**before.metadata, **given_metadata(given)}, given["refresh_tokens"])
    options = {**before.options.values(), **given_options(given)}
    for member in unset:
        if member in now or (member not in before.metadata and member not in before.options.values()):
            raise click.ClickException(f"--unset: the client has no member {member} that could be taken away")
        metadata.pop(member, None)
        options.pop(member, None)
    switches = {name: getattr(before, name) for name in sorted(now)}
    return Wanted(metadata, options, **(switches | given_switches(given)))


def _must_be_picture(logo: Path | None) -> None:
    """Before anything is changed. Raises InvalidClientMetadata."""
    from idp.clients import management

    if logo:
        management.picture_type(logo.read_bytes())


def _put_logo(client_id: str, logo: Path | None) -> Any:
    from idp.accounts.roles import OPERATOR
    from idp.clients import management

    return management.put_logo(client_id, logo.read_bytes(), OPERATOR) if logo else None


def _say_secret(context: Context, secret: str) -> None:
    context.console.print(f"client_secret  [bold]{secret}[/bold]  (shown only now)")


# -- secrets


@client.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap-days",
    type=click.IntRange(0, 90),
    default=7,
    show_default=True,
    help="How long the secret before stays good beside the new one.",
)
@json_option
@pass_context
def rotate_secret(context: Context, client_id: str, overlap_days: int, as_json: bool) -> None:
    """Give a client a new secret, which is shown once. One before the last is good no more."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management

    with context.app(), one_line(client_id=client_id):
        secret = management.rotate_secret(client_id, OPERATOR, overlap=timedelta(days=overlap_days))
        until = managed.look(client_id, OPERATOR).previous_secret_until
    if as_json:
        told = {
            "client_id": client_id,
            "client_secret": secret,
            "previous_secret_until": until.isoformat() if until else None,
        }
        click.echo(json.dumps(told))
        return
    _say_secret(context, secret)
    if until:
        context.console.print(f"The one before is good until {until:%Y-%m-%d %H:%M} UTC.")
    else:
        context.console.print("The one before is good no more.")


@client.command("end-previous-secret")
@click.argument("client_id")
@pass_context
def end_previous_secret(context: Context, client_id: str) -> None:
    """Let only the newest secret be good from now on."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management

    with context.app(), one_line(client_id=client_id):
        if managed.look(client_id, OPERATOR).previous_secret_until is None:
            raise click.ClickException(f"{client_id} has no previous secret that is still good")
        management.end_previous_secret(client_id, OPERATOR)
    context.console.print("Only the newest secret is good now.")


# -- the client itself


@client.command()
@click.argument("client_id")
@note_option
@pass_context
def disable(context: Context, client_id: str, note: str) -> None:
    """Let nobody log in to a client, and revoke all that it was given."""
    _switch(client_id, note, context, enabled=False)
    context.console.print(f"Nobody can log in to {client_id} any more; its tokens are revoked.")


@client.command()
@click.argument("client_id")
@note_option
@pass_context
def enable(context: Context, client_id: str, note: str) -> None:
    """Let people log in to a disabled client again."""
    _switch(client_id, note, context, enabled=True)
    context.console.print(f"People can log in to {client_id} again.")


def _switch(client_id: str, note: str, context: Context, *, enabled: bool) -> None:
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management

    with context.app(), one_line(client_id=client_id):
        if managed.look(client_id, OPERATOR).enabled is enabled:
            raise click.ClickException(f"{client_id} is {'enabled' if enabled else 'disabled'} already")
        (management.enable if enabled else management.disable)(client_id, OPERATOR, note)


@client.command("end-self-registration")
@click.argument("client_id")
@note_option
@pass_context
def end_self_registration(context: Context, client_id: str, note: str) -> None:
    """Let a client that registered itself be changed by administrators alone. It stays when nobody uses it."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management

    with context.app(), one_line(client_id=client_id):
        if not managed.look(client_id, OPERATOR).registered_itself:
            raise click.ClickException(f"{client_id} cannot change itself")
        management.end_self_registration(client_id, OPERATOR, note)
    context.console.print(f"{client_id} cannot change itself any more.")


@client.command()
@click.argument("client_id")
@note_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def delete(context: Context, client_id: str, note: str, yes: bool) -> None:
    """Delete a client with all that it was given. The audit log keeps what it was."""
    from idp.accounts.roles import OPERATOR
    from idp.clients import managed, management
    from idp.database import db

    with context.app(), one_line(client_id=client_id):
        found = managed.look(client_id, OPERATOR)
        db.session.close()  # nobody waits for an answer
        if not yes:
            click.confirm(f"Delete {client_id} ({found.name!a}) for good?", abort=True)
        management.delete(client_id, OPERATOR, note, version=found.version)
    context.console.print(f"{client_id} is deleted.")

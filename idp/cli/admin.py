"""Administrators: invite, list, remove. Their pages are at /admin/."""

import json

import click

from idp.cli.context import Context, folding, pass_context
from idp.cli.faults import one_line

ROLES = ("admin", "clients", "support", "auditor")


@click.group()
def admin() -> None:
    """Administrators: accounts with a role."""


@admin.command()
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="admin: everything; clients: client apps; support: residents' accounts; auditor: reads.",
)
@click.option("--language", default=None, help="fi, sv or en; the site's first language unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def invite(context: Context, email: str, role: str, language: str | None, as_json: bool) -> None:
    """Give somebody a role. Who has no account gets one, and a link that sets its password is printed, once."""
    with context.app():
        link = invited(context, email, role, language)
    if as_json:
        click.echo(json.dumps({"email": email, "role": role, "link": link}))
    elif link is None:
        context.console.print(
            f"{email} has the role {role} now, and logs in with the account's own password."
        )
    else:
        say_link(context, email, role, link)


def invited(context: Context, email: str, role: str, language: str | None = None) -> str | None:
    """Give the role; the one-time link if the account needs one. Needs an app context."""
    from idp.accounts import invitations
    from idp.accounts.creation import CannotCreate
    from idp.accounts.roles import OPERATOR, Role
    from idp.accounts.rules import rules
    from idp.policy.usernames import EmailAddress, NotAnEmailAddress

    languages = context.settings.site.languages
    if language is not None and language not in languages:
        raise click.BadParameter(f"must be one of {', '.join(languages)}", param_hint="--language")
    try:
        return invitations.give_role(
            EmailAddress.parse(email),
            Role(role),
            OPERATOR,
            language or languages[0],
            rules(),
            hand_over=True,
        )
    except NotAnEmailAddress as error:
        raise click.ClickException(f"{email}: {error}") from error
    except CannotCreate as error:
        raise click.ClickException(str(error)) from error


def say_link(context: Context, email: str, role: str, link: str) -> None:
    """Print the link for whoever is to open it."""
    say = context.console.print
    say(f"{email} has the role {role} now. The password is set with this link, once, within three days:\n")
    click.echo(f"  {link}\n")
    say("Hand it to them alone: who opens it has the account. `idp admin invite` makes a new one.")


@admin.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def list_admins(context: Context, as_json: bool) -> None:
    """Show every account that has a role."""
    from idp.accounts import roles

    with context.app():
        found = roles.holders()
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "sub": holder.id,
                        "username": holder.username,
                        "name": holder.name,
                        "roles": list(holder.roles),
                        "status": holder.status,
                        "since": holder.since.isoformat(),
                    }
                    for holder in found
                ]
            )
        )
        return
    table = folding("username", "name", "roles", "status", "since")
    for holder in found:
        since = f"{holder.since:%Y-%m-%d}"
        table.add_row(holder.username, holder.name, ", ".join(holder.roles), holder.status, since)
    context.console.print(table)


@admin.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="This role alone; without it all of them.")
@pass_context
def remove(context: Context, name: str, role: str | None) -> None:
    """Take roles away. The account stays, as a resident's."""
    from idp.accounts import roles
    from idp.accounts.roles import OPERATOR, Role
    from idp.cli.accounts import id_of

    with context.app(), one_line(name=name):
        account_id = id_of(name)
        had = roles.of(account_id)
        taken = {Role(role)} if role else set(had)
        if not had & taken:
            what = f"the role {role}" if role else "a role"
            raise click.ClickException(f"{name} has not {what} (see `idp admin list`)")
        roles.choose(account_id, had - taken, OPERATOR)
    context.console.print(f"{name} no longer has: {', '.join(sorted(had & taken))}")

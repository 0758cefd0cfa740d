"""Accounts: create, unlock."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from idp.cli.context import Context, json_object, pass_context


@click.group()
def account() -> None:
    """People's accounts."""


@account.command()
@click.option("--email", help="Address, and username of a resident.")
@click.option("--authority", metavar="NAME", help="An authority's account, with a username of its own form.")
@click.option("--given-name", default="")
@click.option("--family-name", default="")
@click.option("--language", default=None, help="fi, sv or en; the site's first language unless given.")
@click.option(
    "--activated", is_flag=True, help="Usable at once. Without it the activation message is mailed."
)
@click.option("--terms-accepted", is_flag=True, help="Accepted elsewhere; otherwise the first login asks.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
@click.option(
    "--claims", type=click.Path(exists=True, path_type=Path), help="JSON file with more standard claims."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def create(context: Context, /, as_json: bool, **options: Any) -> None:
    """Create a resident's account, or an authority's."""
    from idp.accounts.creation import CannotCreate
    from idp.policy.usernames import EmailAddress, NotAnEmailAddress

    password = sys.stdin.read().rstrip("\r\n")
    if not options["email"] and not options["authority"]:
        raise click.UsageError("--email is needed, or --authority")
    with context.app():
        try:
            email = EmailAddress.parse(options["email"]) if options["email"] else None
            identifier = _create(context, email, password, options)
        except NotAnEmailAddress as error:
            raise click.ClickException(f"--email: {error}") from error
        except CannotCreate as error:
            raise click.ClickException(str(error)) from error
    usable = options["activated"] or options["authority"]
    if as_json:
        click.echo(json.dumps({"sub": identifier if usable else None}))
    elif usable:
        context.console.print(f"Account {identifier} can log in now.")
    else:
        context.console.print("The activation message is on its way.")


def _create(context: Context, email: Any, password: str, options: dict[str, Any]) -> str:
    from idp.accounts import creation
    from idp.accounts.rules import rules

    names = {
        "given_name": options["given_name"],
        "family_name": options["family_name"],
        "language": options["language"] or context.settings.site.languages[0],
    }
    if options["authority"]:
        return creation.create_authority(options["authority"], password, email=email, rules=rules(), **names)
    claims = json_object(options["claims"], "--claims")
    return creation.create_resident(
        email,
        password,
        activated=options["activated"],
        terms_accepted=options["terms_accepted"],
        claims=claims,
        rules=rules(),
        **names,
    )


@account.command()
@click.argument("name")
@pass_context
def unlock(context: Context, name: str) -> None:
    """Lift the lock of an account, given by its username or address."""
    from idp.accounts import support
    from idp.accounts.registration import find_account
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.database import db
    from idp.policy.usernames import comparison_key

    with context.app():
        found = find_account(db.session(), comparison_key(name))
        if found is None:
            raise click.ClickException(f"there is no account {name}")
        support.unlock(found.id, OPERATOR, rules())
    context.console.print("Its owner can log in now.")

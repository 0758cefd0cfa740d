"""What an operator does to an account. Nobody here chooses or sees a password."""

from collections.abc import Callable
from typing import Any

import click

from idp.cli.accounts import account, id_of
from idp.cli.context import Context, note_option, pass_context
from idp.cli.faults import one_line

DETAILS = {
    "given_name": "First name.",
    "family_name": "Last name.",
    "phone": "Phone number; empty: none.",
    "street_address": "Street address; empty: none.",
    "postal_code": "Postal code; empty: none.",
    "locality": "City; empty: none.",
}
FAULTS = {
    "given_name": "must be letters, spaces, hyphens and apostrophes",
    "family_name": "must be letters, spaces, hyphens and apostrophes",
    "phone": "must be a phone number such as 040 123 4567",
    "street_address": "must be one line of at most 200 characters",
    "postal_code": "must be letters, digits, spaces and hyphens",
    "locality": "must be one line of at most 100 characters",
}


@account.command()
@click.argument("name")
@pass_context
def unlock(context: Context, name: str) -> None:
    """Lift the lock of an account, and forget its wrong passwords."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules

    with context.app(), one_line(name=name):
        support.unlock(id_of(name), OPERATOR, rules())
    context.console.print("Its owner can log in now.")


@account.command()
@click.argument("name")
@pass_context
def logout(context: Context, name: str) -> None:
    """End all sessions, remembered logins and tokens of an account."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=name):
        ended = support.log_out_everywhere(id_of(name), OPERATOR)
    context.console.print(f"Logged out everywhere ({ended} sessions); tokens are revoked.")


@account.command()
@click.argument("name")
@click.option(
    "--secure",
    is_flag=True,
    help="Somebody else may know the password: none works from now on, and everything ends at once.",
)
@pass_context
def reset(context: Context, name: str, secure: bool) -> None:
    """Mail the owner a link with which they choose a new password."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules

    with context.app(), one_line(name=name):
        address = support.start_reset(id_of(name), OPERATOR, rules(), secure=secure)
    context.console.print(f"The link is on its way to {address}.", markup=False)


@account.command("resend-invitation")
@click.argument("name")
@pass_context
def resend_invitation(context: Context, name: str) -> None:
    """Mail a new link for the first password to somebody who was invited and has not come yet."""
    from idp.accounts import invitations
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules

    with context.app(), one_line(name=name):
        address = invitations.resend(id_of(name), OPERATOR, rules())
    context.console.print(f"The link is on its way to {address}.", markup=False)


@account.command()
@click.argument("name")
@note_option
@pass_context
def disable(context: Context, name: str, note: str) -> None:
    """Let nobody log in to an account, and end everything that is logged in."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=name):
        support.disable(id_of(name), OPERATOR, note)
    context.console.print("Nobody can log in to it any more.")


@account.command()
@click.argument("name")
@note_option
@pass_context
def enable(context: Context, name: str, note: str) -> None:
    """Let the owner of a disabled account log in again."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=name):
        support.enable(id_of(name), OPERATOR, note)
    context.console.print("Its owner can log in again.")


@account.command()
@click.argument("name")
@note_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def delete(context: Context, name: str, note: str, yes: bool) -> None:
    """Close an account. It is erased after two weeks, in which its owner can keep it by a mailed link."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.database import db

    with context.app(), one_line(name=name):
        identifier = id_of(name)
        db.session.close()  # nobody waits for an answer
        if not yes:
            click.confirm(f"Close the account {name}?", abort=True)
        until = support.delete(identifier, OPERATOR, note, rules())
    context.console.print(f"It is closed, and will be erased on {until:%Y-%m-%d}.")


@account.command()
@click.argument("name")
@note_option
@pass_context
def keep(context: Context, name: str, note: str) -> None:
    """Cancel the deletion of an account, whoever ordered it."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=name):
        support.keep(id_of(name), OPERATOR, note)
    context.console.print("It is kept; its owner can log in.")


@account.command()
@click.argument("name")
@note_option
@pass_context
def release(context: Context, name: str, note: str) -> None:
    """Undo that an account is connected to a certain person's identity: it was the wrong one."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=name):
        support.release_identity(id_of(name), OPERATOR, note)
    context.console.print("It is nobody's in particular; the next strong identification connects it anew.")


# -- details


def _details(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in reversed(DETAILS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, help=text)(command)
    return command


@account.command()
@click.argument("name")
@_details
@note_option
@pass_context
def edit(context: Context, /, name: str, note: str, **given: str | None) -> None:
    """Correct names and contact details; what is not given stays."""
    from idp.accounts import helping, support
    from idp.accounts.details import Details
    from idp.accounts.roles import OPERATOR

    changes = {each: " ".join(value.split()) or None for each, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing is given that could be changed")
    for each, value in changes.items():
        if not _is_good(each, value):
            raise click.BadParameter(FAULTS[each], param_hint=f"--{each.replace('_', '-')}")
    with context.app(), one_line(name=name):
        found = helping.find(id_of(name))
        now = {each: getattr(found, each) for each in DETAILS}
        support.edit(found.id, Details(**(now | changes)), OPERATOR, note)
    context.console.print("Corrected.")


def _is_good(name: str, value: str | None) -> bool:
    from idp.policy import details

    if value is None:
        return name not in ("given_name", "family_name")
    checks: dict[str, Callable[[str], bool]] = {
        "given_name": details.is_name,
        "family_name": details.is_name,
        "phone": details.is_phone,
        "street_address": lambda text: len(text) <= details.MAX_STREET,
        "postal_code": details.is_postal_code,
        "locality": lambda text: len(text) <= details.MAX_NAME,
    }
    return details.is_plain_line(value) and checks[name](value)


@account.command("change-address")
@click.argument("name")
@click.argument("email")
@note_option
@pass_context
def change_address(context: Context, name: str, email: str, note: str) -> None:
    """Mail a link to a new address, which takes effect when it is used."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.policy.usernames import EmailAddress

    with context.app(), one_line(name=name):
        support.change_address(id_of(name), EmailAddress.parse(email), OPERATOR, note, rules())
    context.console.print(f"The link is on its way to {email}.", markup=False)


# -- registrations that were never activated


@account.command("resend-activation")
@click.argument("identifier")
@pass_context
def resend_activation(context: Context, identifier: str) -> None:
    """Mail a new activation link to a registration, by the identifier that `search` tells."""
    from idp.accounts import waiting
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules

    with context.app(), one_line(name=identifier):
        address = waiting.resend(identifier, OPERATOR, rules())
    context.console.print(f"The link is on its way to {address}.", markup=False)


@account.command("remove-registration")
@click.argument("identifier")
@pass_context
def remove_registration(context: Context, identifier: str) -> None:
    """Erase a registration that waits to be activated, by the identifier that `search` tells."""
    from idp.accounts import waiting
    from idp.accounts.roles import OPERATOR

    with context.app(), one_line(name=identifier):
        waiting.remove(identifier, OPERATOR)
    context.console.print("It is erased.")

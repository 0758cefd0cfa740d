"""Accounts: found, shown, created. What is done to one is account_acts.py's, files are account_files.py's."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from idp.cli.context import Context, cell, folding, json_object, json_option, pass_context, put_json
from idp.cli.faults import one_line


@click.group()
def account() -> None:
    """People's accounts. NAME is a username, an e-mail address or an identifier (`sub`)."""


def id_of(name: str) -> str:
    """The id of the account that `name` means. Raises NoSuchAccount. Needs an app context."""
    from idp.accounts import helping
    from idp.accounts.registration import find_account
    from idp.database import db
    from idp.policy.usernames import comparison_key

    found = find_account(db.session(), comparison_key(name)) or helping.find(name)
    return found.id


@account.command()
@click.argument("text")
@click.option("--all", "everybody", is_flag=True, help="All who are found, not only the first 50.")
@json_option
@pass_context
def search(context: Context, text: str, everybody: bool, as_json: bool) -> None:
    """Find people by the beginning of a name, an address or a username, or by the identifier."""
    from idp.accounts import searching
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.admin.api.account_models import FoundEntry

    with context.app(), one_line():
        found = searching.search(text, rules(), by=OPERATOR)
        entries = list(found.entries)
        while everybody and found.next is not None:
            found = searching.search(text, rules(), by=OPERATOR, after=found.next)
            entries.extend(found.entries)
    if as_json:
        put_json([FoundEntry.of(entry).model_dump(mode="json") for entry in entries])
    elif not entries:
        context.console.print("Nobody is found. Only beginnings of names and addresses are searched.")
    else:
        table = folding("id", "name", "username", "state", "created")
        for entry in entries:
            row = (entry.id, entry.name, entry.username, state_text(entry.state), entry.created_at)
            table.add_row(*map(cell, row))
        context.console.print(table)
    if found.next is not None:
        click.echo(
            f"There are more than these {len(entries)}: search for more of the name, or --all.", err=True
        )


def state_text(state: Any) -> str:
    """How it stands with an account, with the moment that belongs to it."""
    from idp.accounts.standing import Standing

    until = f" {state.moment.astimezone():%Y-%m-%d %H:%M}" if state.moment else ""
    joined = {
        Standing.ACTIVE: "in use",
        Standing.LOCKED: "locked until",
        Standing.LOCKED_ON_DEVICE: "locked on a device of its owner until",
        Standing.DISABLED: "disabled",
        Standing.CLOSING: "will be erased on",
        Standing.INVITED: "invited, no password yet; the link works until",
        Standing.INVITATION_EXPIRED: "invited, no password yet; the link expired on"
        if until
        else "invited, no password yet; no link works",
        Standing.WAITING: "not activated; the link works until",
        Standing.LINK_EXPIRED: "not activated; the link expired on"
        if until
        else "not activated; no link works",
    }
    return joined[state.standing] + until


def _letter_text(letter: Any) -> str:
    """When the newest message was written, and what has become of it."""
    became = {
        "waiting": "waits to be sent",
        "taken": "the mail server has taken it",
        "undeliverable": "could not be delivered",
    }[letter.state]
    reply = f" ({letter.reply})" if letter.reply else ""
    return f"{letter.written_at.astimezone():%Y-%m-%d %H:%M}, {became}{reply}"


def _told(name: str) -> tuple[Any, Any]:
    """What is told of the account or registration that `name` means, and how it stands. Needs an app context."""
    from idp.accounts import roles, standing, support, waiting
    from idp.accounts.roles import OPERATOR, NoSuchAccount
    from idp.accounts.rules import rules
    from idp.admin.api.account_models import Account, Registration

    try:
        found = support.look(id_of(name), OPERATOR)
    except NoSuchAccount:
        registration = waiting.look(name, OPERATOR)
        state = standing.of_registrations([registration.id])[registration.id]
        return Registration.of(registration, state), state
    state = standing.of_accounts([found], rules())[found.id]
    return Account.of(found, state, roles.of(found.id)), state


@account.command()
@click.argument("name")
@json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show an account, or a registration by the identifier that `search` tells. That you looked is in the audit log."""
    from idp.accounts.rules import rules
    from idp.admin.api.account_models import LatestMessage
    from idp.mail import outbox

    with context.app(), one_line(name=name):
        told, state = _told(name)
        letter = LatestMessage.of(outbox.latest(rules().vault, told.email) if told.email else None)
    if as_json:
        put_json({**told.model_dump(mode="json"), "latest_message": letter.model_dump(mode="json")})
        return
    table = folding("what", "value")
    for member in type(told).model_fields:
        value = getattr(told, member)
        if value not in (None, []):
            table.add_row(member, cell(state_text(state) if member == "state" else value))
    if letter.written_at:
        table.add_row("latest message", cell(_letter_text(letter)))
    context.console.print(table)


@account.command()
@click.argument("name")
@json_option
@pass_context
def history(context: Context, name: str, as_json: bool) -> None:
    """Show the newest events of an account."""
    from idp.accounts import support
    from idp.accounts.roles import OPERATOR
    from idp.cli.audit import print_events

    with context.app(), one_line(name=name):
        found = support.look(id_of(name), OPERATOR)
        print_events(context, support.history(found.id), as_json)


@account.command()
@click.option("--email", help="Address, and username of a resident.")
@click.option("--authority", metavar="NAME", help="An authority's account, with a username of its own form.")
@click.option("--given-name", default="")
@click.option("--family-name", default="")
@click.option("--language", default=None, help="fi, sv or en; the site's first language unless given.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input. Without it a link is mailed, with which the owner chooses one.",
)
@click.option(
    "--activated",
    is_flag=True,
    help="With a password: usable at once. Otherwise the activation message is mailed.",
)
@click.option("--terms-accepted", is_flag=True, help="Accepted elsewhere; otherwise the first login asks.")
@click.option(
    "--claims", type=click.Path(exists=True, path_type=Path), help="JSON file with more standard claims."
)
@json_option
@pass_context
def create(context: Context, /, as_json: bool, password_stdin: bool, **options: Any) -> None:
    """Create a resident's account, or an authority's."""
    from idp.policy.usernames import EmailAddress, NotAnEmailAddress

    if not options["email"] and not options["authority"]:
        raise click.UsageError("--email is needed, or --authority")
    if not password_stdin:
        _must_be_plain(options)
    _must_be_kept(options)
    password = sys.stdin.read().rstrip("\r\n") if password_stdin else None
    try:
        email = EmailAddress.parse(options["email"]) if options["email"] else None
    except NotAnEmailAddress as error:
        raise click.ClickException(f"--email: {error}") from error
    with context.app(), one_line():
        identifier = _create(context, email, password, options)
    usable = options["activated"] or options["authority"]
    if as_json:
        click.echo(json.dumps({"sub": identifier if usable or password is None else None}))
    elif password is None:
        context.console.print(f"Account {identifier} is made; the link for its password is on its way.")
    elif usable:
        context.console.print(f"Account {identifier} can log in now.")
    else:
        context.console.print("The activation message is on its way.")


def _must_be_plain(options: dict[str, Any]) -> None:
    """What goes with a password alone, and what an invitation needs."""
    if not options["email"]:
        raise click.UsageError("--email is needed for the link, or --password-stdin")
    for name in ("activated", "terms_accepted", "claims"):
        if options[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --password-stdin")


def _must_be_kept(options: dict[str, Any]) -> None:
    """What only an account that exists at once can have."""
    for name in ("terms_accepted", "claims"):
        if options[name] and (options["authority"] or not options["activated"]):
            raise click.UsageError(f"--{name.replace('_', '-')} goes with a resident's --activated")


def _create(context: Context, email: Any, password: str | None, options: dict[str, Any]) -> str:
    from idp.accounts import creation, invitations
    from idp.accounts.details import Details
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.policy.details import is_name

    languages = context.settings.site.languages
    language = options["language"] or languages[0]
    names = {"given_name": options["given_name"], "family_name": options["family_name"]}
    authority = options["authority"]
    if password is None:
        if not all(map(is_name, names.values())):
            raise click.UsageError("--given-name and --family-name are needed, as people write them")
        if language not in languages:
            raise click.BadParameter(f"must be one of {', '.join(languages)}", param_hint="--language")
        details = Details(**names, phone=None, street_address=None, postal_code=None, locality=None)
        if authority:
            return invitations.create_authority(authority, email, details, OPERATOR, language, rules())
        return invitations.create_resident(email, details, OPERATOR, language, rules())
    if authority:
        return creation.create_authority(
            authority, password, email=email, rules=rules(), language=language, **names
        )
    claims = json_object(options["claims"], "--claims")
    return creation.create_resident(
        email,
        password,
        activated=options["activated"],
        terms_accepted=options["terms_accepted"],
        claims=claims,
        rules=rules(),
        language=language,
        **names,
    )

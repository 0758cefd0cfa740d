"""What the domain refuses, in one line for the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def one_line(*, client_id: str = "", name: str = "") -> Iterator[None]:
    """Within it, what the domain refuses ends the command; `client_id` or `name` is what it was asked about."""
    try:
        yield
    except Exception as error:
        message = message_of(error, client_id, name)
        if message is None:
            raise
        raise click.ClickException(message) from error


def message_of(error: Exception, client_id: str = "", name: str = "") -> str | None:
    """The line; None for what is a fault of the program."""
    return _about_a_client(error, client_id) or _about_an_account(error, name)


def _about_a_client(error: Exception, client_id: str) -> str | None:
    from idp.clients.managed import NoSuchClient
    from idp.clients.management import ClientChangedMeanwhile, ClientExists, NoSecret, WrongState
    from idp.clients.metadata import InvalidClientMetadata

    match error:
        case NoSuchClient():
            return f"no client has the client_id {client_id} (see `idp client list`)"
        case ClientExists():
            return f"a client has the client_id {client_id} already"
        case ClientChangedMeanwhile():
            return "somebody else has changed the client at this moment; look at it and try again"
        case NoSecret():
            return f"{client_id} has no secret: it authenticates without one"
        case WrongState():
            return f"not possible as it stands with the client (see `idp client show {client_id}`)"
        case InvalidClientMetadata():
            return str(error)
    return None


def _about_an_account(error: Exception, name: str) -> str | None:
    from idp.accounts.creation import CannotCreate
    from idp.accounts.exchange import Unreadable
    from idp.accounts.hashing import HashingBusy
    from idp.accounts.helping import NoAddress, NotNow
    from idp.accounts.roles import LastAdmin, NoSuchAccount
    from idp.accounts.searching import TooShort
    from idp.policy.searching import SHORTEST
    from idp.policy.usernames import NotAnEmailAddress

    match error:
        case NoSuchAccount():
            return f"there is no account {name} (see `idp account search`)"
        case CannotCreate() | NotAnEmailAddress():
            return str(error)
        case LastAdmin():
            return "that is the only admin; invite another one first (`idp admin invite ... --role admin`)"
        case NotNow():
            return f"not possible as it stands with the account (see `idp account show {name}`)"
        case NoAddress():
            return "the account has no e-mail address to which a link could go"
        case TooShort():
            return f"search for at least {SHORTEST} characters"
        case Unreadable():
            return _unreadable(error)
        case HashingBusy():
            return "the machine is busy hashing passwords; try again in a moment"
    return None


def _unreadable(error: Exception) -> str:
    from idp.accounts.exchange import NEEDED, OPTIONAL, WrongColumns

    if not isinstance(error, WrongColumns):
        return "the file is no CSV table with a heading and at least one row"
    if error.missing:
        return f"columns are missing: {', '.join(error.missing)} (needed: {', '.join(NEEDED)})"
    return f"columns that cannot be imported: {', '.join(error.unknown)} (possible: {', '.join(NEEDED + OPTIONAL)})"

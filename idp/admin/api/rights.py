"""Who may do what at the API: the whole of it, on one screen.

A scope gives its role (managed.ADMIN_SCOPES), for as long as the client that holds the token has it. What is not
here is there for nobody. The domain judges again: which clients and accounts, and whether just now.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CLIENTS, ACCOUNTS, AUDIT = "admin:clients", "admin:accounts", "admin:audit"


@dataclass(frozen=True)
class Right:
    """`scopes`: any of them is enough; none: everybody may, without a token."""

    scopes: tuple[str, ...] = ()


_EVERYBODY = Right()
_READ_CLIENTS = Right((CLIENTS, AUDIT))
_CHANGE_CLIENTS = Right((CLIENTS,))
_READ_ACCOUNTS = Right((ACCOUNTS, AUDIT))
_HELP = Right((ACCOUNTS,))
_READ_AUDIT = Right((AUDIT,))

RIGHTS: Mapping[str, Right] = {
    # operation                     # who
    "openapi": _EVERYBODY,
    # client apps
    "list_clients": _READ_CLIENTS,
    "create_client": _CHANGE_CLIENTS,
    "read_client": _READ_CLIENTS,
    "replace_client": _CHANGE_CLIENTS,
    "change_client": _CHANGE_CLIENTS,
    "delete_client": _CHANGE_CLIENTS,
    "disable_client": _CHANGE_CLIENTS,
    "enable_client": _CHANGE_CLIENTS,
    "end_self_registration": _CHANGE_CLIENTS,
    "rotate_secret": _CHANGE_CLIENTS,
    "end_previous_secret": _CHANGE_CLIENTS,
    "put_logo": _CHANGE_CLIENTS,
    "remove_logo": _CHANGE_CLIENTS,
    "check_client": _READ_CLIENTS,
    # residents' accounts
    "search_accounts": _READ_ACCOUNTS,
    "invite_account": _HELP,
    "read_account": _READ_ACCOUNTS,
    "read_history": _READ_ACCOUNTS,
    "read_latest_message": _READ_ACCOUNTS,
    "resend_invitation": _HELP,
    "change_account": _HELP,
    "change_address": _HELP,
    "unlock_account": _HELP,
    "disable_account": _HELP,
    "enable_account": _HELP,
    "start_reset": _HELP,
    "log_out_everywhere": _HELP,
    "delete_account": _HELP,
    "keep_account": _HELP,
    "release_identity": _HELP,
    "import_accounts": _HELP,
    "export_accounts": _HELP,
    # registrations that wait
    "read_registration": _READ_ACCOUNTS,
    "read_latest_message_of_registration": _READ_ACCOUNTS,
    "resend_activation": _HELP,
    "remove_registration": _HELP,
    # what has happened
    "list_events": _READ_AUDIT,
}

"""Who may open which page: the whole of it, on one screen.

An admin may open all of them. A page that is not here opens for nobody. What a use case allows is judged again there
(idp/accounts/roles.py): this table decides what is shown, the domain what is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.accounts.roles import Actor, Role
from idp.admin.client_fields import GROUPS


@dataclass(frozen=True)
class Right:
    """`roles`: any of them opens the page. `fresh`: after the password has been asked for again, not long ago.

    `fresh_groups`: so for these groups of a client app's settings. `form_waits`: a form that comes too late waits for
    the password; not where the answer is a file, after which the browser would still show the page that asks.
    """

    roles: tuple[Role, ...] = ()
    fresh: bool = False
    fresh_groups: frozenset[str] = frozenset()
    form_waits: bool = True

    def permits(self, actor: Actor) -> bool:
        return actor.has(*self.roles)

    def is_fresh(self, group: str | None) -> bool:
        """Whether the password comes first, of a page that may be one group of settings."""
        return self.fresh or group in self.fresh_groups


_ANYBODY = Right(tuple(Role))
_READ_ACCOUNTS = Right((Role.SUPPORT, Role.AUDITOR))
_HELP = Right((Role.SUPPORT,))
_HELP_FRESH = Right((Role.SUPPORT,), fresh=True)
_HELP_FILE = Right((Role.SUPPORT,), fresh=True, form_waits=False)
_READ_CLIENTS = Right((Role.CLIENTS, Role.AUDITOR))
_CLIENTS_BY_GROUP = Right(
    (Role.CLIENTS,), fresh_groups=frozenset(key for key, group in GROUPS.items() if group.fresh)
)
_CLIENTS_FRESH = Right((Role.CLIENTS,), fresh=True)
_READ = Right((Role.AUDITOR,))
_READ_FILE = Right((Role.AUDITOR,), fresh=True, form_waits=False)
_ADMIN_FRESH = Right(fresh=True)

RIGHTS: Mapping[str, Right] = {
    # page (the endpoint)           # who
    "dashboard": _ANYBODY,
    "confirm": _ANYBODY,
    # residents' accounts
    "accounts": _READ_ACCOUNTS,
    "account": _READ_ACCOUNTS,
    "account_history": _READ_ACCOUNTS,
    "account_edit": _HELP,
    "account_email": _HELP_FRESH,
    "account_unlock": _HELP,
    "account_sessions": _HELP,
    "account_invite": _HELP,
    "account_reset": _HELP_FRESH,
    "account_disable": _HELP_FRESH,
    "account_enable": _HELP_FRESH,
    "account_delete": _HELP_FRESH,
    "account_keep": _HELP_FRESH,
    "account_release": _HELP_FRESH,
    "registration": _READ_ACCOUNTS,
    "registration_resend": _HELP,
    "registration_remove": _HELP_FRESH,
    "authority_new": _HELP_FRESH,
    "accounts_import": _HELP_FRESH,
    "accounts_export": _HELP_FILE,
    # client apps
    "clients": _READ_CLIENTS,
    "client": _READ_CLIENTS,
    "client_check": _READ_CLIENTS,
    "client_settings": _READ_CLIENTS,
    "client_edit": _CLIENTS_BY_GROUP,
    "client_new": _CLIENTS_FRESH,
    "client_rotate": _CLIENTS_FRESH,
    "client_end_previous": _CLIENTS_FRESH,
    "client_end_self_registration": _CLIENTS_FRESH,
    "client_disable": _CLIENTS_FRESH,
    "client_enable": _CLIENTS_FRESH,
    "client_delete": _CLIENTS_FRESH,
    # what has happened
    "audit": _READ,
    "audit_export": _READ_FILE,
    # the installation
    "terms": _READ,
    "keys": _READ,
    "keys_rotate": _ADMIN_FRESH,
    # administrators
    "team": _READ,
    "team_invite": _ADMIN_FRESH,
    "team_member": _ADMIN_FRESH,
}


def permits(endpoint: str, actor: Actor) -> bool:
    """Whether the page of an endpoint is there for somebody."""
    right = RIGHTS.get(endpoint)
    return right is not None and right.permits(actor)

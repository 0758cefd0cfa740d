"""The pages for administrators. One module per subject; templates/admin holds what they look like.

Who may open what is one table, `RIGHTS` in rights.py; `access.guard` holds it before every view, and a page that the
table does not know opens for nobody.
"""

from flask import Blueprint

from idp.web import languages

admin = Blueprint("admin", __name__)

# The modules add their views to the blueprint.
from idp.admin import (  # noqa: E402
    access,
    account_actions,
    account_exchange,
    accounts,
    audit,
    client_acts,
    client_check,
    client_edit,
    client_new,
    clients,
    dashboard,
    keys,
    registrations,
    team,
    terms,
)

__all__ = [
    "access",
    "account_actions",
    "account_exchange",
    "accounts",
    "admin",
    "audit",
    "client_acts",
    "client_check",
    "client_edit",
    "client_new",
    "clients",
    "dashboard",
    "keys",
    "registrations",
    "team",
    "terms",
]

languages.follow_choices(admin)
admin.before_request(access.guard)

"""The administrators' REST API: the use cases of their pages, for programs that have an access token of ours.

Nothing here reads a cookie. Who may what is one table, rights.py; what there is is declared by `@operation` over each
view (operations.py), of which openapi.py makes the document. The domain judges all of it again.
"""

from flask import Blueprint

api = Blueprint("admin_api", __name__)

# The modules add their views to the blueprint.
from idp.admin.api import (  # noqa: E402
    account_files,
    accounts,
    audit,
    client_check,
    client_secrets,
    clients,
    openapi,
    problems,
    registrations,
)

__all__ = [
    "account_files",
    "accounts",
    "api",
    "audit",
    "client_check",
    "client_secrets",
    "clients",
    "openapi",
    "problems",
    "registrations",
]

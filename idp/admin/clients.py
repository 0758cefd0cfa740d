"""Client apps: the list, the page of one, and its settings to copy into the app."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from idp.accounts.roles import Actor, Role
from idp.accounts.rules import rules
from idp.admin import admin, client_snippets, shared
from idp.admin.client_links import CLIENTS, client_id_of, client_url
from idp.admin.client_views import groups, may_change, name_of, row, states
from idp.admin.events import views
from idp.admin.words import moment
from idp.clients import history, managed
from idp.clients.managed import ManagedClient, NoSuchClient
from idp.clients.metadata import with_defaults
from idp.texts import language
from idp.web import errors


@admin.errorhandler(NoSuchClient)
def no_client(_error: Exception) -> Response:
    return errors.not_found()


@admin.url_value_preprocessor
def read_client_id(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Views get the client_id itself, however it stands in the path."""
    if values and "client_id" in values:
        values["client_id"] = client_id_of(values["client_id"])


@admin.get("/clients")
def clients() -> Response:
    typed = request.args.get("q", "").replace("\0", "").strip()[:254]
    after = request.args.get("after", "")[:100] or None
    found = managed.search(typed, shared.actor(), after=after)
    return shared.page(
        "clients",
        typed=typed,
        found=[row(client, language()) for client in found.clients],
        is_first=after is None,
        first_url=_list(typed, None),
        next_url=_list(typed, found.after) if found.after else None,
    )


def _list(typed: str, after: str | None) -> str:
    query = {name: value for name, value in (("q", typed), ("after", after)) if value}
    return f"{CLIENTS}?{urlencode(query)}" if query else CLIENTS


@admin.get("/clients/<client_id>")
def client(client_id: str) -> Response:
    actor = shared.actor()
    found = managed.look(client_id, actor)
    until = found.previous_secret_until
    return shared.page(
        "client",
        **of(found),
        states=states(found),
        groups=groups(found, rules().settings.site.languages),
        changeable=may_change(found, actor),
        previous_until=moment(until) if until else None,
        try_url=_trial(found, actor),
        events=views(history.of_client(found.client_id, actor)),
        audit_url=f"/admin/audit?{urlencode({'client': found.client_id})}",
    )


def _trial(found: ManagedClient, actor: Actor) -> str | None:
    """Where a login is tried out; None where the page (idp/oidc/trial.py) would be there for nobody or for no login."""
    logs_in = with_defaults(found.metadata)["response_types"]
    if not (found.enabled and logs_in and actor.has(Role.CLIENTS)):
        return None
    return f"/oauth2/trial?{urlencode({'client_id': found.client_id})}"


@admin.get("/clients/<client_id>/settings")
def client_settings(client_id: str) -> Response:
    found = managed.look(client_id, shared.actor())
    return shared.page(
        "client_settings",
        **of(found),
        values=client_snippets.plain_values(found),
        snippets=client_snippets.snippets(found),
    )


def of(found: ManagedClient) -> dict[str, Any]:
    """What every page of a client knows."""
    name, base = name_of(found, language()), client_url(found.client_id)
    return {"app": found, "app_name": name, "base": base, "above_client": [(name, base)]}


def changeable(client_id: str) -> ManagedClient:
    """The client, if this person may change it. Raises NoSuchClient, which is a 404."""
    found = managed.look(client_id, shared.actor())
    if not may_change(found, shared.actor()):
        raise NoSuchClient
    return found

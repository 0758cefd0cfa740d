"""A client app as the pages show it: how it stands with it, and everything that is set, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from idp.accounts.roles import Actor, Role
from idp.admin.accounts import StateView
from idp.admin.client_fields import GROUPS, widget
from idp.admin.client_forms import inputs
from idp.admin.client_links import client_url
from idp.admin.client_texts import choice_texts
from idp.admin.words import moment
from idp.clients.managed import ManagedClient
from idp.clients.metadata import InvalidClientMetadata, with_defaults


@dataclass(frozen=True)
class ClientRow:
    name: str
    client_id: str
    url: str
    states: list[StateView]


@dataclass(frozen=True)
class Value:
    """`code`: how the specifications write it, where the words are ours."""

    text: str
    code: str | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Row:
    """`language` is that of the values, where they have one."""

    label: str
    values: list[Value]
    language: str | None = None


@dataclass(frozen=True)
class GroupView:
    key: str
    title: str
    rows: list[Row]


def name_of(client: ManagedClient, language: str) -> str:
    return str(client.metadata.get(f"client_name#{language}") or client.name)


def row(client: ManagedClient, language: str) -> ClientRow:
    return ClientRow(
        name_of(client, language), client.client_id, client_url(client.client_id), states(client)
    )


def states(client: ManagedClient) -> list[StateView]:
    """How it stands with a client, by words; the first says whether it can be used."""
    found = [StateView(_("In use"), "good") if client.enabled else StateView(_("Disabled"), "bad")]
    if client.previous_secret_until is not None:
        until = moment(client.previous_secret_until)
        found.append(StateView(_("Previous secret works until %(moment)s", moment=until), "warning"))
    if admin_scopes(client):
        found.append(StateView(_("Administrators' API"), "warning"))
    if client.registered_itself:
        found.append(StateView(_("Registered itself"), "quiet"))
    if client.method == "none":
        found.append(StateView(_("Public: no secret"), "quiet"))
    elif client.has_secret:
        found.append(StateView(_("Confidential: a secret"), "quiet"))
    else:
        found.append(StateView(_("Confidential: a key of its own"), "quiet"))
    return found


def admin_scopes(client: ManagedClient) -> list[str]:
    return [value for value in str(client.metadata.get("scope", "")).split() if value.startswith("admin:")]


def may_change(client: ManagedClient, actor: Actor) -> bool:
    """Whether somebody may do anything to it: who could act through it needs the roles that it gives."""
    try:
        needed = client.admin_roles()
    except InvalidClientMetadata:  # a scope that this version does not know
        return False
    return actor.has(Role.CLIENTS) and all(actor.has(role) for role in needed)


def groups(client: ManagedClient, languages: list[str]) -> list[GroupView]:
    """Everything that is set, by the pages on which it is."""
    values = with_defaults(client.wanted_values())
    return [
        GroupView(
            key,
            group.title,
            [
                Row(
                    each.label,
                    value_words(each.name, values.get(each.member)),
                    each.member.partition("#")[2] or None,
                )
                for each in inputs(group.names, languages, values)
                if is_told(each.name, values.get(each.member))
            ],
        )
        for key, group in GROUPS.items()
    ]


def is_told(name: str, value: Any) -> bool:
    """Switches of the provider are told either way, others where they are set."""
    if value is False:
        return name in ("first_party", "pkce_required", "remembered_login_counts")
    return value not in (None, "", [])


def value_words(name: str, value: Any) -> list[Value]:
    """What is set, each value in words; nothing for what is not set."""
    if value in (None, "", []):
        return []
    kind, texts = widget(name), choice_texts(name)
    if kind == "switch":
        return [Value(_("Yes") if value else _("No"))]
    if kind == "json":
        return [Value(_keys(value))]
    if kind == "picture":
        return [Value(_("Uploaded"))]
    if kind == "scopes":
        value = str(value).split()
    each_value = [str(each) for each in (value if isinstance(value, list) else [value])]
    return [Value(texts[each], each) if each in texts else Value(each) for each in each_value]


def _keys(jwks: Mapping[str, Any]) -> str:
    keys = jwks.get("keys") or []
    named = ", ".join(str(key["kid"]) for key in keys if isinstance(key, dict) and key.get("kid"))
    count = ngettext("%(num)d key", "%(num)d keys", len(keys))
    return f"{count}: {named}" if named else count

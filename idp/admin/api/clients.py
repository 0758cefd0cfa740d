"""Client apps: found, made, changed, disabled and deleted. Their secrets and pictures are client_secrets.py's."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from idp.accounts.roles import Actor
from idp.admin.api import reading
from idp.admin.api.client_models import (
    Client,
    ClientPatch,
    Clients,
    ClientsAsked,
    ClientWanted,
    ClientWithSecret,
    DeletionAsked,
    NewClient,
    Options,
)
from idp.admin.api.models import WithNote
from idp.admin.api.operations import Answer, Call, etag_of, operation
from idp.admin.api.pages import cursor_of, link, place_of
from idp.admin.api.problems import Problem, at
from idp.clients import managed, management
from idp.clients.managed import ADMIN_API, ManagedClient
from idp.clients.metadata import InvalidClientMetadata
from idp.database import db


@operation("GET", "/clients", answers=Clients, query=ClientsAsked, headers=("Link",))
def list_clients(call: Call) -> Answer:
    """List client apps.

    By client_id.
    """
    found = managed.search(call.query.q, call.actor, after=place_of(call.query.cursor), size=call.query.limit)
    following = cursor_of(found.after)
    return Answer(
        Clients(items=[Client.of(client) for client in found.clients], next=following), link(following)
    )


@operation(
    "POST",
    "/clients",
    answers=ClientWithSecret,
    status=201,
    body=NewClient,
    conflicts=("client-exists",),
    headers=("Location",),
)
def create_client(call: Call) -> Answer:
    """Register a client app.

    The answer has its secret, which is told only now.
    """
    try:
        client, secret = management.create(call.body.wanted(), call.actor, client_id=call.body.client_id)
    except InvalidClientMetadata as error:
        raise invalid(error, call.body.metadata) from error
    return _told(client, secret, "Location")


@operation("GET", "/clients/<client_id>", answers=Client)
def read_client(call: Call, client_id: str) -> Answer:
    """Show a client app."""
    return Answer(Client.of(managed.look(client_id, call.actor)))


@operation("PUT", "/clients/<client_id>", answers=ClientWithSecret, body=ClientWanted, condition="required")
def replace_client(call: Call, client_id: str) -> Answer:
    """Let a client app be as wanted.

    What is left out is as at the beginning. The answer has a new secret if the authentication method needs one. All
    that it was given is revoked when people have another `sub` there than before.
    """
    return _change(as_read(client_id, call.actor, required=True), call.body, call.actor)


@operation(
    "PATCH",
    "/clients/<client_id>",
    answers=ClientWithSecret,
    body=ClientPatch,
    media_types=(reading.MERGE_PATCH,),
    condition="required",
)
def change_client(call: Call, client_id: str) -> Answer:
    """Change some of a client app.

    A merge patch (RFC 7396): null takes a member away, what is left out stays. All that it was given is revoked when
    people have another `sub` there than before: by `subject_type`, or by the host of a pairwise client's addresses.
    """
    client = as_read(client_id, call.actor, required=True)
    before = ClientWanted.of(client).model_dump()
    try:
        wanted = ClientWanted.model_validate(merged(before, call.body.model_dump(exclude_unset=True)))
    except ValidationError as error:
        raise reading.invalid(error) from None
    return _change(client, wanted, call.actor)


def merged(target: Any, patch: Any) -> Any:
    """The target with the patch on it (RFC 7396 section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _change(before: ManagedClient, wanted: ClientWanted, actor: Actor) -> Answer:
    try:
        client, secret = management.change(before.client_id, wanted.wanted(), actor, version=before.version)
    except InvalidClientMetadata as error:
        raise invalid(error, wanted.metadata) from error
    return _told(client, secret, "Content-Location")


def _told(client: ManagedClient, secret: str | None, header: str) -> Answer:
    content = ClientWithSecret.of(client, client_secret=secret)
    return Answer(content, {header: f"{ADMIN_API}/clients/{client.client_id}"}, etag_of(Client.of(client)))


@operation("DELETE", "/clients/<client_id>", query=DeletionAsked, condition="required")
def delete_client(call: Call, client_id: str) -> Answer:
    """Delete a client app.

    With all that it was given. To stop it for a while, disable it.
    """
    client = as_read(client_id, call.actor, required=True)
    management.delete(client_id, call.actor, call.query.note, version=client.version)
    return Answer()


@operation("POST", "/clients/<client_id>/disable", answers=Client, body=WithNote, conflicts=("wrong-state",))
def disable_client(call: Call, client_id: str) -> Answer:
    """Let nobody log in to a client app.

    All that it was given is revoked.
    """
    management.disable(client_id, call.actor, call.body.note)
    return as_it_is(client_id, call.actor)


@operation("POST", "/clients/<client_id>/enable", answers=Client, body=WithNote, conflicts=("wrong-state",))
def enable_client(call: Call, client_id: str) -> Answer:
    """Let people log in to a disabled client app again."""
    management.enable(client_id, call.actor, call.body.note)
    return as_it_is(client_id, call.actor)


@operation(
    "POST",
    "/clients/<client_id>/end-self-registration",
    answers=Client,
    body=WithNote,
    conflicts=("wrong-state",),
)
def end_self_registration(call: Call, client_id: str) -> Answer:
    """Let a client app that registered itself be changed by administrators alone.

    Its registration access token ends (RFC 7592). It is no longer deleted when nobody uses it.
    """
    management.end_self_registration(client_id, call.actor, call.body.note)
    return as_it_is(client_id, call.actor)


# -- shared


def as_read(client_id: str, actor: Actor, *, required: bool) -> ManagedClient:
    """The client, if it is still what the caller has read. Raises Problem, NoSuchClient and NotAllowed."""
    client = managed.look(client_id, actor)
    reading.refuse_if_changed(etag_of(Client.of(client)), required=required)
    return client


def look_again(client_id: str, actor: Actor) -> ManagedClient:
    """The client after an act. What this request has read before it is older. Raises NoSuchClient and NotAllowed."""
    db.session.close()
    return managed.look(client_id, actor)


def as_it_is(client_id: str, actor: Actor) -> Answer:
    """The answer of an act."""
    content = Client.of(look_again(client_id, actor))
    return Answer(content, etag=etag_of(content))


def invalid(error: InvalidClientMetadata, metadata: Mapping[str, Any]) -> Problem:
    """The domain's fault, with the member that it is about."""
    member, _, reason = str(error).partition(": ")
    if member in Options.model_fields and member not in metadata:
        return Problem("invalid", errors=[at(reason, "options", member)])
    if reason and (member in metadata or member.isidentifier()):
        return Problem("invalid", errors=[at(reason, "metadata", member)])
    for name, values in metadata.items():  # it is about an address, which stands in a list
        if isinstance(values, list) and (place := _place(values, str(error))) is not None:
            return Problem("invalid", errors=[at(str(error), "metadata", name, place)])
    return Problem("invalid", errors=[at(str(error), "metadata")])


def _place(values: list[Any], text: str) -> int | None:
    starts = (
        i
        for i, value in enumerate(values)
        if isinstance(value, str) and value and text.startswith((f"{value}: ", f"{value!r}: "))
    )
    return next(starts, None)

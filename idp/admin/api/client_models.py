"""Client apps as the API tells them and takes them."""

import json
from dataclasses import fields
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from idp.admin.api.models import Asked, Cursor, Limit, Moment, Next, Parameters, Told
from idp.clients.managed import ManagedClient
from idp.clients.management import MAX_OVERLAP, USUAL_OVERLAP, Wanted
from idp.clients.metadata import CHOICES, MAX_SECONDS, SCOPES, TRANSLATED_MEMBERS, TYPES
from idp.clients.options import LIMITS, MAX_LIST, SESSION_LIMITS, Assurance, ClientOptions

_EXAMPLE = {
    "client_name": "Invoices",
    "redirect_uris": ["https://invoices.example.fi/callback"],
    "scope": "openid profile email",
    "token_endpoint_auth_method": "client_secret_basic",
}


def _member(name: str, *, or_null: bool) -> dict[str, Any]:
    """The schema of a member of the metadata, by the table that `metadata.validate` goes by."""
    kinds: dict[type, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        dict: {"type": "object"},
        int: {"type": "integer", "minimum": 0, "maximum": MAX_SECONDS},
        list: {"type": "array", "items": {"type": "string"}},
    }
    schema = dict(kinds[TYPES[name]])
    if name in CHOICES:
        schema["enum"] = list(CHOICES[name])
    return {"anyOf": [schema, {"type": "null"}]} if or_null else schema


def _metadata(*, or_null: bool) -> dict[str, Any]:
    translated = "|".join(sorted(TRANSLATED_MEMBERS))
    return {
        "type": "object",
        "description": "Client metadata by the names of RFC 7591 and OpenID Connect; `client_name#sv` and the like for"
        f" other languages. Scopes of people: {', '.join(SCOPES)}; others have a colon.",
        "properties": {name: _member(name, or_null=or_null) for name in sorted(TYPES)},
        "patternProperties": {f"^({translated})#": _member("client_name", or_null=or_null)},
        "additionalProperties": False,
        "examples": [_EXAMPLE],
    }


Metadata = Annotated[dict[str, Any], WithJsonSchema(_metadata(or_null=False))]
MetadataPatch = Annotated[dict[str, Any], WithJsonSchema(_metadata(or_null=True))]


def _limited(name: str) -> Any:
    least, most = LIMITS[name]
    return Field(None, ge=least, le=most)


class Options(Asked):
    """What this provider decides for the client. null is: as the installation has it."""

    support_email: str | None = Field(None, max_length=254)
    support_phone: str | None = Field(None, max_length=40)
    colour: str | None = Field(
        None, description="Of buttons and links on pages for it.", examples=["#00549f"]
    )
    colour_dark: str | None = Field(None, description="The same, on a dark ground.")
    logo: str | None = Field(
        None, description="SHA-256 of its picture, which has an address of its own to put it."
    )
    registration_assurance: Assurance | None = Field(
        None,
        description="What creating an account for it asks for, and the first login with an account made elsewhere."
        " strong needs a broker.",
    )
    access_token_seconds: int | None = _limited("access_token_seconds")
    id_token_seconds: int | None = _limited("id_token_seconds")
    refresh_idle_days: int | None = _limited("refresh_idle_days")
    refresh_absolute_days: int | None = _limited("refresh_absolute_days")
    session_max_age_seconds: int | None = Field(
        None,
        ge=SESSION_LIMITS["session_max_age_seconds"][0],
        le=SESSION_LIMITS["session_max_age_seconds"][1],
        description="An older login is no login for it: the person logs in again, whatever `max_age` it sends. "
        "Devices are excepted: their page always asks.",
    )
    remembered_login_counts: bool | None = Field(
        None, description="Whether a remembered login is one for it; true unless it is set."
    )
    consent_each_time: bool | None = Field(
        None, description="People are asked for consent at each login, if at all; false unless it is set."
    )
    identity_code_basis: str | None = Field(
        None, max_length=500, description="The legal basis on which it gets people's identity codes."
    )
    allowed_resources: list[str] | None = Field(
        None,
        max_length=MAX_LIST,
        description="Addresses of APIs (their `resource_uris`) for which it may have access tokens.",
    )

    @classmethod
    def of(cls, options: ClientOptions) -> "Options":
        return cls(**{each.name: getattr(options, each.name) for each in fields(ClientOptions)})


class ClientWanted(Asked):
    """A client as it is to be. What is left out is as at the beginning."""

    metadata: Metadata
    options: Options = Field(default_factory=Options)
    first_party: bool = Field(True, description="The municipality's own: people are asked for no consent.")
    pkce_required: bool = Field(True, description="Always so for clients without authentication.")
    resource_server: bool = Field(False, description="May introspect the tokens that it receives.")

    def wanted(self) -> Wanted:
        return Wanted(
            metadata=self.metadata,
            options=self.options.model_dump(),
            first_party=self.first_party,
            pkce_required=self.pkce_required,
            resource_server=self.resource_server,
        )

    @classmethod
    def of(cls, client: ManagedClient) -> "ClientWanted":
        """As it is now."""
        return cls(
            metadata=dict(client.metadata),
            options=Options.of(client.options),
            first_party=client.first_party,
            pkce_required=client.pkce_required,
            resource_server=client.resource_server,
        )


class NewClient(ClientWanted):
    """A client to register."""

    client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$",
        description="Without it, a random one.",
        examples=["invoices"],
    )


class ClientPatch(Asked):
    """A merge patch (RFC 7396): null takes a member away, what is left out stays."""

    metadata: MetadataPatch | None = None
    options: dict[str, Any] | None = None
    first_party: bool | None = None
    pkce_required: bool | None = None
    resource_server: bool | None = None


class Client(Told):
    """A client as it is. No secret is in it."""

    client_id: str
    metadata: Metadata
    options: Options
    first_party: bool
    pkce_required: bool
    resource_server: bool
    enabled: bool
    has_secret: bool
    previous_secret_until: Moment | None = Field(description="While the secret before is good too.")
    registered_itself: bool = Field(description="By dynamic registration, and can still change itself.")
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, client: ManagedClient, **more: Any) -> Any:
        return cls(
            client_id=client.client_id,
            metadata=json.loads(
                json.dumps(client.metadata, sort_keys=True)
            ),  # databases order it as they like
            options=Options.of(client.options),
            first_party=client.first_party,
            pkce_required=client.pkce_required,
            resource_server=client.resource_server,
            enabled=client.enabled,
            has_secret=client.has_secret,
            previous_secret_until=client.previous_secret_until,
            registered_itself=client.registered_itself,
            created_at=client.created_at,
            updated_at=client.updated_at,
            **more,
        )


class ClientWithSecret(Client):
    """A client with its new secret, if it got one: it is told only now."""

    client_secret: str | None


class Clients(Told):
    items: list[Client]
    next: Next


class ClientsAsked(Parameters):
    q: str = Field("", max_length=200, description="Part of a name, a client_id or a redirect URI.")
    limit: Limit = 50
    cursor: Cursor = None


class DeletionAsked(Parameters):
    note: str = Field(min_length=1, max_length=500, description="The reason, for the audit log.")


class SecretAsked(Asked):
    overlap_seconds: int = Field(
        int(USUAL_OVERLAP.total_seconds()),
        ge=0,
        le=int(MAX_OVERLAP.total_seconds()),
        description="How long the secret before stays good.",
    )


class Secret(Told):
    client_id: str
    client_secret: str = Field(description="Told only now: it is stored hashed.")
    previous_secret_until: Moment | None

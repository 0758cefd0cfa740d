"""Events of the audit log as the API tells them."""

from typing import Any, Literal

from pydantic import Field

from idp import audit
from idp.admin.api.models import AskedMoment, Cursor, Limit, Moment, Next, Parameters, Told


class Event(Told):
    """One thing that happened."""

    id: int
    at: Moment
    event: str
    outcome: str
    reason: str | None
    actor: str | None = Field(
        description='An account\'s id, "operator", "schedule" (the server by itself), or "client:" and a client_id; '
        "null: the owner, or nobody."
    )
    account_id: str | None
    client_id: str | None
    address: str | None
    changes: dict[str, list[Any]] | None = Field(
        description="What changed: by its name, what it was and what it is. Of a login: `device`, its browser."
    )
    note: str | None

    @classmethod
    def of(cls, event: audit.AuditEvent) -> "Event":
        return cls(**{name: getattr(event, name) for name in cls.model_fields})


class Events(Told):
    items: list[Event] = Field(description="Newest first.")
    next: Next


class HistoryAsked(Parameters):
    limit: Limit = 50
    cursor: Cursor = None


class EventsAsked(Parameters):
    since: AskedMoment | None = None
    until: AskedMoment | None = None
    event: audit.Event | None = None
    outcome: Literal["success", "failure", "unknown"] | None = None
    account: str | None = Field(None, min_length=1, max_length=60, description="The account's id.")
    client: str | None = Field(None, min_length=1, max_length=100, description="The client_id.")
    actor: str | None = Field(None, min_length=1, max_length=60)
    limit: Limit = 50
    cursor: Cursor = None

"""The audit log."""

from idp import audit_log
from idp.admin.api.audit_models import Event, Events, EventsAsked
from idp.admin.api.operations import Answer, Call, operation
from idp.admin.api.pages import cursor_of, event_place, link
from idp.audit_log import Filter


@operation("GET", "/audit", answers=Events, query=EventsAsked, headers=("Link",))
def list_events(call: Call) -> Answer:
    """List what has happened.

    Newest first. `until` is not part of the time.
    """
    asked: EventsAsked = call.query
    wanted = Filter(
        since=asked.since,
        until=asked.until,
        event=asked.event,
        outcome=asked.outcome,
        account_id=asked.account,
        client_id=asked.client,
        actor=asked.actor,
    )
    found = audit_log.page(wanted, event_place(asked.cursor), call.actor, size=asked.limit)
    following = cursor_of(str(found.next) if found.next else None)
    return Answer(Events(items=[Event.of(event) for event in found.events], next=following), link(following))

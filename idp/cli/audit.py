"""The audit log: read with filters, written out."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from idp.cli.context import Context, cell, json_option, pass_context, put_json
from idp.cli.files import written
from idp.cli.progress import progress_bar

if TYPE_CHECKING:
    from idp.audit import AuditEvent
    from idp.audit_log import Filter

OUTCOMES = ("success", "failure", "unknown")


@click.group()
def audit() -> None:
    """The audit log: who did what, when, from where."""


class Moment(click.ParamType[date]):
    """A day, or a moment, in the time zone of the site unless it names one."""

    name = "day or moment"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> date:
        try:
            return date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
        except ValueError:
            self.fail("must be such as 2026-11-24 or 2026-11-24T10:15", param, context)


class EventName(click.ParamType[str]):
    name = "event"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        from idp.audit import Event

        names = [event.value for event in Event]
        if value in names:
            return value
        near = get_close_matches(value, names, n=3, cutoff=0.4)
        return self.fail(
            f"there is no event {value}; do you mean {' or '.join(near or names[:3])}?", param, context
        )


_FILTERS = (
    click.option("--since", type=Moment(), help="From this day or moment on, such as 2026-11-24."),
    click.option("--until", type=Moment(), help="Until the end of this day, or before this moment."),
    click.option("--event", type=EventName(), help="Such as login or client.changed."),
    click.option("--outcome", type=click.Choice(OUTCOMES)),
    click.option("--account", help="Whose account: a username, an address or an identifier."),
    click.option("--client", help="The client_id of a client app."),
    click.option("--actor", help='Who did it: an account, "operator", or "client:" and a client_id.'),
)


def filtering(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _filter(context: Context, given: dict[str, Any]) -> "Filter":
    """Needs an app context."""
    from idp.accounts.roles import NO_ACCOUNTS
    from idp.audit_log import Filter

    zone = ZoneInfo(context.settings.site.timezone)
    return Filter(
        since=_moment(given["since"], zone, "--since"),
        until=_moment(given["until"], zone, "--until", days=1),
        event=given["event"],
        outcome=given["outcome"],
        account_id=_account_id(given["account"]),
        client_id=given["client"],
        actor=given["actor"] if given["actor"] in NO_ACCOUNTS else _account_id(given["actor"]),
    )


def _moment(value: date | datetime | None, zone: ZoneInfo, option: str, days: int = 0) -> datetime | None:
    """A moment as it is; of a day its beginning, or so many days later."""
    if value is None:
        return None
    try:
        if not isinstance(value, datetime):
            value = datetime.combine(value + timedelta(days=days), time.min)
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise click.BadParameter("is too far away", param_hint=option) from error


def _account_id(name: str | None) -> str | None:
    """Of a username its account's id. What is none may be the id of an account that is erased, or a program."""
    from idp.accounts.roles import NoSuchAccount
    from idp.cli.accounts import id_of

    if name is None:
        return None
    try:
        return id_of(name)
    except NoSuchAccount:
        if "@" in name:
            raise click.ClickException(f"there is no account {name} (see `idp account search`)") from None
        return name


@audit.command("list")
@filtering
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest ones."
)
@json_option
@pass_context
def list_events(context: Context, /, limit: int, as_json: bool, **given: Any) -> None:
    """Show events, the newest first."""
    from idp import audit_log
    from idp.accounts.roles import OPERATOR

    with context.app():
        page = audit_log.page(_filter(context, given), None, OPERATOR, size=limit)
        print_events(context, page.events, as_json)
    if page.next is not None:
        click.echo(f"There are more than these {limit}: --until, --limit, or `idp audit export`.", err=True)


def print_events(context: Context, events: Sequence["AuditEvent"], as_json: bool) -> None:
    """Needs an app context."""
    from idp.admin.api.audit_models import Event

    if as_json:
        put_json([Event.of(event).model_dump(mode="json") for event in events])
        return
    for event in events:
        for indent, line in enumerate(_lines(event)):
            context.console.print(cell("    " * min(indent, 1) + line))


def _lines(event: "AuditEvent") -> list[str]:
    """One event for a narrow terminal: what happened and when, below it who and where, and each change."""
    outcome = f"{event.outcome} ({event.reason})" if event.reason else event.outcome
    named = {
        "account": event.account_id,
        "client": event.client_id,
        "by": event.actor,
        "from": event.address,
        "device": event.device,
    }
    who = ", ".join(f"{name} {value}" for name, value in named.items() if value)
    changes = [f"{name}: {before} -> {after}" for name, (before, after) in event.differences.items()]
    note = [f"note: {event.note}"] if event.note else []
    return [f"{cell(event.at)}  {event.event}  {outcome}", *([who] if who else []), *changes, *note]


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@filtering
@click.option("--format", "kind", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_context
def export(context: Context, /, file: Path, kind: str, force: bool, **given: Any) -> None:
    """Write all events that fit into FILE, which you alone can read; "-" is standard output."""
    from idp import audit_log
    from idp.accounts.roles import OPERATOR

    with context.app(), written(file, force) as put, progress_bar("Writing") as advance:
        wanted = _filter(context, given)
        total = audit_log.number(wanted, OPERATOR)
        pieces = (audit_log.as_json if kind == "json" else audit_log.as_csv)(wanted, OPERATOR)
        for done, piece in enumerate(pieces):
            put(piece)
            if done % 1000 == 0:
                advance(done, total)
        advance(total, total)

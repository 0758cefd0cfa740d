"""The front page: how things go, and what needs care."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response
from flask_babel import format_date, format_time, ngettext, pgettext, to_user_timezone
from flask_babel import gettext as _

from idp import clock, keys, statistics
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.plots import Plot, plot
from idp.audit import Event
from idp.grants import logout_notices
from idp.mail import outbox

HOURS, DAYS = 24, 30
LATE = timedelta(minutes=15)
KEYS_MAY_BE_LATE = timedelta(days=3)  # after they should have changed by themselves


@dataclass(frozen=True)
class Series:
    """What is drawn: events of one kind, with one outcome."""

    label: str
    event: Event
    outcome: str


@dataclass(frozen=True)
class Span:
    """The plots of one stretch of time, and the same numbers as a table."""

    title: str
    plots: list[Plot]
    headings: list[str]
    rows: list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Care:
    """Something that must go on by itself; `well` whether it does."""

    label: str
    text: str
    well: bool


@admin.get("/")
def dashboard() -> Response:
    now = clock.now()
    statistics.count()
    counts = statistics.since(now - timedelta(days=DAYS))
    return shared.page(
        "dashboard",
        spans=[
            _span(_("Last 24 hours"), counts, _hours(now), lambda at: at),
            _span(_("Last 30 days"), counts, _days(now), lambda at: to_user_timezone(at).date()),
        ],
        care=[_mail(now), _undeliverable(now), _notices(now), _keys(now)],
    )


def _series() -> list[Series]:
    return [
        Series(_("Logins"), Event.LOGGED_IN, "success"),
        Series(_("Failed logins"), Event.LOGGED_IN, "failure"),
        Series(_("New registrations"), Event.REGISTERED, "success"),
        Series(_("Locked accounts"), Event.LOCKED, "success"),
    ]


def _hours(now: datetime) -> list[tuple[object, str]]:
    """The hours, the running one last, with the words for them."""
    start = now.replace(minute=0, second=0, microsecond=0)
    hours = [start - timedelta(hours=back) for back in reversed(range(HOURS))]
    return [(at, format_time(at, pgettext("time pattern", "HH:mm"))) for at in hours]


def _days(now: datetime) -> list[tuple[object, str]]:
    today = to_user_timezone(now).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return [(day, format_date(day, pgettext("date pattern", "d MMM"))) for day in days]


def _span(
    title: str,
    counts: Mapping[statistics.Key, int],
    stretches: list[tuple[object, str]],
    stretch_of: Callable[[datetime], object],
) -> Span:
    labels = [label for _at, label in stretches]
    plots, columns = [], []
    for series in _series():
        found: Counter[object] = Counter()
        for (hour, event, outcome), number in counts.items():
            if (event, outcome) == (series.event, series.outcome):
                found[stretch_of(hour)] += number
        numbers = [found[at] for at, _label in stretches]
        plots.append(plot(series.label, labels, numbers))
        columns.append(numbers)
    rows = [(label, [column[i] for column in columns]) for i, label in enumerate(labels)]
    return Span(title, plots, [series.label for series in _series()], rows)


def _waiting(label: str, count: int, oldest: datetime | None, now: datetime) -> Care:
    if oldest is None:
        return Care(label, _("Nothing waits."), well=True)
    minutes = int((now - oldest).total_seconds() // 60)
    text = _("%(count)d waiting, the oldest for %(minutes)d min", count=count, minutes=minutes)
    return Care(label, text, well=now - oldest < LATE)


def _mail(now: datetime) -> Care:
    backlog = outbox.backlog()
    return _waiting(_("Messages to be mailed"), backlog.count, backlog.oldest, now)


def _undeliverable(now: datetime) -> Care:
    """What a mail server has refused waits no more: nobody would see it otherwise."""
    count = outbox.undeliverable(now)
    if not count:
        return Care(_("Messages that could not be delivered"), _("Not one in the last 24 hours."), well=True)
    text = ngettext(
        "%(num)d in the last 24 hours. The address may be mistyped. If there are more, our mail server may refuse all.",
        "%(num)d in the last 24 hours. Some addresses may be mistyped, but many mean that our mail server refuses all.",
        count,
    )
    return Care(_("Messages that could not be delivered"), text, well=False)


def _notices(now: datetime) -> Care:
    backlog = logout_notices.waiting.backlog()
    return _waiting(_("Logouts to be told to services"), backlog.count, backlog.oldest, now)


def _keys(now: datetime) -> Care:
    since = keys.active_since()
    if not since:
        return Care(_("Signing keys"), _("There are none yet."), well=False)
    pattern = pgettext("date pattern", "d MMMM y")
    algorithms, date = ", ".join(sorted(since)), format_date(min(since.values()), pattern)
    due = _keys_due(max(since.values()))
    if due is None or now < due + KEYS_MAY_BE_LATE:
        text = _("%(algorithms)s, in use since %(date)s", algorithms=algorithms, date=date)
        return Care(_("Signing keys"), text, well=True)
    text = _(
        "%(algorithms)s, in use since %(date)s. They should have changed by themselves on %(due)s."
        " Change them with the command idp keys rotate, and look in the log for why they did not.",
        algorithms=algorithms,
        date=date,
        due=format_date(due, pattern),
    )
    return Care(_("Signing keys"), text, well=False)


def _keys_due(since: datetime) -> datetime | None:
    """When keys in use since then change by themselves; None where only somebody changes them."""
    days = rules().settings.tokens.signing_key_days
    return since + timedelta(days=days) if days else None

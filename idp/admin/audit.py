"""The audit log: filtered, page by page, and as a file."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Response, request
from flask_babel import get_timezone
from flask_babel import gettext as _

from idp import audit_log, clock
from idp.accounts.models import Account
from idp.accounts.roles import NO_ACCOUNTS
from idp.admin import admin, shared
from idp.admin.events import views
from idp.admin.words import event_texts, outcome_text
from idp.audit_log import Filter, Place
from idp.database import db
from idp.policy.usernames import comparison_key
from idp.web.downloads import download
from idp.web.forms import EmptyForm

# With a colon as the field sends it, or with a point as people write it.
_TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
FIELDS = ("since", "since_time", "until", "until_time", "event", "outcome", "account", "client", "actor")
OUTCOMES = ("success", "failure", "unknown")
NOBODY = "\N{BULLET}"  # no account has this id: a name that nobody has finds nothing


@admin.get("/audit")
def audit() -> Response:
    typed = _typed(request.args)
    wanted, problems = _filter(typed)
    place = Place.parse(request.args.get("after", ""))
    found = audit_log.page(wanted, place, shared.actor())
    query = urlencode(typed)
    return shared.page(
        "audit",
        status=422 if problems else 200,
        typed=typed,
        problems=problems,
        events=views(found.events),
        event_choices=sorted(event_texts().items(), key=lambda item: item[1].casefold()),
        outcome_choices=[(name, outcome_text(name)) for name in OUTCOMES],
        first_url=f"/admin/audit?{query}" if place else None,
        next_url=f"/admin/audit?{urlencode({**typed, 'after': str(found.next)})}" if found.next else None,
        export_url=f"/admin/audit/export?{query}",
        filtered=bool(typed),
    )


@admin.route("/audit/export", methods=["GET", "POST"])
def audit_export() -> Response:
    typed = _typed(request.args)
    wanted, problems = _filter(typed)
    form = EmptyForm()
    if form.validate_on_submit() and not problems:
        name = f"tunnus-audit-{clock.now():%Y-%m-%d}"
        if request.form.get("format") == "json":
            return download(audit_log.as_json(wanted, shared.actor()), "application/json", f"{name}.json")
        return download(audit_log.as_csv(wanted, shared.actor()), "text/csv", f"{name}.csv")
    labels = dict(_labels())
    return shared.page(
        "audit_export",
        form,
        filters=[(labels[name], _shown(name, value)) for name, value in typed.items()],
        back_url=f"/admin/audit?{urlencode(typed)}",
    )


def _labels() -> list[tuple[str, str]]:
    return [
        ("since", _("From")),
        ("since_time", _("From, time of day")),
        ("until", _("To")),
        ("until_time", _("To, time of day")),
        ("event", _("Event")),
        ("outcome", _("Outcome")),
        ("account", _("Account")),
        ("client", _("Client app")),
        ("actor", _("Done by")),
    ]


def _shown(name: str, value: str) -> str:
    if name == "event":
        return event_texts().get(value, value)
    return outcome_text(value) if name == "outcome" else value


def _typed(values: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the filter's fields, where they are not empty."""
    typed = {name: str(values.get(name, "")).replace("\0", "").strip()[:254] for name in FIELDS}
    for name in ("since_time", "until_time"):
        if found := _TIME.fullmatch(typed[name]):
            typed[name] = f"{int(found[1]):02}:{found[2]}"
    return {name: value for name, value in typed.items() if value}


def _filter(typed: Mapping[str, str]) -> tuple[Filter, list[tuple[str, str]]]:
    """The filter, and what is wrong with what was typed: fields and sentences."""
    problems = []
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name in moments:
        try:
            day = date.fromisoformat(typed[name]) if name in typed else None
        except ValueError:
            problems.append((name, _("Enter the date as year-month-day, for example 2026-11-24.")))
            continue
        try:
            minute = _time_of_day(typed[f"{name}_time"]) if f"{name}_time" in typed else None
        except ValueError:
            problems.append((f"{name}_time", _("Enter the time as hours:minutes, for example 14:05.")))
            continue
        if minute and not day:
            problems.append((name, _("Enter the date as well.")))
        try:
            moments[name] = _moment(day, minute, whole=name == "until") if day else None
        except (ValueError, OverflowError):
            problems.append((name, _("Enter the date as year-month-day, for example 2026-11-24.")))
    wanted = Filter(
        **moments,
        event=typed.get("event"),
        outcome=typed.get("outcome"),
        account_id=_account_id(typed.get("account")),
        client_id=typed.get("client"),
        actor=_account_id(typed.get("actor")),
    )
    return wanted, problems


def _time_of_day(text: str) -> time:
    """As `_typed` leaves it. Raises ValueError."""
    if _TIME.fullmatch(text) is None:
        raise ValueError(text)
    return time.fromisoformat(text)


def _moment(day: date, minute: time | None, *, whole: bool) -> datetime:
    """When a day or a minute of it begins in the municipality's time zone; if `whole`, when the next one does.

    Of a minute that comes twice, when clocks go back, the first begins, and the second ends.
    """
    if minute is None:
        return _utc(datetime.combine(day + timedelta(days=1) if whole else day, time.min))
    begins = _utc(datetime.combine(day, minute.replace(fold=int(whole))))
    return begins + timedelta(minutes=1) if whole else begins


def _utc(local: datetime) -> datetime:
    return local.replace(tzinfo=ZoneInfo(str(get_timezone()))).astimezone(UTC)


def _account_id(typed: str | None) -> str | None:
    """The identifier that was typed, or that of the username that was typed."""
    if typed is None or typed in NO_ACCOUNTS:
        return typed
    matches = sa.or_(Account.id == typed, Account.username_key == comparison_key(typed))
    found = db.session.scalars(sa.select(Account.id).where(matches).limit(1)).first()
    return found or (NOBODY if "@" in typed else typed)

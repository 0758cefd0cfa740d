"""Checks of an installation: what works, what does not, and what to do about it."""

import smtplib
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import click
from flask import Flask
from rich.markup import escape

from idp.cli.context import Context, pass_context

EXAMPLE_NAMES = {"Esimerkkikunta", "Exempelkommun", "Example Municipality"}  # those of default.toml
SHOWN = 10  # misfits

BACKUP_IS_OLD = timedelta(days=7)


class Mark(Enum):
    GOOD = "[green]ok[/green]"
    ADVICE = "[yellow]advice[/yellow]"
    BAD = "[red]wrong[/red]"


@dataclass(frozen=True)
class Finding:
    mark: Mark
    subject: str
    message: str


@click.command()
@pass_context
def doctor(context: Context) -> None:
    """Check settings, database, keys, statements and mail."""
    findings: list[Finding] = [
        Finding(Mark.GOOD, "settings", f"{context.settings.mode}, {context.settings.issuer}")
    ]
    with context.app() as app:
        for check in (
            _database,
            _schema,
            _keys,
            _site,
            _passwords,
            _limits,
            _statements,
            _guide,
            _overrides,
            _mail,
            _undeliverable,
            _admins,
            _broker,
            _backup,
        ):
            findings.append(check(app))
            if findings[-1].mark is Mark.BAD and check is _database:
                break
    for finding in findings:
        context.console.print(
            f"{finding.mark.value:<24} [bold]{finding.subject}[/bold]  {escape(finding.message)}"
        )
    if any(finding.mark is Mark.BAD for finding in findings):
        raise SystemExit(1)


def _database(_app: Flask) -> Finding:
    from idp import database
    from idp.database import DatabaseUnavailable, db

    where = db.engine.url.render_as_string(hide_password=True)
    try:
        database.ping()
    except DatabaseUnavailable as error:
        return Finding(Mark.BAD, "database", f"{where} does not answer: {str(error).splitlines()[0]}")
    return Finding(Mark.GOOD, "database", where)


class Schema(Enum):
    """The database's tables beside those of this version."""

    CURRENT = "of this version"
    NONE = "not there: run `idp migrate`"
    OLDER = "older: run `idp migrate`"
    NEWER = "of a newer version, beside which this one still runs"


def schema() -> Schema:
    """How the database's tables compare with this version's. Needs an app context.

    Migrations expand first and contract a version later, so the version before the newest still runs.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from idp import database
    from idp.database import db

    scripts = ScriptDirectory(database.migrations().directory)
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return Schema.NONE
    if found == scripts.get_current_head():
        return Schema.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    return Schema.OLDER if found in known else Schema.NEWER


def _schema(_app: Flask) -> Finding:
    marks = {
        Schema.CURRENT: Mark.GOOD,
        Schema.NONE: Mark.BAD,
        Schema.OLDER: Mark.BAD,
        Schema.NEWER: Mark.ADVICE,
    }
    found = schema()
    return Finding(marks[found], "tables", found.value)


def _keys(_app: Flask) -> Finding:
    from idp.crypto import Undecryptable
    from idp.keys import keyring

    if schema() in (Schema.OLDER, Schema.NONE):
        return Finding(Mark.BAD, "signing keys", "not looked at: the tables come first")
    try:
        published = keyring().jwks()["keys"]
    except Undecryptable:
        return Finding(Mark.BAD, "signing keys", "encrypted with another key than secrets.keys has")
    algorithms = ", ".join(sorted({key["alg"] for key in published}))
    return Finding(Mark.GOOD, "signing keys", f"{len(published)} published: {algorithms}")


def _site(_app: Flask) -> Finding:
    from idp.accounts.rules import rules

    name = rules().settings.site.name
    if EXAMPLE_NAMES & set(name.values()):
        return Finding(Mark.ADVICE, "municipality", "site.name is still the example's")
    return Finding(Mark.GOOD, "municipality", " / ".join(dict.fromkeys(name.values())))


def _passwords(_app: Flask) -> Finding:
    from idp.accounts.rules import rules

    policy = rules().passwords
    if policy.profile == "classes":
        advice = 'profile "classes" is the default; "length" (15 characters or more) is what NIST advises'
        return Finding(Mark.ADVICE, "passwords", advice)
    return Finding(
        Mark.GOOD, "passwords", f'profile "{policy.profile}", at least {policy.min_length} characters'
    )


def _limits(_app: Flask) -> Finding:
    from limits.storage import storage_from_string

    from idp.accounts.rules import rules
    from idp.serving import worker_count

    settings = rules().settings
    uri = settings.limits.storage
    if uri.startswith("memory:"):
        if worker_count(settings) > 1:
            message = "counted in each worker by itself; set limits.storage to Redis to count them together"
            return Finding(Mark.ADVICE, "rate limits", message)
        return Finding(Mark.GOOD, "rate limits", "counted in the one worker")
    if storage_from_string(uri).check():
        return Finding(Mark.GOOD, "rate limits", uri.partition("@")[2] or uri)
    return Finding(Mark.BAD, "rate limits", "the storage of limits.storage does not answer")


def _statements(app: Flask) -> Finding:
    from idp.accounts.statements import Statement

    found: dict[tuple[str, str], Statement] = app.extensions["statements"]
    placeholders = sorted({s.document for s in found.values() if s.placeholder})
    if placeholders:
        message = f"still placeholder texts: {', '.join(placeholders)}; production refuses to start with them"
        production = app.extensions["settings"].production
        return Finding(Mark.BAD if production else Mark.ADVICE, "statements", message)
    return Finding(Mark.GOOD, "statements", "the municipality's own, in every language")


def _guide(_app: Flask) -> Finding:
    from idp.accounts.rules import rules
    from idp.web import guide

    site = rules().settings.site
    lacking = [code for code in site.languages if not site.help_url[code] and not guide.pdf(code)]
    if lacking:
        message = f"no PDF for your texts and contacts in {', '.join(lacking)}, so /help alone is offered: `make guide`"
        return Finding(Mark.ADVICE, "login guide", message)
    return Finding(Mark.GOOD, "login guide", "as a page and as a PDF, in every language")


def _overrides(_app: Flask) -> Finding:
    from idp.accounts.rules import rules
    from idp.web import overrides

    found = overrides.found(rules().settings)
    misfits = [f"{o.name} ({o.fit.value})" for o in found if not o.fits]
    if misfits:
        more = [f"and {len(misfits) - SHOWN} more: `idp overrides list`"] if len(misfits) > SHOWN else []
        return Finding(Mark.ADVICE, "overrides", "; ".join([*misfits[:SHOWN], *more]))
    return Finding(Mark.GOOD, "overrides", f"{len(found)} files of your own fit this version")


def _mail(app: Flask) -> Finding:
    from idp.accounts.rules import rules
    from idp.mail import delivery

    settings = rules().settings
    if not settings.mail.host:
        return Finding(Mark.ADVICE, "mail", "no SMTP server is set; the demo shows its mail in /demo/inbox")
    where = f"{settings.mail.host}:{settings.mail.port}"
    try:
        delivery.check(app)
    except (OSError, smtplib.SMTPException) as error:
        return Finding(Mark.BAD, "mail", f"{where}: {error}")
    return Finding(Mark.GOOD, "mail", f"{where} answers; sender {settings.mail.sender}")


def _undeliverable(_app: Flask) -> Finding:
    from idp import clock
    from idp.mail import outbox

    if schema() in (Schema.OLDER, Schema.NONE):
        return Finding(Mark.ADVICE, "undeliverable mail", "not looked at: the tables come first")
    count = outbox.undeliverable(clock.now())
    if not count:
        return Finding(Mark.GOOD, "undeliverable mail", "none in the last 24 hours")
    advice = 'the log says why ("mail refused"); many mean that the SMTP server takes nothing from here'
    return Finding(Mark.ADVICE, "undeliverable mail", f"{count} in the last 24 hours: {advice}")


def _admins(_app: Flask) -> Finding:
    from idp.accounts import roles
    from idp.accounts.models import ACTIVE
    from idp.accounts.roles import Role

    if schema() in (Schema.OLDER, Schema.NONE):
        return Finding(Mark.ADVICE, "administrators", "not looked at: the tables come first")
    able = [h for h in roles.holders() if Role.ADMIN in h.roles and h.status == ACTIVE]
    if not able:
        return Finding(Mark.ADVICE, "administrators", "nobody yet: `idp admin invite EMAIL --role admin`")
    return Finding(Mark.GOOD, "administrators", f"{len(able)} with the role admin")


def _broker(_app: Flask) -> Finding:
    """By the settings alone; `idp upstream check` asks it."""
    from idp.accounts.rules import rules
    from idp.upstream.advice import advice

    settings = rules().settings
    if not settings.upstream.on:
        return Finding(Mark.GOOD, "identification", "no broker")
    said = advice(settings)
    if said:
        return Finding(Mark.ADVICE, "identification", " ".join(said))
    return Finding(
        Mark.GOOD, "identification", f"by {settings.upstream.issuer}; `idp upstream check` asks it"
    )


def _backup(_app: Flask) -> Finding:
    """What is known here of backups: the newest `idp export`. What other tools do is not."""
    import sqlalchemy as sa

    from idp import clock
    from idp.audit import AuditEvent, Event
    from idp.database import db

    if schema() in (Schema.OLDER, Schema.NONE):
        return Finding(Mark.ADVICE, "backup", "make one before `idp migrate` changes tables")
    query = sa.select(sa.func.max(AuditEvent.at)).where(AuditEvent.event == Event.ALL_EXPORTED.value)
    last = db.session.scalar(query)
    known = f"the last `idp export` was on {last:%Y-%m-%d}" if last else "there was no `idp export` yet"
    if last is not None and clock.now() - last < BACKUP_IS_OLD:
        return Finding(Mark.GOOD, "backup", f"{known}; keep secrets.keys, too, somewhere else")
    advice = "if no other tool backs the database up, make one; and keep secrets.keys somewhere else"
    return Finding(Mark.ADVICE, "backup", f"{known}: {advice}")

"""Checks of an installation: what works, what does not, and what to do about it."""

import smtplib
from dataclasses import dataclass
from enum import Enum

import click
from flask import Flask

from idp.cli.context import Context, pass_context


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
        for check in (_database, _schema, _keys, _passwords, _limits, _statements, _overrides, _mail):
            findings.append(check(app))
            if findings[-1].mark is Mark.BAD and check is _database:
                break
    for finding in findings:
        context.console.print(f"{finding.mark.value:<24} [bold]{finding.subject}[/bold]  {finding.message}")
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


def schema_is_current() -> bool:
    """Whether the database's tables are those of this version. Needs an app context."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from flask import current_app

    from idp.database import db

    head = ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _schema(_app: Flask) -> Finding:
    if schema_is_current():
        return Finding(Mark.GOOD, "tables", "of this version")
    return Finding(Mark.BAD, "tables", "not of this version: run `idp migrate`")


def _keys(_app: Flask) -> Finding:
    from idp.crypto import Undecryptable
    from idp.keys import keyring

    if not schema_is_current():
        return Finding(Mark.BAD, "signing keys", "not looked at: the tables come first")
    try:
        published = keyring().jwks()["keys"]
    except Undecryptable:
        return Finding(Mark.BAD, "signing keys", "encrypted with another key than secrets.keys has")
    algorithms = ", ".join(sorted({key["alg"] for key in published}))
    return Finding(Mark.GOOD, "signing keys", f"{len(published)} published: {algorithms}")


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
        return Finding(Mark.ADVICE, "statements", message)
    return Finding(Mark.GOOD, "statements", "the municipality's own, in every language")


def _overrides(_app: Flask) -> Finding:
    from idp.accounts.rules import rules
    from idp.web import overrides

    found = overrides.found(rules().settings)
    misfits = [f"{o.name} ({o.fit.value})" for o in found if o.fit is not overrides.Fit.GOOD]
    if misfits:
        return Finding(Mark.ADVICE, "overrides", "; ".join(misfits))
    return Finding(Mark.GOOD, "overrides", f"{len(found)} templates of your own")


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

"""What commands share: the settings files, the app made from them, output."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from flask import Flask
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from idp import database, settings
from idp.database import DatabaseUnavailable
from idp.settings import Settings, UnusableSettings

MAX_NOTE = 500


class Note(click.ParamType[str]):
    """A reason in the operator's own words, on one line."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        note = " ".join(value.split())
        if not 1 <= len(note) <= MAX_NOTE:
            self.fail(f"must have 1 to {MAX_NOTE} characters", param, context)
        return note


@dataclass
class Context:
    """Made once per command line."""

    files: list[Path]
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    @cached_property
    def settings(self) -> Settings:
        try:
            return settings.load(*self.files)
        except UnusableSettings as error:
            raise click.ClickException(str(error)) from error

    def wants_json(self, as_json: bool) -> bool:
        """Whether to print JSON where a person at a terminal gets a table."""
        return as_json or not self.console.is_terminal

    @contextmanager
    def app(self, *, for_people: bool = False) -> Iterator[Flask]:
        """The app within its context; a database that cannot be used is one line, not a stack trace."""
        from idp import create_app
        from idp.web import logs

        try:
            logs.configure(self.settings)
            app = create_app(self.settings, for_people=for_people)
            with app.app_context():
                try:
                    yield app
                finally:
                    database.close(app)
        except UnusableSettings as error:
            raise click.ClickException(str(error)) from error
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            first_line = str(error).splitlines()[0]
            raise click.ClickException(f"database: {first_line} (does `idp doctor` find it?)") from error


def json_object(path: Path | None, option: str) -> dict[str, Any]:
    """The contents of a JSON file given by `option`, empty without one."""
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{option}: {path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise click.ClickException(f"{option} must hold a JSON object")
    return content


def folding(*headings: str) -> Table:
    """A table whose cells fold on a narrow terminal instead of being cut."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def cell(value: object) -> Text:
    """What people have typed, as it stands in a table: no markup, and nothing that would steer the terminal."""
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, datetime):
        return Text(f"{value.astimezone():%Y-%m-%d %H:%M}")
    if isinstance(value, list | tuple):
        return Text("\n").join(cell(each) for each in value)
    return Text("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)))


def put_json(value: Any) -> None:
    """Print JSON that people can read too."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
note_option = click.option("--note", required=True, type=Note(), help="The reason, for the audit log.")
pass_context = click.make_pass_decorator(Context)

"""What commands share: the settings files, the app made from them, output."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import click
from flask import Flask
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from idp import database, settings
from idp.database import DatabaseUnavailable
from idp.settings import Settings, UnusableSettings


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

    @contextmanager
    def app(self) -> Iterator[Flask]:
        """The app within its context; a database that cannot be used is one line, not a stack trace."""
        from idp import create_app
        from idp.web import logs

        try:
            logs.configure(self.settings)
            app = create_app(self.settings)
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


def folding(*headings: str) -> Table:
    """A table whose cells fold on a narrow terminal instead of being cut."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


pass_context = click.make_pass_decorator(Context)

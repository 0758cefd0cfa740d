"""Alembic's environment: the engine and the tables of the running app."""

from typing import Any

from alembic import context
from flask import current_app

from idp.database import BigInt, Instant, Json, db

_OWN = {Instant: "Instant()", type(Json): "Json", type(BigInt): "BigInt"}


def render_item(kind: str, obj: Any, autogen_context: Any) -> Any:
    """Write our own types by name into generated migrations."""
    name = _OWN.get(type(obj)) if kind == "type" else None
    if name is None:
        return False
    autogen_context.imports.add(f"from idp.database import {name.removesuffix('()')}")
    return name


def run() -> None:
    options = dict(current_app.extensions["migrate"].configure_args)
    with db.engine.execution_options(writes=True).connect() as connection:
        context.configure(
            connection=connection, target_metadata=db.metadata, render_item=render_item, **options
        )
        with context.begin_transaction():
            context.run_migrations()


run()

"""Signing keys: list, rotate."""

import click

from idp.cli.context import Context, folding, pass_context


@click.group()
def keys() -> None:
    """Signing keys of the provider."""


@keys.command("list")
@pass_context
def list_keys(context: Context) -> None:
    """Show every key and its state."""
    import sqlalchemy as sa

    from idp.database import db
    from idp.keys import SigningKey

    table = folding("kid", "algorithm", "state", "made", "in use since", "retired")
    with context.app():
        for key in db.session.scalars(sa.select(SigningKey).order_by(SigningKey.alg, SigningKey.created_at)):
            moments = (key.created_at, key.activated_at, key.retired_at)
            table.add_row(key.kid, key.alg, key.state, *(f"{m:%Y-%m-%d %H:%M}" if m else "" for m in moments))
    context.console.print(table)


@keys.command()
@click.option(
    "--emergency", is_flag=True, help="A key has leaked: refuse at once whatever the active keys signed."
)
@pass_context
def rotate(context: Context, emergency: bool) -> None:
    """Sign with the next keys and publish new next ones. Running workers notice within seconds."""
    from idp import audit, clock
    from idp import keys as signing_keys
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.audit import Event
    from idp.database import writing

    with context.app():
        signing_keys.ensure(rules().vault)
        with writing() as session:
            signing_keys.rotate(session, rules().vault, emergency=emergency)
            reason = "emergency" if emergency else None
            audit.record(session, Event.KEYS_ROTATED, at=clock.now(), actor=OPERATOR.name, reason=reason)
    word = "withdrawn" if emergency else "retired"
    context.console.print(
        f"The next keys sign now; the earlier ones are {word}. Workers follow within seconds."
    )

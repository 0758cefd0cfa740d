"""Signing keys: list, rotate."""

import click

from idp.cli.context import Context, cell, folding, json_option, pass_context, put_json

_MOMENTS = ("created_at", "activated_at", "retired_at")


@click.group()
def keys() -> None:
    """Signing keys of the provider."""


@keys.command("list")
@json_option
@pass_context
def list_keys(context: Context, as_json: bool) -> None:
    """Show every key and its state."""
    import sqlalchemy as sa

    from idp.database import db
    from idp.keys import SigningKey

    with context.app():
        query = sa.select(SigningKey).order_by(SigningKey.alg, SigningKey.created_at)
        found = [
            {name: getattr(key, name) for name in ("kid", "alg", "state", *_MOMENTS)}
            for key in db.session.scalars(query)
        ]
    if as_json:
        put_json(
            [key | {name: key[name].isoformat() if key[name] else None for name in _MOMENTS} for key in found]
        )
        return
    table = folding("kid", "algorithm", "state", "made", "in use since", "retired")
    for key in found:
        table.add_row(*map(cell, key.values()))
    context.console.print(table)


@keys.command()
@click.option(
    "--emergency", is_flag=True, help="A key has leaked: refuse at once whatever the active keys signed."
)
@pass_context
def rotate(context: Context, emergency: bool) -> None:
    """Sign with the next keys and publish new next ones. Running workers notice within seconds."""
    from idp import audit
    from idp import keys as signing_keys
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.database import writing

    with context.app():
        signing_keys.ensure(rules().vault)
        with writing() as session:
            kids = signing_keys.rotate(session, rules().vault, emergency=emergency)
            reason = "emergency" if emergency else None
            audit.record_rotation(session, kids, actor=OPERATOR.name, reason=reason)
    word = "withdrawn" if emergency else "retired"
    context.console.print(
        f"The next keys sign now; the earlier ones are {word}. Workers follow within seconds."
    )

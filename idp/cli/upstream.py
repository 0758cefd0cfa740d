"""The broker of strong identification: our keys for it, what it shall know of us, the keys that name people."""

import click

from idp.cli.context import Context, folding, pass_context


@click.group()
def upstream() -> None:
    """The broker that identifies people strongly."""


@upstream.command()
@pass_context
def describe(context: Context) -> None:
    """Show what the broker asks for when one joins it: addresses, and fingerprints of our keys."""
    from idp import upstream as room
    from idp.upstream import signing
    from idp.upstream.keys import upstream_keys

    base, section = context.settings.issuer, context.settings.upstream
    table = folding("what", "value")
    table.add_row("Broker", section.issuer or "none: upstream.issuer is empty")
    table.add_row("Our client id", section.client_id)
    table.add_row("Redirect URI", base + room.CALLBACK_PATH)
    table.add_row("Key set", f"{base}/upstream/jwks.json")
    table.add_row("Signed key set", f"{base}/upstream/jwks.jwt")
    table.add_row("Entity statement", f"{base}/upstream/entity-statement")
    with context.app():
        keys = upstream_keys().current()
        table.add_row("Fingerprint of the entity key", signing.fingerprint(keys.entity))
        for key in keys.published:
            use = "signing" if key.get("use") == "sig" else "encryption"
            table.add_row(f"Fingerprint of a key for {use}", f"{signing.fingerprint(key)} (kid {key.kid})")
    context.console.print(table)
    context.console.print("Fingerprints are SHA-256 thumbprints of the keys (RFC 7638).")


@upstream.command()
@pass_context
def check(context: Context) -> None:
    """Ask the broker for its metadata and keys, as the first person would."""
    from idp import upstream as room
    from idp.upstream.advice import advice
    from idp.upstream.providers import UpstreamUnavailable

    with context.app():
        if not room.is_configured():
            raise click.ClickException("there is no broker: upstream.issuer is empty")
        try:
            found = room.provider().check()
        except UpstreamUnavailable as error:
            raise click.ClickException(f"the broker cannot be used: {error}") from error
    context.console.print(f"The broker answers. {found}")
    for sentence in advice(context.settings):
        context.console.print(f"[yellow]advice[/yellow]  {sentence}")


@upstream.command("rotate-keys")
@click.option(
    "--emergency",
    is_flag=True,
    help="A key has leaked: read nothing that is encrypted to it, and use none of those made before.",
)
@click.option(
    "--entity",
    is_flag=True,
    help="Replace the entity key, too; the broker's people must compare the new one.",
)
@pass_context
def rotate_keys(context: Context, emergency: bool, entity: bool) -> None:
    """Sign with the next key and publish a new one to encrypt to. Running workers notice within seconds.

    After a leak of `secrets.keys`: with --emergency and --entity.
    """
    from idp import audit
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.database import writing
    from idp.upstream import keys

    with context.app():
        keys.ensure(rules().vault)
        with writing() as session:
            kids = keys.rotate(session, rules().vault, emergency=emergency, entity=entity)
            reason = "broker, emergency" if emergency else "broker"
            audit.record_rotation(session, kids, actor=OPERATOR.name, reason=reason)
    signs = "A new key" if emergency else "The next key"
    context.console.print(f"{signs} signs now, and a new one is published to encrypt to.")


@upstream.command("rotate-person-key")
@pass_context
def rotate_person_key(context: Context) -> None:
    """Name people by a new key. Who comes back is renamed then; older keys are kept until nobody needs them."""
    from idp import audit, clock
    from idp.accounts.roles import OPERATOR
    from idp.accounts.rules import rules
    from idp.audit import Event
    from idp.database import writing
    from idp.upstream import person_keys

    with context.app():
        renamed = person_keys.rotate(rules().vault)
        with writing() as session:
            audit.record(
                session, Event.KEYS_ROTATED, at=clock.now(), actor=OPERATOR.name, reason="person key"
            )
        table = folding("key", "people named by it")
        for number, people in person_keys.people_by_key().items():
            table.add_row(str(number), str(people))
    context.console.print(table)
    context.console.print(f"{renamed} people were renamed at once, by their kept codes.")

"""Client apps: create, show, list, and tokens for those that register themselves."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from idp.cli.context import Context, folding, json_object, pass_context


@click.group()
def client() -> None:
    """E-services that delegate their login to this provider."""


@client.command()
@click.option("--name", help="What residents see. Other languages: in --metadata, as client_name#sv.")
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="Where the login returns to. May be repeated."
)
@click.option(
    "--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Where logout returns to."
)
@click.option("--scope", help="Default: openid profile email; for --machine none.")
@click.option(
    "--auth-method",
    type=click.Choice(
        ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
    ),
    default="client_secret_basic",
    show_default=True,
    help="`none` is for apps that cannot keep a secret: single-page and mobile apps.",
)
@click.option("--jwks-uri", help="Where the client publishes its public keys. By value: jwks in --metadata.")
@click.option(
    "--grant",
    "grants",
    multiple=True,
    type=click.Choice(["authorization_code", "implicit", "client_credentials", "device"]),
    help="How it gets tokens. May be repeated. Default: authorization_code.",
)
@click.option(
    "--response-type",
    "response_types",
    multiple=True,
    help='Of the authorization endpoint, such as "code id_token". May be repeated. Default: code.',
)
@click.option(
    "--machine", is_flag=True, help="A program that acts in its own name: the grant client_credentials alone."
)
@click.option(
    "--subject-type",
    type=click.Choice(["public", "pairwise"]),
    help="pairwise: people have another `sub` here than elsewhere.",
)
@click.option("--client-uri", help="Front page of the e-service.")
@click.option("--initiate-login-uri", help="Address at the e-service that starts a login.")
@click.option("--backchannel-logout-uri", help="Address at the e-service that is told of logouts.")
@click.option("--native", is_flag=True, help="A mobile or desktop app.")
@click.option("--refresh-tokens", is_flag=True, help="May have offline_access.")
@click.option(
    "--ask-consent", is_flag=True, help="Not the municipality's own: people are asked what it may have."
)
@click.option("--without-pkce", is_flag=True, help="Exempt a confidential client that cannot do PKCE.")
@click.option("--resource-server", is_flag=True, help="May introspect access tokens that it receives.")
@click.option("--client-id", help="Choose the identifier yourself.")
@click.option(
    "--metadata", type=click.Path(exists=True, path_type=Path), help="JSON file with more members (RFC 7591)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def create(context: Context, /, as_json: bool, **options: Any) -> None:
    """Register a client. The secret is shown once."""
    from idp.clients import registration
    from idp.clients.metadata import InvalidClientMetadata, validate
    from idp.clients.sectors import check_sector
    from idp.database import writing

    metadata = _metadata(options)
    plain_http = context.settings.mode != "production"
    with context.app():
        try:
            check_sector(validate(metadata, plain_http=plain_http))
            with writing() as session:
                client_id, secret = registration.create(
                    session,
                    metadata,
                    client_id=options["client_id"],
                    first_party=not options["ask_consent"],
                    pkce_required=not options["without_pkce"],
                    resource_server=options["resource_server"],
                    plain_http=plain_http,
                )
        except InvalidClientMetadata as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"client_id": client_id, "client_secret": secret}))
        return
    context.console.print(f"client_id      [bold]{client_id}[/bold]")
    if secret:
        context.console.print(f"client_secret  [bold]{secret}[/bold]  (shown only now)")
    context.console.print(f"issuer         {context.settings.issuer}")


def _metadata(options: dict[str, Any]) -> dict[str, Any]:
    more = json_object(options["metadata"], "--metadata")
    grants = _grants(options)
    scope = options["scope"] or (None if grants == ["client_credentials"] else "openid profile email")
    if options["refresh_tokens"]:
        scope = " ".join(filter(None, [scope, "offline_access"]))
    return {
        "client_name": options["name"],
        "redirect_uris": list(options["redirect_uris"]),
        "post_logout_redirect_uris": list(options["post_logout_redirect_uris"]),
        "scope": scope,
        "grant_types": grants,
        "response_types": list(options["response_types"]),
        "token_endpoint_auth_method": options["auth_method"],
        "application_type": "native" if options["native"] else "web",
        "subject_type": options["subject_type"],
        "jwks_uri": options["jwks_uri"],
        "client_uri": options["client_uri"],
        "initiate_login_uri": options["initiate_login_uri"],
        "backchannel_logout_uri": options["backchannel_logout_uri"],
        **more,
    }


def _grants(options: dict[str, Any]) -> list[str]:
    from idp.clients.metadata import DEVICE_CODE

    if options["machine"] and options["grants"]:
        raise click.UsageError("--machine is a grant of its own; leave --grant out")
    named = ["client_credentials"] if options["machine"] else options["grants"] or ["authorization_code"]
    grants = [DEVICE_CODE if grant == "device" else grant for grant in named]
    return [*grants, *(["refresh_token"] if options["refresh_tokens"] else [])]


@client.command()
@click.argument("client_id")
@pass_context
def show(context: Context, client_id: str) -> None:
    """Print all that is registered of a client, with its defaults, as JSON. Secrets are stored hashed."""
    from idp.clients.metadata import with_defaults
    from idp.clients.models import ClientApp
    from idp.database import db

    with context.app():
        app = db.session.get(ClientApp, client_id)
        if app is None:
            raise click.ClickException(f"no client has the client_id {client_id} (see `idp client list`)")
        found = {
            "client_id": app.client_id,
            **with_defaults(app.registration),
            "first_party": app.first_party,
            "pkce_required": app.pkce_required,
            "resource_server": app.resource_server,
            "registered_itself": app.registration_token_hash is not None,
            "enabled": app.enabled,
            "created_at": app.created_at.isoformat(),
            "updated_at": app.updated_at.isoformat(),
        }
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@client.command("registration-token")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long it is good."
)
@click.option("--note", required=True, help="Who gets it and what for; at most 100 characters.")
@click.option("--withdraw", is_flag=True, help="End every token of that note instead.")
@pass_context
def registration_token(context: Context, days: int, note: str, withdraw: bool) -> None:
    """Make a token with which apps can register themselves (RFC 7591). It is shown once."""
    from idp.clients import dynamic
    from idp.database import writing

    if len(note) > 100:
        raise click.BadParameter("at most 100 characters", param_hint="--note")
    with context.app(), writing() as session:
        if withdraw:
            click.echo(f"{dynamic.withdraw_initial_tokens(session, note)} withdrawn")
            return
        token = dynamic.new_initial_token(session, note, timedelta(days=days))
    click.echo(token)
    if context.settings.clients.dynamic_registration == "off":
        click.echo('It opens nothing yet: set clients.dynamic_registration to "token".', err=True)


@client.command("list")
@pass_context
def list_clients(context: Context) -> None:
    """Show the registered clients."""
    import sqlalchemy as sa

    from idp.clients.models import ClientApp
    from idp.database import db

    table = folding("client_id", "name", "authentication", "redirect URIs", "enabled")
    with context.app():
        for app in db.session.scalars(sa.select(ClientApp).order_by(ClientApp.created_at)):
            metadata = app.registration
            table.add_row(
                app.client_id,
                metadata.get("client_name", ""),
                metadata.get("token_endpoint_auth_method", "client_secret_basic"),
                "\n".join(metadata.get("redirect_uris", ())),
                "yes" if app.enabled else "no",
            )
    context.console.print(table)

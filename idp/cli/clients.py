"""Client apps: create, list."""

import json
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
@click.option("--scope", default="openid profile email", show_default=True)
@click.option(
    "--auth-method",
    type=click.Choice(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]),
    default="client_secret_basic",
    show_default=True,
    help="`none` is for apps that cannot keep a secret: single-page and mobile apps.",
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
    from idp.clients.registration import InvalidClientMetadata
    from idp.database import writing

    metadata = _metadata(options)
    with context.app():
        try:
            with writing() as session:
                client_id, secret = registration.create(
                    session,
                    metadata,
                    client_id=options["client_id"],
                    first_party=not options["ask_consent"],
                    pkce_required=not options["without_pkce"],
                    resource_server=options["resource_server"],
                    plain_http=context.settings.mode != "production",
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
    scope = options["scope"] + (" offline_access" if options["refresh_tokens"] else "")
    return {
        "client_name": options["name"],
        "redirect_uris": list(options["redirect_uris"]),
        "post_logout_redirect_uris": list(options["post_logout_redirect_uris"]),
        "scope": scope,
        "grant_types": ["authorization_code", *(["refresh_token"] if options["refresh_tokens"] else [])],
        "token_endpoint_auth_method": options["auth_method"],
        "application_type": "native" if options["native"] else "web",
        "client_uri": options["client_uri"],
        "initiate_login_uri": options["initiate_login_uri"],
        "backchannel_logout_uri": options["backchannel_logout_uri"],
        **more,
    }


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

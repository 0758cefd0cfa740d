"""The operator's own templates, texts and statements."""

import click

from idp.cli.context import Context, cell, pass_context


@click.group()
def overrides() -> None:
    """Your own versions of our templates, texts and statements."""


@overrides.command("copy")
@click.argument("name")
@pass_context
def copy_template(context: Context, name: str) -> None:
    """Copy a template, for example pages/login.html, into your overrides folder to change it there."""
    from idp.web import overrides as templates

    if not context.settings.folders.overrides:
        raise click.ClickException("folders.overrides is not set")
    try:
        target = templates.copy(context.settings, name)
    except FileNotFoundError as error:
        raise click.ClickException(f"there is no template {name}") from error
    except FileExistsError as error:
        raise click.ClickException(f"{error} exists already; it is left as it is") from error
    context.console.print(f"{target} is yours now.")


@overrides.command("list")
@pass_context
def list_overrides(context: Context) -> None:
    """Show what is yours and whether it still fits."""
    from idp.settings import UnusableSettings
    from idp.web import overrides as own

    try:
        found = own.found(context.settings)
    except UnusableSettings as error:
        raise click.ClickException(str(error)) from error
    for override in found:
        context.console.print(cell(f"{override.name}: {override.fit.value}"))

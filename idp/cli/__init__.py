"""The `idp` command. Each module holds the commands of one subject."""

import os
from pathlib import Path

import click

from idp.cli import (
    account_acts,
    account_files,
    accounts,
    admin,
    audit,
    client_changes,
    clients,
    demo,
    doctor,
    installation,
    keys,
    overrides,
    terms,
    transfer,
    upstream,
)
from idp.cli.context import Context

ADDING = (account_acts, account_files, client_changes)
"""Modules that add commands to the group of another one."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tunnus", prog_name="idp")
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("IDP_CONFIG"),
    help="Your settings file. Also: IDP_CONFIG. Without it: tunnus.toml of this folder, if there is one.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Tunnus, the identity provider of a municipality."""
    if config is None and Path("tunnus.toml").is_file():
        config = Path("tunnus.toml")
    context.obj = Context([config] if config else [])


for command in (
    demo.demo,
    installation.init,
    installation.migrate,
    installation.serve,
    doctor.doctor,
    clients.client,
    accounts.account,
    admin.admin,
    audit.audit,
    keys.keys,
    overrides.overrides,
    terms.terms,
    upstream.upstream,
    installation.purge,
    transfer.export_all,
    transfer.import_all,
):
    main.add_command(command)

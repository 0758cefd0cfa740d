"""`idp demo`: the whole thing on one machine, with a demo e-service and a mail inbox."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from idp.cli.context import Context, pass_context
from idp.settings import UnusableSettings, project_folder

PROVIDER = "http://localhost:8400"
ESERVICE = "http://localhost:8401"
BROKER = "http://localhost:8402"


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Data folder.",
)
@click.option("--fresh", is_flag=True, help="Forget the earlier demo's data.")
@click.option("--provider", default=PROVIDER, show_default=True, help="Address of the provider.")
@click.option("--eservice", default=ESERVICE, show_default=True, help="Address of the e-service.")
@click.option(
    "--strong", is_flag=True, help="With a broker of strong identification, which an account then needs."
)
@click.option("--broker", default=BROKER, show_default=True, help="Address of that broker.")
@pass_context
def demo(
    context: Context, data: Path, fresh: bool, provider: str, eservice: str, strong: bool, broker: str
) -> None:
    """Start the provider on port 8400, a demo e-service on port 8401 and a mail inbox."""
    from idp.cli import demo_broker, demo_data
    from idp.demo.readiness import wait_until_ready

    folder = data.resolve()
    files = [project_folder("config") / "demo.toml", *context.files]
    if fresh:
        demo_data.forget(folder)
    if strong:
        os.environ.update(demo_broker.prepare(folder, provider=provider, broker=broker))
    try:
        prepared = demo_data.prepare(folder, files, provider=provider, eservice=eservice)
    except (demo_data.MadeForOtherAddresses, UnusableSettings) as error:
        raise click.ClickException(str(error)) from error
    environment = {**os.environ, **prepared.environment}
    programs = [
        subprocess.Popen([sys.executable, "-m", "idp.cli.run_provider", *map(str, files)], env=environment),
        subprocess.Popen(
            [sys.executable, "-m", "idp.demo.run_eservice", str(folder / "demo.json")], env=environment
        ),
    ]
    addresses = [f"{provider}/readyz", f"{eservice}/"]
    if strong:
        command = [sys.executable, "-m", "idp.demo.run_broker", str(folder / "broker.json")]
        programs.append(subprocess.Popen(command, env=environment))
        addresses.append(f"{broker}/.well-known/openid-configuration")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_until_ready(programs, *addresses)
        _tell(context, folder, prepared.contents, broker if strong else None)
        while all(program.poll() is None for program in programs):
            time.sleep(0.5)
    except KeyboardInterrupt:
        context.console.print("\nStopping.")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not leave a program behind
        for program in programs:
            program.terminate()
        for program in programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(10)
    if any(program.returncode not in (0, -signal.SIGTERM, -signal.SIGINT) for program in programs):
        raise click.ClickException(
            f"a part of the demo has stopped; is another program using the port of {provider}, {eservice} or {broker}? "
            "--provider, --eservice and --broker choose others."
        )


def _tell(context: Context, folder: Path, contents: dict[str, Any], broker: str | None) -> None:
    say = context.console.print
    say("\n[bold]Tunnus is running.[/bold] Open the e-service and log in:\n")
    provider, eservice = contents["issuer"], contents["eservice"]
    say(f"  E-service      [link]{eservice}[/link]")
    say(f"  Provider       [link]{provider}[/link]")
    say(f"  Mail inbox     [link]{provider}/demo/inbox[/link]")
    if broker is not None:
        say(f"  Broker         {broker}, where anybody can be anybody: create an account to meet it")
    resident = contents["resident"]
    say(f"\n  A resident     {resident['username']}   password  {resident['password']}")
    admin = contents["admin"]
    say(f"  An admin       {admin['username']}   password  {admin['password']}   at {provider}/admin/")
    say(f"  All of it in   {folder / 'demo.json'}")
    say("\nStop with Ctrl-C.\n")

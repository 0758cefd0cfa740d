"""`idp demo`: the whole thing on one machine, with a demo e-service and a mail inbox."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from idp.cli.context import Context, pass_context
from idp.settings import project_folder

PROVIDER = "http://localhost:8400"
ESERVICE = "http://localhost:8401"


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Data folder.",
)
@click.option("--fresh", is_flag=True, help="Forget the earlier demo's data.")
@pass_context
def demo(context: Context, data: Path, fresh: bool) -> None:
    """Start the provider on port 8400, a demo e-service on port 8401 and a mail inbox."""
    from idp.demo import setting_up

    folder = data.resolve()
    files = [project_folder("config") / "demo.toml", *context.files]
    if fresh:
        setting_up.forget(folder)
    prepared = setting_up.prepare(folder, files, provider=PROVIDER, eservice=ESERVICE)
    environment = {**os.environ, **prepared.environment}
    programs = [
        subprocess.Popen([sys.executable, "-m", "idp.demo.run_provider", *map(str, files)], env=environment),
        subprocess.Popen(
            [sys.executable, "-m", "idp.demo.run_eservice", str(folder / "demo.json")], env=environment
        ),
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _wait_until_ready(programs)
        _tell(context, folder, prepared.contents)
        while all(program.poll() is None for program in programs):
            time.sleep(0.5)
    except KeyboardInterrupt:
        context.console.print("\nStopping.")
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(10)
    if any(program.returncode not in (0, -signal.SIGTERM, -signal.SIGINT) for program in programs):
        raise click.ClickException(
            "a part of the demo has stopped; is another program using port 8400 or 8401?"
        )


def _wait_until_ready(programs: list[subprocess.Popen[bytes]]) -> None:
    for address in (f"{PROVIDER}/readyz", f"{ESERVICE}/"):
        for _attempt in range(300):
            if any(program.poll() is not None for program in programs):
                return
            try:
                with urllib.request.urlopen(address, timeout=2):  # noqa: S310  our own two addresses
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)


def _tell(context: Context, folder: Path, contents: dict[str, Any]) -> None:
    say = context.console.print
    say("\n[bold]Tunnus is running.[/bold] Open the e-service and log in:\n")
    say(f"  E-service      [link]{ESERVICE}[/link]")
    say(f"  Provider       [link]{PROVIDER}[/link]")
    say(f"  Mail inbox     [link]{PROVIDER}/demo/inbox[/link]")
    resident = contents["resident"]
    say(f"\n  A resident     {resident['username']}   password  {resident['password']}")
    say(f"  All of it in   {folder / 'demo.json'}")
    say("\nStop with Ctrl-C.\n")

"""What a page of docs/relying-parties/ says to copy and paste, taken from the page and done.

The example values of the page are replaced by those of the test, nothing else is. A file is a fenced block after a line
that ends with its name in backticks and a colon; commands are the `sh` blocks.
"""

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.installation import Installation
from tests.support.people import App
from tests.support.ports import LOOPBACK, free_port, is_open
from tests.support.processes import Program

FOLDER = Path(__file__).parents[2] / "docs" / "relying-parties"

# The example values of every page.
PROVIDER, ESERVICE, PORT = "https://tunnus.example.fi", "https://asiointi.example.fi", "3000"
CLIENT_ID, CLIENT_SECRET = "your-client-id", "your-client-secret"
LONG_RANDOM_TEXT = "a-long-random-text"

_FILE = re.compile(r"^[^\n]*`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_VARIABLES = re.compile(r"^(\w+=\S+ +)+")


@dataclass(frozen=True)
class Documented:
    """A relying party as its page has it, at an address of this machine, registered by the command of the page."""

    page: str
    place: Installation
    port: int
    app: App

    @classmethod
    def register(cls, name: str, place: Installation) -> "Documented":
        """Run the page's `idp client create` at the running provider."""
        port = free_port()
        [command] = [line for line in _commands(name) if line.startswith("idp client create ")]
        arguments = shlex.split(command.replace(ESERVICE, f"http://{LOOPBACK}:{port}"))[1:]
        made = json.loads(_idp(place, *arguments, "--json"))
        app = App(made["client_id"], made["client_secret"], "")
        return cls(name, place, port, app)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def file(self, name: str) -> str:
        """The text of a file of the page, with this test's values."""
        return self._with_values(dict(_FILE.findall(page_text(self.page)))[name])

    def lay(self, folder: Path) -> None:
        """Write the files of the page into a folder, after what a file holds already."""
        for name in dict(_FILE.findall(page_text(self.page))):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(self.file(name))

    def command(self, beginning: str) -> str:
        """The one command of the page that begins so, with the page's variables and this test's values.

        Packages are installed already: the page's own virtual environment is ours.
        """
        commands = [line.removeprefix(".venv/bin/") for line in _commands(self.page)]
        [found] = [line for line in commands if _VARIABLES.sub("", line).startswith(beginning)]
        exported = [line.removeprefix("export") for line in commands if line.startswith("export ")]
        return self._with_values(" ".join(["exec env", *exported, found]))

    def start(self, beginning: str, folder: Path) -> Program:
        """Start the page's server in the folder that holds its files, and wait until it listens."""
        program = Program(
            ["/bin/sh", "-c", self.command(beginning)],
            log=folder / "log",
            folder=folder,
            environment=environment(),
        )
        program.wait_until(lambda: is_open(self.port))
        return program

    def _with_values(self, text: str) -> str:
        values = {
            PROVIDER: self.place.provider,
            ESERVICE: self.address,
            CLIENT_ID: self.app.client_id,
            CLIENT_SECRET: self.app.secret or "",
            LONG_RANDOM_TEXT: secrets.token_hex(),
            PORT: str(self.port),
        }
        return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text)


def environment() -> dict[str, str]:
    """The programs of the virtual environment come first; no proxy; nothing of the person who runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IDP_", "DJANGO_", "FLASK_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(command: str, folder: Path) -> str:
    """Run a command of a page in its folder; what it prints."""
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def page_text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _commands(page: str) -> list[str]:
    """Continued lines are joined, comments left out."""
    blocks = "".join(_SHELL.findall(page_text(page))).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in blocks.splitlines() if line.strip()]


def _idp(place: Installation, *arguments: str) -> str:
    """What `idp` prints at the running installation."""
    settings = place.people.app.extensions["settings"]
    done = subprocess.run(
        [sys.executable, "-c", "from idp.cli import main; main()", *arguments],
        env={
            **environment(),
            "IDP_MODE": "demo",
            "IDP_ISSUER": place.provider,
            "IDP_FOLDERS_DATA": str(settings.folders.data),
            "IDP_DATABASE_URL": settings.database.url,
            "IDP_SECRETS_KEYS": json.dumps([place.demo["secret_key"]]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

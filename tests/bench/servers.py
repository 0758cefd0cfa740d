"""The servers that are measured: Tunnus as in production, under granian or gunicorn, and a bare Flask application."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from tests.bench import machine
from tests.bench.load import Reading
from tests.support.ports import free_port
from tests.support.processes import Program

SECRET_KEY = "YmVuY2hta2V5LWZvci10dW5udXMtYmVuY2gtb25seS0x"
ISSUER = "https://tunnus.example.fi"
THREADS = 32
COST = 12  # of bcrypt, the default

# As in production behind one proxy; only the rate limits let everything through, and mail is sent nowhere.
_SETTINGS = """\
mode = "test"
issuer = "{issuer}"
[secrets]
keys = ["{key}"]
[folders]
data = "{folder}"
[database]
url = "{url}"
[server]
port = {port}
workers = {workers}
threads = {threads}
trusted_proxies = 1
[mail]
security = "none"
[passwords]
bcrypt_cost = {cost}
waiting_hashes = {waiting}
[log]
requests = "{log}"
[limits]
login_per_address = "1000000/hour"
login_per_username = "1000000/hour"
token_errors_per_address = "1000000/minute"
client_registration_per_address = "1000000/minute"
registered_clients_per_address = "1000000/minute"
pushed_requests_per_address = "1000000/minute"
[clients]
dynamic_registration = "open"
"""


@dataclass
class Installation:
    """A settings file and the tables it leads to."""

    folder: Path
    url: str
    port: int = field(default_factory=free_port)

    def write(
        self, *, workers: int = 1, threads: int = THREADS, waiting: int = 16, log: str = "pages"
    ) -> Path:
        """The settings file."""
        values = {"workers": workers, "threads": threads, "waiting": waiting, "log": log, "cost": COST}
        path = self.folder / "tunnus.toml"
        path.write_text(
            _SETTINGS.format(
                issuer=ISSUER, key=SECRET_KEY, folder=self.folder, url=self.url, port=self.port, **values
            )
        )
        return path

    def migrate(self) -> None:
        subprocess.run([*_idp(self.write()), "migrate"], check=True, stdout=subprocess.DEVNULL)


def _idp(settings_file: Path) -> list[str]:
    return [sys.executable, "-c", "from idp.cli import main; main()", "--config", str(settings_file)]


class Server:
    """A running server program on one port."""

    def __init__(self, program: Program, port: int, ready_path: str, cores: list[int]) -> None:
        self.port = port
        self._cores = cores
        self._program = program
        self._ready_path = ready_path
        started = time.perf_counter()
        program.wait_until(self._answers)
        self.start_seconds = time.perf_counter() - started
        self._processes = machine.processes_of(program.pid)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self._ready_path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def read(self) -> Reading:
        """Processor time of all its processes, and of its cores."""
        return Reading(machine.cpu_seconds(self._processes), machine.busy_seconds(self._cores))

    def worker_bytes(self) -> list[int]:
        """PSS of each process that answers requests."""
        servers = [pid for pid in self._processes if machine.threads_of(pid) > 3]
        return [machine.proportional_bytes(pid) for pid in servers]


@contextmanager
def tunnus(settings_file: Path, port: int, cores: list[int]) -> Iterator[Server]:
    """`idp serve`, on the given cores."""
    with _running([*_idp(settings_file), "serve"], port, cores, "/readyz", settings_file.parent) as server:
        yield server


@contextmanager
def tunnus_by_gunicorn(settings_file: Path, port: int, cores: list[int]) -> Iterator[Server]:
    """The same application under gunicorn's threads."""
    options = ["--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "75"]
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}"]
    environment = {"IDP_SERVING_FILES": str(settings_file), "IDP_SERVING_WORKERS": "1"}
    with _running(
        [*command, "idp.serving:worker()"], port, cores, "/readyz", settings_file.parent, environment
    ) as server:
        yield server


@contextmanager
def bare_flask(folder: Path, cores: list[int]) -> Iterator[Server]:
    """One route of Flask without anything, on the same server."""
    port = free_port()
    with _running(
        [sys.executable, "-m", "tests.bench.servers", str(port)], port, cores, "/", folder
    ) as server:
        yield server


@contextmanager
def _running(
    command: list[str],
    port: int,
    cores: list[int],
    ready_path: str,
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Iterator[Server]:
    with machine.pinned(*cores):
        program = Program(
            command, log=folder / "server.log", environment={**os.environ, **(environment or {})}
        )
    try:
        yield Server(program, port, ready_path, cores)
    except Exception as error:
        error.add_note(f"The server's log ends with:\n{program.log.read_text()[-4000:]}")
        raise
    finally:
        program.stop()


def bare_application() -> Flask:
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: {"status": "ok"})
    return app


if __name__ == "__main__":
    from idp import serving, settings

    at = settings.load(overrides={"mode": "test", "issuer": ISSUER, "secrets": {"keys": [SECRET_KEY]}}).server
    bare = at.model_copy(update={"port": int(sys.argv[1]), "threads": THREADS})
    serving.run("tests.bench.servers:bare_application", bare, workers=1)

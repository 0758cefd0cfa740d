"""Several machines in small: server programs (`idp serve`) with one database, one Redis and one mail server."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from flask import Flask

from idp import create_app, database
from tests.bench.machine import processes_of
from tests.conftest import SECRET_KEY, make_settings
from tests.support.harvest import Traffic
from tests.support.people import People
from tests.support.ports import free_port
from tests.support.processes import Program
from tests.support.smtp import SmtpServer

METRICS_TOKEN = "a-token-of-prometheus-and-of-nobody-else"
PATIENCE = 60.0  # seconds, with everything that is waited for; a machine may be busy

_SETTINGS = """\
mode = "test"
issuer = "{issuer}"
[secrets]
keys = ["{key}"]
[folders]
data = "{folder}"
[database]
url = "{database}"
timeout_seconds = {timeout}
[server]
port = {port}
workers = {workers}
stop_delay_seconds = {stop_delay}
trusted_proxies = {proxies}
[passwords]
bcrypt_cost = 4
[mail]
host = "{mail_host}"
port = {mail_port}
security = "none"
[limits]
storage = "{limits}"
login_per_address = "{logins}"
login_per_username = "100000/hour"
registration_per_address = "100000/hour"
recovery_per_address = "100000/hour"
mail_per_name = "100000/hour"
token_errors_per_address = "100000/minute"
[metrics]
token = "{token}"
[tracing]
endpoint = "{traces}"
[log]
level = "debug"
requests = "all"
"""


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `condition` says as soon as it says something true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} seconds in vain"
        time.sleep(0.05)
    return found


class Machine:
    """One server program with its workers. `address` has no slash at the end."""

    def __init__(self, settings: Path, port: int) -> None:
        self.address = f"http://localhost:{port}"
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IDP_", "PROMETHEUS_")) and not name.lower().endswith("_proxy")
        }
        self._command = [sys.executable, "-c", "from idp.cli import main; main()", "--config", str(settings)]
        self.program = Program(
            [*self._command, "serve"], log=settings.with_suffix(".log"), environment=self._environment
        )

    def idp(self, *arguments: str) -> str:
        """What the command says beside the running server, with the same settings; it must succeed."""
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_until_ready(self) -> None:
        self.program.wait_until(lambda: self.status("/readyz") == 200, PATIENCE)

    def status(self, path: str) -> int | None:
        """The status of an answer, None without one."""
        try:
            return httpx.get(f"{self.address}{path}", trust_env=False, timeout=10).status_code
        except httpx.TransportError:
            return None

    @property
    def main_process(self) -> int:
        """Of `idp serve`: the one whose parent is the shell that keeps it."""
        return next(pid for pid in self._processes if _parent(pid) == self.program.pid)

    @property
    def workers(self) -> list[int]:
        """None while the main process is still starting."""
        processes = self._processes
        main = [pid for pid in processes if _parent(pid) == self.program.pid]
        return [pid for pid in processes if _parent(pid) in main]

    @property
    def _processes(self) -> list[int]:
        return [pid for pid in sorted(processes_of(self.program.pid)) if _is_python(pid)]

    def ask_to_stop(self) -> None:
        """What systemd does first. Returns at once."""
        os.kill(self.main_process, signal.SIGTERM)

    def interrupt(self) -> None:
        """What a terminal does at Ctrl-C: it tells every process. Returns at once."""
        for pid in (self.main_process, *self.workers):
            os.kill(pid, signal.SIGINT)

    def wait_for_the_end(self) -> int:
        """Its exit code."""
        wait_until(lambda: not self.program.running)
        return self.program.exit_code or 0

    def kill_a_worker(self, number: int = 0) -> int:
        """As the kernel does when memory is short."""
        victim = self.workers[number]
        os.kill(victim, signal.SIGKILL)
        return victim

    def kill(self) -> None:
        """All of it at once."""
        for pid in (self.main_process, *self.workers):
            os.kill(pid, signal.SIGKILL)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, without what is no JSON."""
        text = self.program.log.read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def metrics(self) -> str:
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        return httpx.get(f"{self.address}/metrics", headers=headers, trust_env=False).raise_for_status().text

    def number(self, sample: str) -> float:
        """A sample by its name, with its labels if it has any; 0 without such a one."""
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stop(self) -> None:
        self.program.stop(PATIENCE)


def _is_python(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("python")
    except OSError:
        return False


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


@dataclass
class Installation:
    """What the machines have in common."""

    folder: Path
    database_url: str
    mail: SmtpServer
    limits: str = "memory://"
    logins_per_address: str = "100000/hour"
    issuer: str = ""
    proxies: int = 0
    traces: str = ""
    """Address of a collector of traces."""
    machines: list[Machine] = field(default_factory=list)

    def start(self, *, workers: int = 1, port: int | None = None, stop_delay: float = 0) -> Machine:
        """One more machine, not waited for."""
        port = port or free_port()
        self.issuer = self.issuer or f"http://localhost:{port}"
        values = {
            "issuer": self.issuer,
            "key": SECRET_KEY,
            "folder": self.folder,
            "database": self.database_url,
            "timeout": 20 if self.database_url.startswith("sqlite") else 5,
            "port": port,
            "workers": workers,
            "stop_delay": stop_delay,
            "mail_host": self.mail.host,
            "mail_port": self.mail.port,
            "limits": self.limits,
            "logins": self.logins_per_address,
            "token": METRICS_TOKEN,
            "proxies": self.proxies,
            "traces": self.traces,
        }
        settings = self.folder / f"machine{len(self.machines)}.toml"
        settings.write_text(_SETTINGS.format(**values))
        machine = Machine(settings, port)
        self.machines.append(machine)
        return machine

    @contextmanager
    def domain(self) -> Iterator[Flask]:
        """The domain on the same database, for arranging what a test needs and looking at what has come of it."""
        app = create_app(
            make_settings(
                issuer=self.issuer or "http://localhost:8400",
                folders={"data": self.folder},
                database={"url": self.database_url},
            )
        )
        try:
            yield app
        finally:
            with app.app_context():
                database.close(app)

    @contextmanager
    def people(self) -> Iterator[People]:
        with self.domain() as app:
            yield People(app)


@contextmanager
def installation(folder: Path, database_url: str, mail: SmtpServer, **values: Any) -> Iterator[Installation]:
    """An installation without machines yet; those that are started are stopped at the end.

    Nothing secret of what the test has sent and got by httpx, or of the mail, may stand in their logs then.
    """
    made = Installation(folder, database_url, mail, **values)
    traffic = Traffic()
    for name, value in (("secrets.keys", SECRET_KEY), ("metrics.token", METRICS_TOKEN)):
        traffic.add(name, value)
    with traffic.of_httpx():
        try:
            yield made
        finally:
            for machine in made.machines:
                machine.stop()
    for message in mail.messages:
        traffic.take_text(message.text)
    for machine in made.machines:
        told = traffic.told_in(machine.program.log.read_text(errors="replace"))
        assert told == set(), f"secrets in the log of {machine.address}"

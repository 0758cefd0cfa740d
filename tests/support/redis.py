"""A private Redis server, for the rate limits that several machines share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port, is_open
from tests.support.processes import Program, short_temporary_folder


class Redis:
    """A running server; `url` suits redis-py and Flask-Limiter. It keeps nothing over a `stop()`."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._program: Program | None = None
        self.port = free_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start the server, on the same port as before, and wait until it listens."""
        if self._program is not None and self._program.running:
            return
        options = ["--bind", LOOPBACK, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._program = Program(
            [self._binary, *options, "--dir", str(self._folder)],
            log=self._folder / "log",
            folder=self._folder,
        )
        self._program.wait_until(lambda: is_open(self.port))

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """No server inside this block; it is back, empty, afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@contextmanager
def redis_server() -> Iterator[Redis]:
    """A private server; RuntimeError when none is installed."""
    binary = find_binary()
    if binary is None:
        raise RuntimeError("redis-server is not installed")
    with short_temporary_folder("tunnus-redis-") as folder:
        server = Redis(binary, folder)
        try:
            yield server
        finally:
            server.stop()


def find_binary() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")

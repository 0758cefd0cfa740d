"""Free TCP ports of the loopback interface."""

import itertools
import os
import socket
import time
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"

# Below the ports that the kernel gives to outgoing connections, and a range of its own for each worker of pytest-xdist:
# who stops a server to start it again finds its port free.
_FIRST, _PER_WORKER = 18000, 1000


def _ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 14
    for number in itertools.count(os.getpid()):
        yield _FIRST + worker * _PER_WORKER + number % _PER_WORKER


_candidates = _ports()


def free_port() -> int:
    """A port nobody listens on, not given again for a long time."""
    for port in _candidates:
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port
    raise AssertionError("unreachable")


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until_open(port: int, host: str = LOOPBACK, seconds: float = 20) -> None:
    """Return as soon as somebody listens there; TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while not is_open(port, host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody listens on {host}:{port} after {seconds} s")
        time.sleep(0.02)

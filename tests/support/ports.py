"""Free TCP ports of the loopback interface."""

import socket
import time

LOOPBACK = "127.0.0.1"

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, never the same one twice within a process."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


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

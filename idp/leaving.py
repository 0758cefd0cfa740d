"""Whether this server is about to stop: one byte that its main process shares with the workers it has forked."""

import mmap

_byte = mmap.mmap(-1, 1)  # anonymous memory, which forked processes have in common


def begin() -> None:
    """From now on answers end their connections, and load balancers hear that this server is not ready."""
    _byte[0] = 1


def end() -> None:
    _byte[0] = 0


def has_begun() -> bool:
    return bool(_byte[0])

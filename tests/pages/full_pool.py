"""A hashing pool without a free place."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from idp.accounts.hashing import Hasher


@contextmanager
def full_pool(app: Flask) -> Iterator[None]:
    """As long as every place of the pool and its queue is taken."""
    hasher: Hasher = app.extensions["hasher"]
    taken = 0
    while hasher._places.acquire(blocking=False):
        taken += 1
    try:
        yield
    finally:
        for _ in range(taken):
            hasher._places.release()

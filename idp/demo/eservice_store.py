"""What the demo e-service keeps on the server: a small store in memory, bounded in number and in time.

It lives in one process. An e-service of several processes keeps the same things in Redis or in its database.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedStore(Generic[Value]):
    """Keys and values that are forgotten after ``seconds``, or earlier when there are more than ``limit``.

    It has the methods that Authlib asks of a ``cache``: get, set and delete.
    """

    def __init__(self, limit: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._now = now
        self._lock = threading.RLock()
        self._values: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """The value, or None when there is none (any more)."""
        with self._lock:
            expires, value = self._values.get(key, (0.0, None))
            return value if expires > self._now() else None

    def set(self, key: str, value: Value, seconds: float | None = None) -> None:
        """Keep ``value``; the oldest values go when there are too many."""
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = (self._now() + (self._seconds if seconds is None else seconds), value)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)

    def add(self, key: str, value: Value) -> bool:
        """Keep ``value`` unless the key is there already; says whether it was new."""
        with self._lock:
            expires, _ = self._values.get(key, (0.0, None))
            if expires > self._now():
                return False
            self.set(key, value)
            return True

    def delete_where(self, unwanted: Callable[[Value], bool]) -> None:
        """Forget the values for which ``unwanted`` is true."""
        with self._lock:
            for key in [key for key, (_, value) in self._values.items() if unwanted(value)]:
                del self._values[key]

    def delete(self, key: str) -> None:
        """Forget ``key``, known or not."""
        with self._lock:
            self._values.pop(key, None)

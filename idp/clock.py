"""The only source of time. Everything else takes `now` as a parameter or asks here.

Times are UTC and timezone-aware. Tests put a fixed or moving clock in place with `use`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def _system_clock() -> datetime:
    return datetime.now(UTC)


_clock: Clock = _system_clock


def now() -> datetime:
    """The present moment, timezone-aware in UTC, with microseconds."""
    return _clock()


def timestamp() -> int:
    """The present moment in whole seconds since 1970 (NumericDate of RFC 7519, rounded down)."""
    return int(_clock().timestamp())


@contextmanager
def use(clock: Clock) -> Iterator[None]:
    """Let `clock` tell the time within the block. For tests only."""
    global _clock  # noqa: PLW0603  the one clock of the process
    previous, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = previous

"""A clock that tests move by hand."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Tells the same moment until it is moved."""

    def __init__(self, start: datetime | None = None) -> None:
        self.moment = start or datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> datetime:
        """Forward by days, hours, minutes, seconds..."""
        self.moment += timedelta(**by)
        return self.moment

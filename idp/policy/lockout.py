"""When wrong passwords lock an account, and until when (R-36).

Pure transitions from one Counter to the next. The caller reads, transforms and writes a counter in one
transaction (or compares and swaps); whose counter it is (an account, a known device, an unknown name) is not
known here.

One attempt is:

1. `begin` before hashing. CHECK reserves a place among the allowed attempts: parallel guesses cannot exceed
   them.
2. the password is hashed, outside any transaction;
3. one of `failed`, `succeeded` or `withdrawn` with the reservation, on a freshly read counter.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum


@dataclass(frozen=True, slots=True)
class Counter:
    """What is stored: four columns. A new one is free. Times are timezone-aware."""

    failures: int = 0
    """Consecutive wrong passwords."""

    pending: int = 0
    """Attempts begun whose outcome is not known yet."""

    reserved_until: datetime | None = None
    """When the youngest pending attempt is given up (its worker was killed)."""

    locked_until: datetime | None = None
    """The first moment at which the lock is over."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One attempt's place. An outcome from `expires_at` on is void: it does not count, nobody is told it."""

    expires_at: datetime

    def is_void(self, now: datetime) -> bool:
        """Whether the attempt took too long. The caller then answers "try again", right password or wrong."""
        return now >= self.expires_at


class Verdict(Enum):
    """What to do with a login attempt, before its password is looked at."""

    CHECK = "check"
    """Hash and compare, then tell the outcome."""

    LOCKED = "locked"
    """Refuse, right password or wrong, with the same work and the same page."""

    CROWDED = "crowded"
    """All remaining attempts are being checked right now: wait for one of them, or answer "try again"."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of `begin`: the counter to write back, and a reservation when the verdict is CHECK."""

    verdict: Verdict
    counter: Counter
    reservation: Reservation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutPolicy:
    """`attempts` consecutive wrong passwords lock for `duration` from the last of them.

    The seed says "useamman kerran" (several times) and 24 h; 5 is our reading of it. ASVS 6.3.1, and NIST
    SP 800-63B-4 3.2.2 (at most 100 consecutive failures). `reservation` must be longer than an attempt can
    spend in the hashing pool and its queue. Raises ValueError for impossible values.
    """

    attempts: int = 5
    duration: timedelta = timedelta(hours=24)
    reservation: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 100:
            raise ValueError("attempts must be 1 to 100")
        if self.duration <= timedelta(0) or self.reservation <= timedelta(0):
            raise ValueError("duration and reservation must be longer than zero")

    def is_locked(self, counter: Counter, now: datetime) -> bool:
        """Whether `counter` is locked at `now`. Free again at `locked_until` itself.

        Right after `failed` it tells whether that failure was the locking one (the owner gets one mail).
        """
        return counter.locked_until is not None and now < counter.locked_until

    def begin(self, counter: Counter, now: datetime) -> Decision:
        """Ask to check one password. A lock is never extended by it; one that has passed is forgotten."""
        if self.is_locked(counter, now):
            return Decision(Verdict.LOCKED, counter)
        counter = self._without_the_past(counter, now)
        if counter.failures + counter.pending >= self.attempts:
            return Decision(Verdict.CROWDED, counter)
        reservation = Reservation(now + self.reservation)
        reserved = replace(counter, pending=counter.pending + 1, reserved_until=reservation.expires_at)
        return Decision(Verdict.CHECK, reserved, reservation)

    def failed(self, counter: Counter, reservation: Reservation, now: datetime) -> Counter:
        """The password was wrong: one more failure, and the lock when it was the last one allowed."""
        if reservation.is_void(now):
            return counter
        failures = counter.failures + 1
        if failures >= self.attempts:
            return Counter(failures=failures, locked_until=now + self.duration)
        return replace(self._without_one_pending(counter), failures=failures)

    def succeeded(self, counter: Counter, reservation: Reservation, now: datetime) -> Counter:
        """The password was right: the count starts again. Attempts still pending keep their places."""
        if reservation.is_void(now):
            return counter
        return replace(self._without_one_pending(counter), failures=0)

    def withdrawn(self, counter: Counter, reservation: Reservation, now: datetime) -> Counter:
        """The password was never checked (the hashing pool was full): the place is given back."""
        if reservation.is_void(now):
            return counter
        return self._without_one_pending(counter)

    def cleared(self, counter: Counter) -> Counter:
        """Unlocked by an administrator, or by a reset where `reset_unlocks` is set. Pending places stay."""
        return replace(counter, failures=0, locked_until=None)

    def _without_the_past(self, counter: Counter, now: datetime) -> Counter:
        if counter.locked_until is not None:
            return Counter()
        if counter.reserved_until is not None and now >= counter.reserved_until:
            return Counter(failures=counter.failures)
        return counter

    def _without_one_pending(self, counter: Counter) -> Counter:
        if counter.pending <= 1:
            return replace(counter, pending=0, reserved_until=None)
        return replace(counter, pending=counter.pending - 1)

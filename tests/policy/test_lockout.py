from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from idp.policy.lockout import Counter, Decision, LockoutPolicy, Reservation, Verdict

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY = LockoutPolicy()


def after(**parts: float) -> datetime:
    return START + timedelta(**parts)


def reserve(
    counter: Counter, now: datetime = START, policy: LockoutPolicy = POLICY
) -> tuple[Counter, Reservation]:
    decision = policy.begin(counter, now)
    assert decision.verdict is Verdict.CHECK
    assert decision.reservation is not None
    return decision.counter, decision.reservation


def fail(counter: Counter, now: datetime = START, *, times: int = 1) -> Counter:
    for _ in range(times):
        counter, reservation = reserve(counter, now)
        counter = POLICY.failed(counter, reservation, now)
    return counter


def succeed(counter: Counter, now: datetime = START) -> Counter:
    counter, reservation = reserve(counter, now)
    return POLICY.succeeded(counter, reservation, now)


class TestLocking:
    def test_four_wrong_passwords_do_not_lock(self):
        counter = fail(Counter(), times=4)
        assert counter == Counter(failures=4)
        assert not POLICY.is_locked(counter, START)

    def test_the_fifth_wrong_password_locks_for_24_hours_from_itself(self):
        counter = fail(fail(Counter(), times=4), after(hours=3))
        assert counter.locked_until == after(hours=27)
        assert POLICY.is_locked(counter, after(hours=3))

    def test_a_right_password_starts_the_count_again(self):
        counter = succeed(fail(Counter(), times=4))
        assert counter == Counter()
        assert not POLICY.is_locked(fail(counter, times=4), START)

    def test_failures_count_however_long_ago_they_were(self):
        counter = Counter()
        for day in range(5):
            counter = fail(counter, after(days=day))
        assert POLICY.is_locked(counter, after(days=4))


class TestDuringALock:
    def test_no_password_is_checked_and_the_lock_stays_as_it_is(self):
        locked = fail(Counter(), times=5)
        for hours in range(24):
            assert POLICY.begin(locked, after(hours=hours)) == Decision(Verdict.LOCKED, locked)

    def test_it_holds_at_23_59_59(self):
        locked = fail(Counter(), times=5)
        assert POLICY.is_locked(locked, after(hours=23, minutes=59, seconds=59))
        assert POLICY.begin(locked, after(hours=24, microseconds=-1)).verdict is Verdict.LOCKED

    @pytest.mark.parametrize("seconds", [0, 1])
    def test_it_is_over_at_24_00_00_and_the_count_starts_at_zero(self, seconds):
        moment = after(hours=24, seconds=seconds)
        locked = fail(Counter(), times=5)
        assert not POLICY.is_locked(locked, moment)
        assert fail(locked, moment, times=4) == Counter(failures=4)

    def test_an_administrator_clears_it(self):
        cleared = POLICY.cleared(fail(Counter(), times=5))
        assert cleared == Counter()


class TestParallelAttempts:
    def test_no_more_are_checked_at_once_than_are_left(self):
        counter = fail(Counter(), times=3)
        counter, _ = reserve(counter)
        counter, _ = reserve(counter)
        assert POLICY.begin(counter, START) == Decision(Verdict.CROWDED, counter)

    def test_all_wrong_lock_with_the_last_of_them(self):
        counter, reservations = Counter(), []
        for _ in range(5):
            counter, reservation = reserve(counter)
            reservations.append(reservation)
        for number, reservation in enumerate(reservations, start=1):
            counter = POLICY.failed(counter, reservation, after(seconds=number))
            assert POLICY.is_locked(counter, after(seconds=number)) == (number == 5)
        assert counter.locked_until == after(hours=24, seconds=5)

    def test_a_right_one_among_wrong_ones_keeps_the_others_places(self):
        counter, first = reserve(fail(Counter(), times=3))
        counter, second = reserve(counter)
        counter = POLICY.succeeded(counter, first, START)
        assert (counter.failures, counter.pending) == (0, 1)
        assert POLICY.failed(counter, second, START) == Counter(failures=1)

    def test_a_withdrawn_one_counts_for_nothing(self):
        counter, reservation = reserve(fail(Counter(), times=4))
        assert POLICY.withdrawn(counter, reservation, START) == Counter(failures=4)

    def test_clearing_keeps_their_places(self):
        counter, reservation = reserve(fail(Counter(), times=4))
        assert POLICY.cleared(counter).pending == 1
        assert POLICY.failed(POLICY.cleared(counter), reservation, START) == Counter(failures=1)


class TestAttemptsThatNeverEnd:
    def test_give_their_places_back_after_a_minute(self):
        counter = Counter(failures=2)
        for _ in range(3):
            counter, _ = reserve(counter)
        assert POLICY.begin(counter, after(seconds=59, milliseconds=999)).verdict is Verdict.CROWDED
        assert reserve(counter, after(seconds=60))[0].pending == 1
        assert fail(counter, after(seconds=60)) == Counter(failures=3)

    def test_are_void_when_they_do_end(self):
        counter, reservation = reserve(Counter(failures=4))
        late = after(seconds=60)
        assert reservation.is_void(late)
        assert not reservation.is_void(after(seconds=59))
        for outcome in (POLICY.failed, POLICY.succeeded, POLICY.withdrawn):
            assert outcome(counter, reservation, late) == counter

    def test_take_no_place_from_a_later_attempt(self):
        counter, late = reserve(Counter(failures=4))
        counter, _ = reserve(counter, after(seconds=60))
        counter = POLICY.withdrawn(counter, late, after(seconds=61))
        assert POLICY.begin(counter, after(seconds=61)).verdict is Verdict.CROWDED


class TestSettings:
    @pytest.mark.parametrize("attempts", [0, -1, 101])
    def test_attempts_are_1_to_100(self, attempts):
        with pytest.raises(ValueError, match="attempts"):
            LockoutPolicy(attempts=attempts)

    @pytest.mark.parametrize("name", ["duration", "reservation"])
    def test_durations_are_longer_than_zero(self, name):
        with pytest.raises(ValueError, match="longer than zero"):
            LockoutPolicy(**{name: timedelta(0)})

    def test_one_attempt_is_possible(self):
        policy = LockoutPolicy(attempts=1, duration=timedelta(hours=1))
        counter, reservation = reserve(Counter(), policy=policy)
        assert policy.begin(counter, START).verdict is Verdict.CROWDED
        assert policy.failed(counter, reservation, START).locked_until == after(hours=1)


class ParallelGuessing(RuleBasedStateMachine):
    """Any mixture of begun, ended, withdrawn and forgotten attempts, at any speed.

    The machine keeps its own account of what a guesser learnt and when the account was locked.
    """

    reservations = Bundle("reservations")

    @initialize(attempts=st.integers(1, 6))
    def start(self, attempts):
        self.policy = LockoutPolicy(attempts=attempts, duration=timedelta(hours=1))
        self.counter = Counter()
        self.now = START
        self.learnt_wrong = 0
        self.in_flight: list[Reservation] = []

    @rule(seconds=st.sampled_from([0, 1, 30, 59, 60, 61, 3599, 3600]))
    def time_passes(self, seconds):
        was_locked = self.policy.is_locked(self.counter, self.now)
        self.now += timedelta(seconds=seconds)
        if was_locked and not self.policy.is_locked(self.counter, self.now):
            self.learnt_wrong = 0

    @rule(target=reservations)
    def begin(self):
        before = self.counter
        decision = self.policy.begin(before, self.now)
        self.counter = decision.counter
        if self.policy.is_locked(before, self.now):
            assert decision == Decision(Verdict.LOCKED, before)
        if decision.verdict is not Verdict.CHECK:
            assert decision.reservation is None
            return None
        return decision.reservation

    @rule(reservation=consumes(reservations))
    def wrong(self, reservation):
        if reservation is None:
            return
        before = self.counter.locked_until
        self.counter = self.policy.failed(self.counter, reservation, self.now)
        if reservation.is_void(self.now):
            assert self.counter.locked_until == before
            return
        self.learnt_wrong += 1
        assert before is None
        assert self.policy.is_locked(self.counter, self.now) == (self.learnt_wrong == self.policy.attempts)

    @rule(reservation=consumes(reservations))
    def right(self, reservation):
        if reservation is None or reservation.is_void(self.now):
            return
        assert not self.policy.is_locked(self.counter, self.now)
        self.counter = self.policy.succeeded(self.counter, reservation, self.now)
        self.learnt_wrong = 0

    @rule(reservation=consumes(reservations))
    def withdrawn(self, reservation):
        if reservation is not None:
            self.counter = self.policy.withdrawn(self.counter, reservation, self.now)

    @rule(reservation=consumes(reservations))
    def worker_is_killed(self, reservation):
        """Nobody ever hears of this attempt again."""

    @rule()
    def everybody_waits_out_every_reservation_and_lock(self):
        self.time_passes(seconds=3600)
        assert self.policy.begin(self.counter, self.now).verdict is Verdict.CHECK

    @invariant()
    def no_more_wrong_passwords_were_checked_than_allowed(self):
        assert self.learnt_wrong <= self.policy.attempts
        assert self.counter.failures + self.counter.pending <= self.policy.attempts

    @invariant()
    def a_lock_is_never_longer_than_its_duration(self):
        if self.counter.locked_until is not None:
            assert self.counter.locked_until <= self.now + self.policy.duration
            assert self.counter.pending == 0


ParallelGuessing.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestParallelGuessing = ParallelGuessing.TestCase

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.lifetimes import ImpossibleLifetime, Lifetimes, is_live

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEFAULT = Lifetimes()


def after(**parts: float) -> datetime:
    return START + timedelta(**parts)


class TestDefaults:
    @pytest.mark.parametrize(
        ("name", "duration"),
        [
            ("activation_link", timedelta(minutes=30)),
            ("reset_link", timedelta(minutes=30)),
            ("address_confirmation", timedelta(minutes=30)),
            ("undo_change", timedelta(days=7)),
            ("cancel_deletion", timedelta(days=14)),
            ("session_idle", timedelta(minutes=30)),
            ("session_absolute", timedelta(hours=12)),
            ("remembered_login", timedelta(days=30)),
            ("authorization_request", timedelta(hours=1)),
            ("authorization_code", timedelta(seconds=60)),
            ("pushed_request", timedelta(seconds=90)),
            ("device_code", timedelta(minutes=10)),
            ("invitation", timedelta(hours=72)),
            ("access_token", timedelta(minutes=10)),
            ("id_token", timedelta(minutes=10)),
            ("refresh_idle", timedelta(days=14)),
            ("refresh_absolute", timedelta(days=90)),
            ("refresh_grace", timedelta(seconds=10)),
            ("retired_key_published", timedelta(hours=24)),
            ("unactivated_account", timedelta(days=30)),
            ("inactive_account", timedelta(days=730)),
            ("audit_event", timedelta(days=730)),
        ],
    )
    def test_are_the_documented_ones(self, name, duration):
        assert getattr(DEFAULT, name) == duration

    def test_are_all_tested_above(self):
        assert len(fields(Lifetimes)) == 22


class TestIsLive:
    def test_an_activation_link_works_for_29_minutes_59_seconds(self):
        expires_at = START + DEFAULT.activation_link
        assert is_live(expires_at, after(minutes=29, seconds=59))
        assert is_live(expires_at, after(minutes=30, microseconds=-1))

    def test_an_activation_link_is_over_after_30_minutes(self):
        expires_at = START + DEFAULT.activation_link
        assert not is_live(expires_at, after(minutes=30))
        assert not is_live(expires_at, after(minutes=30, seconds=1))

    def test_a_time_without_zone_is_a_mistake_of_the_caller(self):
        with pytest.raises(TypeError):
            is_live(START, START.replace(tzinfo=None))


class TestSessionEnd:
    def test_comes_after_half_an_hour_without_use(self):
        end = DEFAULT.session_end(START, after(hours=2), remembered=False)
        assert is_live(end, after(hours=2, minutes=29, seconds=59))
        assert not is_live(end, after(hours=2, minutes=30))

    def test_comes_after_twelve_hours_of_use(self):
        end = DEFAULT.session_end(START, after(hours=11, minutes=59), remembered=False)
        assert is_live(end, after(hours=11, minutes=59, seconds=59))
        assert not is_live(end, after(hours=12))

    def test_of_a_remembered_login_comes_after_thirty_days_used_or_not(self):
        for last_seen in (START, after(days=29)):
            end = DEFAULT.session_end(START, last_seen, remembered=True)
            assert is_live(end, after(days=29, hours=23, minutes=59, seconds=59))
            assert not is_live(end, after(days=30))

    @given(st.timedeltas(timedelta(0), timedelta(days=60)))
    def test_without_remember_me_is_never_later_than_either_limit(self, since_login):
        end = DEFAULT.session_end(START, START + since_login, remembered=False)
        assert end <= START + DEFAULT.session_absolute
        assert end <= START + since_login + DEFAULT.session_idle


class TestImpossible:
    @pytest.mark.parametrize("field", fields(Lifetimes), ids=lambda field: field.name)
    def test_negative_durations_are_refused(self, field):
        with pytest.raises(ImpossibleLifetime, match=field.name):
            Lifetimes(**{field.name: timedelta(seconds=-1)})

    def test_no_grace_is_possible_but_no_other_zero(self):
        assert Lifetimes(refresh_grace=timedelta(0)).refresh_grace == timedelta(0)
        with pytest.raises(ImpossibleLifetime, match="access_token"):
            Lifetimes(access_token=timedelta(0))

    @pytest.mark.parametrize(
        ("name", "duration"),
        [
            ("authorization_code", timedelta(seconds=61)),
            ("session_idle", timedelta(hours=13)),
            ("refresh_idle", timedelta(days=91)),
            ("retired_key_published", timedelta(minutes=9)),
            ("unactivated_account", timedelta(minutes=29)),
        ],
    )
    def test_contradictions_are_refused(self, name, duration):
        with pytest.raises(ImpossibleLifetime, match=name):
            Lifetimes(**{name: duration})

import time
import tracemalloc
import unicodedata
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import common_passwords
from idp.policy.common_passwords import is_common_password
from idp.policy.passwords import PasswordPolicy

WORDLISTS = resources.files("idp.policy") / "wordlists"
BREACHED = (WORDLISTS / "breached.txt").read_text("utf-8").splitlines()
NORDIC = (WORDLISTS / "nordic.txt").read_text("utf-8").splitlines()


class TestRefuses:
    @pytest.mark.parametrize(
        "password",
        [
            "Password1!",
            "P@ssw0rd",
            "Passw0rd!",
            "Qwerty123!",
            "Abc123!",
            "Aa123456!",
            "Admin@123",
            "Welcome1!",
            "Letmein1!",
            "Summer2026!",
            "$ummer2026!",
            "!QAZ2wsx",
            'Zaq1"wsx',
            "Qwer1234!",
        ],
    )
    def test_what_the_whole_world_tries(self, password):
        assert is_common_password(password)

    @pytest.mark.parametrize(
        "password",
        [
            "Salasana1!",
            "S4las4n4!",
            "Salasana!01.01.2026",
            "Kesä2026!",
            "Kesa2026!",
            "Talvi-2025",
            "Perkele666!",
            "Helsinki#1",
            "Suomi100!",
            "Lösenord1!",
            "Losenord1!",
            "Hejsan123!",
            "Sommar2026!",
        ],
    )
    def test_what_people_try_here(self, password):
        assert is_common_password(password)

    @pytest.mark.parametrize(
        "password", ["Aa1!Aa1!", "Ababab1!", "salasanasalasana", "12345678901234567", "zzzzzzzzzzzzzzz"]
    )
    def test_repetition(self, password):
        assert is_common_password(password)

    def test_every_breached_password_that_has_all_four_classes(self):
        assert all(is_common_password(word.title()) for word in BREACHED[::500])


class TestAllows:
    @pytest.mark.parametrize(
        "password",
        ["", "Aa1;bb", "Hk7;pq", "Tuuli&ankka4", "xK9#vQ2m", "Lentokone!Vihko7", "hirvi soutaa torilla"],
    )
    def test_passwords_of_ones_own(self, password):
        assert not is_common_password(password)

    def test_a_common_word_with_much_beside_it(self):
        assert is_common_password("Kissa-83925-71640")
        assert not is_common_password("Kissa-83925-71640!")

    @given(st.text(max_size=300))
    def test_any_text_without_raising(self, password):
        is_common_password(password)


class TestTheLists:
    @pytest.mark.parametrize("words", [BREACHED, NORDIC], ids=["breached", "nordic"])
    def test_are_sorted_folded_and_without_repetition(self, words):
        assert words == sorted(set(words))
        for word in words:
            assert word == unicodedata.normalize("NFC", word).casefold()
            assert word
            assert not any(char.isspace() for char in word)

    @pytest.mark.parametrize("min_length", range(6, 17))
    def test_hold_the_three_thousand_that_match_the_policy(self, min_length):
        """ASVS 6.2.4, for every minimum length up to that of profile `length` and beyond."""
        assert sum(len(word) >= min_length for word in BREACHED) >= 3_000

    def test_hold_those_that_match_the_profile_with_classes(self):
        policy = PasswordPolicy.for_profile("classes")
        rules = [rule for rule in policy.rules if rule.kind != "upper"]
        assert sum(all(rule.is_met_by(word) for rule in rules) for word in BREACHED) > 1_400

    def test_of_our_own_hold_words_of_four_letters_and_more(self):
        assert len(NORDIC) > 150
        assert min(map(len, NORDIC)) >= 4


class TestCost:
    def test_lists_are_loaded_at_first_use_quickly_and_small(self):
        common_passwords._lists.cache_clear()
        tracemalloc.start()
        started = time.perf_counter()
        is_common_password("salasana")
        seconds = time.perf_counter() - started
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < 0.5
        assert kept < 1_000_000

    @pytest.mark.parametrize(
        "text", ["a1" * 512, "a" * 1000 + "1" * 24, "1" * 1000 + "abc", "ab" * 500 + "c"]
    )
    def test_the_longest_passwords_take_little_time(self, text):
        started = time.perf_counter()
        is_common_password(text)
        assert time.perf_counter() - started < 0.5

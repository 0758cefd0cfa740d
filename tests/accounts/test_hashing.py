"""Password hashing: bcrypt over a keyed pre-hash, on a bounded pool."""

import threading
import time
import unicodedata

import bcrypt
import pytest
from flask import Flask

from idp.accounts import hashing
from idp.accounts.hashing import Hasher, HashingBusy
from idp.policy.passwords import UnusablePassword
from tests.conftest import make_settings

PEPPER = {"2026": "cGVwcGVyLW9mLTIwMjYtZm9yLXRlc3RzLW9ubHktMDAw"}
NEWER = {**PEPPER, "2027": "cGVwcGVyLW9mLTIwMjctZm9yLXRlc3RzLW9ubHktMDAw"}


def make_hasher(*, peppers: dict[str, str] | None = None, workers: int = 1, **passwords: int) -> Hasher:
    from tests.conftest import SECRET_KEY

    secrets = {"keys": [SECRET_KEY], "peppers": peppers or {}}
    return Hasher(make_settings(passwords=passwords, secrets=secrets), workers)


@pytest.fixture(scope="module")
def hasher() -> Hasher:
    return make_hasher()


def test_the_stored_form_tells_scheme_pepper_and_cost(hasher: Hasher) -> None:
    scheme, pepper, digest = hasher.hash("Kuusi;7puuta").split(":")

    assert (scheme, pepper) == ("v1", "")
    assert digest.startswith("$2b$04$")
    assert len(digest) == 60


def test_the_same_password_is_stored_differently_each_time(hasher: Hasher) -> None:
    assert hasher.hash("Kuusi;7puuta") != hasher.hash("Kuusi;7puuta")


def test_the_right_password_matches_and_a_wrong_one_does_not(hasher: Hasher) -> None:
    stored = hasher.hash("Kuusi;7puuta")

    assert hasher.verify("Kuusi;7puuta", stored).matches
    assert not hasher.verify("Kuusi;8puuta", stored).matches
    assert not hasher.verify("", stored).matches


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a" * 72 + "b", "a" * 72 + "c"),  # bcrypt alone reads 72 bytes
        ("ä" * 36 + "b", "ä" * 36 + "c"),
        ("Kuusi;7\0puuta", "Kuusi;7\0muuta"),  # bcrypt alone may stop at NUL
        ("Kuusi;7", "Kuusi;7\0"),
        ("Kuusi;7puuta", "kuusi;7puuta"),
        ("Kuusi;7puuta", "Kuusi;7puuta "),
        ("½", "1⁄2"),  # NFKC would make them one
        ("²", "2"),
    ],
)
def test_all_of_it_counts(hasher: Hasher, one: str, other: str) -> None:
    stored = hasher.hash(one)

    assert hasher.verify(one, stored).matches
    assert not hasher.verify(other, stored).matches


def test_every_keyboards_spelling_of_a_letter_is_one(hasher: Hasher) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Yö;7äiti") for form in ("NFC", "NFD"))

    assert composed != decomposed
    assert hasher.verify(decomposed, hasher.hash(composed)).matches


def test_half_a_surrogate_pair_is_nobodys_password(hasher: Hasher) -> None:
    stored = hasher.hash("Kuusi;7puuta")

    assert not hasher.verify("Kuusi;7\ud800", stored).matches
    with pytest.raises(UnusablePassword):
        hasher.hash("Kuusi;7\ud800")


def test_a_very_long_password_is_cheap_to_refuse(hasher: Hasher) -> None:
    stored = hasher.hash("Kuusi;7puuta")
    began = time.perf_counter()

    assert not hasher.verify("x" * 1_000_000, stored).matches

    assert time.perf_counter() - began < 1


# -- two hashes of one salt


def test_a_hash_made_beside_another_is_compared_at_no_further_cost(hasher: Hasher) -> None:
    stored = hasher.hash("Kuusi;7puuta")
    other = hasher.hash("Talvi-8yötä", beside=stored)

    found = [
        hasher.verify(password, stored, other) for password in ("Kuusi;7puuta", "Talvi-8yötä", "Jokin;muu1")
    ]

    assert [(each.matches, each.matches_other) for each in found] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_an_outdated_hash_lends_no_salt() -> None:
    """Its cost would tell that it is there."""
    stored = make_hasher(bcrypt_cost=5).hash("Kuusi;7puuta")
    other = make_hasher().hash("Talvi-8yötä", beside=stored)

    assert "$04$" in other
    assert not make_hasher().verify("Talvi-8yötä", stored, other).matches_other
    assert make_hasher().verify("Talvi-8yötä", other).matches


# -- what a login hashes anew


def test_a_pepper_is_named_by_the_hash_and_needed_for_it() -> None:
    peppered = make_hasher(peppers=PEPPER)
    stored = peppered.hash("Kuusi;7puuta")

    assert stored.startswith("v1:2026:$2b$")
    assert peppered.verify("Kuusi;7puuta", stored).matches
    assert not make_hasher().verify("Kuusi;7puuta", stored).matches  # the pepper was thrown away
    elsewhere = stored.replace("v1:2026:", "v1::")
    assert not peppered.verify("Kuusi;7puuta", elsewhere).matches


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (make_hasher, lambda: make_hasher(peppers=PEPPER)),
        (lambda: make_hasher(peppers=PEPPER), lambda: make_hasher(peppers=NEWER)),
        (make_hasher, lambda: make_hasher(bcrypt_cost=5)),
    ],
    ids=["pepper added", "pepper rotated", "cost raised"],
)
def test_an_older_hash_still_matches_and_is_outdated(older: object, newer: object) -> None:
    assert callable(older)
    assert callable(newer)
    before, now = older(), newer()
    stored = before.hash("Kuusi;7puuta")

    assert not before.verify("Kuusi;7puuta", stored).outdated
    assert now.verify("Kuusi;7puuta", stored) == hashing.Verdict(matches=True, outdated=True)
    assert now.verify("Kuusi;8puuta", stored) == hashing.Verdict(matches=False, outdated=False)
    assert not now.verify("Kuusi;7puuta", now.hash("Kuusi;7puuta")).outdated


def test_our_prehash_keeps_nul_and_72_bytes_from_bcrypt(hasher: Hasher) -> None:
    """What bcrypt gets is 44 characters of base64, whatever the password is."""
    stored = hasher.hash("a" * 100).split(":")[2].encode()

    assert not bcrypt.checkpw(b"a" * 72, stored)


# -- nobody home


def test_without_a_stored_hash_the_same_work_is_done() -> None:
    costly = make_hasher(bcrypt_cost=10)
    stored = costly.hash("Kuusi;7puuta")

    def work(of: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            assert not costly.verify("Kuusi;8puuta", of).matches
            times.append(time.process_time() - began)
        return min(times)

    assert 0.6 < work(None) / work(stored) < 1.6


def test_the_dummy_is_no_password(hasher: Hasher) -> None:
    assert not hasher.verify("no such account", None).matches


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_unmatchable_hash_costs_as_much_and_fits_nothing(context: Flask) -> None:
    made = hashing.unmatchable_hash()

    assert made.startswith("v1::$2b$04$")
    assert made != hashing.unmatchable_hash()
    assert not hashing.hasher().verify("", made).matches
    assert not hashing.hasher().verify("Kuusi;7puuta", made).matches


# -- the pool


def test_what_does_not_fit_in_pool_and_queue_is_refused_at_once() -> None:
    hasher = make_hasher(bcrypt_cost=11, parallel_hashes=1, waiting_hashes=2)
    together = threading.Barrier(8)
    outcomes: list[str] = []

    def hash_one() -> None:
        together.wait()
        try:
            hasher.hash("Kuusi;7puuta")
        except HashingBusy:
            outcomes.append("busy")
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=hash_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["busy"] * 5 + ["done"] * 3


def test_a_place_is_given_back_whatever_happens() -> None:
    hasher = make_hasher(parallel_hashes=1, waiting_hashes=0)

    for _ in range(3):
        with pytest.raises(UnusablePassword):
            hasher.hash("\ud800")

    assert hasher.verify("Kuusi;7puuta", hasher.hash("Kuusi;7puuta")).matches


def test_the_cores_are_divided_among_the_workers() -> None:
    assert make_hasher(parallel_hashes=8, workers=4).parallel == 2
    assert make_hasher(parallel_hashes=1, workers=4).parallel == 1

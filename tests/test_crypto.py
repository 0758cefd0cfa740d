"""Secrets at rest: keyed, encrypted, and rotated without an outage."""

import re

import pytest

from idp.crypto import Undecryptable, Vault, equal, hash_token, keyed_hash, random_id, random_token

OLD = "b2xkLWtleS1vZi10dW5udXMtdGVzdHMtb25seS0wMDAx"
NEW = "bmV3LWtleS1vZi10dW5udXMtdGVzdHMtb25seS0wMDAx"


def test_what_is_encrypted_comes_back_and_cannot_be_read() -> None:
    sealed = Vault([OLD]).encrypt("Hyvää päivää")

    assert "Hyv" not in sealed
    assert Vault([OLD]).decrypt(sealed) == "Hyvää päivää"
    assert sealed != Vault([OLD]).encrypt("Hyvää päivää")


def test_a_newer_key_in_front_still_opens_what_the_older_one_closed() -> None:
    sealed = Vault([OLD]).encrypt("x")

    rotated = Vault([NEW, OLD])

    assert rotated.decrypt(sealed) == "x"
    assert Vault([NEW]).decrypt(rotated.encrypt("y")) == "y"  # new things are closed with the newer one


def test_without_its_key_nothing_opens() -> None:
    with pytest.raises(Undecryptable):
        Vault([NEW]).decrypt(Vault([OLD]).encrypt("x"))


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-2] + "AA", lambda s: "", lambda s: s[:20], lambda s: "x" + s]
)
def test_what_was_tampered_with_does_not_open(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(Undecryptable):
        Vault([OLD]).decrypt(spoil(Vault([OLD]).encrypt("x")))


def test_each_purpose_has_a_key_of_its_own() -> None:
    vault = Vault([NEW, OLD])

    assert len({vault.derive(purpose) for purpose in ("cookies", "at rest", "login counters")}) == 3
    assert vault.derive_all("cookies") == [Vault([NEW]).derive("cookies"), Vault([OLD]).derive("cookies")]
    assert len(vault.derive("cookies")) == 32


def test_tokens_are_random_and_fit_in_addresses() -> None:
    tokens = {random_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in tokens)
    assert re.fullmatch(r"[\w-]{22}", random_id())


def test_an_identifier_is_no_option_of_a_command() -> None:
    assert not [found for found in (random_id() for _ in range(2000)) if found.startswith("-")]


@pytest.mark.parametrize("text", ["", "a", "ä", "\0", "\ud800", "x" * 100_000])
def test_any_text_can_be_hashed_and_compared(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_token(text))
    assert re.fullmatch(r"[0-9a-f]{64}", keyed_hash(b"key", text))
    assert keyed_hash(b"key", text) != keyed_hash(b"other key", text)
    assert equal(text, text)
    assert not equal(text, text + "x")

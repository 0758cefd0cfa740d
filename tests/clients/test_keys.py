"""Keys of clients (RFC 7517): by value or fetched from `jwks_uri`, kept for minutes, asked anew for an unknown kid."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.clients import keys
from idp.clients.keys import ClientKeysUnavailable
from idp.clients.registry import Client
from tests.conftest import AppFactory
from tests.support.hostile import Authority, LocalServer, local_server
from tests.support.moments import MovableClock
from tests.support.ports import LOOPBACK

ALLOWED = {"allowed_hosts": [LOOPBACK], "timeout_seconds": 5}


def ec(kid: str, **members: Any) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, **members})


def registered(**metadata: Any) -> Client:
    return Client("asiointi", metadata, None, first_party=True, pkce_required=True, resource_server=False)


class Publisher:
    """A client's server that publishes keys, and says what it is told to."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        server.answer = lambda handler: handler.say(200, json.dumps(self.document).encode(), self.media_type)
        self.media_type = "application/json"
        self.document: Any = None

    def publish(self, *published: Any) -> None:
        self.document = {"keys": [key.as_dict(private=False) for key in published]}

    @property
    def client(self) -> Client:
        return registered(jwks_uri=self.server.url(path="/jwks"))

    @property
    def asked(self) -> int:
        return len(self.server.asked)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with local_server() as server:
        yield Publisher(server)


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(outbound=ALLOWED)


@pytest.fixture
def kids(app: Flask, publisher: Publisher, moving_clock: MovableClock) -> Callable[..., list[str | None]]:
    """The ids of the publisher's keys, as the provider knows them."""

    def found(kid: str | None = None) -> list[str | None]:
        with app.app_context():
            return [key.kid for key in keys.keys_of(publisher.client, kid=kid)]

    return found


Kids = Callable[..., list[str | None]]


# -- registered by value


def test_registered_keys_are_used_without_asking_anybody(app: Flask) -> None:
    client = registered(jwks={"keys": [ec("a").as_dict(private=False), ec("b").as_dict(private=False)]})

    with app.app_context():
        assert [key.kid for key in keys.keys_of(client)] == ["a", "b"]
        assert [key.kid for key in keys.keys_of(client, kid="unknown")] == ["a", "b"]


def test_a_client_without_keys_has_none(app: Flask) -> None:
    with app.app_context(), pytest.raises(ClientKeysUnavailable):
        keys.keys_of(registered())


# -- fetched


@pytest.mark.parametrize("media_type", ["application/json", "application/jwk-set+json; charset=utf-8"])
def test_keys_are_fetched_once_and_kept_for_minutes(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock, media_type: str
) -> None:
    publisher.media_type = media_type
    publisher.publish(ec("a"))

    for _ in range(5):
        assert kids("a") == ["a"]
        moving_clock.move(seconds=59)

    assert publisher.asked == 1
    moving_clock.move(seconds=10)
    kids("a")
    assert publisher.asked == 2


def test_a_new_key_is_known_at_once(kids: Kids, publisher: Publisher) -> None:
    publisher.publish(ec("old"))
    kids("old")
    publisher.publish(ec("old"), ec("new"))

    assert kids("new") == ["old", "new"]


def test_a_key_that_is_no_longer_published_is_not_known_after_minutes(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.publish(ec("leaked"), ec("good"))
    kids("leaked")
    publisher.publish(ec("good"))
    moving_clock.move(minutes=5)

    assert kids("leaked") == ["good"]


def test_unknown_kids_do_not_make_us_hammer_the_client(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.publish(ec("a"))
    kids("a")

    for number in range(50):
        assert kids(f"unknown-{number}") == ["a"]
    assert publisher.asked == 2

    moving_clock.move(seconds=10)
    for number in range(50):
        kids(f"unknown-{number}")
    assert publisher.asked == 3


def test_a_client_that_is_down_is_not_asked_again_at_once(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.server.answer = lambda handler: handler.say(503)
    for _ in range(5):
        with pytest.raises(ClientKeysUnavailable):
            kids("a")
    assert publisher.asked == 1

    publisher.server.answer = lambda handler: handler.say(200, json.dumps(publisher.document).encode())
    publisher.publish(ec("a"))
    moving_clock.move(seconds=10)
    assert kids("a") == ["a"]


def test_old_keys_serve_for_an_hour_while_the_client_is_down_and_no_longer(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.publish(ec("a"))
    kids("a")
    publisher.server.answer = lambda handler: handler.say(500)

    moving_clock.move(minutes=59)
    assert kids("a") == ["a"]
    assert publisher.asked == 2
    moving_clock.move(minutes=1)
    with pytest.raises(ClientKeysUnavailable):
        kids("a")


def test_a_failed_fetch_for_an_unknown_kid_leaves_the_known_keys(kids: Kids, publisher: Publisher) -> None:
    publisher.publish(ec("a"))
    kids("a")
    publisher.document = "nonsense"

    assert kids("unknown") == ["a"]
    assert kids("a") == ["a"]


# -- what is published badly


def test_a_document_with_a_private_key_is_refused(kids: Kids, publisher: Publisher) -> None:
    publisher.document = {"keys": [ec("good").as_dict(private=False), ec("leaked").as_dict(private=True)]}

    with pytest.raises(ClientKeysUnavailable):
        kids("good")


def test_a_shared_secret_is_no_public_key(kids: Kids, publisher: Publisher) -> None:
    publisher.document = {"keys": [OctKey.generate_key(256).as_dict(private=True)]}

    with pytest.raises(ClientKeysUnavailable):
        kids()


def test_keys_that_cannot_be_used_are_left_out(kids: Kids, publisher: Publisher) -> None:
    good = ec("good").as_dict(private=False)
    publisher.document = {
        "keys": [
            {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x", "kid": "of the future"},
            {"kty": "RSA", "n": "_" * 171, "e": "AQAB", "kid": "short"},
            {"kty": "RSA", "n": "A" * 300 + "_" * 171, "e": "AQAB", "kid": "short in disguise"},
            {**good, "kid": "elsewhere", "crv": "P-1"},
            {**good, "kid": 5},
            {"kty": "RSA", "n": "_" * 100_000, "e": "AQAB", "kid": "huge"},
            "nonsense",
            good,
        ]
    }

    assert kids("good") == ["good"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "x",
        1,
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": [{}]},
        {"keys": [{"kty": []}]},
    ],
)
def test_what_is_no_key_set_gives_no_keys(kids: Kids, publisher: Publisher, document: Any) -> None:
    publisher.document = document

    with pytest.raises(ClientKeysUnavailable):
        kids()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"<html>"])
def test_what_is_no_json_gives_no_keys(kids: Kids, publisher: Publisher, body: bytes) -> None:
    publisher.server.answer = lambda handler: handler.say(200, body)

    with pytest.raises(ClientKeysUnavailable):
        kids()


@pytest.mark.parametrize("media_type", ["text/html", "text/plain", "application/octet-stream"])
def test_what_somebody_uploaded_to_the_clients_host_is_no_key_set(
    kids: Kids, publisher: Publisher, media_type: str
) -> None:
    publisher.publish(ec("uploaded"))
    publisher.media_type = media_type

    with pytest.raises(ClientKeysUnavailable):
        kids()


def test_keys_of_a_host_inside_are_not_fetched(make_app: AppFactory, publisher: Publisher) -> None:
    publisher.publish(ec("a"))

    with make_app().app_context(), pytest.raises(ClientKeysUnavailable):
        keys.keys_of(publisher.client)
    assert publisher.asked == 0


def test_in_production_keys_come_by_https_from_who_proves_to_be_the_client(
    make_app: AppFactory, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with local_server(tls=authority.identity(LOOPBACK)) as server:
        publisher = Publisher(server)
        publisher.publish(ec("a"))

        with make_app(outbound=ALLOWED).app_context(), pytest.raises(ClientKeysUnavailable):
            keys.keys_of(publisher.client)
        with make_app(outbound={**ALLOWED, "ca_bundle": str(authority.bundle)}).app_context():
            assert [key.kid for key in keys.keys_of(publisher.client)] == ["a"]


# -- many requests at once


class Gate:
    """Holds the client's answers back until it is opened."""

    def __init__(self, publisher: Publisher) -> None:
        self.open = threading.Event()
        self.reached = threading.Semaphore(0)

        def answer(handler: Any) -> None:
            self.reached.release()
            self.open.wait(10)
            handler.say(200, json.dumps(publisher.document).encode())

        publisher.server.answer = answer


def test_many_requests_at_once_are_one_fetch(kids: Kids, publisher: Publisher) -> None:
    publisher.publish(ec("a"))
    gate = Gate(publisher)

    with ThreadPoolExecutor(keys.MAX_WAITING) as pool:
        answers = [pool.submit(kids, "a") for _ in range(keys.MAX_WAITING)]
        assert gate.reached.acquire(timeout=5)
        gate.open.set()
        assert [answer.result(10) for answer in answers] == [["a"]] * keys.MAX_WAITING

    assert publisher.asked == 1


def test_old_keys_serve_while_somebody_else_asks(
    kids: Kids, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.publish(ec("a"))
    kids("a")
    moving_clock.move(minutes=6)
    gate = Gate(publisher)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(kids, "a")
        assert gate.reached.acquire(timeout=5)
        assert kids("a") == ["a"]  # it would wait for ever otherwise: the gate is shut
        assert not asking.done()
        gate.open.set()
        assert asking.result(10) == ["a"]


def test_a_slow_client_cannot_take_every_thread(kids: Kids, publisher: Publisher) -> None:
    publisher.publish(ec("a"))
    gate = Gate(publisher)

    with ThreadPoolExecutor(keys.MAX_WAITING + 4) as pool:
        answers = [pool.submit(kids, "a") for _ in range(keys.MAX_WAITING + 4)]
        beyond = list(islice(as_completed(answers, timeout=5), 4))  # although the gate is shut
        assert all(isinstance(answer.exception(), ClientKeysUnavailable) for answer in beyond)
        assert sum(answer.done() for answer in answers) == 4
        gate.open.set()


def test_memory_is_bounded(app: Flask, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "CACHE_SIZE", 3)
    known = app.extensions["client_keys"]
    with app.app_context():
        for number in range(10):
            with pytest.raises(ClientKeysUnavailable):
                keys.keys_of(registered(jwks_uri=f"https://127.0.0.1:1/{number}"))

    assert len(known._published) == 3


# -- which key for what


RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EVERY_KIND = {
    "rsa": RSA,
    "p256": ec("p256"),
    "p384": ECKey.generate_key("P-384", {"kid": "p384"}),
    "ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed25519"}),
    "x25519": OKPKey.generate_key("X25519", {"kid": "x25519"}),
}


def by_value(*published: Any) -> Client:
    return registered(jwks={"keys": [key.as_dict(private=False) for key in published]})


@pytest.mark.parametrize(
    ("alg", "expected"),
    [
        (None, ["rsa", "p256", "ed25519"]),
        ("RS256", ["rsa"]),
        ("PS256", ["rsa"]),
        ("ES256", ["p256"]),
        ("EdDSA", ["ed25519"]),
        ("Ed25519", ["ed25519"]),
        ("HS256", []),
        ("none", []),
    ],
)
def test_a_signature_is_checked_with_keys_of_its_kind(
    app: Flask, alg: str | None, expected: list[str]
) -> None:
    with app.app_context():
        assert [key.kid for key in keys.keys_of(by_value(*EVERY_KIND.values()), alg=alg)] == expected


def test_a_key_for_encryption_or_for_another_algorithm_signs_nothing(app: Flask) -> None:
    published = [
        ec("enc", use="enc"),
        ec("sig", use="sig"),
        ec("es256", alg="ES256"),
        ec("other", alg="ES384"),
    ]

    with app.app_context():
        assert [key.kid for key in keys.keys_of(by_value(*published), alg="ES256")] == ["sig", "es256"]


@pytest.mark.parametrize(
    ("alg", "fitting"),
    [
        ("RSA-OAEP", {"rsa"}),
        ("RSA-OAEP-256", {"rsa"}),
        ("ECDH-ES", {"p256", "p384", "x25519"}),
        ("ECDH-ES+A128KW", {"p256", "p384", "x25519"}),
        ("ECDH-ES+A256KW", {"p256", "p384", "x25519"}),
        ("RSA1_5", set()),
        ("dir", set()),
    ],
)
def test_encryption_goes_to_a_key_of_its_kind(app: Flask, alg: str, fitting: set[str]) -> None:
    for kid, key in EVERY_KIND.items():
        with app.app_context():
            if kid in fitting:
                assert keys.encryption_key_of(by_value(key), alg).kid == kid
            else:
                with pytest.raises(ClientKeysUnavailable):
                    keys.encryption_key_of(by_value(key), alg)


def test_encryption_goes_to_the_key_made_for_it_and_never_to_one_for_signatures(app: Flask) -> None:
    anything, signing, encrypting = ec("anything"), ec("signing", use="sig"), ec("encrypting", use="enc")

    with app.app_context():
        assert keys.encryption_key_of(by_value(anything, signing, encrypting), "ECDH-ES").kid == "encrypting"
        assert keys.encryption_key_of(by_value(signing, anything), "ECDH-ES").kid == "anything"
        with pytest.raises(ClientKeysUnavailable):
            keys.encryption_key_of(by_value(signing), "ECDH-ES")


def test_keys_are_fetched_again_when_none_fits_the_encryption(
    app: Flask, publisher: Publisher, moving_clock: MovableClock
) -> None:
    publisher.publish(ec("signing", use="sig"))
    with app.app_context():
        keys.keys_of(publisher.client)
        publisher.publish(ec("signing", use="sig"), ec("encrypting", use="enc"))

        assert keys.encryption_key_of(publisher.client, "ECDH-ES").kid == "encrypting"

"""Request objects, by value and by reference (RFC 9101, OpenID Connect Core 6)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp import clock
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import LocalServer, local_server
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})
SIGNERS = {"RS256": RSA, "PS256": RSA, "ES256": EC, "Ed25519": ED}

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA")


@pytest.fixture
def service(people: People) -> App:
    return people.client(jwks=steps.public_jwks(EC, RSA, ED))


@pytest.fixture(autouse=True)
def logged_in(client: FlaskClient, person: Person) -> None:
    steps.log_in(client, person)


def signed(
    service: App, key: Any = EC, alg: str = "ES256", typ: str | None = "oauth-authz-req+jwt", **changed: Any
) -> str:
    """A request object with what a usual request says; a member that is None is left out."""
    now = clock.timestamp()
    members = {
        "iss": service.client_id,
        "aud": steps.ISSUER,
        "iat": now,
        "exp": now + 60,
        "client_id": service.client_id,
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid email",
        "state": "inner",
        "nonce": "inner-nonce",
        "code_challenge": journey.CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    header = {"alg": alg, "kid": getattr(key, "kid", None), "typ": typ}
    content = {name: value for name, value in members.items() if value is not None}
    header = {name: value for name, value in header.items() if value is not None}
    return jwt.encode(header, content, key, algorithms=[alg])


def ask(browser: FlaskClient, service: App, request_object: str, **outer: str | None) -> TestResponse:
    """A request of the object alone, with what OAuth 2.0 needs beside it."""
    nothing = dict.fromkeys(
        ("redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method")
    )
    return steps.ask(browser, service, **(nothing | {"request": request_object} | outer))


def refused(browser: FlaskClient, service: App, request_object: str, **outer: str | None) -> str:
    """The error that the service is told, at the redirect URI beside the object."""
    outer = {"redirect_uri": service.redirect_uri, "state": "outer", **outer}
    answer = steps.redirected(ask(browser, service, request_object, **outer), service)
    assert (answer["state"], answer["iss"]) == ("outer", steps.ISSUER)
    return answer["error"]


# -- by value


@pytest.mark.parametrize("alg", SIGNERS)
def test_an_object_of_the_clients_key_is_the_request(client: FlaskClient, service: App, alg: str) -> None:
    answer = steps.redirected(ask(client, service, signed(service, SIGNERS[alg], alg)), service)

    assert answer["state"] == "inner"
    tokens = journey.redeem(client, service, answer["code"]).get_json()
    assert journey.claims_of(tokens["id_token"])["nonce"] == "inner-nonce"
    assert tokens["scope"] == "openid email"


@pytest.mark.parametrize("typ", [None, "JWT", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"])
def test_usual_types_are_accepted(client: FlaskClient, service: App, typ: str | None) -> None:
    assert "code" in steps.redirected(ask(client, service, signed(service, typ=typ)), service)


def test_what_the_object_says_wins(client: FlaskClient, service: App) -> None:
    answer = steps.redirected(
        ask(
            client,
            service,
            signed(service),
            state="outer",
            nonce="outer",
            redirect_uri="https://evil.example/",
        ),
        service,
    )

    tokens = journey.redeem(client, service, answer["code"]).get_json()
    assert (answer["state"], journey.claims_of(tokens["id_token"])["nonce"]) == ("inner", "inner-nonce")


def test_what_the_object_does_not_say_may_stand_beside_it(client: FlaskClient, service: App) -> None:
    answer = steps.redirected(ask(client, service, signed(service, state=None), state="outer"), service)

    assert answer["state"] == "outer"


def test_of_a_client_that_must_sign_nothing_beside_the_object_counts(
    client: FlaskClient, people: People
) -> None:
    strict = people.client(jwks=steps.public_jwks(EC), require_signed_request_object=True)

    answer = steps.redirected(ask(client, strict, signed(strict, state=None), state="outer"), strict)

    assert "state" not in answer


def test_a_client_that_must_sign_sends_nothing_else(client: FlaskClient, people: People) -> None:
    strict = people.client(jwks=steps.public_jwks(EC), require_signed_request_object=True)

    assert steps.error_of(steps.ask(client, strict), strict) == "invalid_request"


def test_numbers_and_claims_come_as_json_has_them(client: FlaskClient, service: App) -> None:
    claims = {"id_token": {"email": None}}

    answer = steps.redirected(ask(client, service, signed(service, max_age=3600, claims=claims)), service)

    tokens = journey.redeem(client, service, answer["code"]).get_json()
    assert journey.claims_of(tokens["id_token"])["email"] == "maija@example.fi"


def test_what_the_object_asks_is_judged_like_any_request(client: FlaskClient, service: App) -> None:
    response = ask(client, service, signed(service, prompt="none login"))

    answer = steps.redirected(response, service)
    assert (answer["error"], answer["state"]) == ("invalid_request", "inner")


def test_after_a_login_the_signed_request_goes_on(app: Flask, service: App, person: Person) -> None:
    browser = app.test_client()
    start = ask(browser, service, signed(service))
    end = journey.follow_to_client(browser, journey.log_in(browser, person, start.location))

    assert steps.redirected(end, service)["state"] == "inner"


def test_an_object_too_long_for_any_other_parameter_is_fine(client: FlaskClient, service: App) -> None:
    assert "code" in steps.redirected(
        ask(client, service, signed(service, **{f"pad-{n}": "x" * 2000 for n in range(4)})), service
    )


# -- refused

Making = Callable[[App], str]
REFUSED: dict[str, Making] = {
    "no JWT": lambda service: "x",
    "no signature": lambda service: "eyJhbGciOiJub25lIn0." + signed(service).split(".")[1] + ".",
    "another key": lambda service: signed(service, STRANGER),
    "a secret": lambda service: signed(service, OctKey.import_key((service.secret or "") * 2), "HS256"),
    "a public key as a secret": lambda service: signed(
        service, OctKey.import_key(json.dumps(EC.as_dict(private=False))), "HS256"
    ),
    "changed content": lambda service: ".".join(
        [*signed(service).split(".")[:1], signed(service, scope="openid profile").split(".")[1], "AAAA"]
    ),
    "another issuer": lambda service: signed(service, iss="other"),
    "another audience": lambda service: signed(service, aud="https://other.example.fi"),
    "no time left": lambda service: signed(service, exp=clock.timestamp() - 60),
    "not yet": lambda service: signed(service, nbf=clock.timestamp() + 60),
    "an expiry that is no number": lambda service: signed(service, exp="soon"),
    "another client": lambda service: signed(service, client_id="other"),
    "another response type": lambda service: signed(service, response_type="id_token"),
    "an object in the object": lambda service: signed(service, request="x"),
    "a reference in the object": lambda service: signed(service, request_uri="https://a.example.fi/"),
    "an assertion": lambda service: signed(service, sub=service.client_id),
    "a logout token": lambda service: signed(service, typ="logout+jwt"),
    "a scope that is no text": lambda service: signed(service, scope=["openid"]),
    "endless": lambda service: signed(service, pad="x" * 40_000),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_object_is_refused_with(client: FlaskClient, service: App, why: str) -> None:
    assert refused(client, service, REFUSED[why](service)) == "invalid_request_object"


def test_while_no_redirect_uri_is_trusted_the_person_is_told(client: FlaskClient, service: App) -> None:
    for outer in (None, "https://evil.example/"):
        response = ask(client, service, signed(service, STRANGER), redirect_uri=outer)
        page = journey.page_name(response)
        if outer is None:  # the one that is registered
            assert steps.error_of(response, service) == "invalid_request_object"
        else:
            assert (response.status_code, page) == (400, "error")


def test_a_redirect_uri_in_the_object_must_be_registered_too(client: FlaskClient, service: App) -> None:
    response = ask(client, service, signed(service, redirect_uri="https://evil.example/"))

    assert (response.status_code, journey.page_name(response)) == (400, "error")


def test_another_algorithm_than_the_registered_one_is_refused(client: FlaskClient, people: People) -> None:
    chosen = people.client(jwks=steps.public_jwks(EC, RSA), request_object_signing_alg="PS256")

    assert "code" in steps.redirected(ask(client, chosen, signed(chosen, RSA, "PS256")), chosen)
    assert refused(client, chosen, signed(chosen, RSA, "RS256")) == "invalid_request_object"


def test_a_client_without_keys_cannot_sign(client: FlaskClient, people: People) -> None:
    keyless = people.client("keyless")

    assert refused(client, keyless, signed(keyless)) == "invalid_request_object"


def test_an_object_of_another_client_is_not_ours(client: FlaskClient, people: People, service: App) -> None:
    other = people.client("other", jwks=steps.public_jwks(STRANGER))

    assert refused(client, service, signed(other, STRANGER)) == "invalid_request_object"


def test_an_object_expires(moving_clock: MovableClock, client: FlaskClient, service: App) -> None:
    request_object = signed(service)

    moving_clock.move(seconds=74)
    assert "code" in steps.redirected(ask(client, service, request_object), service)
    moving_clock.move(seconds=1)
    assert refused(client, service, request_object) == "invalid_request_object"


# -- by reference


@pytest.fixture
def host() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """The provider may ask servers of this machine, and waits only a little."""
    return make_app(outbound={"allowed_hosts": ["127.0.0.1"], "timeout_seconds": 1})


@pytest.fixture
def referring(people: People, host: LocalServer) -> App:
    return people.client(
        "referring", jwks=steps.public_jwks(EC), request_uris=[host.url(path="/r"), host.url(path="/f#v1")]
    )


def serve(host: LocalServer, content: str, media_type: str = "application/oauth-authz-req+jwt") -> None:
    host.answer = lambda handler: handler.say(200, content.encode(), media_type)


def refer(browser: FlaskClient, service: App, uri: str, **outer: str | None) -> TestResponse:
    nothing = dict.fromkeys(("scope", "state", "nonce", "code_challenge", "code_challenge_method"))
    return steps.ask(browser, service, **(nothing | {"request_uri": uri} | outer))


@pytest.mark.parametrize("path", ["/r", "/r#another-version", "/f", "/f#v1"])
def test_a_registered_reference_is_fetched(
    client: FlaskClient, referring: App, host: LocalServer, path: str
) -> None:
    serve(host, signed(referring))

    answer = steps.redirected(refer(client, referring, host.url(path=path)), referring)

    assert answer["state"] == "inner"
    assert [asked.path for asked in host.asked] == [path.partition("#")[0]]


@pytest.mark.parametrize("path", ["/", "/r/", "/r?x=1", "/R", "/r/../f"])
def test_nothing_else_is_asked(client: FlaskClient, referring: App, host: LocalServer, path: str) -> None:
    serve(host, signed(referring))

    assert steps.error_of(refer(client, referring, host.url(path=path)), referring) == "invalid_request_uri"
    assert host.asked == []


def test_an_unknown_client_makes_us_ask_nobody(
    client: FlaskClient, referring: App, host: LocalServer
) -> None:
    response = refer(client, referring, host.url(path="/r"), client_id="unknown")

    assert (response.status_code, host.asked) == (400, [])


@pytest.mark.parametrize(
    ("status", "media_type"),
    [(404, "application/jwt"), (500, "application/jwt"), (302, "application/jwt"), (200, "text/html")],
)
def test_a_document_that_is_none_is_refused(
    client: FlaskClient, referring: App, host: LocalServer, status: int, media_type: str
) -> None:
    content = signed(referring).encode()
    host.answer = lambda handler: handler.say(status, content, media_type)

    answer = steps.redirected(refer(client, referring, host.url(path="/r")), referring)

    assert answer["error"] == "invalid_request_uri"


def test_a_fetched_object_is_judged_like_any(client: FlaskClient, referring: App, host: LocalServer) -> None:
    serve(host, signed(referring, STRANGER))

    answer = steps.redirected(refer(client, referring, host.url(path="/r")), referring)

    assert answer["error"] == "invalid_request_object"


def test_it_is_fetched_once_for_a_login(
    app: Flask, referring: App, host: LocalServer, person: Person
) -> None:
    """What was judged at the start holds to the end, though the document changes meanwhile."""
    browser = app.test_client()
    serve(host, signed(referring))
    start = refer(browser, referring, host.url(path="/r"))
    serve(host, "gone")

    end = journey.follow_to_client(browser, journey.log_in(browser, person, start.location))

    assert "code" in steps.redirected(end, referring)
    assert len(host.asked) == 1


def test_both_ways_at_once_are_an_error(client: FlaskClient, referring: App, host: LocalServer) -> None:
    response = refer(client, referring, host.url(path="/r"), request=signed(referring))

    assert steps.error_of(response, referring) == "invalid_request"
    assert host.asked == []

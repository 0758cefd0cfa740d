"""What careless and hostile clients put into authorization requests: told what is wrong, never a fault of ours."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey

from idp.clients.metadata import RESPONSE_TYPES
from idp.grants.claims_request import MAX_CHARACTERS
from idp.oidc.request_objects import MAX_WAITING
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import LocalServer, local_server
from tests.support.people import REDIRECT_URI, App, People, Person

KEY = ECKey.generate_key("P-256")
PAR = "/oauth2/par"


@pytest.fixture
def service(people: People) -> App:
    """A client that signs, may have everything, and has registered more than one redirect URI."""
    return people.client(
        jwks=steps.public_jwks(KEY),
        redirect_uris=[REDIRECT_URI, "https://asiointi.example.fi/other"],
        grant_types=["authorization_code", "implicit", "refresh_token"],
        response_types=list(RESPONSE_TYPES),
    )


@pytest.fixture
def me(client: FlaskClient, person: Person) -> FlaskClient:
    steps.log_in(client, person)
    return client


def usual(service: App, **changed: Any) -> dict[str, Any]:
    """The parameters of a usual request."""
    return {
        "client_id": service.client_id,
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid",
        "code_challenge": journey.CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }


def signed(content: dict[str, Any], key: ECKey = KEY) -> str:
    """A request object of exactly this content: `json.dumps` writes what is beyond ASCII as escapes."""
    return jws.serialize_compact({"alg": "ES256"}, json.dumps(content), key)


# -- in a signed object


@pytest.mark.parametrize(
    "name",
    [
        "state",
        "nonce",
        "scope",
        "login_hint",
        "ui_locales",
        "redirect_uri",
        "acr_values",
        "claims",
        "unknown",
    ],
)
def test_half_a_character_is_no_text(me: FlaskClient, service: App, name: str) -> None:
    half = signed(usual(service, **{name: "openid \ud800"}))

    asked = steps.ask(me, service, request=half)
    pushed = me.post(PAR, data={"request": half}, auth=service.basic)

    assert steps.error_of(asked, service) == "invalid_request_object"
    assert steps.refusal(pushed) == (400, "invalid_request_object")


@pytest.mark.parametrize(
    "request_object", ["a.b.c", "", "x" * 40_000, signed({}, ECKey.generate_key("P-256"))]
)
def test_who_pushes_an_object_that_cannot_be_read_hears_that_it_cannot(
    client: FlaskClient, service: App, request_object: str
) -> None:
    """Not that a redirect URI is missing, which would stand in it."""
    answer = client.post(PAR, data={"request": request_object, "scope": "openid"}, auth=service.basic)

    error = "invalid_request_object" if request_object else "invalid_request"  # empty: omitted (RFC 6749 3.1)
    assert steps.refusal(answer) == (400, error)


def test_of_a_pushed_object_nothing_beside_it_counts(me: FlaskClient, service: App) -> None:
    """RFC 9126 3: all parameters must stand in it."""
    form = {"request": signed(usual(service)), "state": "beside", "nonce": "beside", "prompt": "login"}

    pushed = me.post(PAR, data=form, auth=service.basic).get_json()["request_uri"]

    query = {"client_id": service.client_id, "request_uri": pushed}
    answer = steps.redirected(me.get("/oauth2/authorize", query_string=query), service)
    assert "state" not in answer
    tokens = journey.redeem(me, service, answer["code"]).get_json()
    assert "nonce" not in journey.claims_of(tokens["id_token"])
    missing = {"request": signed(usual(service, scope=None)), "scope": "openid"}
    assert steps.refusal(me.post(PAR, data=missing, auth=service.basic)) == (400, "invalid_scope")


# -- behind a request_uri


@pytest.fixture
def host() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture
def asking(make_app: AppFactory) -> Flask:
    """It may ask servers of this machine."""
    return make_app(outbound={"allowed_hosts": ["127.0.0.1"], "timeout_seconds": 20})


@pytest.mark.parametrize(
    ("media_type", "accepted"),
    [
        ("application/oauth-authz-req+jwt", True),  # RFC 9101 5.2.3
        ("application/jwt", True),
        ("application/jose", True),  # what certification's own relying party serves
        ("text/plain; charset=utf-8", True),
        ("text/html", False),
        ("application/json", False),
    ],
)
def test_the_document_has_a_media_type_of_a_jwt(
    asking: Flask, host: LocalServer, media_type: str, accepted: bool
) -> None:
    people, browser = People(asking), asking.test_client()
    service = people.client(jwks=steps.public_jwks(KEY), request_uris=[host.url(path="/request")])
    host.answer = lambda handler: handler.say(200, signed(usual(service)).encode(), media_type)

    answer = steps.ask(browser, service, request_uri=host.url(path="/request"))

    if accepted:
        assert steps.page_of(answer) == "/login"
    else:
        assert steps.error_of(answer, service) == "invalid_request_uri"


def test_a_slow_client_occupies_some_threads_and_never_all(asking: Flask, host: LocalServer) -> None:
    """Anybody can send a browser there, again and again."""
    uri = host.url(path="/request")
    service = People(asking).client(jwks=steps.public_jwks(KEY), request_uris=[uri])
    go_on, arrived = threading.Event(), threading.Semaphore(0)

    def slowly(handler: Any) -> None:
        arrived.release()
        go_on.wait(20)
        handler.say(200, signed(usual(service)).encode(), "application/jwt")

    def ask() -> Any:
        return steps.ask(asking.test_client(), service, request_uri=uri)

    host.answer = slowly
    with ThreadPoolExecutor(MAX_WAITING) as threads:
        waiting = [threads.submit(ask) for _ in range(MAX_WAITING)]
        for _ in waiting:
            assert arrived.acquire(timeout=20)
        one_more = ask()
        go_on.set()
        assert {steps.page_of(each.result()) for each in waiting} == {"/login"}

    assert steps.error_of(one_more, service) == "temporarily_unavailable"
    assert len(host.asked) == MAX_WAITING
    assert steps.page_of(ask()) == "/login"


# -- in the query


def test_an_id_token_alone_needs_no_pkce_whatever_is_sent_of_it(me: FlaskClient, service: App) -> None:
    answer = steps.ask(me, service, response_type="id_token", code_challenge="x" * 4000)

    assert "id_token" in steps.redirected(answer, service, "#")


@pytest.mark.parametrize(
    "response_type", [each for each in RESPONSE_TYPES if "code" not in each and "token" in each]
)
def test_offline_access_means_nothing_without_a_code(
    me: FlaskClient, service: App, response_type: str
) -> None:
    """Core 11: there is no refresh token, and what comes by the browser ends with the session."""
    asked = steps.ask(me, service, response_type=response_type, scope="openid email offline_access")

    answer = steps.redirected(asked, service, "#")
    assert answer.get("scope", "openid email") == "openid email"
    if "access_token" in answer:
        journey.submit(me, "/logout")
        userinfo = me.get("/oauth2/userinfo", headers=steps.bearer(answer["access_token"]))
        assert userinfo.status_code == 401
    alone = steps.ask(me, service, response_type=response_type, scope="offline_access")
    assert steps.redirected(alone, service, "#")["error"] == "invalid_scope"


def test_the_claims_parameter_may_be_as_long_as_its_parser_takes(me: FlaskClient, service: App) -> None:
    longest = '{"id_token":{"groups":{"value":"%s"}}}'
    fitting = longest % ("x" * (MAX_CHARACTERS - len("claims") - len(longest) + 2))

    assert "code" in steps.redirected(steps.ask(me, service, claims=fitting), service)
    too_long = steps.ask(me, service, claims=longest % ("x" * MAX_CHARACTERS))
    assert steps.error_of(too_long, service) == "invalid_request"


# -- at the same moment


def test_of_many_browsers_with_one_pushed_request_one_gets_a_code(
    app: Flask, service: App, person: Person
) -> None:
    browsers = [app.test_client() for _ in range(6)]
    for browser in browsers:
        steps.log_in(browser, person)
    pushed = browsers[0].post(PAR, data=usual(service), auth=service.basic).get_json()["request_uri"]
    query = {"client_id": service.client_id, "request_uri": pushed}

    with ThreadPoolExecutor(len(browsers)) as threads:
        answers = list(
            threads.map(lambda browser: browser.get("/oauth2/authorize", query_string=query), browsers)
        )

    assert sorted(answer.status_code for answer in answers) == [303, *[400] * 5]


# -- on the page that posts the answer


def test_it_offers_no_language_since_asking_again_would_find_the_request_answered(
    client: FlaskClient, service: App, person: Person
) -> None:
    begun = steps.ask(client, service, response_mode="form_post")

    answer = journey.follow_to_client(client, journey.log_in(client, person, begun.location))

    assert "code" in steps.posted(answer, service)
    assert journey.soup(answer).select("a[href*='lang=']") == []

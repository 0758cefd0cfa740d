"""OpenID Connect Back-Channel Logout 1.0: a real HTTP server stands for the e-service."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import clock
from idp.clients import metadata as metadata_rules
from idp.clients.metadata import InvalidClientMetadata
from idp.database import db, writing
from idp.grants import logout_notices
from idp.grants.models import LogoutNotice
from idp.oidc import backchannel
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import Asked, Handler, LocalServer, local_server
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person
from tests.support.ports import LOOPBACK, free_port

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """The provider may ask servers of this machine, and waits only a little."""
    return make_app(outbound={"allowed_hosts": [LOOPBACK], "timeout_seconds": 0.5})


@pytest.fixture
def receiver() -> Iterator[LocalServer]:
    """The e-service's address for logouts."""
    with local_server(lambda handler: handler.say(200)) as server:
        yield server


@pytest.fixture
def service(people: People, receiver: LocalServer) -> App:
    return people.client(backchannel_logout_uri=receiver.url(path="/told?by=tunnus"))


@pytest.fixture
def me(client: FlaskClient, service: App, person: Person) -> FlaskClient:
    """The browser of `person`, logged in to the e-service."""
    journey.tokens_for(client, service, person)
    return client


def deliver(app: Flask) -> int:
    """What the worker does; how many notices were tried."""
    with app.app_context():
        return backchannel.deliver_due(app)


def stored(app: Flask) -> LogoutNotice:
    with app.app_context():
        return db.session.scalars(sa.select(LogoutNotice)).one()


def token_of(asked: Asked) -> str:
    fields = parse_qs(asked.body, strict_parsing=True)
    assert list(fields) == ["logout_token"]
    return fields["logout_token"][0]


# -- the logout token


def test_the_logout_token_is_all_that_section_2_4_wants(
    moving_clock: MovableClock,
    app: Flask,
    client: FlaskClient,
    service: App,
    person: Person,
    receiver: LocalServer,
) -> None:
    id_token = journey.claims_of(journey.tokens_for(client, service, person)["id_token"])
    journey.submit(client, "/logout")
    deliver(app)

    (asked,) = receiver.asked
    assert (asked.method, asked.path) == ("POST", "/told?by=tunnus")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    keys = KeySet.import_key_set(client.get("/oauth2/jwks").get_json())
    token = jwt.decode(token_of(asked), keys, algorithms=["RS256"])
    assert token.header["typ"] == "logout+jwt"
    claims = dict(token.claims)
    assert len(claims.pop("jti")) >= 22
    now = int(moving_clock.moment.timestamp())
    assert claims == {
        "iss": steps.ISSUER,
        "sub": person.id,
        "aud": "asiointi",
        "iat": now,
        "exp": now + 120,
        "sid": id_token["sid"],
        "events": {EVENT: {}},
    }


def test_it_is_signed_as_the_clients_id_tokens_are(
    app: Flask, client: FlaskClient, people: People, person: Person, receiver: LocalServer
) -> None:
    service = people.client(backchannel_logout_uri=receiver.url(), id_token_signed_response_alg="ES256")
    journey.tokens_for(client, service, person)
    journey.submit(client, "/logout")
    deliver(app)

    assert steps.header_of(token_of(receiver.asked[0]))["alg"] == "ES256"


def test_a_logout_token_is_no_hint_and_no_access_token(
    app: Flask, me: FlaskClient, person: Person, receiver: LocalServer
) -> None:
    journey.submit(me, "/logout")
    deliver(app)
    token = token_of(receiver.asked[0])
    journey.log_in(me, person)

    assert me.get(f"/oauth2/logout?id_token_hint={token}").status_code == 400
    assert me.get("/oauth2/userinfo", headers=steps.bearer(token)).status_code == 401


# -- the answer


@pytest.mark.parametrize("status", [200, 204])
def test_a_client_that_has_logged_out_is_not_told_again(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, receiver: LocalServer, status: int
) -> None:
    receiver.answer = lambda handler: handler.say(status)
    journey.submit(me, "/logout")

    assert deliver(app) == 1
    moving_clock.move(days=1)
    assert deliver(app) == 0
    assert stored(app).sent_at is not None


def test_a_client_that_refuses_the_token_is_told_no_more(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, receiver: LocalServer
) -> None:
    receiver.answer = lambda handler: handler.say(400, b'{"error": "invalid_request"}')
    journey.submit(me, "/logout")
    deliver(app)
    moving_clock.move(hours=1)

    assert deliver(app) == 0
    assert len(receiver.asked) == 1
    assert stored(app).given_up_at is not None


@pytest.mark.parametrize("status", [201, 302, 401, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again_with_a_fresh_token(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, receiver: LocalServer, status: int
) -> None:
    receiver.answer = lambda handler: handler.say(status, Location=receiver.url(path="/elsewhere"))
    journey.submit(me, "/logout")
    deliver(app)
    moving_clock.move(seconds=14)
    assert deliver(app) == 0

    receiver.answer = lambda handler: handler.say(200)
    moving_clock.move(seconds=1)
    deliver(app)

    first, second = (journey.claims_of(token_of(asked)) for asked in receiver.asked)
    assert second["iat"] == first["iat"] + 15
    assert second["jti"] != first["jti"]
    assert stored(app).sent_at is not None


# -- down, and back


def test_a_client_that_was_down_is_told_when_it_is_back(
    moving_clock: MovableClock, app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    port = free_port()
    service = people.client(backchannel_logout_uri=f"http://{LOOPBACK}:{port}/")
    journey.tokens_for(client, service, person)
    journey.submit(client, "/logout")
    for _ in range(3):
        assert deliver(app) == 1
        moving_clock.move(minutes=5)

    with local_server(lambda handler: handler.say(200), port=port) as receiver:
        deliver(app)

    assert len(receiver.asked) == 1
    assert stored(app).attempts == 4


def test_after_a_day_it_is_given_up(
    moving_clock: MovableClock, app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(backchannel_logout_uri=f"http://{LOOPBACK}:{free_port()}/")
    journey.tokens_for(client, service, person)
    journey.submit(client, "/logout")
    moving_clock.move(hours=24)
    deliver(app)
    assert stored(app).given_up_at is None

    moving_clock.move(seconds=15)
    deliver(app)

    assert stored(app).given_up_at is not None
    assert "NotReached" in str(stored(app).last_error)


def test_the_page_does_not_wait_for_any_client(me: FlaskClient, receiver: LocalServer) -> None:
    receiver.answer = lambda handler: handler.local.stopping.wait() and None

    assert journey.submit(me, "/logout").location == "/logged-out"
    assert receiver.asked == []


def test_one_client_that_hangs_holds_up_neither_the_others_nor_itself_twice(
    app: Flask, client: FlaskClient, service: App, people: People, person: Person, receiver: LocalServer
) -> None:
    with local_server(lambda handler: handler.local.stopping.wait() and None) as hanging:
        slow = people.client("hidas", backchannel_logout_uri=hanging.url())
        for _ in range(3):
            journey.tokens_for(client, slow, person)
            journey.tokens_for(client, service, person)
            journey.submit(client, "/logout")

        assert deliver(app) == 6

        assert len(receiver.asked) == 3
        assert len(hanging.asked) == 1
        assert deliver(app) == 0


def test_two_workers_do_not_tell_the_same(app: Flask, me: FlaskClient, receiver: LocalServer) -> None:
    elsewhere: list[int] = []

    def answer(handler: Handler) -> None:
        elsewhere.append(deliver(app))
        handler.say(200)

    receiver.answer = answer
    journey.submit(me, "/logout")

    assert deliver(app) == 1
    assert elsewhere == [0]


def test_a_notice_of_a_worker_that_died_goes_to_another(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, receiver: LocalServer
) -> None:
    journey.submit(me, "/logout")
    with app.app_context():
        assert len(backchannel.waiting.lease(moving_clock(), 10)) == 1  # and dies
    moving_clock.move(minutes=4, seconds=59)
    assert deliver(app) == 0
    moving_clock.move(seconds=1)

    assert deliver(app) == 1
    assert len(receiver.asked) == 1


def test_the_worker_of_a_server_process_tells_by_itself(
    app: Flask, me: FlaskClient, receiver: LocalServer
) -> None:
    told = threading.Event()

    def answer(handler: Handler) -> None:
        handler.say(200)
        told.set()

    receiver.answer = answer
    journey.submit(me, "/logout")
    worker = backchannel.worker(app)
    worker.start()

    assert told.wait(10)
    worker.stop()
    worker.join()


# -- clients that are told no more


def test_a_client_that_was_disabled_meanwhile_is_not_asked(
    app: Flask, me: FlaskClient, service: App, receiver: LocalServer
) -> None:
    journey.submit(me, "/logout")
    steps.disable_client(app, service)
    deliver(app)

    assert receiver.asked == []
    assert stored(app).given_up_at is not None


def test_an_address_inside_is_not_asked(make_app: AppFactory, me: FlaskClient, receiver: LocalServer) -> None:
    strict = make_app(outbound={"allowed_hosts": []})
    journey.submit(me, "/logout")
    deliver(strict)

    assert receiver.asked == []
    assert "AddressRefused" in str(stored(strict).last_error)


# -- what is registered and published


def test_discovery_says_so(client: FlaskClient) -> None:
    metadata = client.get("/.well-known/openid-configuration").get_json()

    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True


@pytest.mark.parametrize(
    "metadata",
    [
        {"backchannel_logout_uri": "https://asiointi.example.fi/told#fragment"},
        {"backchannel_logout_uri": "https://asiointi.example.fi/told#"},
        {"backchannel_logout_uri": "https://maija:salasana@asiointi.example.fi/told"},
        {"backchannel_logout_uri": "ftp://asiointi.example.fi/told"},
        {"backchannel_logout_uri": "/told"},
        {"backchannel_logout_uri": ["https://asiointi.example.fi/told"]},
        {
            "backchannel_logout_uri": "https://asiointi.example.fi/",
            "backchannel_logout_session_required": "true",
        },
    ],
    ids=json.dumps,
)
def test_a_wrong_address_is_not_registered(people: People, metadata: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata, match="backchannel_logout"):
        people.client(**metadata)


def test_production_registers_https_only() -> None:
    metadata = {
        "client_name": "Asiointi",
        "redirect_uris": ["https://asiointi.example.fi/callback"],
        "backchannel_logout_session_required": True,
    }
    told = {"backchannel_logout_uri": "https://asiointi.example.fi/told?a=b"}
    assert metadata_rules.validate(metadata | told) == metadata | told
    with pytest.raises(InvalidClientMetadata, match="backchannel_logout_uri: must be an https address"):
        metadata_rules.validate(metadata | {"backchannel_logout_uri": "http://asiointi.example.fi/told"})


def test_who_stops_leaves_what_is_untold_to_others_at_once(
    app: Flask, me: FlaskClient, receiver: LocalServer
) -> None:
    journey.submit(me, "/logout")
    with app.app_context():
        backchannel.deliver_due(app, lambda: True)
    assert receiver.asked == []
    assert stored(app).attempts == 0

    assert deliver(app) == 1
    assert len(receiver.asked) == 1


def test_the_end_of_an_account_is_told_by_the_person_alone(
    app: Flask, client: FlaskClient, service: App, person: Person, receiver: LocalServer
) -> None:
    journey.tokens_for(client, service, person)
    with app.app_context(), writing() as session:
        logout_notices.put_of_account(session, person.id, clock.now())
    deliver(app)

    (asked,) = receiver.asked
    claims = journey.claims_of(token_of(asked))
    assert claims["sub"] == person.id
    assert "sid" not in claims

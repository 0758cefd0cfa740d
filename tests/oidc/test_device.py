"""The device authorization grant (RFC 8628): the endpoint for codes, and the grant at the token endpoint."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock, housekeeping
from idp.accounts.rules import rules
from idp.clients.metadata import DEVICE_CODE
from idp.database import db
from idp.grants import device
from idp.grants.device import DeviceGone
from idp.grants.models import DeviceAuthorization, RefreshToken
from tests.conftest import AppFactory
from tests.grants import racing
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

OFFLINE = "openid email offline_access"


@pytest.fixture
def television(people: People) -> App:
    """An app of televisions: without a secret, since everybody can take one apart."""
    return tv(people)


def tv(people: People, client_id: str = "televisio", **metadata: Any) -> App:
    return people.client(
        client_id,
        **{
            "token_endpoint_auth_method": "none",
            "grant_types": [DEVICE_CODE, "refresh_token"],
            "client_name": "Televisio",
        }
        | metadata,
    )


def begin(browser: FlaskClient, service: App, **form: Any) -> TestResponse:
    """What a device asks first."""
    data = {"scope": OFFLINE, **form}
    if service.secret is None:
        return browser.post("/oauth2/device_authorization", data={"client_id": service.client_id, **data})
    return browser.post("/oauth2/device_authorization", data=data, auth=service.basic)


def codes_of(browser: FlaskClient, service: App, **form: Any) -> dict[str, Any]:
    answer = begin(browser, service, **form)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def poll(browser: FlaskClient, service: App, codes: dict[str, Any], **form: str) -> TestResponse:
    """What a device asks again and again."""
    data = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"], **form}
    return journey.token_request(browser, service, data)


def state_of(browser: FlaskClient, service: App, codes: dict[str, Any]) -> str:
    answer = poll(browser, service, codes)
    return "tokens" if answer.status_code == 200 else str(answer.get_json()["error"])


def decide(browser: FlaskClient, codes: dict[str, Any], decision: str = "allow") -> TestResponse:
    """What the person does, who is logged in: enter the code and answer."""
    found = journey.submit(browser, "/device", user_code=codes["user_code"])
    assert found.location == "/device/allow", journey.errors(found)
    return journey.submit(browser, "/device/allow", decision=decision, user_code=codes["user_code"])


@pytest.fixture
def me(app: Flask, person: Person) -> FlaskClient:
    """The browser of `person`, logged in; the device is `client`."""
    browser = app.test_client()
    steps.log_in(browser, person)
    return browser


# -- the codes


def test_a_device_is_given_a_code_to_ask_with_and_one_to_show(client: FlaskClient, television: App) -> None:
    answer = begin(client, television)

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.get_json()
    user_code = found.pop("user_code")
    left, _, right = user_code.partition("-")
    assert len(left) == len(right) == 4
    assert set(left + right) <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert len(found.pop("device_code")) == 43
    assert found == {
        "verification_uri": f"{steps.ISSUER}/device",
        "verification_uri_complete": f"{steps.ISSUER}/device?user_code={user_code}",
        "expires_in": 600,
        "interval": 5,
    }


def test_a_confidential_client_authenticates(client: FlaskClient, people: People) -> None:
    service = tv(people, "digiboksi", token_endpoint_auth_method="client_secret_basic")

    assert begin(client, service).status_code == 200
    wrong = client.post("/oauth2/device_authorization", data={"scope": "openid"}, auth=("digiboksi", "wrong"))
    nobody = client.post("/oauth2/device_authorization", data={"client_id": "digiboksi"})
    assert steps.refusal(wrong) == steps.refusal(nobody) == (401, "invalid_client")


REFUSED: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "no scope": ({"scope": ""}, (400, "invalid_scope")),
    "a scope that the client may not have": ({"scope": "invoices"}, (400, "invalid_scope")),
    "twice the same": ({"scope": ["openid", "email"]}, (400, "invalid_request")),
    "an unknown resource": ({"resource": "https://unknown.example/"}, (400, "invalid_target")),
    "an unknown client": ({"client_id": "unknown"}, (401, "invalid_client")),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_request_gets_no_codes(client: FlaskClient, television: App, what: str) -> None:
    form, refusal = REFUSED[what]

    assert steps.refusal(begin(client, television, **form)) == refusal


def test_a_client_without_the_grant_type_gets_no_codes_and_no_tokens(
    client: FlaskClient, service: App
) -> None:
    assert steps.refusal(begin(client, service)) == (400, "unauthorized_client")
    assert steps.refusal(poll(client, service, {"device_code": "x"})) == (400, "unauthorized_client")


def test_a_get_request_is_not_answered(client: FlaskClient) -> None:
    assert client.get("/oauth2/device_authorization").status_code == 405


def test_neither_code_stands_in_the_database(app: Flask, client: FlaskClient, television: App) -> None:
    codes = codes_of(client, television)

    stored = steps.everything_stored(app)

    assert codes["device_code"] not in stored
    assert codes["user_code"] not in stored
    assert codes["user_code"].replace("-", "") not in stored


def test_an_address_gets_only_so_many_codes(make_app: AppFactory) -> None:
    app = make_app(limits={"device_codes_per_address": "2/hour"})
    television = tv(People(app))
    browser = app.test_client()

    assert [begin(browser, television).status_code for _ in range(3)] == [200, 200, 429]


# -- asking


def test_a_device_waits_for_its_person(
    moving_clock: MovableClock, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)

    for _ in range(3):
        assert state_of(client, television, codes) == "authorization_pending"
        moving_clock.move(seconds=5)
    decide(me, codes)

    assert state_of(client, television, codes) == "tokens"


def test_the_answer_while_it_waits_is_an_error_of_rfc_6749(client: FlaskClient, television: App) -> None:
    answer = poll(client, television, codes_of(client, television))

    assert steps.refusal(answer) == (400, "authorization_pending")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_device_that_asks_too_often_must_be_slower_each_time(
    moving_clock: MovableClock, client: FlaskClient, television: App
) -> None:
    codes = codes_of(client, television)
    asked = []
    for seconds in (0, 3, 9, 14, 15, 19):  # wanted: 5; 10 after the first time too soon, 15 after the second
        moving_clock.move(seconds=seconds)
        asked.append(state_of(client, television, codes))

    wait, slower = "authorization_pending", "slow_down"
    assert asked == [wait, slower, wait, wait, wait, wait]
    moving_clock.move(seconds=1)
    assert state_of(client, television, codes) == slower
    moving_clock.move(seconds=10)
    assert state_of(client, television, codes) == slower  # 15 by now
    moving_clock.move(seconds=20)
    assert state_of(client, television, codes) == wait


def test_a_slow_network_is_not_held_against_a_device(
    moving_clock: MovableClock, client: FlaskClient, television: App
) -> None:
    codes = codes_of(client, television)
    state_of(client, television, codes)
    moving_clock.move(seconds=4.2)

    assert state_of(client, television, codes) == "authorization_pending"


def test_waiting_is_no_failure_that_the_address_is_limited_for(make_app: AppFactory) -> None:
    app = make_app(limits={"token_errors_per_address": "2/minute"})
    television = tv(People(app))
    browser = app.test_client()
    all_codes = [codes_of(browser, television) for _ in range(4)]

    assert {state_of(browser, television, codes) for codes in all_codes} == {"authorization_pending"}
    wrong = [poll(browser, television, {"device_code": "x"}).status_code for _ in range(3)]
    assert wrong == [400, 400, 429]


def test_a_refused_device_is_told(client: FlaskClient, television: App, me: FlaskClient) -> None:
    codes = codes_of(client, television)

    decide(me, codes, "deny")

    assert state_of(client, television, codes) == "access_denied"


def test_a_code_expires(
    moving_clock: MovableClock, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    waiting, allowed = codes_of(client, television), codes_of(client, television)
    decide(me, allowed)
    moving_clock.move(minutes=10)

    assert state_of(client, television, waiting) == "expired_token"
    assert state_of(client, television, allowed) == "expired_token"
    late = journey.submit(me, "/device", user_code=waiting["user_code"])
    assert late.status_code == 422


@pytest.mark.parametrize("value", ["unknown", "", "x" * 3000, "\x00", "ä"])
def test_a_wrong_device_code_is_refused(client: FlaskClient, television: App, value: str) -> None:
    status, error = steps.refusal(poll(client, television, {"device_code": value}))

    assert (status, error) == (400, "invalid_grant" if value else "invalid_request")


def test_the_code_that_people_type_is_no_device_code(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)
    decide(me, codes)

    assert state_of(client, television, {"device_code": codes["user_code"]}) == "invalid_grant"


def test_another_client_gets_nothing_for_the_code(
    client: FlaskClient, television: App, me: FlaskClient, people: People
) -> None:
    other = tv(people, "toinen")
    codes = codes_of(client, television)
    decide(me, codes)

    assert state_of(client, other, codes) == "invalid_grant"
    assert state_of(client, television, codes) == "tokens"


# -- tokens


def test_the_tokens_are_those_of_the_person_who_allowed_it(
    moving_clock: MovableClock, client: FlaskClient, television: App, me: FlaskClient, person: Person
) -> None:
    login = int(moving_clock.moment.timestamp())
    moving_clock.move(minutes=3)
    codes = codes_of(client, television)
    decide(me, codes)

    answer = poll(client, television, codes)

    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.get_json()
    assert set(tokens) == {"token_type", "access_token", "expires_in", "scope", "id_token", "refresh_token"}
    assert tokens["scope"] == OFFLINE
    claims = journey.claims_of(tokens["id_token"])
    assert (claims["sub"], claims["aud"], claims["auth_time"]) == (person.id, "televisio", login)
    assert claims["amr"] == ["pwd"]
    assert "nonce" not in claims
    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).get_json()
    assert userinfo == {"sub": person.id, "email": person.username, "email_verified": True}
    again = journey.refresh(client, television, tokens["refresh_token"])
    assert journey.claims_of(again.get_json()["id_token"])["sub"] == person.id


def test_without_openid_there_is_no_id_token_and_without_offline_access_no_refresh_token(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television, scope="email")
    decide(me, codes)

    tokens = poll(client, television, codes).get_json()

    assert set(tokens) == {"token_type", "access_token", "expires_in", "scope"}


def test_a_code_gives_tokens_once(client: FlaskClient, television: App, me: FlaskClient) -> None:
    codes = codes_of(client, television)
    decide(me, codes)

    assert [state_of(client, television, codes) for _ in range(3)] == [
        "tokens",
        "invalid_grant",
        "invalid_grant",
    ]


def test_a_resource_is_for_what_the_token_is(
    app: Flask, client: FlaskClient, people: People, television: App, me: FlaskClient
) -> None:
    people.client("rajapinta", resource_server=True, resource_uris=["https://api.example.fi/"])
    refused = begin(client, television, resource="https://api.example.fi/")
    assert steps.refusal(refused) == (400, "invalid_target")
    steps.allow_resources(app, television, "https://api.example.fi/")
    codes = codes_of(client, television, resource="https://api.example.fi/")
    decide(me, codes)

    tokens = poll(client, television, codes).get_json()

    assert journey.claims_of(tokens["access_token"])["aud"] == "https://api.example.fi/"


# -- whose it is afterwards


def test_logging_out_in_the_browser_leaves_the_device_alone(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes, later = codes_of(client, television), codes_of(client, television)
    decide(me, codes)
    decide(me, later)
    tokens = poll(client, television, codes).get_json()

    journey.submit(me, "/logout")

    headers = steps.bearer(tokens["access_token"])
    assert client.get("/oauth2/userinfo", headers=headers).status_code == 200
    assert journey.refresh(client, television, tokens["refresh_token"]).status_code == 200
    assert state_of(client, television, later) == "tokens"


def test_its_id_token_does_not_name_the_browsers_session(
    client: FlaskClient, television: App, me: FlaskClient, people: People, person: Person
) -> None:
    codes = codes_of(client, television)
    decide(me, codes)
    at_the_device = journey.claims_of(poll(client, television, codes).get_json()["id_token"])
    in_the_browser = journey.claims_of(journey.tokens_for(me, people.client(), person)["id_token"])

    assert at_the_device["sid"] != in_the_browser["sid"]


def test_own_details_list_it_and_end_it(client: FlaskClient, television: App, me: FlaskClient) -> None:
    codes, later = codes_of(client, television), codes_of(client, television)
    decide(me, codes)
    decide(me, later)
    tokens = poll(client, television, codes).get_json()
    assert "Televisio" in me.get("/account/services").get_data(as_text=True)

    journey.submit(me, "/account/services", withdraw="televisio")

    headers = steps.bearer(tokens["access_token"])
    assert client.get("/oauth2/userinfo", headers=headers).status_code == 401
    assert journey.refresh(client, television, tokens["refresh_token"]).status_code == 400
    assert state_of(client, television, later) == "invalid_grant"


def test_a_disabled_account_gives_nothing(
    app: Flask, client: FlaskClient, television: App, me: FlaskClient, person: Person
) -> None:
    codes = codes_of(client, television)
    decide(me, codes)
    steps.disable_account(app, person)

    assert state_of(client, television, codes) == "invalid_grant"


def test_the_purge_keeps_what_a_device_has_not_fetched_yet_and_deletes_it_in_the_end(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    app = make_app(tokens={"device_code_minutes": 60})
    television, person = tv(People(app)), People(app).resident()
    browser, client = app.test_client(), app.test_client()
    steps.log_in(browser, person)
    codes = codes_of(client, television, scope="openid")
    decide(browser, codes)
    moving_clock.move(minutes=59)
    with app.app_context():
        housekeeping.purge()

    token = poll(client, television, codes).get_json()["access_token"]
    moving_clock.move(minutes=9)
    with app.app_context():
        housekeeping.purge()
    assert client.get("/oauth2/userinfo", headers=steps.bearer(token)).status_code == 200

    moving_clock.move(minutes=30)
    with app.app_context():
        deleted = housekeeping.purge()
    assert (deleted["device_authorizations"], deleted["grants"]) == (1, 1)


# -- at the same moment


def test_one_of_ten_gets_tokens_for_a_code(
    app: Flask, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)
    decide(me, codes)
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"], "client_id": "televisio"}

    answers = racing.at_once(10, lambda _: racing.post(app, "/oauth2/token", form, None))

    assert sorted(status for status, _ in answers) == [200, *[400] * 9]
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(RefreshToken)) == 1


def test_a_device_is_decided_once(
    app: Flask, client: FlaskClient, television: App, me: FlaskClient, person: Person
) -> None:
    codes = codes_of(client, television)

    def deny(_: int) -> str:
        with app.app_context():
            try:
                device.deny(codes["user_code"], person.id, rules().vault, clock.now())
            except DeviceGone:
                return "too late"
            return "denied"

    answers = racing.at_once(6, deny)

    assert sorted(answers) == ["denied", *["too late"] * 5]
    assert journey.submit(me, "/device", user_code=codes["user_code"]).status_code == 422


def test_a_code_that_somebody_has_already_is_not_given_again(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = iter(["BBBBBBBB", "BBBBBBBB", "CCCCCCCC"])
    monkeypatch.setattr(device, "random_letters", lambda _alphabet, _length: next(chosen))

    def one() -> str:
        now = clock.now()
        found = device.begin(
            "televisio",
            "openid",
            None,
            interval=5,
            vault=rules().vault,
            now=now,
            expires_at=now + timedelta(minutes=1),
        )
        return found.user_code

    assert [one(), one()] == ["BBBB-BBBB", "CCCC-CCCC"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DeviceAuthorization)) == 2

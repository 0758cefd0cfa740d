"""The refresh token grant (RFC 6749 6, OpenID Connect Core 12, RFC 9700 4.14)."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.audit import AuditEvent, Event
from idp.database import db
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

OFFLINE = "openid profile email offline_access"


@pytest.fixture
def tokens(client: FlaskClient, person: Person, service: App, moving_clock: MovableClock) -> dict[str, Any]:
    """Those of a login just made, at a clock that stands still."""
    return journey.tokens_for(client, service, person, scope=OFFLINE)


def assert_refused(response: Any, error: str = "invalid_grant") -> None:
    assert steps.refusal(response) == (400, error)
    assert response.headers["Cache-Control"] == "no-store"


# -- the good answer


def test_a_refresh_gives_new_tokens_that_nobody_keeps(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    answer = journey.refresh(client, service, tokens["refresh_token"])

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    new = answer.get_json()
    assert set(new) == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    for name in ("access_token", "refresh_token"):
        assert new[name] != tokens[name]


def test_the_new_id_token_is_about_the_same_login(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    now = moving_clock.move(hours=30)

    new = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    before, after = (journey.claims_of(t["id_token"]) for t in (tokens, new))
    same = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (after["iat"], after["exp"]) == (int(now.timestamp()), int(now.timestamp()) + 600)
    assert "nonce" not in after  # Core 12.2: it should not be there


def test_a_refresh_works_long_after_the_session_and_needs_no_cookie(
    app: Flask, client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    moving_clock.move(days=10)

    assert journey.refresh(app.test_client(), service, tokens["refresh_token"]).status_code == 200


def test_a_public_client_refreshes_by_its_name_alone(
    client: FlaskClient, people: People, person: Person
) -> None:
    public = people.client(token_endpoint_auth_method="none")
    tokens = journey.tokens_for(client, public, person, scope=OFFLINE)

    answer = journey.refresh(client, public, tokens["refresh_token"])

    assert answer.get_json()["refresh_token"] != tokens["refresh_token"]


# -- scope


def test_without_scope_it_is_that_of_the_login(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    assert journey.refresh(client, service, tokens["refresh_token"]).get_json()["scope"] == OFFLINE


def test_a_narrower_scope_narrows_this_access_token_but_not_the_next_one(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    narrow = journey.refresh(client, service, tokens["refresh_token"], scope="openid").get_json()
    wide = journey.refresh(client, service, narrow["refresh_token"]).get_json()

    assert narrow["scope"] == journey.claims_of(narrow["access_token"])["scope"] == "openid"
    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(narrow["access_token"])).get_json()
    assert set(userinfo) == {"sub"}
    assert wide["scope"] == OFFLINE


def test_without_openid_there_is_no_id_token(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    assert (
        "id_token" not in journey.refresh(client, service, tokens["refresh_token"], scope="email").get_json()
    )


@pytest.mark.parametrize("scope", [OFFLINE + " phone", "address", "openid unknown", "OPENID"])
def test_a_wider_scope_is_refused_and_uses_nothing_up(
    client: FlaskClient, service: App, tokens: dict[str, Any], scope: str
) -> None:
    assert_refused(journey.refresh(client, service, tokens["refresh_token"], scope=scope), "invalid_scope")

    assert journey.refresh(client, service, tokens["refresh_token"]).status_code == 200


# -- rotation and reuse


def test_an_older_token_used_again_revokes_everything(
    app: Flask, client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    second = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    third = journey.refresh(client, service, second["refresh_token"]).get_json()

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))

    assert_refused(journey.refresh(client, service, third["refresh_token"]))
    for revoked in (tokens, second, third):
        userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(revoked["access_token"]))
        assert steps.refusal(userinfo) == (401, "invalid_token")
    query = sa.select(sa.func.count()).where(AuditEvent.event == Event.REFRESH_REUSED.value)
    with app.app_context():
        assert db.session.scalar(query) == 1


def test_reuse_revokes_this_login_only(
    client: FlaskClient, person: Person, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    other = journey.tokens_for(client, service, person, scope=OFFLINE)
    journey.refresh(client, service, tokens["refresh_token"])
    moving_clock.move(seconds=11)
    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))

    assert journey.refresh(client, service, other["refresh_token"]).status_code == 200


# -- grace for answers that the network lost


@pytest.mark.parametrize("seconds", [0, 9, 10])
def test_within_ten_seconds_a_repeat_gets_a_new_successor_and_the_lost_one_is_dead(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock, seconds: int
) -> None:
    lost = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    moving_clock.move(seconds=seconds)

    repeated = journey.refresh(client, service, tokens["refresh_token"])

    assert repeated.status_code == 200
    caller = service
    assert steps.introspected(client, caller, lost["refresh_token"]) == {"active": False}
    assert steps.introspected(client, caller, repeated.get_json()["refresh_token"])["active"] is True


def test_after_ten_seconds_a_repeat_is_reuse(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    successor = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    moving_clock.move(seconds=10.001)

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))
    assert_refused(journey.refresh(client, service, successor["refresh_token"]))


def test_the_ten_seconds_run_from_the_first_use_not_from_the_last_repeat(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    for _ in range(3):
        assert journey.refresh(client, service, tokens["refresh_token"]).status_code == 200
        moving_clock.move(seconds=4)

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))


def test_once_the_successor_was_used_a_repeat_is_reuse(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    successor = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    journey.refresh(client, service, successor["refresh_token"])

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))


def test_the_successor_that_a_repeat_has_killed_revokes_everything_when_it_is_used(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    lost = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    repeated = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    assert_refused(journey.refresh(client, service, lost["refresh_token"]))
    assert_refused(journey.refresh(client, service, repeated["refresh_token"]))


def test_another_client_gets_no_grace_and_does_no_harm(
    client: FlaskClient, people: People, service: App, tokens: dict[str, Any]
) -> None:
    thief = people.client("thief")
    successor = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    assert_refused(journey.refresh(client, thief, tokens["refresh_token"]))
    assert_refused(journey.refresh(client, thief, successor["refresh_token"]))
    assert journey.refresh(client, service, successor["refresh_token"]).status_code == 200


def test_with_grace_zero_every_repeat_is_reuse(make_app: AppFactory, moving_clock: MovableClock) -> None:
    app = make_app(tokens={"refresh_grace_seconds": 0})
    people, browser = People(app), app.test_client()
    service = people.client()
    tokens = journey.tokens_for(browser, service, people.resident(), scope=OFFLINE)
    journey.refresh(browser, service, tokens["refresh_token"])

    assert_refused(journey.refresh(browser, service, tokens["refresh_token"]))


# -- limits


@pytest.mark.parametrize(("beyond", "works"), [(-1, True), (0, False)])
def test_a_token_that_was_not_used_for_fourteen_days_is_over(
    client: FlaskClient,
    service: App,
    tokens: dict[str, Any],
    moving_clock: MovableClock,
    beyond: int,
    works: bool,
) -> None:
    moving_clock.move(days=14, seconds=beyond)

    answer = journey.refresh(client, service, tokens["refresh_token"])

    assert answer.status_code == 200 if works else steps.refusal(answer) == (400, "invalid_grant")


def test_each_use_begins_the_fourteen_days_anew_but_ninety_days_after_the_login_all_ends(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    login = moving_clock()
    for _ in range(8):
        moving_clock.move(days=11)
        tokens = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    member = steps.introspected(client, service, tokens["refresh_token"])["exp"]
    assert member == int(login.timestamp()) + 90 * 24 * 3600

    moving_clock.move(days=2, seconds=-1)
    tokens = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    moving_clock.move(seconds=1)

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))


def test_the_ninety_days_run_from_the_login_not_from_the_code(
    client: FlaskClient, person: Person, service: App, moving_clock: MovableClock
) -> None:
    journey.log_in(client, person, remember="y")
    login = int(moving_clock().timestamp())
    moving_clock.move(days=29)

    tokens = journey.tokens_for(client, service, person, scope=OFFLINE)
    for _ in range(5):
        moving_clock.move(days=12)
        tokens = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    assert steps.introspected(client, service, tokens["refresh_token"])["exp"] == login + 90 * 24 * 3600


# -- refusals


@pytest.mark.parametrize("value", ["unknown", "a" * 10_000, "\x00", "ä", "' OR 1=1 --"])
def test_a_made_up_token_is_refused(client: FlaskClient, service: App, value: str) -> None:
    assert_refused(journey.refresh(client, service, value))


def test_a_missing_token_is_an_invalid_request(client: FlaskClient, service: App) -> None:
    assert_refused(journey.refresh(client, service, ""), "invalid_request")


def test_an_access_token_or_a_code_refreshes_nothing(
    client: FlaskClient, service: App, person: Person, tokens: dict[str, Any]
) -> None:
    assert_refused(journey.refresh(client, service, tokens["access_token"]))
    assert_refused(journey.refresh(client, service, journey.code_for(client, service, person)))


def test_a_token_of_another_client_is_refused_and_stays_good_for_its_own(
    client: FlaskClient, people: People, service: App, tokens: dict[str, Any]
) -> None:
    assert_refused(journey.refresh(client, people.client("thief"), tokens["refresh_token"]))

    assert journey.refresh(client, service, tokens["refresh_token"]).status_code == 200


def test_a_disabled_account_refreshes_nothing(
    app: Flask, client: FlaskClient, person: Person, service: App, tokens: dict[str, Any]
) -> None:
    steps.disable_account(app, person)

    assert_refused(journey.refresh(client, service, tokens["refresh_token"]))


def test_a_client_that_may_no_longer_have_a_scope_gets_none_of_it(
    app: Flask, client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    steps.change_client(app, service, scope="openid offline_access")

    new = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    assert new["scope"] == "openid offline_access"

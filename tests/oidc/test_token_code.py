"""The token endpoint (RFC 6749 3.2) and the authorization code grant (4.1.3, RFC 7636 4.6)."""

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


def events(app: Flask, event: Event) -> int:
    query = sa.select(sa.func.count()).where(AuditEvent.event == event.value)
    with app.app_context():
        return db.session.scalar(query) or 0


def is_alive(browser: FlaskClient, tokens: dict[str, Any]) -> bool:
    answer = browser.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
    return answer.status_code == 200


# -- the endpoint


def test_a_token_response_has_the_members_of_the_specification_and_is_kept_by_nobody(
    client: FlaskClient, person: Person, service: App
) -> None:
    code = journey.code_for(client, service, person, scope="openid email offline_access")

    answer = journey.redeem(client, service, code)

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    tokens = answer.get_json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    assert tokens["scope"] == "openid email offline_access"


def test_errors_are_kept_by_nobody_either(client: FlaskClient, service: App) -> None:
    answer = journey.redeem(client, service, "unknown")

    assert steps.refusal(answer) == (400, "invalid_grant")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(client: FlaskClient, service: App, method: str) -> None:
    address = "/oauth2/token?grant_type=authorization_code&code=x"

    answer = client.open(address, method=method, auth=service.basic)

    assert steps.refusal(answer) == (405, "invalid_request")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("", "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        ("AUTHORIZATION_CODE", "unsupported_grant_type"),
        ('ä"\\\x00', "unsupported_grant_type"),
    ],
)
def test_a_missing_or_unknown_grant_type_is_refused(
    client: FlaskClient, service: App, grant_type: str | None, error: str
) -> None:
    form = {} if grant_type is None else {"grant_type": grant_type}

    answer = client.post("/oauth2/token", data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, error)


def test_a_grant_type_that_the_client_did_not_register_is_unauthorized(
    client: FlaskClient, people: People
) -> None:
    service = people.client(grant_types=["authorization_code"])

    assert steps.refusal(journey.refresh(client, service, "x")) == (400, "unauthorized_client")


def test_a_json_body_is_no_token_request(client: FlaskClient, person: Person, service: App) -> None:
    code = journey.code_for(client, service, person)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": service.redirect_uri}

    answer = client.post("/oauth2/token", json=form | {"code_verifier": journey.VERIFIER}, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")
    assert journey.redeem(client, service, code).status_code == 200


def test_parameters_in_the_address_do_not_count(client: FlaskClient, person: Person, service: App) -> None:
    code = journey.code_for(client, service, person)
    query = {"code": code, "code_verifier": journey.VERIFIER}
    form = {"grant_type": "authorization_code", "redirect_uri": service.redirect_uri}

    answer = client.post("/oauth2/token", query_string=query, data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize("parameter", ["grant_type", "code", "code_verifier", "client_id", "unknown"])
def test_a_parameter_given_twice_is_an_invalid_request(
    client: FlaskClient, service: App, parameter: str
) -> None:
    form = {"grant_type": "authorization_code", "code": "x", parameter: ["a", "a"]}

    answer = client.post("/oauth2/token", data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")


def test_scripts_of_any_origin_may_use_it(client: FlaskClient, service: App) -> None:
    origin = {"Origin": "https://asiointi.example.fi"}

    preflight = client.options("/oauth2/token", headers=origin | {"Access-Control-Request-Method": "POST"})
    refused = client.post("/oauth2/token", headers=origin)

    assert preflight.status_code == 204
    for answer in (preflight, refused):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_no_cookie_is_read_or_set(client: FlaskClient, person: Person, service: App) -> None:
    answer = journey.redeem(client, service, journey.code_for(client, service, person))

    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_too_many_errors_from_one_address_are_slowed_down(make_app: AppFactory) -> None:
    app = make_app(limits={"token_errors_per_address": "3/minute"})
    service, browser = People(app).client(), app.test_client()
    person = People(app).resident()
    code = journey.code_for(browser, service, person)

    statuses = [journey.redeem(browser, service, "unknown").status_code for _ in range(5)]
    answer = journey.redeem(browser, service, "unknown")

    assert statuses == [400, 400, 400, 429, 429]
    assert int(answer.headers["Retry-After"]) <= 61
    assert journey.redeem(browser, service, code).status_code == 200  # good requests are never counted


# -- the code


def test_a_code_gives_tokens_once(client: FlaskClient, person: Person, service: App) -> None:
    code = journey.code_for(client, service, person)

    answers = [journey.redeem(client, service, code) for _ in range(3)]

    assert answers[0].status_code == 200
    assert [steps.refusal(answer) for answer in answers[1:]] == [(400, "invalid_grant")] * 2


def test_a_second_use_revokes_every_token_that_the_first_gave(
    app: Flask, client: FlaskClient, person: Person, service: App
) -> None:
    code = journey.code_for(client, service, person, scope="openid offline_access")
    first = journey.redeem(client, service, code).get_json()
    refreshed = journey.refresh(client, service, first["refresh_token"]).get_json()
    assert is_alive(client, refreshed)

    journey.redeem(client, service, code)

    assert not is_alive(client, first)
    assert not is_alive(client, refreshed)
    again = journey.refresh(client, service, refreshed["refresh_token"])
    assert steps.refusal(again) == (400, "invalid_grant")
    assert events(app, Event.CODE_REPLAYED) == 1


def test_a_second_use_revokes_also_when_the_code_has_expired_meanwhile(
    client: FlaskClient, person: Person, service: App, moving_clock: MovableClock
) -> None:
    code = journey.code_for(client, service, person)
    tokens = journey.redeem(client, service, code).get_json()
    moving_clock.move(minutes=5)
    assert is_alive(client, tokens)

    journey.redeem(client, service, code)

    assert not is_alive(client, tokens)


def test_a_second_use_by_another_client_revokes_nothing(
    client: FlaskClient, people: People, person: Person, service: App
) -> None:
    thief = people.client("thief")
    code = journey.code_for(client, service, person)
    tokens = journey.redeem(client, service, code).get_json()

    assert steps.refusal(journey.redeem(client, thief, code)) == (400, "invalid_grant")
    assert is_alive(client, tokens)


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (59, 200), (60, 400), (61, 400)])
def test_a_code_lives_for_sixty_seconds(
    client: FlaskClient,
    person: Person,
    service: App,
    moving_clock: MovableClock,
    seconds: int,
    status: int,
) -> None:
    code = journey.code_for(client, service, person)
    moving_clock.move(seconds=seconds)

    assert journey.redeem(client, service, code).status_code == status


def test_a_code_of_another_client_is_refused_and_stays_good_for_its_own(
    client: FlaskClient, people: People, person: Person, service: App
) -> None:
    thief = people.client("thief")
    code = journey.code_for(client, service, person)

    assert steps.refusal(journey.redeem(client, thief, code)) == (400, "invalid_grant")
    assert journey.redeem(client, service, code).status_code == 200


@pytest.mark.parametrize("code", ["x", "", "a" * 10_000, "\x00", "ä", "' OR 1=1 --"])
def test_a_made_up_code_is_refused(client: FlaskClient, service: App, code: str) -> None:
    expected = "invalid_grant" if code else "invalid_request"

    assert steps.refusal(journey.redeem(client, service, code)) == (400, expected)


def test_a_code_of_an_account_that_was_disabled_meanwhile_is_refused(
    app: Flask, client: FlaskClient, person: Person, service: App
) -> None:
    code = journey.code_for(client, service, person)
    steps.disable_account(app, person)

    assert steps.refusal(journey.redeem(client, service, code)) == (400, "invalid_grant")


def test_a_code_of_a_session_that_has_logged_out_is_refused(
    client: FlaskClient, person: Person, service: App
) -> None:
    code = journey.code_for(client, service, person)
    journey.submit(client, "/logout")

    assert steps.refusal(journey.redeem(client, service, code)) == (400, "invalid_grant")


# -- the redirect URI


@pytest.mark.parametrize(
    "redirect_uri", ["https://evil.example/", "https://asiointi.example.fi/callback/", "", "\x00"]
)
def test_the_redirect_uri_must_be_the_one_of_the_request(
    client: FlaskClient, person: Person, service: App, redirect_uri: str
) -> None:
    code = journey.code_for(client, service, person)

    refused = journey.redeem(client, service, code, redirect_uri=redirect_uri)

    assert steps.refusal(refused) == (400, "invalid_grant")
    assert journey.redeem(client, service, code).status_code == 200  # a mistake does not use the code up


def test_another_registered_redirect_uri_is_not_the_one_of_the_request(
    client: FlaskClient, people: People, person: Person
) -> None:
    second = "https://asiointi.example.fi/second"
    service = people.client(redirect_uris=["https://asiointi.example.fi/callback", second])
    code = journey.code_for(client, service, person)

    refused = journey.redeem(client, service, code, redirect_uri=second)

    assert steps.refusal(refused) == (400, "invalid_grant")


def test_it_may_be_left_out_when_the_request_had_none(
    client: FlaskClient, person: Person, service: App
) -> None:
    code = journey.code_for(
        client, service, person, redirect_uri=None, scope="profile"
    )  # OAuth without OpenID

    assert journey.redeem(client, service, code, redirect_uri="").status_code == 200


# -- PKCE


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        ("w" * 43, "invalid_grant"),
        ("V" * 43, "invalid_grant"),
        (journey.CHALLENGE, "invalid_grant"),
        ("v" * 42, "invalid_request"),
        ("v" * 129, "invalid_request"),
        ("v" * 42 + "ä", "invalid_request"),
        ("v" * 43 + "\n", "invalid_grant"),
        ("", "invalid_request"),
    ],
)
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
def test_the_verifier_must_fit_the_challenge(
    client: FlaskClient, people: People, person: Person, verifier: str, error: str, method: str
) -> None:
    service = people.client(token_endpoint_auth_method=method)
    code = journey.code_for(client, service, person)

    refused = journey.redeem(client, service, code, code_verifier=verifier)

    assert steps.refusal(refused) == (400, error)
    assert journey.redeem(client, service, code).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(
    client: FlaskClient, people: People, person: Person
) -> None:
    """Or somebody could have taken the challenge out of the request on its way (RFC 9700 2.1.1)."""
    service = people.client(pkce_required=False)
    code = journey.code_for(client, service, person, code_challenge=None, code_challenge_method=None)

    assert steps.refusal(journey.redeem(client, service, code)) == (400, "invalid_request")
    assert journey.redeem(client, service, code, code_verifier="").status_code == 200


def test_a_challenge_of_an_exempted_client_holds_too(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(pkce_required=False)
    code = journey.code_for(client, service, person)

    assert journey.redeem(client, service, code, code_verifier="").status_code == 400
    assert journey.redeem(client, service, code).status_code == 200


# -- what is given


def test_a_refresh_token_is_given_for_offline_access_only(
    client: FlaskClient, person: Person, service: App
) -> None:
    assert "refresh_token" not in journey.tokens_for(client, service, person)
    assert "refresh_token" in journey.tokens_for(client, service, person, scope="openid offline_access")


def test_no_refresh_token_is_given_to_a_client_that_did_not_register_the_grant(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(grant_types=["authorization_code"])

    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")

    assert "refresh_token" not in tokens


def test_no_token_is_stored_readably(app: Flask, client: FlaskClient, person: Person, service: App) -> None:
    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")

    stored = steps.everything_stored(app)
    assert not [name for name in ("access_token", "id_token", "refresh_token") if tokens[name] in stored]

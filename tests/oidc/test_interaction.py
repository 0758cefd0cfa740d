"""When the person is needed at the authorization endpoint: prompt, max_age, id_token_hint, consent (Core 3.1.2)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import keys
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.clients import managed, management
from idp.clients.management import Wanted
from idp.database import writing
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def other(people: People) -> Person:
    return people.resident("pekka@example.fi", given_name="Pekka")


@pytest.fixture
def asking(people: People) -> App:
    """An e-service that is not the municipality's own: people are asked what it may have."""
    return people.client("toinen", first_party=False, client_name="Yhdistyksen palvelu")


def decide(browser: FlaskClient, address: str, decision: str) -> str:
    """Press a button of the consent or the account selection page; where that leads."""
    return journey.submit(browser, address, decision=decision).location


# -- without prompt


def test_without_a_session_the_login_page_comes_first(client: FlaskClient, service: App) -> None:
    assert steps.page_of(steps.ask(client, service)) == "/login"


def test_with_a_session_the_code_comes_at_once(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)

    assert "code" in steps.redirected(steps.ask(client, service), service)


def test_after_the_login_the_request_goes_on_and_ends_at_the_service(
    client: FlaskClient, service: App, person: Person
) -> None:
    begun = steps.ask(client, service)

    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))

    assert steps.finish(client, service, resumed)["sub"] == person.id


def test_login_hint_fills_in_the_username(client: FlaskClient, service: App) -> None:
    page = client.get(steps.ask(client, service, login_hint="maija@example.fi").location)

    field = journey.soup(page).find("input", {"name": "username"})
    assert field["value"] == "maija@example.fi"  # type: ignore[index]


def test_an_expired_session_counts_as_none(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    steps.log_in(client, person)
    moving_clock.move(minutes=31)

    assert steps.page_of(steps.ask(client, service)) == "/login"


# -- prompt=none


def test_none_with_a_session_gives_a_code(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)

    assert "code" in steps.silently(client, service)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_none_never_shows_a_page(
    client: FlaskClient,
    service: App,
    asking: App,
    person: Person,
    other: Person,
    moving_clock: MovableClock,
    method: str,
) -> None:
    hint = journey.tokens_for(client.application.test_client(), service, other)["id_token"]

    assert steps.error_of(steps.ask(client, service, method, prompt="none"), service) == "login_required"

    steps.log_in(client, person)
    moving_clock.move(seconds=5)
    for wanted, app, error in (
        ({"max_age": "4"}, service, "login_required"),
        ({"id_token_hint": hint}, service, "login_required"),
        ({}, asking, "consent_required"),
    ):
        answer = steps.redirected(steps.ask(client, app, method, prompt="none", **wanted), app)
        assert answer["error"] == error
        assert set(answer) == {"error", "error_description", "state", "iss"}

    moving_clock.move(minutes=31)
    assert steps.error_of(steps.ask(client, service, method, prompt="none"), service) == "login_required"


def test_none_given_twice_is_still_none(client: FlaskClient, service: App) -> None:
    assert steps.error_of(steps.ask(client, service, prompt="none none"), service) == "login_required"


# -- prompt=login


def test_login_asks_again_although_there_is_a_session(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    steps.log_in(client, person)
    first = steps.finish(client, service, steps.ask(client, service))
    moving_clock.move(minutes=5)

    begun = steps.ask(client, service, prompt="login")
    assert steps.page_of(begun) == "/login"
    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))

    second = steps.finish(client, service, resumed)
    assert second["auth_time"] == first["auth_time"] + 300


def test_login_can_not_be_skipped_by_resuming_without_it(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    steps.log_in(client, person)
    moving_clock.move(minutes=5)
    begun = steps.ask(client, service, prompt="login")
    query = begun.location.partition("?")[2]

    assert steps.page_of(client.get(f"/oauth2/authorize/resume?{query}")) == "/login"


def test_a_login_in_another_tab_counts_when_it_comes_after_the_request(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    begun = steps.ask(client, service, prompt="login")
    moving_clock.move(seconds=1)
    steps.log_in(client, person)

    resumed = client.get(f"/oauth2/authorize/resume?{begun.location.partition('?')[2]}")

    assert "code" in steps.redirected(resumed, service)


def test_a_remembered_login_satisfies_neither_login_nor_an_exceeded_max_age(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    journey.log_in(client, person, remember="y")
    moving_clock.move(days=3)

    assert "code" in steps.silently(client, service)
    assert steps.page_of(steps.ask(client, service, prompt="login")) == "/login"
    assert steps.page_of(steps.ask(client, service, max_age="3600")) == "/login"


# -- max_age


@pytest.mark.parametrize(("max_age", "passed"), [("0", 1), ("1", 2), ("300", 301), ("000300", 301)])
def test_an_exceeded_max_age_asks_to_log_in_again(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock, max_age: str, passed: int
) -> None:
    steps.log_in(client, person)
    before = moving_clock.move(seconds=passed)

    begun = steps.ask(client, service, max_age=max_age)
    assert steps.page_of(begun) == "/login"
    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))

    assert steps.finish(client, service, resumed)["auth_time"] == int(before.timestamp())


@pytest.mark.parametrize(("max_age", "passed"), [("1", 1), ("300", 300), ("999999999", 1000)])
def test_a_max_age_that_is_kept_gives_a_code_at_once(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock, max_age: str, passed: int
) -> None:
    steps.log_in(client, person)
    moving_clock.move(seconds=passed)

    assert "code" in steps.redirected(steps.ask(client, service, max_age=max_age), service)


def test_default_max_age_of_the_client_holds_unless_the_request_has_its_own(
    client: FlaskClient, people: People, person: Person, moving_clock: MovableClock
) -> None:
    service = people.client(default_max_age=60)
    steps.log_in(client, person)
    moving_clock.move(seconds=61)

    assert steps.page_of(steps.ask(client, service)) == "/login"
    assert "code" in steps.redirected(steps.ask(client, service, max_age="62"), service)


# -- what is set for the client


def let(app: Flask, service: App, **options: object) -> None:
    with app.app_context():
        found = managed.look(service.client_id, OPERATOR)
        wanted = Wanted(found.metadata, {**found.options.values(), **options}, first_party=found.first_party)
        management.change(service.client_id, wanted, OPERATOR)


@pytest.mark.parametrize("asked", [None, "0300", "999999999"])
def test_a_login_that_is_too_old_for_the_client_is_none_whatever_it_asks_for(
    app: Flask,
    client: FlaskClient,
    service: App,
    person: Person,
    moving_clock: MovableClock,
    asked: str | None,
) -> None:
    let(app, service, session_max_age_seconds=300)
    steps.log_in(client, person)
    moving_clock.move(seconds=300)
    assert "code" in steps.silently(client, service, max_age=asked)
    moving_clock.move(seconds=1)

    assert steps.silently(client, service, max_age=asked)["error"] == "login_required"
    begun = steps.ask(client, service, max_age=asked)
    assert steps.page_of(begun) == "/login"
    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))
    assert "code" in steps.redirected(resumed, service)


def test_the_limit_of_the_client_does_not_widen_what_it_asks_for(
    app: Flask, client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    let(app, service, session_max_age_seconds=300)
    steps.log_in(client, person)
    moving_clock.move(seconds=61)

    assert steps.silently(client, service, max_age="60")["error"] == "login_required"


def test_a_remembered_login_is_none_for_a_client_that_does_not_count_it(
    app: Flask, client: FlaskClient, service: App, people: People, person: Person, moving_clock: MovableClock
) -> None:
    other = people.client("toinen")
    let(app, service, remembered_login_counts=False)
    journey.log_in(client, person, remember="y")
    moving_clock.move(hours=11)
    assert "code" in steps.silently(client, service)
    moving_clock.move(hours=1)

    assert steps.silently(client, service)["error"] == "login_required"
    assert "code" in steps.silently(client, other)
    begun = steps.ask(client, service)
    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))
    assert "code" in steps.redirected(resumed, service)


def test_a_client_can_have_people_asked_at_each_login(
    app: Flask, client: FlaskClient, asking: App, person: Person
) -> None:
    let(app, asking, consent_each_time=True)
    steps.log_in(client, person)

    for _ in range(2):
        begun = steps.ask(client, asking)
        assert steps.page_of(begun) == "/consent"
        resumed = client.get(decide(client, begun.location, "allow"))
        assert "code" in steps.redirected(resumed, asking)
    assert steps.silently(client, asking)["error"] == "consent_required"


def test_the_municipalitys_own_is_not_asked_for_at_each_login_either(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    let(app, service, consent_each_time=True)
    steps.log_in(client, person)

    assert "code" in steps.silently(client, service)


# -- the time of the login


def test_auth_time_is_the_same_in_every_silent_login_and_refresh(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    scope = "openid offline_access"
    tokens = journey.tokens_for(client, service, person, scope=scope)
    times = [journey.claims_of(tokens["id_token"])["auth_time"]]

    for _ in range(3):
        moving_clock.move(minutes=7)
        times.append(steps.finish(client, service, steps.ask(client, service, prompt="none"))["auth_time"])
        tokens = journey.refresh(client, service, tokens["refresh_token"]).get_json()
        times.append(journey.claims_of(tokens["id_token"])["auth_time"])

    assert len(set(times)) == 1


# -- prompt=consent, and clients that ask


def test_an_e_service_that_is_not_the_municipalitys_own_asks_once(
    client: FlaskClient, asking: App, person: Person
) -> None:
    steps.log_in(client, person)
    begun = steps.ask(client, asking)
    assert steps.page_of(begun) == "/consent"

    resumed = client.get(decide(client, begun.location, "allow"))

    assert "code" in steps.redirected(resumed, asking)
    assert "code" in steps.silently(client, asking)


def test_it_asks_again_when_it_wants_more_but_not_when_it_wants_less(
    client: FlaskClient, asking: App, person: Person
) -> None:
    steps.log_in(client, person)
    begun = steps.ask(client, asking, scope="openid email")
    client.get(decide(client, begun.location, "allow"))

    assert "code" in steps.silently(client, asking, scope="openid")
    assert steps.silently(client, asking, scope="openid phone")["error"] == "consent_required"
    begun = steps.ask(client, asking, scope="openid phone")
    client.get(decide(client, begun.location, "allow"))
    assert "code" in steps.silently(client, asking, scope="openid email phone")


def test_a_consent_is_one_persons_and_one_clients(
    client: FlaskClient, people: People, asking: App, person: Person, other: Person
) -> None:
    third = people.client("kolmas", first_party=False)
    steps.log_in(client, person)
    client.get(decide(client, steps.ask(client, asking).location, "allow"))

    assert steps.silently(client, third)["error"] == "consent_required"
    journey.submit(client, "/logout")
    steps.log_in(client, other)
    assert steps.silently(client, asking)["error"] == "consent_required"


@pytest.mark.parametrize("decision", ["deny", "", "ALLOW"])
def test_anything_but_allow_tells_the_service_access_denied(
    client: FlaskClient, asking: App, person: Person, decision: str
) -> None:
    steps.log_in(client, person)
    begun = steps.ask(client, asking)

    answer = steps.redirected(client.get(decide(client, begun.location, decision)), asking)

    assert answer["error"] == "access_denied"
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert steps.silently(client, asking)["error"] == "consent_required"


def test_consent_asks_for_the_municipalitys_own_e_service_too(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    assert "code" in steps.silently(client, service)

    begun = steps.ask(client, service, prompt="consent")

    assert steps.page_of(begun) == "/consent"
    assert "code" in steps.redirected(client.get(decide(client, begun.location, "allow")), service)


def test_consent_can_not_be_skipped_by_resuming_without_it(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    begun = steps.ask(client, service, prompt="consent")

    resumed = client.get(f"/oauth2/authorize/resume?{begun.location.partition('?')[2]}")

    assert steps.page_of(resumed) == "/consent"


# -- prompt=select_account


def test_select_account_lets_the_person_go_on_as_who_they_are(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    begun = steps.ask(client, service, prompt="select_account")
    assert steps.page_of(begun) == "/select-account"

    resumed = client.get(decide(client, begun.location, "continue"))

    assert steps.finish(client, service, resumed)["sub"] == person.id


def test_select_account_lets_the_person_log_in_as_somebody_else(
    client: FlaskClient, service: App, person: Person, other: Person, moving_clock: MovableClock
) -> None:
    steps.log_in(client, person)
    moving_clock.move(minutes=1)
    begun = steps.ask(client, service, prompt="select_account")

    login = decide(client, begun.location, "other")
    assert login.startswith("/login?request=")
    moving_clock.move(seconds=1)
    resumed = journey.follow_to_client(client, journey.log_in(client, other, login))

    assert steps.finish(client, service, resumed)["sub"] == other.id


def test_select_account_without_a_session_is_the_login_page(client: FlaskClient, service: App) -> None:
    assert steps.page_of(steps.ask(client, service, prompt="select_account")) == "/login"


# -- prompt=create


@pytest.mark.parametrize("logged_in", [True, False])
def test_create_leads_to_the_registration_form(
    client: FlaskClient, service: App, person: Person, logged_in: bool, moving_clock: MovableClock
) -> None:
    if logged_in:
        steps.log_in(client, person)
        moving_clock.move(seconds=1)

    assert steps.page_of(steps.ask(client, service, prompt="create")) == "/create-account"


def test_create_ends_at_the_service_when_the_person_logs_in_instead(
    client: FlaskClient, service: App, person: Person
) -> None:
    begun = steps.ask(client, service, prompt="create")
    login = begun.location.replace("/create-account", "/login")

    resumed = journey.follow_to_client(client, journey.log_in(client, person, login))

    assert "code" in steps.redirected(resumed, service)


# -- combinations


@pytest.mark.parametrize(
    ("prompt", "pages"),
    [
        ("login consent", ["/login", "/consent"]),
        ("consent login", ["/login", "/consent"]),
        ("login select_account", ["/login"]),
        ("select_account consent", ["/select-account", "/consent"]),
        ("login select_account consent", ["/login", "/consent"]),
        ("create login", ["/create-account"]),
        ("create consent", ["/create-account", "/consent"]),
        ("create select_account", ["/create-account"]),
        ("login login", ["/login"]),
    ],
)
def test_several_prompts_ask_one_after_the_other_each_once(
    client: FlaskClient,
    service: App,
    person: Person,
    moving_clock: MovableClock,
    prompt: str,
    pages: list[str],
) -> None:
    steps.log_in(client, person)
    moving_clock.move(minutes=1)
    response = steps.ask(client, service, prompt=prompt)

    seen = []
    while response.location.startswith("/") and len(seen) < 5:
        address = response.location
        seen.append(steps.page_of(response))
        moving_clock.move(seconds=1)
        if seen[-1] == "/consent":
            response = client.get(decide(client, address, "allow"))
        elif seen[-1] == "/select-account":
            response = client.get(decide(client, address, "continue"))
        else:
            address = address.replace("/create-account", "/login")
            response = client.get(journey.log_in(client, person, address).location)

    assert seen == pages
    assert "code" in steps.redirected(response, service)


# -- id_token_hint


def test_an_own_hint_gives_a_code_silently_also_when_it_has_expired(
    client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    hint = journey.tokens_for(client, service, person)["id_token"]
    assert "code" in steps.silently(client, service, id_token_hint=hint)

    moving_clock.move(minutes=25)

    assert journey.claims_of(hint)["exp"] < moving_clock().timestamp()
    assert "code" in steps.silently(client, service, id_token_hint=hint)


def test_a_hint_given_to_another_client_counts_too(
    client: FlaskClient, service: App, people: People, person: Person
) -> None:
    hint = journey.tokens_for(client, people.client("toinen"), person)["id_token"]

    assert "code" in steps.silently(client, service, id_token_hint=hint)


def test_a_hint_signed_by_a_key_that_has_retired_counts_for_13_months(
    app: Flask, client: FlaskClient, service: App, person: Person, moving_clock: MovableClock
) -> None:
    hint = journey.tokens_for(client, service, person)["id_token"]
    with app.app_context():
        with writing() as session:
            keys.rotate(session, rules().vault)
        keys.keyring().forget()
    moving_clock.move(days=396)
    assert "code" in _silently_after_login(client, service, person, hint)

    moving_clock.move(days=2)
    assert _silently_after_login(client, service, person, hint)["error"] == "invalid_request"


def _silently_after_login(client: FlaskClient, service: App, person: Person, hint: str) -> dict[str, str]:
    steps.log_in(client, person)
    return steps.silently(client, service, id_token_hint=hint)


def test_a_hint_that_names_another_person_leads_to_the_login_page(
    client: FlaskClient, service: App, person: Person, other: Person, moving_clock: MovableClock
) -> None:
    hint = journey.tokens_for(client.application.test_client(), service, other)["id_token"]
    steps.log_in(client, person)
    moving_clock.move(minutes=1)

    begun = steps.ask(client, service, id_token_hint=hint)
    assert steps.page_of(begun) == "/login"
    moving_clock.move(seconds=1)
    resumed = journey.follow_to_client(client, journey.log_in(client, other, begun.location))

    assert steps.finish(client, service, resumed)["sub"] == other.id


def test_when_the_wrong_person_logs_in_after_all_the_service_is_told(
    client: FlaskClient, service: App, person: Person, other: Person, moving_clock: MovableClock
) -> None:
    hint = journey.tokens_for(client.application.test_client(), service, other)["id_token"]
    begun = steps.ask(client, service, id_token_hint=hint)
    moving_clock.move(seconds=1)

    resumed = journey.follow_to_client(client, journey.log_in(client, person, begun.location))

    assert steps.error_of(resumed, service) == "login_required"


@pytest.mark.parametrize("prompt", [None, "none"])
def test_a_hint_that_we_did_not_sign_is_refused(
    client: FlaskClient, service: App, person: Person, prompt: str | None
) -> None:
    steps.log_in(client, person)
    hint = steps.foreign_id_token(sub=person.id)

    answer = steps.redirected(steps.ask(client, service, prompt=prompt, id_token_hint=hint), service)

    assert answer["error"] == "invalid_request"


def test_an_access_token_is_no_hint_although_we_signed_it(
    client: FlaskClient, service: App, person: Person
) -> None:
    hint = journey.tokens_for(client, service, person)["access_token"]

    assert steps.silently(client, service, id_token_hint=hint)["error"] == "invalid_request"


# -- the person behind it


def test_a_disabled_accounts_session_is_worth_nothing(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    steps.disable_account(app, person)

    assert steps.silently(client, service)["error"] == "login_required"

"""The pages on which a person allows a device to use their account (RFC 8628 3.3, 5.1, 5.4)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.grants import consents
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.oidc.test_device import begin, codes_of, state_of, tv
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def television(people: People) -> App:
    return tv(people)


@pytest.fixture
def me(app: Flask, person: Person) -> FlaskClient:
    """The browser of `person`, logged in; the device is `client`."""
    browser = app.test_client()
    steps.log_in(browser, person)
    return browser


def enter(browser: FlaskClient, code: str) -> TestResponse:
    return journey.submit(browser, "/device", user_code=code)


def text_of(page: TestResponse) -> str:
    return " ".join(journey.soup(page).main.get_text(" ").split())  # type: ignore[union-attr]


# -- the way to the page


def test_the_person_logs_in_first_and_comes_back_with_the_code(
    app: Flask, client: FlaskClient, television: App, person: Person
) -> None:
    codes = codes_of(client, television)
    browser = app.test_client()

    asked = browser.get(codes["verification_uri_complete"].removeprefix(steps.ISSUER))
    assert asked.location == "/login"
    assert "yhdistää laitteesi" in text_of(browser.get("/login"))
    back = journey.log_in(browser, person)

    assert back.location == f"/device?user_code={codes['user_code']}"
    field = journey.soup(browser.get(back.location)).find("input", {"name": "user_code"})
    assert field["value"] == codes["user_code"]  # type: ignore[index]


def test_new_terms_come_first_too(app: Flask, people: People) -> None:
    careful = people.resident("matti@example.fi", terms_accepted=False)
    browser = app.test_client()
    browser.get("/device")

    assert journey.log_in(browser, careful).location == "/device"
    assert browser.get("/device").location == "/accept-terms"
    assert journey.submit(browser, "/accept-terms", accept_terms="y").location == "/device"


def test_what_the_person_came_for_is_forgotten_once_reached_and_after_a_while(
    moving_clock: MovableClock, app: Flask, person: Person
) -> None:
    browser = app.test_client()
    browser.get("/device")
    assert journey.log_in(browser, person).location == "/device"
    journey.submit(browser, "/logout")
    assert journey.log_in(browser, person).location == "/account"

    another = app.test_client()
    another.get("/device")
    moving_clock.move(minutes=31)
    assert journey.log_in(another, person).location == "/account"


def test_a_login_that_a_service_asks_for_leads_back_to_the_service(
    app: Flask, people: People, person: Person
) -> None:
    browser = app.test_client()
    browser.get("/device")
    login = browser.get(journey.authorize_url(people.client()))

    page = browser.get(login.location)

    assert "yhdistää laitteesi" not in text_of(page)
    assert journey.log_in(browser, person, login.location).location.startswith("/oauth2/authorize/resume")


@pytest.mark.parametrize(
    "text", ["//evil.example/", "https://evil.example", "<script>", "BCDFGHJ", "ÄÄÄÄÄÄÄÄ"]
)
def test_what_is_no_code_is_not_carried_along(app: Flask, person: Person, text: str) -> None:
    browser = app.test_client()
    browser.get("/device", query_string={"user_code": text})

    assert journey.log_in(browser, person).location == "/device"


# -- entering the code


@pytest.mark.parametrize("form", ["{a}-{b}", "{a}{b}", " {a} {b} ", "{a}–{b}", "{a}.{b}"])
def test_a_code_is_understood_however_it_is_typed(
    client: FlaskClient, television: App, me: FlaskClient, form: str
) -> None:
    a, _, b = codes_of(client, television)["user_code"].partition("-")

    for each in (form, form.lower()):
        assert enter(me, each.format(a=a, b=b)).location == "/device/allow"
    assert enter(me, form.format(a=a, b=b).lower()).location == "/device/allow"


def test_a_wrong_a_decided_and_an_expired_code_get_the_same_answer(
    moving_clock: MovableClock, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    decided, expired = codes_of(client, television), codes_of(client, television)
    enter(me, decided["user_code"])
    journey.submit(me, "/device/allow", decision="deny", user_code=decided["user_code"])
    answers = [enter(me, code) for code in ("BCDF-GHJK", "123", decided["user_code"])]
    moving_clock.move(minutes=10)
    answers.append(enter(me, expired["user_code"]))

    assert {(answer.status_code, journey.page_name(answer)) for answer in answers} == {(422, "device")}
    assert {tuple(journey.errors(answer)) for answer in answers} == {
        ("Koodi on väärä tai vanhentunut. Tarkista koodi laitteesta tai aloita laitteella alusta.",)
    }


def test_an_empty_form_says_what_is_missing(me: FlaskClient) -> None:
    assert journey.errors(enter(me, " ")) == ["Anna koodi, joka näkyy laitteessa."]


def test_opening_the_complete_address_decides_nothing_and_tells_nothing(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)

    right = me.get(f"/device?user_code={codes['user_code']}")
    wrong = me.get("/device?user_code=BCDF-GHJK")

    assert text_of(right) == text_of(wrong)
    assert "Televisio" not in text_of(right)
    assert state_of(client, television, codes) == "authorization_pending"


def test_a_stranger_cannot_try_codes(make_app: AppFactory) -> None:
    app = make_app(limits={"device_entries_per_account": "3/hour"})
    person, other = People(app).resident(), People(app).resident("matti@example.fi")
    mine, theirs = app.test_client(), app.test_client()
    steps.log_in(mine, person)
    steps.log_in(theirs, other)

    assert [enter(mine, "BCDF-GHJK").status_code for _ in range(4)] == [422, 422, 422, 429]
    elsewhere = app.test_client()
    steps.log_in(elsewhere, person)
    assert enter(elsewhere, "BCDF-GHJK").status_code == 429
    assert enter(theirs, "BCDF-GHJK").status_code == 422


def test_an_address_cannot_try_codes_with_many_accounts(make_app: AppFactory) -> None:
    app = make_app(limits={"device_entries_per_address": "3/hour"})
    answers = []
    for number in range(4):
        browser = app.test_client()
        steps.log_in(browser, People(app).resident(f"joku{number}@example.fi"))
        answers.append(enter(browser, "BCDF-GHJK").status_code)

    assert answers == [422, 422, 422, 429]


def test_who_is_not_logged_in_tries_no_codes(app: Flask, client: FlaskClient, television: App) -> None:
    codes = codes_of(client, television)
    browser = app.test_client()
    token = journey.csrf_token(browser.get("/forgot"))

    answer = browser.post("/device", data={"csrf_token": token, "user_code": codes["user_code"]})

    assert answer.location == "/login"
    assert browser.get("/device/allow").location == "/login"


# -- allowing


def test_the_page_names_the_service_the_code_the_person_and_what_is_given(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television, scope="openid email offline_access")
    enter(me, codes["user_code"])

    page = me.get("/device/allow")

    assert (page.status_code, journey.page_name(page)) == (200, "device-allow")
    for part in ("Televisio", codes["user_code"], "Maija Meikäläinen", "Sähköpostiosoite", "älä anna lupaa"):
        assert part in text_of(page), part
    assert "Katuosoite" not in text_of(page)


def test_the_municipalitys_own_and_allowed_services_are_asked_about_each_time(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    for _ in range(2):
        codes = codes_of(client, television)
        assert enter(me, codes["user_code"]).location == "/device/allow"
        assert state_of(client, television, codes) == "authorization_pending"
        journey.submit(me, "/device/allow", decision="allow", user_code=codes["user_code"])
        assert state_of(client, television, codes) == "tokens"


@pytest.mark.parametrize(
    ("decision", "heading", "state"),
    [("allow", "Laite on yhdistetty", "tokens"), ("deny", "Laite ei saanut lupaa", "access_denied")],
)
def test_the_last_page_says_what_was_decided(
    client: FlaskClient, television: App, me: FlaskClient, decision: str, heading: str, state: str
) -> None:
    codes = codes_of(client, television)
    enter(me, codes["user_code"])

    done = journey.submit(me, "/device/allow", decision=decision, user_code=codes["user_code"])

    assert done.location == "/device/done"
    page = me.get(done.location)
    assert journey.page_name(page) == "device-done"
    assert heading in text_of(page)
    assert state_of(client, television, codes) == state
    assert me.get("/device/allow").location == "/device"  # and that is all


def test_a_page_about_another_device_allows_nothing(
    client: FlaskClient, television: App, me: FlaskClient
) -> None:
    older, newer = codes_of(client, television), codes_of(client, television)
    enter(me, older["user_code"])
    token = journey.csrf_token(me.get("/device/allow"))
    enter(me, newer["user_code"])  # in another tab

    form = {"csrf_token": token, "user_code": older["user_code"], "decision": "allow"}
    answer = me.post("/device/allow", data=form)

    assert journey.page_name(answer) == "device-allow"
    for codes in (older, newer):
        assert state_of(client, television, codes) == "authorization_pending"


def test_another_site_cannot_send_the_answer(client: FlaskClient, television: App, me: FlaskClient) -> None:
    codes = codes_of(client, television)
    enter(me, codes["user_code"])

    forged = me.post("/device/allow", data={"decision": "allow", "user_code": codes["user_code"]})

    assert forged.status_code == 422
    assert state_of(client, television, codes) == "authorization_pending"


def test_a_press_of_no_button_decides_nothing(client: FlaskClient, television: App, me: FlaskClient) -> None:
    codes = codes_of(client, television)
    enter(me, codes["user_code"])

    journey.submit(me, "/device/allow", user_code=codes["user_code"])

    assert state_of(client, television, codes) == "authorization_pending"


def test_a_code_that_expires_while_the_page_is_open_says_so(
    moving_clock: MovableClock, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)
    enter(me, codes["user_code"])
    token = journey.csrf_token(me.get("/device/allow"))
    moving_clock.move(minutes=10)

    form = {"csrf_token": token, "user_code": codes["user_code"], "decision": "allow"}
    answer = me.post("/device/allow", data=form)

    assert (answer.status_code, journey.page_name(answer)) == (422, "device")


def test_a_disabled_service_is_allowed_nothing(
    app: Flask, client: FlaskClient, television: App, me: FlaskClient
) -> None:
    codes = codes_of(client, television)
    enter(me, codes["user_code"])
    steps.disable_client(app, television)

    assert journey.page_name(me.get("/device/allow")) == "device"
    assert begin(client, television).status_code == 401


def test_the_history_tells_of_it(client: FlaskClient, television: App, me: FlaskClient) -> None:
    for decision in ("allow", "deny"):
        codes = codes_of(client, television)
        enter(me, codes["user_code"])
        journey.submit(me, "/device/allow", decision=decision, user_code=codes["user_code"])

    history = text_of(me.get("/account/history"))

    assert "Laitteelle annettu lupa käyttää palvelua" in history
    assert "Laitteelta evätty lupa" in history


def test_the_last_page_is_only_there_after_an_answer(me: FlaskClient) -> None:
    assert me.get("/device/done").location == "/device"


def test_the_page_names_the_apis_at_which_the_device_will_act(
    app: Flask, client: FlaskClient, people: People, television: App, me: FlaskClient
) -> None:
    address = "https://laskut.example.fi/api"
    people.client("laskut", resource_server=True, resource_uris=[address], client_name="Laskut")
    steps.allow_resources(app, television, address)

    plain = text_of(me.get(enter(me, codes_of(client, television)["user_code"]).location))
    told = text_of(me.get(enter(me, codes_of(client, television, resource=address)["user_code"]).location))

    assert "puolestasi" not in plain
    assert "toimia puolestasi näissä palveluissa: Laskut" in told


def test_what_a_device_of_others_may_is_a_permission_that_can_be_withdrawn(
    client: FlaskClient, people: People, me: FlaskClient, person: Person
) -> None:
    television = tv(people, first_party=False)
    codes = codes_of(client, television, scope="openid email")
    enter(me, codes["user_code"])
    journey.submit(me, "/device/allow", decision="allow", user_code=codes["user_code"])

    with people.app.app_context():
        assert consents.given(person.id, television.client_id) == {"openid", "email"}
    assert "Televisio" in text_of(me.get("/account/services"))

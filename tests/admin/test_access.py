"""The door of the pages for administrators: who gets in, how, and when the password is asked for again."""

from collections.abc import Callable
from importlib import import_module
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock
from idp.accounts import roles
from idp.accounts.models import ACTIVE, Acceptance, Account
from idp.accounts.roles import OPERATOR, Role
from idp.admin import admin as blueprint
from idp.admin.access import AGAIN
from idp.admin.rights import RIGHTS
from idp.database import db, writing
from idp.policy.assurance import ACR_STRONG
from idp.sessions.models import BrowserSession
from idp.web.forms import Form
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

Colleague = Callable[..., Person]
Late = Callable[..., tuple[str, dict[str, str]]]


def endpoints(app: Flask) -> set[str]:
    prefix = f"{blueprint.name}."
    return {
        rule.endpoint.removeprefix(prefix)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(prefix)
    }


def test_every_page_says_who_may_open_it(app: Flask) -> None:
    assert endpoints(app) == set(RIGHTS)


def test_login_comes_first_and_leads_back(app: Flask, colleague: Colleague) -> None:
    browser = app.test_client()

    asked = browser.get("/admin/accounts?q=maija")
    logged_in = journey.log_in(browser, colleague(Role.SUPPORT), asked.location)

    assert asked.location == "/login"
    assert logged_in.location == "/admin/accounts?q=maija"


def test_new_terms_come_first_and_lead_back(app: Flask, people: People) -> None:
    person = people.resident(terms_accepted=False)
    with app.app_context():
        roles.choose(person.id, [Role.ADMIN], OPERATOR)
    browser = app.test_client()
    journey.log_in(browser, person)

    assert browser.get("/admin/").location == "/accept-terms"
    assert journey.submit(browser, "/accept-terms", accept_terms="y").location == "/admin/"


def test_who_has_no_role_finds_nothing(app: Flask, resident: Person) -> None:
    browser = app.test_client()
    journey.log_in(browser, resident)

    assert [browser.get(path).status_code for path in ("/admin/", "/admin/accounts", "/admin/confirm")] == [
        404,
        404,
        404,
    ]


def test_a_role_that_is_taken_away_ends_at_once(
    app: Flask, at_desk: Callable[..., FlaskClient], colleague: Colleague
) -> None:
    person = colleague(Role.SUPPORT)
    browser = app.test_client()
    journey.log_in(browser, person)
    assert browser.get("/admin/accounts").status_code == 200

    with app.app_context():
        roles.choose(person.id, [], OPERATOR)

    assert browser.get("/admin/accounts").status_code == 404


EVERY_PART = [
    *("/admin/", "/admin/accounts", "/admin/clients", "/admin/audit"),
    *("/admin/terms", "/admin/keys", "/admin/team"),
]


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (
            Role.ADMIN,
            EVERY_PART,
        ),
        (Role.SUPPORT, ["/admin/", "/admin/accounts"]),
        (Role.CLIENTS, ["/admin/", "/admin/clients"]),
        (
            Role.AUDITOR,
            EVERY_PART,
        ),
    ],
)
def test_the_navigation_has_what_a_role_may_open(
    at_desk: Callable[..., FlaskClient], role: Role, shown: list[str]
) -> None:
    browser = at_desk(role)

    links = [str(link["href"]) for link in journey.soup(browser.get("/admin/")).select(".admin-nav a")]

    assert links == shown
    assert {browser.get(link).status_code for link in links} == {200}


def test_own_details_lead_to_the_pages_of_who_has_a_role(
    app: Flask, admin: FlaskClient, resident: Person
) -> None:
    browser = app.test_client()
    journey.log_in(browser, resident)

    def leads_there(somebody: FlaskClient) -> bool:
        return bool(journey.soup(somebody.get("/account")).select(".parts a[href='/admin/']"))

    assert leads_there(admin)
    assert not leads_there(browser)


# -- the password once more

SENSITIVE = "/admin/team/invite"


def test_the_password_is_asked_for_again_after_ten_minutes(
    moving_clock: MovableClock, admin: FlaskClient
) -> None:
    moving_clock.move(minutes=9, seconds=59)
    assert admin.get(SENSITIVE).status_code == 200

    moving_clock.move(seconds=1)
    assert admin.get(SENSITIVE).location == "/admin/confirm"
    assert admin.get("/admin/accounts").status_code == 200

    confirmed = journey.submit(admin, "/admin/confirm", password="Kuusi;7puuta")
    assert confirmed.location == SENSITIVE
    assert admin.get(SENSITIVE).status_code == 200


def test_a_strong_identification_is_no_password(
    app: Flask, moving_clock: MovableClock, admin: FlaskClient
) -> None:
    moving_clock.move(minutes=10)
    with app.app_context(), writing() as session:  # as assurance.step_up leaves it
        session.execute(sa.update(BrowserSession).values(auth_time=clock.now(), acr=ACR_STRONG))

    assert admin.get(SENSITIVE).location == "/admin/confirm"


@pytest.fixture
def late(moving_clock: MovableClock, admin: FlaskClient) -> Late:
    """Open a form, fill it in, and need eleven minutes for it: its path and fields."""

    def take_long(path: str, **fields: str) -> tuple[str, dict[str, str]]:
        token = journey.csrf_token(admin.get(path))
        moving_clock.move(minutes=11)
        return path, {"csrf_token": token, **fields}

    return take_long


def kept_fields(page: TestResponse) -> dict[str, str]:
    """All that a browser would send from the page of the password, but for the password."""
    inputs = journey.soup(page).select("main form input[name]")
    sent = {str(field["name"]): str(field.get("value", "")) for field in inputs}
    del sent["again-password"]
    return sent


def test_a_form_that_comes_too_late_waits_for_the_password(
    late: Late, app: Flask, admin: FlaskClient, resident: Person
) -> None:
    path, fields = late(f"/admin/accounts/{resident.id}/disable", note='Pyydetty\r\n"puhelimessa" <b>')
    session = admin.get_cookie("tunnus_session")

    asked = admin.post(path, data=fields)

    assert (asked.status_code, journey.page_name(asked)) == (200, "admin-confirm")
    assert kept_fields(asked) == fields
    assert journey.log_in(app.test_client(), resident).status_code == 303
    wrong = admin.post(path, data={**kept_fields(asked), "again-password": "Jokin;muu1"})
    assert (wrong.status_code, kept_fields(wrong)) == (422, fields)
    assert journey.log_in(app.test_client(), resident).status_code == 303

    done = admin.post(path, data={**kept_fields(wrong), "again-password": "Kuusi;7puuta"})

    assert done.location == f"/admin/accounts/{resident.id}"
    assert journey.log_in(app.test_client(), resident).status_code != 303
    renewed = admin.get_cookie("tunnus_session")
    assert session is not None
    assert renewed is not None
    assert renewed.value != session.value
    assert admin.get(SENSITIVE).status_code == 200


def test_what_is_wrong_in_a_late_form_is_said_after_the_password(late: Late, admin: FlaskClient) -> None:
    path, fields = late("/admin/authorities/new", username="viranomainen", given_name="Maija")
    asked = admin.post(path, data=fields)

    answer = admin.post(path, data={**kept_fields(asked), "again-password": "Kuusi;7puuta"})

    assert (answer.status_code, journey.page_name(answer)) == (422, "admin-authority-new")
    assert journey.soup(answer).select_one("[name=username]")["value"] == "viranomainen"  # type: ignore[index]


def test_a_forged_late_form_is_not_kept(late: Late, admin: FlaskClient, resident: Person) -> None:
    path, fields = late(f"/admin/accounts/{resident.id}/disable", note="Pyydetty")

    for forged in ({"note": "x"}, {**fields, "csrf_token": "x", "again-password": "Kuusi;7puuta"}):
        assert admin.post(path, data=forged).location == "/admin/confirm"
    assert journey.submit(admin, "/admin/confirm", password="Kuusi;7puuta").location == path


def test_a_late_form_with_a_file_is_opened_again(late: Late, admin: FlaskClient) -> None:
    path, fields = late("/admin/accounts/import")

    answer = admin.post(path, data={**fields, "file": (BytesIO(b"email"), "asukkaat.csv")})

    assert answer.location == "/admin/confirm"


def test_a_late_form_that_is_very_long_is_opened_again(late: Late, admin: FlaskClient) -> None:
    path, fields = late("/admin/accounts/import")
    limit = admin.application.config["MAX_CONTENT_LENGTH"]

    def sent(length: int) -> TestResponse:
        return admin.post(path, data={**fields, "do_import": "1", "text": "ä" * (length // 6)})

    assert journey.page_name(sent(limit - 6000)) == "admin-confirm"
    assert sent(limit - 3000).location == "/admin/confirm"  # with the password it would be too long
    assert sent(limit + 10).location == "/admin/confirm"


def test_who_orders_a_file_too_late_is_at_its_page_afterwards(
    late: Late, admin: FlaskClient, app: Flask
) -> None:
    """The answer is a file: the browser would go on showing the page that asks for the password."""
    path, fields = late("/admin/audit/export?event=login")

    assert admin.post(path, data=fields).location == "/admin/confirm"
    assert journey.submit(admin, "/admin/confirm", password="Kuusi;7puuta").location == path


def test_all_is_judged_anew_after_the_password_of_a_late_form(
    late: Late, app: Flask, admin: FlaskClient, resident: Person
) -> None:
    path, fields = late(f"/admin/accounts/{resident.id}/disable", note="Pyydetty")
    with app.app_context(), writing() as session:  # as when there are new terms
        session.execute(sa.delete(Acceptance))

    answer = admin.post(path, data={**fields, "again-password": "Kuusi;7puuta"})

    assert answer.location == "/accept-terms"
    with app.app_context():
        assert db.session.get_one(Account, resident.id).status == ACTIVE


def test_no_field_is_mistaken_for_the_password_of_a_late_form(app: Flask) -> None:
    named = {
        name
        for module in ("forms", "client_forms", "client_new")
        for form in vars(import_module(f"idp.admin.{module}")).values()
        if isinstance(form, type) and issubclass(form, Form)
        for name in vars(form)
    }

    assert "password" in named
    assert not [name for name in named if name.startswith(AGAIN)]


def test_passwords_of_late_forms_lock_like_those_of_a_login(
    late: Late, admin: FlaskClient, resident: Person
) -> None:
    path, fields = late(f"/admin/accounts/{resident.id}/disable", note="Pyydetty")

    answers = [admin.post(path, data={**fields, "again-password": "Jokin;muu1"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 403]
    right = admin.post(path, data={**fields, "again-password": "Kuusi;7puuta"})
    assert (right.status_code, journey.page_name(right)) == (403, "locked")


def test_confirming_is_a_login_with_a_new_session(moving_clock: MovableClock, admin: FlaskClient) -> None:
    before = admin.get_cookie("tunnus_session")
    assert before is not None
    moving_clock.move(minutes=11)

    journey.submit(admin, "/admin/confirm", password="Kuusi;7puuta")

    after = admin.get_cookie("tunnus_session")
    assert after is not None
    assert after.value != before.value
    stranger = admin.application.test_client()
    stranger.set_cookie("tunnus_session", before.value)
    assert stranger.get("/admin/").location == "/login"


def test_wrong_passwords_lock_like_those_of_a_login(moving_clock: MovableClock, admin: FlaskClient) -> None:
    answers = [journey.submit(admin, "/admin/confirm", password="Jokin;muu1") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 403]
    right = journey.submit(admin, "/admin/confirm", password="Kuusi;7puuta")
    assert (right.status_code, journey.page_name(right)) == (403, "locked")


def test_confirming_is_limited_like_a_login(make_app: Callable[..., Flask]) -> None:
    app = make_app(limits={"login_per_username": "3/hour"})
    person = People(app).resident()
    with app.app_context():
        roles.choose(person.id, [Role.ADMIN], OPERATOR)
    browser = app.test_client()
    journey.log_in(browser, person)

    answers = [journey.submit(browser, "/admin/confirm", password="Jokin;muu1") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


def test_a_remembered_login_alone_opens_nothing(
    moving_clock: MovableClock, app: Flask, colleague: Colleague
) -> None:
    browser = app.test_client()
    journey.log_in(browser, colleague(Role.AUDITOR), remember="y")
    assert browser.get("/admin/audit").status_code == 200

    moving_clock.move(hours=12)

    assert browser.get("/account").status_code == 200
    assert browser.get("/admin/audit").location == "/admin/confirm"
    assert journey.submit(browser, "/admin/confirm", password="Kuusi;7puuta").location == "/admin/audit"
    session = browser.get_cookie("tunnus_session")
    assert session is not None
    assert session.max_age  # it is still a remembered one


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_what_somebody_came_for_is_a_page_of_ours(app: Flask, colleague: Colleague, then: str) -> None:
    browser = app.test_client()
    browser.get(f"/admin/{then}?next={then}")

    answer = journey.log_in(browser, colleague(Role.ADMIN))

    assert answer.location.startswith(("/admin/", "/account"))

"""Rate limits: a readable page with Retry-After, known devices not shut out, Redis shared by all and never missed."""

import socket

import pytest
from flask.testing import FlaskClient
from limits.errors import StorageError
from limits.strategies import MovingWindowRateLimiter
from werkzeug.test import TestResponse

from idp.web import limits
from tests.conftest import AppFactory
from tests.pages.steps import kinds, register, text
from tests.support import journey
from tests.support.people import PASSWORD, People, Person
from tests.support.redis import redis_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def attempt(
    browser: FlaskClient, username: str = "maija@example.fi", address: str = "192.0.2.1"
) -> TestResponse:
    browser.environ_base["REMOTE_ADDR"] = address
    return journey.log_in(browser, Person("", username, "Väärä-1salasana"))


def limited(response: TestResponse) -> bool:
    assert response.status_code in {303, 403, 422, 429}
    return response.status_code == 429


@SQLITE
def test_too_many_logins_of_an_address_get_a_page_that_says_when_to_try_again(make_app: AppFactory) -> None:
    app = make_app(limits={"login_per_address": "3/hour"})
    for number in range(3):
        assert not limited(attempt(app.test_client(), f"nimi{number}@example.fi"))

    page = attempt(app.test_client(), "muu@example.fi")

    assert (page.status_code, journey.page_name(page)) == (429, "too-many")
    assert 3_500 < int(page.headers["Retry-After"]) <= 3_601
    assert "Liian monta kirjautumisyritystä." in text(page)
    assert "Voit yrittää uudelleen noin 1 tunnin kuluttua." in text(page)
    assert "tuki@example.fi" in text(page)
    assert not limited(attempt(app.test_client(), "muu@example.fi", address="192.0.2.2"))


@SQLITE
@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("1/minute", "1 minuutin kuluttua"),
        ("1/30 minutes", "30 minuutin kuluttua"),
        ("1/day", "24 tunnin kuluttua"),
    ],
)
def test_the_page_tells_the_time_as_people_do(make_app: AppFactory, limit: str, told: str) -> None:
    browser = make_app(limits={"recovery_per_address": limit}).test_client()
    journey.submit(browser, "/forgot", email="maija@example.fi")

    page = journey.submit(browser, "/forgot", email="maija@example.fi")

    assert told in text(page)
    assert "Liian monta yritystä." in text(page)  # nobody was logging in


@SQLITE
def test_looking_at_a_page_is_not_counted(make_app: AppFactory) -> None:
    browser = make_app(limits={"login_per_address": "2/hour"}).test_client()

    for _ in range(5):
        assert browser.get("/login").status_code == 200

    assert not limited(attempt(browser))


@SQLITE
def test_too_many_logins_for_a_name_are_limited_wherever_they_come_from(make_app: AppFactory) -> None:
    app = make_app(limits={"login_per_username": "3/hour"}, lockout={"attempts": 100})
    spellings = ("maija@example.fi", "Maija@Example.FI", " maija@example.fi")
    for number, spelling in enumerate(spellings):
        assert not limited(attempt(app.test_client(), spelling, address=f"192.0.2.{number}"))

    assert limited(attempt(app.test_client(), address="192.0.2.9"))
    assert not limited(attempt(app.test_client(), "liisa@example.fi", address="192.0.2.9"))


def test_the_owners_browser_is_not_bound_by_the_tries_of_strangers(make_app: AppFactory) -> None:
    app = make_app(limits={"login_per_username": "3/hour"}, lockout={"attempts": 100})
    person = People(app).resident()
    owner = app.test_client()
    journey.log_in(owner, person)
    journey.submit(owner, "/logout")
    for number in range(4):
        attempt(app.test_client(), address=f"192.0.2.{number}")

    assert limited(journey.log_in(app.test_client(), person))
    assert journey.log_in(owner, person).location == "/account"


@SQLITE
def test_registrations_of_an_address_are_limited(make_app: AppFactory) -> None:
    app = make_app(limits={"registration_per_address": "2/hour"})
    answers = [register(app.test_client(), email=f"a{number}@example.fi") for number in range(3)]

    assert [answer.status_code for answer in answers] == [303, 303, 429]


@SQLITE
@pytest.mark.parametrize(("path", "last"), [("/create-account", 429), ("/forgot", 303)])
def test_nobodys_mailbox_is_flooded(make_app: AppFactory, path: str, last: int) -> None:
    """Recovery does not tell: its answer is the usual one."""
    app = make_app(limits={"mail_per_name": "2/hour"})
    people = People(app)
    people.resident("uusi@example.fi")

    def ask() -> TestResponse:
        browser = app.test_client()
        return (
            register(browser)
            if path == "/create-account"
            else journey.submit(browser, path, email="uusi@example.fi")
        )

    assert [ask().status_code for _ in range(4)] == [303, 303, last, last]
    assert len(kinds(people)) == 2


@SQLITE
def test_whoever_forgets_to_type_a_name_shuts_nobody_else_out(make_app: AppFactory) -> None:
    app = make_app(limits={"login_per_username": "2/hour"}, server={"trusted_proxies": 1})

    def send(address: str) -> int:
        browser = app.test_client()
        browser.environ_base["HTTP_X_FORWARDED_FOR"] = address
        return journey.submit(browser, "/login").status_code

    assert [send("192.0.2.1") for _ in range(3)] == [422, 422, 429]
    assert send("192.0.2.2") == 422


@SQLITE
def test_a_form_with_errors_mails_nothing_and_is_not_counted(make_app: AppFactory) -> None:
    app = make_app(limits={"mail_per_name": "1/hour"})
    people = People(app)
    me = app.test_client()
    journey.log_in(me, people.resident())
    new = {"new_email": "uusi@example.fi", "new_email_confirm": "uusi@example.fi"}

    clumsy = [register(app.test_client(), given_name="").status_code for _ in range(3)]
    wrong = [
        journey.submit(me, "/account/email", **new, password="Väärä-1salasana").status_code for _ in range(3)
    ]

    assert clumsy == wrong == [422, 422, 422]
    assert journey.submit(me, "/account/email", **new, password=PASSWORD).status_code == 303
    assert journey.submit(me, "/account/email", **new, password=PASSWORD).status_code == 429
    assert register(app.test_client()).status_code == 303


@SQLITE
def test_strangers_do_not_take_the_owners_recovery_away(make_app: AppFactory) -> None:
    app = make_app(limits={"mail_per_name": "2/hour"})
    people = People(app)
    person = people.resident()
    owner = app.test_client()
    journey.log_in(owner, person)
    journey.submit(owner, "/logout")
    for _ in range(4):
        journey.submit(app.test_client(), "/forgot", email=person.username)
    assert kinds(people) == ["reset", "reset"]

    assert (
        app.test_client().get(people.letters()[0].link).status_code == 200
    )  # the last letter's link lives on
    journey.submit(owner, "/forgot", email=person.username)

    assert kinds(people) == ["reset", "reset", "reset"]


# -- many people behind one address


@SQLITE
def test_good_logins_are_not_counted(make_app: AppFactory) -> None:
    app = make_app(limits={"login_per_address": "2/hour"})
    person = People(app).resident()
    for _ in range(5):
        assert journey.log_in(app.test_client(), person).status_code == 303

    assert [attempt(app.test_client(), address="127.0.0.1").status_code for _ in range(3)] == [422, 422, 429]


def test_a_counter_that_is_lost_after_the_answer_spoils_no_answer(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    person = People(app).resident()
    browser = app.test_client()
    journey.log_in(browser, person)
    journey.submit(browser, "/logout")

    def lost(*_: object, **__: object) -> bool:
        raise StorageError(ConnectionError())

    monkeypatch.setattr(MovingWindowRateLimiter, "hit", lost)

    assert journey.log_in(browser, Person("", person.username, "Väärä-1salasana")).status_code == 422


@SQLITE
def test_the_activation_message_is_not_sent_again_without_end(make_app: AppFactory) -> None:
    app = make_app(limits={"mail_per_name": "2/hour"})
    browser = app.test_client()
    register(browser)

    answers = [journey.submit(browser, "/created").status_code for _ in range(3)]

    assert answers == [303, 303, 429]
    assert len(kinds(People(app))) == 3


@SQLITE
def test_recovery_of_an_address_is_limited(make_app: AppFactory) -> None:
    app = make_app(limits={"recovery_per_address": "2/hour"})

    answers = [
        journey.submit(app.test_client(), "/forgot", email=f"a{number}@example.fi") for number in range(3)
    ]

    assert [answer.status_code for answer in answers] == [303, 303, 429]


@SQLITE
def test_errors_at_the_token_endpoint_are_limited_in_json(make_app: AppFactory) -> None:
    app = make_app(limits={"token_errors_per_address": "3/minute"})
    browser, service = app.test_client(), People(app).client()
    answers = [journey.redeem(browser, service, "wrong") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[-1].get_json()["error"] == "temporarily_unavailable"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


@SQLITE
def test_a_fault_of_ours_counts_as_a_failed_request_where_programs_ask(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(limits={"token_errors_per_address": "2/minute"})
    service, browser = People(app).client(), app.test_client()

    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(app.extensions["clients"], "find", broken)
    answers = [browser.post("/oauth2/introspect", data={"token": "x"}, auth=service.basic) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@SQLITE
def test_what_succeeds_at_the_token_endpoint_is_not_counted(make_app: AppFactory) -> None:
    app = make_app(limits={"token_errors_per_address": "1/hour"})
    people = People(app)
    person, service, browser = people.resident(), people.client(), app.test_client()

    for _ in range(3):
        assert "access_token" in journey.tokens_for(browser, service, person)


@SQLITE
@pytest.mark.parametrize(
    ("proxies", "header", "shared"), [(0, "198.51.100.1", True), (1, "198.51.100.1", False), (1, "", True)]
)
def test_the_address_is_what_a_trusted_proxy_says_and_nobody_else(
    make_app: AppFactory, proxies: int, header: str, shared: bool
) -> None:
    app = make_app(limits={"login_per_address": "1/hour"}, server={"trusted_proxies": proxies})
    attempt(app.test_client())
    browser = app.test_client()
    page = browser.get("/login")
    fields = {"csrf_token": journey.csrf_token(page), "username": "liisa@example.fi", "password": "x"}

    answer = browser.post(
        "/login",
        data=fields,
        headers={"X-Forwarded-For": header} if header else {},
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},
    )

    assert limited(answer) is shared


@SQLITE
@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("64:ff9b::192.0.2.1", "192.0.2.1", True),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_whoever_has_a_network_of_addresses_is_counted_as_one(
    make_app: AppFactory, one: str, other: str, shared: bool
) -> None:
    app = make_app(limits={"login_per_address": "1/hour"})
    assert not limited(attempt(app.test_client(), "yksi@example.fi", address=one))

    assert limited(attempt(app.test_client(), "toinen@example.fi", address=other)) is shared


# -- Redis


@pytest.mark.redis
@SQLITE
def test_with_redis_all_workers_count_together(make_app: AppFactory) -> None:
    with redis_server() as redis:
        shared = {"storage": redis.url, "login_per_address": "2/hour"}
        for _ in range(2):
            assert not limited(attempt(make_app(limits=shared).test_client()))

        assert limited(attempt(make_app(limits=shared).test_client()))


@pytest.mark.redis
@SQLITE
def test_names_cannot_be_read_in_redis(make_app: AppFactory) -> None:
    import redis as redis_client

    with redis_server() as redis:
        attempt(make_app(limits={"storage": redis.url}).test_client(), "maija@example.fi")

        keys = redis_client.Redis.from_url(redis.url).keys("*")
        assert keys
        assert not any(b"maija" in key for key in keys)


@pytest.mark.redis
@SQLITE
def test_without_redis_logins_go_on_and_are_still_counted(make_app: AppFactory) -> None:
    with redis_server() as redis:
        app = make_app(limits={"storage": redis.url, "login_per_address": "3/hour"})
        person = People(app).resident()
        with redis.outage():
            answers = [attempt(app.test_client(), address="127.0.0.1") for _ in range(4)]
            good = journey.log_in(app.test_client(), person)
            wrong = journey.token_request(app.test_client(), People(app).client(), {"grant_type": "nonsense"})

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert good.status_code == 429
    assert wrong.status_code == 400


@SQLITE
def test_a_redis_that_says_nothing_is_not_asked_each_time(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = make_app(limits={"storage": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"})
        client = People(app).client()
        asked: list[str] = []
        monkeypatch.setattr(limits, "_not_shared", lambda error: asked.append(str(error)))

        answers = [
            journey.token_request(app.test_client(), client, {"grant_type": "nonsense"}).status_code
            for _ in range(4)
        ]
        app.extensions["limits storage"] = limits._Storage()  # as when its rest is over
        journey.token_request(app.test_client(), client, {"grant_type": "nonsense"})

    assert answers == [400] * 4
    assert len(asked) == 2

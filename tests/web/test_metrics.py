"""/metrics: who may read it, and that it says what happened."""

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from idp.accounts.hashing import HashingBusy, hasher
from idp.accounts.models import Account
from idp.database import writing
from idp.mail import delivery
from idp.metrics import metrics
from idp.settings import UnusableSettings
from tests.conftest import AppFactory, make_settings
from tests.pages.steps import register
from tests.support import journey
from tests.support.mail import refuse_all_mail
from tests.support.moments import MovableClock
from tests.support.people import People, Person
from tests.support.redis import redis_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOKEN = "a-token-of-prometheus-and-of-nobody-else"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Numbers = dict[str, float]


def numbers(app: Flask) -> Numbers:
    """Every number by its name with labels, as Prometheus writes it."""
    answer = app.test_client().get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    return {
        sample.name
        + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(metrics={"token": TOKEN})


# -- who may read it


def ask(
    browser: FlaskClient, address: str = "192.0.2.1", authorization: str | None = None, **headers: str
) -> TestResponse:
    given = {"Authorization": authorization} if authorization else {}
    forwarded = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.get("/metrics", headers=given | forwarded, environ_overrides={"REMOTE_ADDR": address})


@SQLITE
def test_without_settings_there_are_no_metrics_for_anybody(make_app: AppFactory) -> None:
    browser = make_app().test_client()
    assert [ask(browser, address).status_code for address in ("192.0.2.1", "127.0.0.1")] == [404, 404]
    assert ask(browser, authorization="Bearer ").status_code == 404


@SQLITE
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ä",
    ],
)
def test_without_the_token_nothing_is_told(app: Flask, authorization: str | None) -> None:
    answer = ask(app.test_client(), "127.0.0.1", authorization)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "tunnus_" not in answer.text


@SQLITE
def test_with_the_token_everything_is_told(app: Flask) -> None:
    answer = ask(app.test_client(), authorization=f"Bearer {TOKEN}")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "tunnus_database_up 1.0" in answer.text


@SQLITE
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.2.3", 200),
        ("10.1.3.1", 404),
        ("192.0.2.1", 404),
        ("127.0.0.1", 404),
        ("fd00::9", 200),
        ("x", 404),
    ],
)
def test_an_allowed_network_needs_no_token(make_app: AppFactory, address: str, status: int) -> None:
    app = make_app(metrics={"allowed_networks": ["10.1.2.0/24", "fd00::/16"]})

    assert ask(app.test_client(), address).status_code == status


@SQLITE
@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (0, {}, 200),
        # The public by way of a proxy on this machine that the settings forgot.
        (0, {"X_Forwarded_For": "198.51.100.1"}, 404),
        (0, {"Forwarded": "for=198.51.100.1"}, 404),
        (0, {"X_Real_Ip": "198.51.100.1"}, 404),
        (1, {"X_Forwarded_For": "198.51.100.1"}, 404),
        (1, {"X_Forwarded_For": "127.0.0.1, 198.51.100.1"}, 404),
        (1, {"X_Forwarded_For": "127.0.0.1"}, 200),
    ],
)
def test_a_proxy_does_not_lend_its_own_address_to_the_public(
    make_app: AppFactory, proxies: int, forwarded: dict[str, str], status: int
) -> None:
    app = make_app(metrics={"allowed_networks": ["127.0.0.0/8"]}, server={"trusted_proxies": proxies})

    assert ask(app.test_client(), "127.0.0.1", **forwarded).status_code == status


def test_a_token_that_could_be_guessed_stops_the_start() -> None:
    with pytest.raises(UnusableSettings, match=r"metrics\.token: must have 32 characters or more"):
        make_settings(metrics={"token": "prometheus"})


# -- what it says


@SQLITE
def test_requests_are_counted_by_endpoint_and_status_and_timed(app: Flask) -> None:
    browser = app.test_client()
    for path in ("/login", "/login", "/oauth2/jwks", "/nowhere", "/oauth2/userinfo"):
        browser.get(path)

    found = numbers(app)

    assert found["tunnus_request_seconds_count endpoint=pages.login status=200"] == 2
    assert found["tunnus_request_seconds_count endpoint=oidc.jwks status=200"] == 1
    assert found["tunnus_request_seconds_count endpoint=none status=404"] == 1
    assert found["tunnus_request_seconds_count endpoint=oidc.userinfo status=401"] == 1
    assert 0 < found["tunnus_request_seconds_sum endpoint=pages.login status=200"] < 60


@SQLITE
def test_what_visitors_send_makes_no_new_labels(app: Flask) -> None:
    browser = app.test_client()
    for number in range(5):
        browser.open(f"/path{number}", method=f"METHOD{number}")
        browser.get("/oauth2/authorize", query_string={"client_id": f"client{number}"})

    page = app.test_client().get("/metrics", headers=BEARER).text

    assert not re.search(r"path\d|METHOD|client\d", page)


def test_logins_are_counted_by_outcome_and_the_rest_of_the_audit_log_by_event(app: Flask) -> None:
    person = People(app).resident()
    for _ in range(2):
        journey.log_in(app.test_client(), person)
    journey.log_in(app.test_client(), Person("", person.username, "Väärä-1salasana"))
    for _ in range(6):
        journey.log_in(app.test_client(), Person("", "tuntematon@example.fi", "Väärä-1salasana"))
    register(app.test_client())
    with app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(status="disabled"))
    journey.log_in(app.test_client(), person)

    found = numbers(app)

    assert found["tunnus_logins_total outcome=success"] == 2
    assert found["tunnus_logins_total outcome=wrong_credentials"] == 5
    assert found["tunnus_logins_total outcome=locking_failure"] == 1
    assert found["tunnus_logins_total outcome=locked"] == 1
    assert found["tunnus_logins_total outcome=disabled"] == 1
    assert found["tunnus_events_total event=account.registered outcome=success"] == 1


def test_what_is_rolled_back_has_not_happened(context: Flask) -> None:
    from idp import audit, clock
    from idp.audit import Event
    from idp.database import writing

    def record() -> None:
        with writing() as session:
            audit.record(session, Event.LOGGED_IN, at=clock.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        record()

    assert "tunnus_logins_total outcome=success" not in numbers(context)


def test_time_at_the_database_is_measured_for_both_doors(app: Flask) -> None:
    person, service = People(app).resident(), People(app).client()
    browser = app.test_client()
    tokens = journey.tokens_for(browser, service, person)  # sessions of SQLAlchemy, and lean transactions
    browser.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    browser.get("/healthz")

    found = numbers(app)

    for endpoint in ("pages.login", "oidc.token", "oidc.userinfo"):
        spent = found[f"tunnus_database_seconds_total endpoint={endpoint}"]
        whole = sum(
            value
            for name, value in found.items()
            if name.startswith("tunnus_request_seconds_sum") and f"endpoint={endpoint} " in name
        )
        assert 0 < spent < whole
    assert found["tunnus_database_seconds_total endpoint=health.healthz"] == 0


@SQLITE
def test_passwords_that_wait_are_counted(make_app: AppFactory) -> None:
    app = make_app(metrics={"token": TOKEN}, passwords={"parallel_hashes": 1, "waiting_hashes": 1})
    began, end = threading.Event(), threading.Event()

    def long_work() -> None:
        began.set()
        end.wait(30)

    with app.app_context():
        pool = hasher()
    threads = [threading.Thread(target=pool._run, args=(long_work,)) for _ in range(2)]
    threads[0].start()
    began.wait(30)
    threads[1].start()
    try:
        while not numbers(app)["tunnus_hashes_waiting"]:
            assert threads[1].is_alive()
        with pytest.raises(HashingBusy):
            pool.hash("Kuusi;7puuta")
        during = numbers(app)
    finally:
        end.set()
        for thread in threads:
            thread.join(30)
    after = numbers(app)

    assert (during["tunnus_hashes_running"], during["tunnus_hashes_waiting"]) == (1, 1)
    assert during["tunnus_hashes_refused_total"] == 1
    assert (after["tunnus_hashes_running"], after["tunnus_hashes_waiting"]) == (0, 0)
    assert after["tunnus_hash_wait_seconds_count"] == 2


def test_mail_that_waits_has_a_number_and_an_age(moving_clock: MovableClock, app: Flask) -> None:
    assert numbers(app)["tunnus_waiting kind=mail"] == 0
    assert numbers(app)["tunnus_waiting_oldest_seconds kind=mail"] == 0
    register(app.test_client(), email="eka@example.fi")
    moving_clock.move(minutes=2)
    register(app.test_client(), email="toka@example.fi")
    moving_clock.move(minutes=1)

    found = numbers(app)

    assert found["tunnus_waiting kind=mail"] == 2
    assert found["tunnus_waiting_oldest_seconds kind=mail"] == 180
    assert found["tunnus_waiting kind=logout_notice"] == 0


def test_mail_that_was_delivered_or_given_up_waits_no_more(app: Flask) -> None:
    from idp.accounts.rules import rules

    journey.submit(app.test_client(), "/forgot", email="tuntematon@example.fi")  # composed for nobody
    register(app.test_client())
    assert numbers(app)["tunnus_waiting kind=mail"] == 1
    with app.app_context():
        demo = rules().settings.model_copy(update={"mode": "demo"})
        delivery.deliver_due(app, rules().vault, demo)

    assert numbers(app)["tunnus_waiting kind=mail"] == 0


def test_mail_that_was_given_up_is_told(moving_clock: MovableClock, app: Flask) -> None:
    assert numbers(app)["tunnus_undeliverable kind=mail"] == 0
    register(app.test_client())
    refuse_all_mail(app)

    found = numbers(app)

    assert found["tunnus_waiting kind=mail"] == 0
    assert found["tunnus_undeliverable kind=mail"] == 1
    assert found["tunnus_undeliverable kind=logout_notice"] == 0
    moving_clock.move(days=1, minutes=1)
    assert numbers(app)["tunnus_undeliverable kind=mail"] == 0


def test_keys_tell_how_long_they_have_been_signing(moving_clock: MovableClock, app: Flask) -> None:
    app.test_client().get("/oauth2/jwks")  # makes them, on a database without
    before = numbers(app)
    moving_clock.move(days=3)
    after = numbers(app)

    for alg in ("RS256", "ES256"):
        name = f"tunnus_signing_key_age_seconds alg={alg}"
        assert after[name] - before[name] == timedelta(days=3).total_seconds()


@pytest.mark.redis
@SQLITE
def test_counting_without_redis_is_noticed(make_app: AppFactory) -> None:
    with redis_server() as redis:
        app = make_app(metrics={"token": TOKEN}, limits={"storage": redis.url})
        journey.log_in(app.test_client(), People(app).resident())
        assert numbers(app)["tunnus_limit_fallbacks_total"] == 0
        with redis.outage():
            journey.redeem(app.test_client(), People(app).client(), "wrong")
            first = numbers(app)["tunnus_limit_fallbacks_total"]
            journey.log_in(app.test_client(), People(app).resident("liisa@example.fi"))
            second = numbers(app)["tunnus_limit_fallbacks_total"]

    assert (first, second) == (1, 2)


@SQLITE
def test_without_its_database_it_says_so(make_app: AppFactory) -> None:
    database = {"url": "postgresql+psycopg://nobody@127.0.0.1:1/none", "timeout_seconds": 1}
    app = make_app(metrics={"token": TOKEN}, database=database)

    found = numbers(app)

    assert found["tunnus_database_up"] == 0
    assert "tunnus_waiting kind=mail" not in found


def test_numbers_of_one_app_are_not_those_of_another(make_app: AppFactory) -> None:
    one, other = (make_app(metrics={"token": TOKEN}) for _ in range(2))
    with one.app_context():
        metrics().event("login", "success", None)

    assert numbers(one)["tunnus_logins_total outcome=success"] == 1
    assert "tunnus_logins_total outcome=success" not in numbers(other)

"""The two doors to the database, and what happens while it is gone: 503, and by itself it goes on."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from idp import database, versions
from idp.accounts.models import LoginCounter
from idp.database import DatabaseUnavailable, Statement, db, insert_if_absent, instant, transaction, writing
from idp.versions import Version
from tests.conftest import AppFactory, migrate
from tests.pages.steps import text
from tests.support import journey
from tests.support.people import People
from tests.support.postgresql import PostgreSQL, PrivatePostgreSQL, private_postgresql

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)

ADD = Statement("INSERT INTO versions (name, number) VALUES (:name, 1)")
ALL = Statement("SELECT name FROM versions WHERE name LIKE 'test%' ORDER BY name")


def names() -> list[str]:
    return [row[0] for row in ALL.all()]


# -- the lean door


def test_a_statement_is_committed_at_once(context: Flask) -> None:
    ADD.all(name="test")

    assert names() == ["test"]
    assert db.session.get(Version, "test") is not None


def test_a_transaction_keeps_all_or_nothing(context: Flask) -> None:
    with transaction():
        ADD.all(name="test-1")
        ADD.all(name="test-2")

    def fail() -> None:
        with transaction():
            ADD.all(name="test-3")
            assert "test-3" in names()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names() == ["test-1", "test-2"]


def test_there_is_one_transaction_at_a_time(context: Flask) -> None:
    def nest() -> None:
        with transaction(), transaction():
            pass

    with pytest.raises(RuntimeError, match="already inside"):
        nest()
    ADD.all(name="test")  # and nothing is left behind
    assert names() == ["test"]


def test_writing_is_rolled_back_by_an_exception(context: Flask) -> None:
    def fail() -> None:
        with writing() as session:
            session.add(Version(name="test", number=1))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names() == []


def test_a_percent_sign_and_a_cast_are_no_parameters(context: Flask) -> None:
    assert Statement("SELECT name FROM versions WHERE name LIKE 'nothing%' AND :x = 'a%b'").all(x="a%b") == []
    assert Statement("SELECT :value").postgresql == "SELECT %(value)s"
    assert Statement("SELECT '2026'::text, :a").postgresql == "SELECT '2026'::text, %(a)s"


@pytest.mark.parametrize("value", ["'; DROP TABLE versions; --", "a%sb", ":name", "%(name)s", "ä🙂", "\\"])
def test_values_are_never_part_of_the_statement(context: Flask, value: str) -> None:
    ADD.all(name=f"test {value}")

    assert names() == [f"test {value}"]


def test_threads_have_connections_of_their_own(context: Flask) -> None:
    together = threading.Barrier(8)
    failures: list[Exception] = []

    def work(number: int) -> None:
        together.wait()
        try:
            with context.app_context():
                for each in range(5):
                    ADD.all(name=f"test-{number}-{each}")
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(names()) == 40


def test_a_row_is_inserted_once_whoever_else_tries(context: Flask) -> None:
    def insert() -> None:
        with context.app_context(), writing() as session:
            insert_if_absent(session, LoginCounter, key="test", failures=0, reserved=0, updated_at=NOW)

    threads = [threading.Thread(target=insert) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with context.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(LoginCounter)) == 1


# -- times

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
HELSINKI = timezone(timedelta(hours=2))


@pytest.mark.parametrize("moment", [NOW, NOW.replace(microsecond=0), NOW.astimezone(HELSINKI)])
def test_a_moment_comes_back_as_it_was_through_either_door(context: Flask, moment: datetime) -> None:
    with writing() as session:
        session.add(LoginCounter(key="test", failures=0, reserved=0, updated_at=moment))
    read = Statement("SELECT updated_at FROM login_counters WHERE updated_at >= :moment")

    row = read.one(moment=moment)

    assert row is not None
    assert instant(row[0]) == moment
    assert db.session.scalar(sa.select(LoginCounter.updated_at)) == moment
    assert read.one(moment=moment + timedelta(microseconds=1)) is None


def test_no_moment_stays_none() -> None:
    assert instant(None) is None


# -- SQLite


@SQLITE
def test_sqlite_is_durable_and_minds_foreign_keys_through_either_door(context: Flask) -> None:
    for pragma, expected in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
        assert Statement(f"SELECT * FROM pragma_{pragma}").one() == (expected,)
        assert db.session.execute(sa.text(f"PRAGMA {pragma}")).scalar() == expected


@SQLITE
def test_a_database_that_is_locked_for_longer_than_the_time_out_is_a_503(
    make_app: AppFactory, database_url: str
) -> None:
    app = make_app(database={"url": database_url, "timeout_seconds": 1})
    people, browser = People(app), app.test_client()
    person, service = people.resident(), people.client()
    code = journey.code_for(browser, service, person)
    page = browser.get("/forgot")

    with locked(database_url):
        asked = browser.post(
            "/forgot", data={"csrf_token": journey.csrf_token(page), "email": person.username}
        )
        redeemed = journey.redeem(browser, service, code)
        assert browser.get("/account").status_code == 200  # reading goes on
        language = browser.get("/account?lang=en")  # would be kept on the account

    assert (asked.status_code, journey.page_name(asked)) == (503, "error")
    assert (language.status_code, journey.page_name(language)) == (503, "error")
    assert "Content-Security-Policy" in language.headers
    assert int(asked.headers["Retry-After"]) > 0
    assert (redeemed.status_code, redeemed.get_json()["error"]) == (503, "temporarily_unavailable")
    assert int(redeemed.headers["Retry-After"]) > 0
    assert journey.submit(browser, "/forgot", email=person.username).location == "/forgot/sent"
    assert "access_token" in journey.redeem(browser, service, code).get_json()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another program writes all the time."""
    with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


@SQLITE
def test_a_short_lock_is_waited_for(make_app: AppFactory, database_url: str) -> None:
    app = make_app()
    with locked(database_url), closing(sqlite3.connect(":memory:")):
        waiting = threading.Thread(
            target=lambda: journey.submit(app.test_client(), "/forgot", email="a@example.fi")
        )
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join()

    assert People(app).discarded() == 1


# -- PostgreSQL goes and comes back


@SQLITE
def test_processes_take_turns_to_write(make_app: AppFactory) -> None:
    one, other = make_app(), make_app()
    began = threading.Event()

    def write() -> None:
        with other.app_context():
            began.set()
            ADD.all(name="test")

    writer = threading.Thread(target=write)
    with one.app_context():
        with database.lean().turn_to_write():
            writer.start()
            began.wait()
            writer.join(0.05)
            assert names() == []
        writer.join()
        assert names() == ["test"]


@SQLITE
def test_who_waits_too_long_for_a_turn_to_write_is_told(make_app: AppFactory, database_url: str) -> None:
    app = make_app(database={"url": database_url, "timeout_seconds": 1})
    told: list[str] = []

    def write() -> None:
        with app.app_context():
            for way in (lambda: ADD.all(name="test"), lambda: writing().__enter__()):
                try:
                    way()
                except DatabaseUnavailable as error:
                    told.append(str(error))

    writer = threading.Thread(target=write)
    with app.app_context(), database.lean().turn_to_write():
        writer.start()
        writer.join()

    assert len(told) == 2


@pytest.fixture(scope="module")
def own_server() -> Iterator[PrivatePostgreSQL]:
    with private_postgresql() as server:
        yield server


@POSTGRESQL
def test_an_outage_is_a_503_that_ends_by_itself(
    own_server: PrivatePostgreSQL, make_app: AppFactory, tmp_path: Path
) -> None:
    with own_server.database() as url:
        migrate(url, tmp_path)
        app = make_app(database={"url": url, "timeout_seconds": 2})
        people = People(app)
        person, service, browser = people.resident(), people.client(), app.test_client()
        tokens = journey.tokens_for(browser, service, person, scope="openid email offline_access")
        token = journey.csrf_token(browser.get("/forgot"))
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        with own_server.outage():
            pages = [
                browser.get("/account"),
                browser.get("/account?lang=sv"),
                browser.post("/forgot", data={"csrf_token": token, "email": person.username}),
                app.test_client().post(
                    "/login", data={"username": person.username, "password": person.password}
                ),
                browser.get(journey.authorize_url(service)),
            ]
            answers = [
                browser.get("/oauth2/userinfo", headers=bearer),
                journey.refresh(browser, service, tokens["refresh_token"]),
                journey.token_request(browser, service, {"grant_type": "authorization_code", "code": "x"}),
            ]
            ready, lives = browser.get("/readyz"), browser.get("/healthz")
            keys = browser.get("/oauth2/jwks")

        assert [page.status_code for page in pages] == [503] * len(pages)
        assert {journey.page_name(page) for page in pages} == {"error"}
        assert [answer.status_code for answer in answers] == [503] * len(answers)
        assert {answer.get_json()["error"] for answer in answers} == {"temporarily_unavailable"}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in [*pages, *answers])
        assert "Yritä hetken kuluttua uudelleen." in text(pages[0])
        assert (ready.status_code, lives.status_code, keys.status_code) == (503, 200, 200)

        assert browser.get("/account").status_code == 200
        assert browser.get("/oauth2/userinfo", headers=bearer).status_code == 200
        assert "access_token" in journey.refresh(browser, service, tokens["refresh_token"]).get_json()
        assert browser.get("/readyz").status_code == 200


@POSTGRESQL
def test_after_a_failover_a_request_or_two_fail_and_then_all_go_on(
    app: Flask, postgresql_server: PostgreSQL, database_url: str
) -> None:
    people, browser = People(app), app.test_client()
    journey.log_in(browser, people.resident())
    threads = [threading.Thread(target=browser.get, args=("/account",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert postgresql_server.disconnect_all(make_url(database_url).database or "") > 0

    statuses = [browser.get("/account").status_code for _ in range(6)]
    assert set(statuses) <= {200, 503}
    assert statuses[2:] == [200] * 4


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_no_database_at_all_is_told_by_both_doors(tmp_path: Path, url: str) -> None:
    from idp import create_app
    from tests.conftest import make_settings

    app = create_app(make_settings(database={"url": url, "timeout_seconds": 1}, folders={"data": tmp_path}))

    with app.app_context():
        with pytest.raises(DatabaseUnavailable):
            database.ping()
        with pytest.raises(sa.exc.OperationalError), writing() as session:
            session.execute(sa.select(1))


# -- what every worker notices


def test_a_change_is_noticed_by_other_workers(make_app: AppFactory) -> None:
    one, other = make_app(), make_app()
    noticed: list[str] = []
    versions.watcher(other).on_change("clients", lambda: noticed.append("clients"))
    with one.app_context(), writing() as session:
        versions.bump(session, "clients")
        versions.bump(session, "unheard-of")

    for _ in range(2):
        with other.app_context():
            versions.watcher(other).check()

    assert noticed == ["clients"]


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    from idp import create_app
    from tests.conftest import make_settings

    create_app(make_settings(database={"url": ""}, folders={"data": tmp_path / "new" / "data"}))

    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700

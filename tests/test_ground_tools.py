"""The test helpers of `tests/support` do what they say. Nothing here needs the application."""

import smtplib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
import redis as redis_client
from playwright.sync_api import Browser

from tests.support import parts
from tests.support.browser import chromium, new_page, watch
from tests.support.ports import free_port, is_open, wait_until_open
from tests.support.postgresql import DRIVER, PrivatePostgreSQL, private_postgresql
from tests.support.processes import Program
from tests.support.redis import redis_server
from tests.support.smtp import SmtpServer, smtp_server

# ---------------------------------------------------------------- ports and programs


def test_free_ports_are_free_and_differ() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert not any(is_open(port) for port in ports)


def test_waiting_for_a_port_in_vain_says_so() -> None:
    with pytest.raises(TimeoutError, match="nobody listens"):
        wait_until_open(free_port(), seconds=0.1)


def test_a_program_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    program = Program(["/bin/sh", "-c", "echo cannot start; exit 3"], log=tmp_path / "log")
    with pytest.raises(RuntimeError, match="sh has ended:\ncannot start"):
        program.wait_until(lambda: False)


def test_a_program_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    port = free_port()
    script = f"""
import os, sys
from pathlib import Path
from tests.support.ports import is_open
from tests.support.processes import Program

listen = "import socket, time; server = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
program = Program([sys.executable, "-c", listen], log=Path({str(tmp_path / "log")!r}))
program.wait_until(lambda: is_open({port}))
os._exit(9)
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1])
    assert result.returncode == 9
    deadline = time.monotonic() + 5
    while is_open(port):
        assert time.monotonic() < deadline, "the program still runs"
        time.sleep(0.02)


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PrivatePostgreSQL]:
    with private_postgresql() as server:
        yield server


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace(DRIVER, "postgresql"), autocommit=True)


def _make_a_table(url: str) -> None:
    with _connect(url) as connection:
        connection.execute("CREATE TABLE residents (name text)")
        connection.execute("INSERT INTO residents VALUES ('Maija Meikäläinen')")


@pytest.mark.postgresql
def test_databases_of_one_template_are_equal_and_apart(postgresql: PrivatePostgreSQL) -> None:
    template = postgresql.template("residents", _make_a_table)
    assert postgresql.template("residents", lambda url: pytest.fail("built twice")) == template
    with postgresql.database(template) as first, postgresql.database(template) as second:
        with _connect(first) as connection:
            connection.execute("DELETE FROM residents")
        with _connect(second) as connection:
            assert connection.execute("SELECT name FROM residents").fetchall() == [("Maija Meikäläinen",)]


@pytest.mark.postgresql
def test_a_database_is_dropped_under_its_connections(postgresql: PrivatePostgreSQL) -> None:
    with postgresql.database() as url:
        connection = _connect(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


@pytest.mark.postgresql
def test_an_outage_breaks_connections_and_keeps_the_data(postgresql: PrivatePostgreSQL) -> None:
    with postgresql.database(postgresql.template("residents", _make_a_table)) as url:
        connection = _connect(url)
        with postgresql.outage():
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError):
                _connect(url)
        connection.close()
        with _connect(url) as again:
            assert again.execute("SELECT count(*) FROM residents").fetchone() == (1,)


@pytest.mark.postgresql
def test_connections_to_one_database_can_be_cut(postgresql: PrivatePostgreSQL) -> None:
    with postgresql.database() as url:
        connection = _connect(url)
        assert postgresql.disconnect_all(url.split("/")[-1].split("?")[0]) == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        connection.close()


# ---------------------------------------------------------------- Redis


@pytest.mark.redis
def test_redis_comes_back_empty_on_the_same_address() -> None:
    with redis_server() as server, redis_client.Redis.from_url(server.url) as client:
        client.set("tries", 1)
        with server.outage(), pytest.raises(redis_client.ConnectionError):
            client.get("tries")
        assert client.get("tries") is None


# ---------------------------------------------------------------- SMTP


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


def _send(server: SmtpServer) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "tunnus@example.fi", "maija@example.fi"
    message["Subject"] = "Käyttäjätunnus on luotu"
    message.set_content("Aktivoi käyttäjätunnus.")
    message.add_alternative("<p>Aktivoi käyttäjätunnus.</p>", subtype="html")
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        client.send_message(message)


def test_mail_is_kept_with_its_parts(smtp: SmtpServer) -> None:
    _send(smtp)
    [received] = smtp.wait_for(1)
    assert received.recipients == ("maija@example.fi",)
    assert received.subject == "Käyttäjätunnus on luotu"
    assert received.text.strip() == "Aktivoi käyttäjätunnus."
    assert received.html.strip() == "<p>Aktivoi käyttäjätunnus.</p>"


def test_mail_can_be_refused_for_a_while(smtp: SmtpServer) -> None:
    smtp.refuse_with("451 4.3.0 try later")
    with pytest.raises(smtplib.SMTPDataError):
        _send(smtp)
    _send(smtp)
    assert len(smtp.wait_for(1)) == 1


def test_the_mail_server_comes_back_on_the_same_port(smtp: SmtpServer) -> None:
    with smtp.outage(), pytest.raises(ConnectionRefusedError):
        _send(smtp)
    _send(smtp)
    assert len(smtp.wait_for(1)) == 1


def test_waiting_for_mail_in_vain_says_so(smtp: SmtpServer) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 messages"):
        smtp.wait_for(1, seconds=0.05)


# ---------------------------------------------------------------- browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = (
            f"<!doctype html><title>t</title><p>{self.headers['Accept-Language']}</p>"
            "<b>off</b><script>document.querySelector('b').textContent = 'on'</script>"
            + ("<script>throw Error('broken')</script>" if self.path == "/broken" else "")
        ).encode()
        self.send_response(200 if self.path in ("/", "/broken") else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.browser
@pytest.mark.parametrize(("javascript", "state"), [(True, "on"), (False, "off")])
def test_the_browser_runs_scripts_only_when_told(
    browser: Browser, site: str, javascript: bool, state: str
) -> None:
    with new_page(browser, javascript=javascript) as page:
        page.goto(site)
        assert page.text_content("b") == state


@pytest.mark.browser
def test_the_browser_speaks_the_language_asked_for(browser: Browser, site: str) -> None:
    with new_page(browser, locale="sv-FI") as page:
        page.goto(site)
        assert (page.text_content("p") or "").startswith("sv-FI")


@pytest.mark.browser
def test_watch_notes_script_errors_and_foreign_requests(browser: Browser, site: str) -> None:
    with new_page(browser) as page:
        problems = watch(page, own_hosts=["localhost"])
        page.goto(f"{site}/broken")
        assert problems[0] == f"request to {site}/broken"
        assert "script error: broken" in problems


# ---------------------------------------------------------------- parts

CONFTEST = """
    from tests.support import parts
    from tests.support.parts import pytest_runtest_setup, pytest_terminal_summary

    parts.is_there = lambda part: part.marker not in ("browser", "redis")
"""
TESTS = """
    import pytest

    @pytest.mark.browser
    def test_one(): pass

    @pytest.mark.browser
    def test_two(): pass

    @pytest.mark.redis
    def test_three(): pass

    def test_four(): pass
"""


@pytest.fixture
def run_without_parts(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    monkeypatch.setattr(parts, "is_there", parts.is_there)  # the inner conftest.py changes it
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers =\n  browser: b\n  redis: r\n")
    return pytester


def test_one_line_tells_what_was_left_out(
    run_without_parts: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(parts.ENVIRONMENT_VARIABLE, raising=False)
    result = run_without_parts.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(
        "Tests left out, by what they need: redis-server 1, Chromium 2. "
        "To run them too: apt-get install redis-server chromium"
    )


def test_a_missing_part_is_a_failure_when_all_is_demanded(
    run_without_parts: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.ENVIRONMENT_VARIABLE, "1")
    result = run_without_parts.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=3)
    result.stdout.fnmatch_lines(
        "needs redis-server (apt-get install redis-server); IDP_TEST_ALL=1 leaves nothing out"
    )


def test_the_summary_line_counts_by_part() -> None:
    assert parts.summary_line(Counter({"Node.js with npm": 4})) == (
        "Tests left out, by what they need: Node.js with npm 4. To run them too: apt-get install nodejs npm"
    )

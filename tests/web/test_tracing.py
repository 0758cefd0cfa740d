"""Traces: off and not even loaded unless set; one span a request that tells what, and nothing of whom."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Flask

from idp import tracing
from idp.settings import UnusableSettings
from tests.conftest import AppFactory, make_settings
from tests.support import journey
from tests.support.collector import Collector, listening
from tests.support.people import PASSWORD, People

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with listening() as found:
        yield found


@pytest.fixture
def traced(make_app: AppFactory, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app whose spans go to the collector."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return make_app(tracing={"endpoint": collector.url})


def run(app: Flask, work: object) -> None:
    traces = tracing.Traces(app.extensions["settings"])
    traces.start()
    try:
        work()  # type: ignore[operator]
    finally:
        traces.stop()


@SQLITE
def test_a_login_is_a_span_with_its_hash_inside(traced: Flask, collector: Collector) -> None:
    person = People(traced).resident()
    run(traced, lambda: journey.log_in(traced.test_client(), person))

    login = next(span for span in collector.spans if span.get("http.response.status_code") == 303)
    [hashed] = [span for span in collector.spans if span["name"] == "hash"]
    assert (login["name"], login["http.route"], login["http.request.method"]) == (
        "pages.login",
        "/login",
        "POST",
    )
    assert (hashed["parent"], hashed["trace"]) == (login["id"], login["trace"])
    assert isinstance(login["tunnus.database_seconds"], float)
    assert login["tunnus.database_seconds"] > 0


@SQLITE
def test_spans_tell_nothing_of_people_and_believe_no_headers(traced: Flask, collector: Collector) -> None:
    person = People(traced).resident()
    incoming = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    def work() -> None:
        browser = traced.test_client()
        journey.log_in(browser, person, "/login?lang=sv")
        browser.get(f"/nowhere/{PASSWORD}?secret={PASSWORD}", headers=incoming)
        browser.open("/login", method="SECRETMETHOD")

    run(traced, work)

    told = repr(collector.bodies)
    assert "pages.login" in told
    for secret in (person.username, PASSWORD, "nowhere", "lang=sv", "SECRETMETHOD", "127.0.0.1"):
        assert secret not in told
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") not in {
        span["trace"] for span in collector.spans
    }
    assert all(span["tunnus.reference"] for span in collector.spans if span["name"] != "hash")


@SQLITE
def test_without_the_setting_nothing_is_traced_or_loaded(make_app: AppFactory, collector: Collector) -> None:
    app = make_app()
    run(app, lambda: app.test_client().get("/login"))
    assert collector.bodies == []
    program = "import sys, idp, idp.serving; sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@SQLITE
def test_a_collector_that_is_away_disturbs_nobody(make_app: AppFactory) -> None:
    app = make_app(tracing={"endpoint": "http://127.0.0.1:1/v1/traces"})
    answers = []
    run(app, lambda: answers.append(app.test_client().get("/login").status_code))

    assert answers == [200]


@SQLITE
def test_none_of_the_requests_is_traced_at_ratio_0(make_app: AppFactory, collector: Collector) -> None:
    app = make_app(tracing={"endpoint": collector.url, "ratio": 0})
    run(app, lambda: app.test_client().get("/login"))

    assert collector.spans == []


def test_a_missing_package_is_one_line_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    wanted = make_settings(tracing={"endpoint": "http://collector.example.fi:4318/v1/traces"})

    tracing.check(make_settings())
    with pytest.raises(UnusableSettings, match=r"tracing\.endpoint: needs the extra `tracing`"):
        tracing.check(wanted)

"""For load balancers."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from idp import create_app
from tests.conftest import make_settings


def test_a_process_that_can_work_is_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ok"}


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////nowhere/tunnus.db"]
)
def test_without_its_database_it_lives_but_is_not_ready(url: str, tmp_path: Path) -> None:
    app = create_app(make_settings(database={"url": url, "timeout_seconds": 1}, folders={"data": tmp_path}))
    browser = app.test_client()

    assert browser.get("/healthz").status_code == 200
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert "ok" not in answer.text


def test_without_tables_it_is_not_ready(tmp_path: Path) -> None:
    database = {"url": f"sqlite:///{tmp_path / 'empty.db'}"}
    app = create_app(make_settings(database=database, folders={"data": tmp_path}))

    assert app.test_client().get("/readyz").status_code == 503

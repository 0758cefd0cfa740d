"""A new version of the terms is asked for at the next login (R-23)."""

from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from idp.settings import project_folder
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People


def newer_terms(folder: Path) -> None:
    terms = folder / "terms"
    terms.mkdir()
    for language in ("fi", "sv", "en"):
        name = f"terms.{language}.md"
        text = (project_folder("config") / "terms" / name).read_text(encoding="utf-8")
        (terms / name).write_text(text.replace("version: 1", "version: 2", 1), encoding="utf-8")


def bumped(make_app: AppFactory, folder: Path, **sections: Any) -> FlaskClient:
    """A browser at a provider on the same database whose terms have a newer version."""
    newer_terms(folder)
    app = make_app(folders={"data": folder, "overrides": str(folder)}, **sections)
    return app.test_client()


def test_a_login_goes_on_only_after_the_new_version_is_accepted(
    people: People, make_app: AppFactory, tmp_path: Path
) -> None:
    person, app = people.resident(), people.client()
    browser = bumped(make_app, tmp_path)

    login = browser.get(journey.authorize_url(app)).location
    asked = journey.follow_to_client(browser, journey.log_in(browser, person, login))

    assert journey.page_name(asked) == "accept-terms"
    path = asked.request.full_path
    refused = journey.submit(browser, path)
    assert refused.status_code == 422
    accepted = journey.follow_to_client(browser, journey.submit(browser, path, accept_terms="y"))
    assert "code" in journey.answer_of(accepted)


def test_who_does_not_accept_is_led_to_their_data_and_out(
    people: People, make_app: AppFactory, tmp_path: Path
) -> None:
    """GDPR articles 15 and 17: the data is theirs whatever they accept."""
    browser = bumped(make_app, tmp_path)
    page = journey.follow_to_client(browser, journey.log_in(browser, people.resident()))

    assert journey.page_name(browser.get("/accept-terms")) == "accept-terms"
    links = {link["href"] for link in journey.soup(browser.get("/accept-terms")).select("main a")}
    assert {"/account/data", "/logout"} <= links, page
    assert browser.get("/account/data").status_code == 200
    assert browser.get("/account/delete").status_code == 200


def test_own_details_wait_too(people: People, make_app: AppFactory, tmp_path: Path) -> None:
    person = people.resident()
    browser = bumped(make_app, tmp_path)
    journey.log_in(browser, person)

    assert browser.get("/account").location == "/accept-terms"


def test_what_was_accepted_once_is_not_asked_again(
    people: People, make_app: AppFactory, tmp_path: Path
) -> None:
    person = people.resident()
    browser = bumped(make_app, tmp_path)
    journey.log_in(browser, person)
    journey.submit(browser, "/accept-terms", accept_terms="y")
    journey.submit(browser, "/logout")

    journey.log_in(browser, person)

    assert browser.get("/account").status_code == 200


def test_a_silent_login_is_told_that_a_page_is_needed(
    people: People, make_app: AppFactory, tmp_path: Path
) -> None:
    person, app = people.resident(), people.client()
    browser = bumped(make_app, tmp_path)
    journey.log_in(browser, person)

    answer = journey.answer_of(browser.get(journey.authorize_url(app, prompt="none")))

    assert answer["error"] == "interaction_required"


def test_an_account_made_by_an_operator_accepts_at_its_first_login(
    people: People, client: FlaskClient
) -> None:
    person = people.resident(terms_accepted=False)

    journey.log_in(client, person)

    assert client.get("/account").location == "/accept-terms"

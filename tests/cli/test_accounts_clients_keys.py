"""Accounts, client apps and signing keys by the command line; other processes notice."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from idp import versions
from idp.accounts.rules import rules
from idp.database import db
from idp.mail import outbox
from tests.cli.conftest import Idp
from tests.conftest import AppFactory
from tests.pages.steps import accounts
from tests.support import journey
from tests.support.people import PASSWORD, App, Person

RESIDENT = ("account", "create", "--email", "maija@example.fi", "--given-name", "Maija", "--password-stdin")
CLIENT = ("client", "create", "--name", "Asiointi", "--redirect-uri", "https://asiointi.example.fi/callback")


@pytest.fixture
def browser(make_app: AppFactory, settings_file: Path) -> FlaskClient:
    """At a provider that runs beside the command line."""
    return make_app().test_client()


# -- accounts


def test_an_activated_account_can_be_used_at_once(idp: Idp, browser: FlaskClient) -> None:
    result = idp(*RESIDENT, "--activated", "--terms-accepted", "--json", stdin=f"{PASSWORD}\n")

    assert result.exit_code == 0
    person = Person(json.loads(result.output)["sub"], "maija@example.fi", PASSWORD)
    assert journey.log_in(browser, person).location == "/account"
    assert accounts(browser.application)[0].id == person.id
    assert browser.get("/account").status_code == 200


def test_unless_it_is_said_the_terms_are_asked_for_at_the_first_login(idp: Idp, browser: FlaskClient) -> None:
    idp(*RESIDENT, "--activated", stdin=PASSWORD)
    journey.log_in(browser, Person("", "maija@example.fi", PASSWORD))

    assert browser.get("/account").location == "/accept-terms"


def test_without_activated_the_link_is_mailed(idp: Idp, browser: FlaskClient) -> None:
    result = idp(*RESIDENT, stdin=PASSWORD)

    assert "activation message" in result.output
    with browser.application.app_context():
        message = outbox.recent(rules().vault)[0][2]
    assert (message.kind, message.to) == ("activation", "maija@example.fi")
    link = next(word for word in message.text.split() if "/activate?" in word)
    answer = journey.submit(browser, link.removeprefix("http://localhost:8400"), password=PASSWORD)
    assert journey.page_name(answer) == "activated"


def test_further_claims_come_from_a_file(idp: Idp, browser: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text('{"birthdate": "1980-02-29", "middle_name": "Öljy"}')

    idp(*RESIDENT, "--activated", "--claims", "claims.json", stdin=PASSWORD)

    assert accounts(browser.application)[0].claims == {"birthdate": "1980-02-29", "middle_name": "Öljy"}


def test_an_authoritys_account_has_a_name_of_its_own_form(idp: Idp, browser: FlaskClient) -> None:
    made = idp("account", "create", "--authority", "kunta-kaavoitus", "--password-stdin", stdin=PASSWORD)

    assert made.exit_code == 0
    assert accounts(browser.application)[0].kind == "authority"
    assert journey.log_in(browser, Person("", "kunta-kaavoitus", PASSWORD)).location == "/account"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (RESIDENT, "abc", "password"),
        (RESIDENT, "", "password"),
        ((*RESIDENT[:2], "--email", "maija", "--password-stdin"), PASSWORD, "--email"),
        ((*RESIDENT[:2], "--password-stdin"), PASSWORD, "--email is needed"),
        ((*RESIDENT[:2], "--authority", "Kaava", "--password-stdin"), PASSWORD, "authorities' form"),
        ((*RESIDENT, "--activated", "--language", "de"), PASSWORD, "language"),
        ((*RESIDENT, "--activated", "--claims", "list.json"), PASSWORD, "JSON object"),
        ((*RESIDENT, "--activated", "--claims", "broken.json"), PASSWORD, "not JSON"),
        ((*RESIDENT, "--activated", "--claims", "unknown.json"), PASSWORD, "shoe_size"),
    ],
)
def test_what_cannot_be_created_is_told_in_one_line(
    idp: Idp, browser: FlaskClient, tmp_path: Path, arguments: tuple[str, ...], stdin: str, message: str
) -> None:
    (tmp_path / "list.json").write_text('["name"]')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "unknown.json").write_text('{"shoe_size": 42}')

    result = idp(*arguments, stdin=stdin)

    assert result.exit_code != 0
    assert message in result.output
    assert PASSWORD not in result.output
    assert accounts(browser.application) == []


def test_an_address_has_one_account(idp: Idp, browser: FlaskClient) -> None:
    idp(*RESIDENT, "--activated", stdin=PASSWORD)
    again = idp(*RESIDENT[:3], "Maija@Example.FI", *RESIDENT[4:], "--activated", stdin=PASSWORD)

    assert again.exit_code == 1
    assert "there is an account" in again.output
    assert len(accounts(browser.application)) == 1


# -- client apps


def test_a_client_can_be_used_at_once_and_its_secret_is_shown_once(
    idp: Idp, browser: FlaskClient, tmp_path: Path
) -> None:
    idp(*RESIDENT, "--activated", "--terms-accepted", stdin=PASSWORD)
    made = json.loads(idp(*CLIENT, "--refresh-tokens", "--json").output)
    service = App(made["client_id"], made["client_secret"], "https://asiointi.example.fi/callback")

    tokens = journey.tokens_for(browser, service, Person("", "maija@example.fi", PASSWORD), scope="openid")

    assert journey.claims_of(tokens["id_token"])["aud"] == made["client_id"]
    assert made["client_secret"] not in idp("client", "list").output
    assert made["client_id"] in idp("client", "list").output
    with browser.application.app_context():
        stored = repr(db.session.execute(db.text("SELECT * FROM clients")).all())
    assert made["client_secret"] not in stored


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--redirect-uri", "asiointi"), "not an address"),
        (("--redirect-uri", "https://asiointi.example.fi/#x"), "no fragment"),
        (("--metadata", "list.json"), "JSON object"),
        (("--metadata", "broken.json"), "not JSON"),
    ],
)
def test_a_client_that_cannot_be_is_told_in_one_line(
    idp: Idp, browser: FlaskClient, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")

    result = idp(*CLIENT, *arguments)

    assert result.exit_code == 1
    assert message in result.output
    assert result.output.startswith("Error:")


# -- signing keys


def kids(browser: FlaskClient) -> set[str]:
    return {key["kid"] for key in browser.get("/oauth2/jwks").get_json()["keys"]}


def notice(browser: FlaskClient) -> None:
    """What the watcher of a running worker does every two seconds."""
    with browser.application.app_context():
        versions.watcher(browser.application).check()


def test_a_rotation_is_noticed_by_running_workers(idp: Idp, browser: FlaskClient) -> None:
    before = kids(browser)
    assert len(before) == 4  # active and next, of two algorithms

    assert idp("keys", "rotate").exit_code == 0
    notice(browser)

    after = kids(browser)
    assert before < after
    assert len(after) == 6
    listed = idp("keys", "list").output.partition("\n")[2].partition("\n")[2]  # without the headings
    assert [listed.count(f" {state} ") for state in ("next", "active", "retired")] == [2, 2, 2]


def test_an_emergency_rotation_withdraws_the_leaked_keys(idp: Idp, browser: FlaskClient) -> None:
    before = kids(browser)

    idp("keys", "rotate", "--emergency")
    notice(browser)

    assert len(before & kids(browser)) == 2  # the next ones, which sign now
    assert idp("keys", "list").output.count("withdrawn") == 2

"""What operators do for people by the command line: the same use cases, events and letters as on the pages."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.accounts import invitations
from idp.accounts.details import Details
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.policy.usernames import EmailAddress
from tests.cli.conftest import Idp
from tests.conftest import AppFactory
from tests.pages.steps import accounts, letter, press, sign_up
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

EMAIL = "maija.meikalainen@example.fi"


@pytest.fixture
def browser(make_app: AppFactory, settings_file: Path) -> FlaskClient:
    """At a provider that runs beside the command line."""
    return make_app().test_client()


@pytest.fixture
def people(browser: FlaskClient) -> People:
    return People(browser.application)


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident(EMAIL)


def events(idp: Idp, *filters: str) -> list[dict[str, Any]]:
    """What the audit log has, newest first."""
    found: list[dict[str, Any]] = json.loads(idp("audit", "list", "--json", *filters).output)
    return found


# -- finding


def test_people_are_found_by_the_beginning_of_a_name_or_an_address(idp: Idp, maija: Person) -> None:
    for text in ("maija.mei", "Meik", maija.id):
        found = json.loads(idp("account", "search", text, "--json").output)
        assert [entry["id"] for entry in found] == [maija.id]
    assert "Nobody is found" in idp("account", "search", "tuntematon").output
    too_short = idp("account", "search", "m")
    assert (too_short.exit_code, "at least 2 characters" in too_short.output) == (1, True)
    assert events(idp)[0]["event"] == "accounts.searched"


def test_a_found_account_is_a_row_of_a_table(idp: Idp, maija: Person) -> None:
    assert all(word in idp("account", "search", "maija").output for word in (maija.id, EMAIL, "in use"))


def test_looking_at_an_account_is_written_down(idp: Idp, maija: Person) -> None:
    shown = json.loads(idp("account", "show", EMAIL, "--json").output)

    assert (shown["id"], shown["email"]) == (maija.id, EMAIL)
    assert "password" not in "".join(shown)
    looked = events(idp, "--event", "account.looked_at")
    assert [(event["account_id"], event["actor"]) for event in looked] == [(maija.id, "operator")]
    assert EMAIL in idp("account", "show", maija.id).output


# -- acts


def test_a_disabled_account_logs_nobody_in_until_it_is_enabled(
    idp: Idp, browser: FlaskClient, maija: Person
) -> None:
    journey.log_in(browser, maija)
    assert browser.get("/account").status_code == 200

    assert idp("account", "disable", EMAIL, "--note", "Asked by phone").exit_code == 0
    assert browser.get("/account").status_code == 302 or browser.get("/account").status_code == 303
    assert journey.log_in(browser, maija).status_code == 422
    again = idp("account", "disable", EMAIL, "--note", "Asked again")
    assert (again.exit_code, again.output.count("\n")) == (1, 1)

    idp("account", "enable", EMAIL, "--note", "Asked by phone")
    assert journey.log_in(browser, maija).location == "/account"
    assert [event["note"] for event in events(idp, "--event", "account.disabled")] == ["Asked by phone"]


def test_a_reason_is_needed(idp: Idp, maija: Person) -> None:
    assert idp("account", "disable", EMAIL).exit_code == 2
    assert idp("account", "disable", EMAIL, "--note", " \n ").exit_code == 2
    assert events(idp, "--event", "account.disabled") == []


def test_everything_logged_in_is_ended(idp: Idp, browser: FlaskClient, maija: Person) -> None:
    journey.log_in(browser, maija)

    assert "1 sessions" in idp("account", "logout", EMAIL).output
    assert browser.get("/account").status_code in (302, 303)


def test_a_reset_is_begun_and_only_its_owner_ends_it(
    idp: Idp, browser: FlaskClient, people: People, maija: Person
) -> None:
    result = idp("account", "reset", EMAIL)

    assert EMAIL in result.output
    link = letter(people, "reset").link
    assert link not in result.output
    fields = {"new_password": "Toinen-9salasana", "new_password_confirm": "Toinen-9salasana"}
    assert journey.page_name(press(browser, link, **fields)) == "reset-done"
    assert journey.log_in(browser, Person(maija.id, EMAIL, "Toinen-9salasana")).location == "/account"


def test_a_secure_reset_ends_the_password_at_once(idp: Idp, browser: FlaskClient, maija: Person) -> None:
    idp("account", "reset", EMAIL, "--secure")

    assert journey.log_in(browser, maija).status_code == 422


def test_details_are_corrected_with_before_and_after(idp: Idp, browser: FlaskClient, maija: Person) -> None:
    result = idp("account", "edit", EMAIL, "--family-name", "Esimerkki", "--phone", "", "--note", "Married")

    assert result.exit_code == 0
    changed = accounts(browser.application)[0]
    assert (changed.family_name, changed.phone) == ("Esimerkki", None)
    event = events(idp, "--event", "account.details_changed")[0]
    assert event["changes"]["family_name"][1] == "Esimerkki"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("options", "option"),
    [
        (("--given-name", ""), "--given-name"),
        (("--family-name", "<b>"), "--family-name"),
        (("--phone", "soita"), "--phone"),
        (("--postal-code", "1" * 40), "--postal-code"),
        (("--street-address", "x" * 300), "--street-address"),
        (("--locality", "x" * 300), "--locality"),
    ],
)
def test_details_that_cannot_be_are_refused(
    idp: Idp, browser: FlaskClient, maija: Person, options: tuple[str, ...], option: str
) -> None:
    result = idp("account", "edit", EMAIL, *options, "--note", "Corrected")

    assert (result.exit_code, option in result.output) == (2, True)
    assert events(idp, "--event", "account.details_changed") == []


def test_nothing_to_correct_is_said(idp: Idp, maija: Person) -> None:
    assert "nothing is given" in idp("account", "edit", EMAIL, "--note", "x").output


def test_a_new_address_takes_effect_when_its_link_is_used(
    idp: Idp, browser: FlaskClient, people: People, maija: Person
) -> None:
    idp("account", "change-address", EMAIL, "uusi.osoite@example.fi", "--note", "Asked at the desk")
    assert accounts(browser.application)[0].email == EMAIL

    mailed = next(found for found in people.letters() if found.to == "uusi.osoite@example.fi")
    journey.submit(browser, mailed.link)
    assert accounts(browser.application)[0].email == "uusi.osoite@example.fi"


def test_closing_asks_and_can_be_taken_back(idp: Idp, browser: FlaskClient, maija: Person) -> None:
    assert idp("account", "delete", EMAIL, "--note", "Asked in writing", stdin="n\n").exit_code == 1
    assert journey.log_in(browser, maija).location == "/account"

    assert (
        "will be erased on" in idp("account", "delete", EMAIL, "--note", "Asked in writing", "--yes").output
    )
    assert browser.get("/account").status_code in (302, 303)

    assert idp("account", "keep", EMAIL, "--note", "Changed their mind").exit_code == 0
    assert journey.log_in(browser, maija).location == "/account"


def test_an_unknown_name_is_told_in_one_line(idp: Idp, people: People) -> None:
    for act in (("unlock",), ("logout",), ("reset",), ("show",), ("history",), ("disable", "--note", "x")):
        result = idp("account", act[0], "nobody@example.fi", *act[1:])
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
        assert "there is no account nobody@example.fi" in result.output


# -- registrations


def test_a_registration_is_shown_by_the_identifier_that_search_told(
    idp: Idp, browser: FlaskClient, people: People
) -> None:
    sign_up(browser, people)
    waiting = json.loads(idp("account", "search", "uusi@", "--json").output)[0]

    told = idp("account", "show", waiting["id"]).output
    shown = json.loads(idp("account", "show", waiting["id"], "--json").output)

    assert "not activated; the link works until" in told
    assert (shown["id"], shown["email"]) == (waiting["id"], "uusi@example.fi")
    assert "password" not in "".join(shown)
    assert "account.looked_at" in idp("audit", "list").output


def test_a_registration_gets_a_new_link_or_is_erased(idp: Idp, browser: FlaskClient, people: People) -> None:
    older = sign_up(browser, people)
    waiting = json.loads(idp("account", "search", "uusi@", "--json").output)[0]
    assert waiting["is_registration"] is True

    idp("account", "resend-activation", waiting["id"])
    newer = letter(people, "activation").link
    assert newer != older
    assert browser.get(older).status_code == 410
    assert browser.get(newer).status_code == 200

    idp("account", "remove-registration", waiting["id"])
    assert json.loads(idp("account", "search", "uusi@", "--json").output) == []
    assert idp("account", "resend-activation", waiting["id"]).exit_code == 1


# -- inviting, files


def test_without_a_password_its_owner_gets_a_link(idp: Idp, browser: FlaskClient, people: People) -> None:
    names = ("--given-name", "Matti", "--family-name", "Esimerkki")

    made = idp("account", "create", "--email", "matti@example.fi", *names, "--json")

    assert json.loads(made.output)["sub"] == accounts(browser.application)[0].id
    assert letter(people, "invitation").to == "matti@example.fi"
    assert idp("account", "create", "--email", "matti@example.fi").exit_code == 2
    assert idp("account", "create", "--email", "matti@example.fi", *names, "--activated").exit_code == 2


def test_a_file_of_people_is_checked_and_then_taken_in(
    idp: Idp, browser: FlaskClient, tmp_path: Path, maija: Person
) -> None:
    rows = ["email,given_name,family_name", "matti@example.fi,Matti,Esimerkki", f"{EMAIL},Maija,Meikäläinen"]
    (tmp_path / "people.csv").write_text("\n".join(rows))

    dry = idp("account", "import", "people.csv", "--dry-run")
    assert (dry.exit_code, "1 accounts could be made, 1 rows have a fault" in dry.output) == (1, True)
    assert len(accounts(browser.application)) == 1

    taken = json.loads(idp("account", "import", "people.csv", "--json").output)
    assert [(row["line"], row["fault"] is None) for row in taken] == [(1, True), (2, False)]
    assert len(accounts(browser.application)) == 2
    (tmp_path / "other.csv").write_text("name\nMatti\n")
    assert "columns are missing" in idp("account", "import", "other.csv").output


def test_everybody_is_written_into_a_file_of_ones_own(idp: Idp, tmp_path: Path, maija: Person) -> None:
    assert idp("account", "export", "all.csv").exit_code == 0

    file = tmp_path / "all.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    row = next(csv.DictReader(io.StringIO(file.read_text().lstrip("\ufeff"))))
    assert row["email"] == EMAIL
    assert PASSWORD not in file.read_text()
    assert "$2b$" not in file.read_text()
    refused = idp("account", "export", "all.csv")
    assert (refused.exit_code, "exists already" in refused.output) == (1, True)
    assert idp("account", "export", "all.csv", "--force").exit_code == 0
    assert EMAIL in idp("account", "export", "-").output
    assert len(events(idp, "--event", "accounts.exported")) == 3


def test_an_invitation_that_nobody_used_is_sent_again(
    idp: Idp, browser: FlaskClient, people: People, maija: Person
) -> None:
    with browser.application.app_context():
        email, details = (
            EmailAddress.parse("uusi@example.fi"),
            Details("Uusi", "Asukas", None, None, None, None),
        )
        made = invitations.create_resident(email, details, OPERATOR, "fi", rules())

    assert "invited, no password yet; the link works until" in idp("account", "show", made).output
    assert "on its way to uusi@example.fi" in idp("account", "resend-invitation", "uusi@example.fi").output
    assert [found.kind for found in people.letters()].count("invitation") == 2
    assert idp("account", "resend-invitation", EMAIL).exit_code == 1


def test_what_became_of_the_newest_message_is_told(idp: Idp, maija: Person) -> None:
    assert idp("account", "reset", EMAIL).exit_code == 0

    shown = idp("account", "show", EMAIL).output
    told = json.loads(idp("account", "show", EMAIL, "--json").output)["latest_message"]

    assert "waits to be sent" in shown
    assert (told["state"], told["reply"]) == ("waiting", None)

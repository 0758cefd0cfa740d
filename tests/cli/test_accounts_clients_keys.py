"""Accounts, client apps and signing keys by the command line; other processes notice."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskClient

from idp import versions
from idp.accounts.claims import ALL_CLAIMS
from idp.accounts.rules import rules
from idp.database import db
from idp.mail import outbox
from tests.cli.conftest import Idp
from tests.conftest import AppFactory
from tests.pages.steps import accounts, press
from tests.support import journey
from tests.support.hostile import local_server
from tests.support.people import PASSWORD, App, People, Person
from tests.support.ports import LOOPBACK

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
    answer = press(browser, link.removeprefix("http://localhost:8400"), password=PASSWORD)
    assert journey.page_name(answer) == "activated"
    told = json.loads(idp("audit", "list", "--actor", "operator", "--json").output)
    assert [event["event"] for event in told] == ["account.registered"]


@pytest.mark.parametrize("option", [("--terms-accepted",), ("--claims", "claims.json")])
def test_what_only_an_account_can_keep_needs_activated(
    idp: Idp, browser: FlaskClient, tmp_path: Path, option: tuple[str, ...]
) -> None:
    (tmp_path / "claims.json").write_text('{"birthdate": "1980-02-29"}')

    refused = idp(*RESIDENT, *option, stdin=PASSWORD)

    assert refused.exit_code == 2
    assert f"{option[0]} goes with a resident's --activated" in refused.stderr
    assert not accounts(browser.application)


def test_further_claims_come_from_a_file(idp: Idp, browser: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text('{"birthdate": "1980-02-29", "middle_name": "Öljy"}')

    idp(*RESIDENT, "--activated", "--claims", "claims.json", stdin=PASSWORD)

    assert accounts(browser.application)[0].claims == {"birthdate": "1980-02-29", "middle_name": "Öljy"}


def test_the_person_for_certification_has_every_claim(idp: Idp, browser: FlaskClient) -> None:
    """With the file that docs/certification.md names."""
    file = Path(__file__).parents[2] / "docs" / "certification-person.json"
    names = ("--family-name", "Meikäläinen", "--activated", "--terms-accepted")
    assert idp(*RESIDENT, *names, "--claims", str(file), stdin=PASSWORD).exit_code == 0
    service = People(browser.application).client()

    tokens = journey.tokens_for(
        browser, service, Person("", "maija@example.fi", PASSWORD), scope="openid profile email address phone"
    )
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = browser.get("/oauth2/userinfo", headers=headers).get_json()

    assert told.keys() == {"sub", *ALL_CLAIMS}
    assert (told["email_verified"], told["phone_number_verified"]) == (True, True)
    assert told["address"].keys() >= {"formatted", "street_address", "postal_code", "locality", "country"}


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


def test_a_lock_is_lifted_by_name(idp: Idp, browser: FlaskClient) -> None:
    idp(*RESIDENT, "--activated", "--terms-accepted", stdin=PASSWORD)
    for password in [*("Väärä-1salasana",) * 5, PASSWORD]:
        page = journey.log_in(browser, Person("", "maija@example.fi", password))
    assert page.status_code == 403

    assert idp("account", "unlock", "Maija@Example.fi").output == "Its owner can log in now.\n"
    assert journey.log_in(browser, Person("", "maija@example.fi", PASSWORD)).location == "/account"
    missing = idp("account", "unlock", "nobody@example.fi")
    assert (missing.exit_code, missing.output) == (
        1,
        "Error: there is no account nobody@example.fi (see `idp account search`)\n",
    )


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
        (("--metadata", "unknown.json"), "favourite_colour"),
        (("--response-type", "id_token"), "implicit"),
        (("--auth-method", "private_key_jwt"), "public keys"),
        (("--redirect-uri", "https://b.example.fi/", "--subject-type", "pairwise"), "sector_identifier_uri"),
        (("--metadata", "sector.json"), "sector_identifier_uri"),
    ],
)
def test_a_client_that_cannot_be_is_told_in_one_line(
    idp: Idp, browser: FlaskClient, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "unknown.json").write_text('{"favourite_colour": "blue"}')
    (tmp_path / "sector.json").write_text('{"sector_identifier_uri": "https://127.0.0.1:1/uris.json"}')

    result = idp(*CLIENT, *arguments)

    assert result.exit_code == 1
    assert message in result.output
    assert result.output.startswith("Error:")


def shown(idp: Idp, made: Result) -> dict[str, Any]:
    """What `idp client show` says of a client that was just created with --json."""
    found: dict[str, Any] = json.loads(idp("client", "show", json.loads(made.output)["client_id"]).output)
    return found


def test_all_that_is_registered_is_shown_but_no_secret(
    idp: Idp, browser: FlaskClient, tmp_path: Path
) -> None:
    (tmp_path / "more.json").write_text('{"client_name#sv": "Ärenden"}')
    made = idp(*CLIENT, "--metadata", "more.json", "--subject-type", "pairwise", "--json")

    output = idp("client", "show", json.loads(made.output)["client_id"]).output

    found = json.loads(output)
    assert found["redirect_uris"] == ["https://asiointi.example.fi/callback"]
    assert (found["subject_type"], found["response_types"]) == ("pairwise", ["code"])
    assert (found["first_party"], found["registered_itself"], found["enabled"]) == (True, False, True)
    assert "Ärenden" in output
    assert json.loads(made.output)["client_secret"] not in output
    assert not [name for name in found if "secret" in name and name != "previous_secret_until"]


def test_an_unknown_client_is_told_in_one_line(idp: Idp, browser: FlaskClient) -> None:
    result = idp("client", "show", "unknown")

    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: no client")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "grant_types"),
    [
        ((), ["authorization_code"]),
        (("--refresh-tokens",), ["authorization_code", "refresh_token"]),
        (("--grant", "implicit", "--response-type", "id_token"), ["implicit"]),
        (
            ("--grant", "authorization_code", "--grant", "device"),
            ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        ),
        (("--machine",), ["client_credentials"]),
    ],
)
def test_grants_are_chosen(
    idp: Idp, browser: FlaskClient, arguments: tuple[str, ...], grant_types: list[str]
) -> None:
    assert shown(idp, idp(*CLIENT, *arguments, "--json"))["grant_types"] == grant_types


def test_a_machine_needs_no_redirect_uri_and_gets_no_scopes_of_people(idp: Idp, browser: FlaskClient) -> None:
    made = idp("client", "create", "--name", "Raportointi", "--machine", "--scope", "reports:read", "--json")

    found = shown(idp, made)

    assert "redirect_uris" not in found
    assert (found["scope"], found["response_types"]) == ("reports:read", [])
    secret = json.loads(made.output)["client_secret"]
    answer = browser.post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=(found["client_id"], secret)
    )
    assert answer.status_code == 200


def test_a_machine_is_nothing_else(idp: Idp, browser: FlaskClient) -> None:
    result = idp(*CLIENT, "--machine", "--grant", "implicit")

    assert result.exit_code == 2
    assert "--machine" in result.output


def test_a_sector_is_asked_whether_it_vouches(idp: Idp, settings_file: Path, browser: FlaskClient) -> None:
    settings_file.write_text(settings_file.read_text() + f'[outbound]\nallowed_hosts = ["{LOOPBACK}"]\n')
    with local_server() as server:
        (settings_file.parent / "sector.json").write_text(json.dumps({"sector_identifier_uri": server.url()}))
        arguments = (*CLIENT, "--subject-type", "pairwise", "--metadata", "sector.json", "--json")

        server.answer = lambda handler: handler.say(200, b'["https://asiointi.example.fi/callback"]')
        assert shown(idp, idp(*arguments))["sector_identifier_uri"] == server.url()
        server.answer = lambda handler: handler.say(200, b'["https://asiointi.example.fi/"]')
        assert "not listed" in idp(*arguments).output


# -- clients that register themselves


def test_a_registration_token_lets_its_holder_register(
    idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    settings_file.write_text(settings_file.read_text() + '[clients]\ndynamic_registration = "token"\n')
    browser = make_app(clients={"dynamic_registration": "token"}).test_client()
    token = idp("client", "registration-token", "--days", "1", "--note", "Test run").output.strip()
    wanted = {"redirect_uris": ["https://rp.example.fi/callback"]}
    headers = {"Authorization": f"Bearer {token}"}

    made = browser.post("/oauth2/register", json=wanted, headers=headers)

    assert made.status_code == 201
    found = json.loads(idp("client", "show", made.get_json()["client_id"]).output)
    assert (found["registered_itself"], found["first_party"]) == (True, False)
    ending = ("client", "end-self-registration", found["client_id"], "--note", "Ours now")
    assert [idp(*ending).exit_code for _ in range(2)] == [0, 1]
    assert not json.loads(idp("client", "show", found["client_id"]).output)["registered_itself"]
    assert "1 withdrawn" in idp("client", "registration-token", "--note", "Test run", "--withdraw").output
    assert browser.post("/oauth2/register", json=wanted, headers=headers).status_code == 401


def test_where_registration_is_off_its_token_is_said_to_open_nothing(idp: Idp, browser: FlaskClient) -> None:
    result = idp("client", "registration-token", "--note", "Test run")

    assert result.exit_code == 0
    assert len(result.stdout.strip()) == 43
    assert "dynamic_registration" in result.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "arguments", [("--note", "x", "--days", "0"), ("--note", "x" * 101), (), ("--note", "x", "--days", "x")]
)
def test_a_registration_token_ends_and_says_whose_it_is(
    idp: Idp, browser: FlaskClient, arguments: tuple[str, ...]
) -> None:
    assert idp("client", "registration-token", *arguments).exit_code == 2


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


def test_which_keys_signed_before_and_after_is_noted(idp: Idp, browser: FlaskClient) -> None:
    def signing() -> dict[str, str]:
        listed = json.loads(idp("keys", "list", "--json").output)
        return {key["alg"]: key["kid"] for key in listed if key["state"] == "active"}

    kids(browser)
    before = signing()
    idp("keys", "rotate", "--emergency")

    (event,) = json.loads(idp("audit", "list", "--event", "keys.rotated", "--json").output)
    assert (event["actor"], event["reason"]) == ("operator", "emergency")
    assert event["changes"] == {alg: [kid, signing()[alg]] for alg, kid in before.items()}


def test_an_emergency_rotation_withdraws_the_leaked_keys(idp: Idp, browser: FlaskClient) -> None:
    before = kids(browser)

    idp("keys", "rotate", "--emergency")
    notice(browser)

    assert len(before & kids(browser)) == 2  # the next ones, which sign now
    assert idp("keys", "list").output.count("withdrawn") == 2

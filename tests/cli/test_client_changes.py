"""Client apps changed by the command line: the same rules, events and effects as on the pages."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp import versions
from tests.cli.conftest import Idp
from tests.conftest import AppFactory

CREATE = ("client", "create", "--name", "Asiointi", "--client-id", "asiointi", "--json")
WEB = (*CREATE, "--redirect-uri", "https://asiointi.example.fi/callback")
MACHINE = (*CREATE, "--machine", "--scope", "reports:read")


@pytest.fixture
def browser(make_app: AppFactory, settings_file: Path) -> FlaskClient:
    """At a provider that runs beside the command line."""
    return make_app().test_client()


def shown(idp: Idp) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(idp("client", "show", "asiointi").output)
    return found


def token_status(browser: FlaskClient, secret: str) -> int:
    """What the token endpoint of a running worker says, once it has noticed."""
    with browser.application.app_context():
        versions.watcher(browser.application).check()
    form = {"grant_type": "client_credentials"}
    return browser.post("/oauth2/token", data=form, auth=("asiointi", secret)).status_code


def test_what_is_given_changes_and_the_rest_stays(idp: Idp, browser: FlaskClient, tmp_path: Path) -> None:
    idp(*WEB)
    before = shown(idp)
    (tmp_path / "more.json").write_text('{"client_name#sv": "Ärenden", "contacts": ["tuki@example.fi"]}')

    result = idp(
        *("client", "update", "asiointi", "--metadata", "more.json", "--ask-consent", "--refresh-tokens"),
        *("--access-token-seconds", "300", "--support-email", "tuki@example.fi"),
        *("--session-max-age-seconds", "900", "--no-remembered-logins", "--consent-each-time"),
    )

    assert result.output == "asiointi is changed.\n"
    after = shown(idp)
    assert after["client_name#sv"] == "Ärenden"
    assert (after["first_party"], before["first_party"]) == (False, True)
    assert "offline_access" in after["scope"].split()
    assert after["options"] == {
        "access_token_seconds": 300,
        "support_email": "tuki@example.fi",
        "session_max_age_seconds": 900,
        "remembered_login_counts": False,
        "consent_each_time": True,
    }
    assert after["redirect_uris"] == before["redirect_uris"]

    idp(
        "client",
        "update",
        "asiointi",
        "--unset",
        "contacts",
        "--unset",
        "support_email",
        "--no-refresh-tokens",
        *("--remembered-logins", "--consent-once", "--unset", "session_max_age_seconds"),
    )
    last = shown(idp)
    assert "contacts" not in last
    assert last["options"] == {"access_token_seconds": 300}
    assert last["grant_types"] == ["authorization_code"]
    assert idp("client", "update", "asiointi", "--name", "Asiointi").output == "asiointi is as it was.\n"
    assert "no member shoes" in idp("client", "update", "asiointi", "--unset", "shoes").output


def test_what_breaks_a_rule_changes_nothing(idp: Idp, browser: FlaskClient) -> None:
    idp(*WEB)
    before = shown(idp)

    for options in (
        ("--redirect-uri", "https://asiointi.example.fi/#part"),
        ("--access-token-seconds", "1"),
        ("--colour", "red"),
        ("--auth-method", "private_key_jwt"),
        ("--unset", "redirect_uris"),
    ):
        result = idp("client", "update", "asiointi", *options)
        assert (result.exit_code, result.output.count("\n")) == (1, 1), options
    assert shown(idp) == before


def test_both_secrets_are_good_for_as_long_as_it_was_said(idp: Idp, browser: FlaskClient) -> None:
    first = json.loads(idp(*MACHINE).output)["client_secret"]
    assert token_status(browser, first) == 200

    told = json.loads(idp("client", "rotate-secret", "asiointi", "--json").output)
    second = told["client_secret"]
    assert told["previous_secret_until"] is not None
    assert [token_status(browser, secret) for secret in (first, second)] == [200, 200]

    idp("client", "end-previous-secret", "asiointi")
    assert [token_status(browser, secret) for secret in (first, second)] == [401, 200]
    assert idp("client", "end-previous-secret", "asiointi").exit_code == 1

    third = json.loads(idp("client", "rotate-secret", "asiointi", "--overlap-days", "0", "--json").output)
    assert third["previous_secret_until"] is None
    assert token_status(browser, second) == 401


def test_a_public_client_has_no_secret_to_change(idp: Idp, browser: FlaskClient) -> None:
    idp(*WEB, "--auth-method", "none")

    result = idp("client", "rotate-secret", "asiointi")

    assert (result.exit_code, result.output) == (
        1,
        "Error: asiointi has no secret: it authenticates without one\n",
    )


def test_a_disabled_client_gets_nothing_until_it_is_enabled(idp: Idp, browser: FlaskClient) -> None:
    secret = json.loads(idp(*MACHINE).output)["client_secret"]

    assert idp("client", "disable", "asiointi", "--note", "Misused").exit_code == 0
    assert token_status(browser, secret) == 401
    assert idp("client", "disable", "asiointi", "--note", "Misused").exit_code == 1
    assert json.loads(idp("client", "check", "asiointi", "--json").output)[0]["code"] == "disabled"

    idp("client", "enable", "asiointi", "--note", "Mended")
    assert token_status(browser, secret) == 200


def test_deleting_asks_and_is_for_good(idp: Idp, browser: FlaskClient) -> None:
    secret = json.loads(idp(*MACHINE).output)["client_secret"]

    assert idp("client", "delete", "asiointi", "--note", "Out of use", stdin="n\n").exit_code == 1
    assert token_status(browser, secret) == 200

    assert idp("client", "delete", "asiointi", "--note", "Out of use", "--yes").exit_code == 0
    assert token_status(browser, secret) == 401
    gone = idp("client", "delete", "asiointi", "--note", "Out of use", "--yes")
    assert (gone.exit_code, "no client" in gone.output) == (1, True)
    event = json.loads(idp("audit", "list", "--client", "asiointi", "--json").output)[0]
    assert (event["event"], event["note"]) == ("client.removed", "Out of use")


def test_a_picture_is_taken_and_anything_else_is_not(idp: Idp, browser: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_text("<svg onload=alert(1)>")

    result = idp(*WEB, "--logo", "logo.png")

    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert idp("client", "show", "asiointi").exit_code == 1, (
        "a client that could not be made whole is not made"
    )


def test_an_identifier_is_one_word_and_nobody_elses(idp: Idp, browser: FlaskClient) -> None:
    idp(*WEB)

    assert "has the client_id asiointi already" in idp(*WEB).output
    for bad in ("a b", "-x", "x" * 51, "ä"):
        result = idp("client", "create", "--name", "x", "--client-id", bad, "--machine")
        assert result.exit_code == 2, bad


def test_clients_are_found_by_a_part_of_their_name_or_address(idp: Idp, browser: FlaskClient) -> None:
    idp(*WEB)
    idp("client", "create", "--name", "Raportointi", "--machine", "--json")

    for text, number in (("asioin", 1), ("example.fi/call", 1), ("", 2), ("tuntematon", 0)):
        assert len(json.loads(idp("client", "list", "--search", text, "--json").output)) == number
    assert "No client has that" in idp("client", "list", "--search", "tuntematon").output


@pytest.mark.usefixtures("settings_file")
def test_apis_that_a_client_may_call_are_replaced_and_taken_away(idp: Idp, tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text('{"resource_uris": ["urn:a", "urn:b"]}')
    idp("client", "create", "--name", "Api", "--machine", "--resource-server", "--metadata", "api.json")
    idp(*MACHINE, "--allowed-resource", "urn:a")
    assert shown(idp)["options"] == {"allowed_resources": ["urn:a"]}

    idp("client", "update", "asiointi", "--allowed-resource", "urn:b")
    assert shown(idp)["options"] == {"allowed_resources": ["urn:b"]}

    idp("client", "update", "asiointi", "--unset", "allowed_resources")
    assert shown(idp)["options"] == {}

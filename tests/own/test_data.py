"""Own data: nothing that is kept about a person is missing from the download, and the page tells it in words."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import overview, roles
from idp.accounts.roles import OPERATOR, Role
from idp.database import Model
from tests.pages.steps import sign_up, text
from tests.support import journey
from tests.support.people import PASSWORD, People, Person


def tables_about_accounts() -> set[str]:
    """Tables that name an account, and those whose rows belong to one of these."""
    named = {"accounts"}
    for table in Model.metadata.sorted_tables:  # each after those that it refers to
        referred = {key.column.table.name for key in table.foreign_keys}
        if "account_id" in table.c or referred & named:
            named.add(table.name)
    return named


def test_every_table_about_accounts_is_in_the_download_or_left_out_for_a_reason(app: Flask) -> None:
    told, left_out = overview.told_tables(), set(overview.LEFT_OUT)

    assert told | left_out == tables_about_accounts()
    assert not told & left_out


def download(browser: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("/account/data.json").get_json()
    return found


def test_the_download_tells_of_addresses_devices_permissions_and_roles(
    me: FlaskClient, app: Flask, person: Person, people: People
) -> None:
    journey.submit(
        me,
        "/account/email",
        new_email="uusi@example.fi",
        new_email_confirm="uusi@example.fi",
        password=PASSWORD,
    )
    asked = me.get(journey.authorize_url(people.client("kumppani", first_party=False)))
    journey.submit(me, asked.location, decision="allow")
    with app.app_context():
        roles.choose(person.id, [Role.AUDITOR], OPERATOR)

    data = download(me)

    (change,) = data["address_changes"]
    assert (change["old_email"], change["new_email"]) == (person.username, "uusi@example.fi")
    assert len(data["known_devices"]) == 1
    assert [(c["client_id"], bool(c["given_at"])) for c in data["consents"]] == [("kumppani", True)]
    assert [role["role"] for role in data["roles"]] == ["auditor"]
    assert "address" in {link["purpose"] for link in data["mailed_links"]}


def test_the_download_tells_what_was_typed_when_the_account_was_made(
    client: FlaskClient, people: People
) -> None:
    journey.submit(client, sign_up(client, people))
    journey.log_in(client, Person("", "uusi@example.fi", PASSWORD))

    (registration,) = download(client)["registrations"]

    assert (registration["given_name"], registration["email"]) == ("Uusi", "uusi@example.fi")


def test_no_secret_and_no_hash_of_one_is_told() -> None:
    for kept in overview._TOLD.values():
        told = {column.name for column in kept.model.__table__.columns} - kept.without
        assert not [name for name in told if name.endswith(("_hash", "_key")) or name.startswith("sealed")]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_shows_the_values_themselves(app: Flask, people: People, language: str) -> None:
    person = people.resident()
    browser = app.test_client()
    journey.log_in(browser, person)
    details = {"phone": "+358401234567", "street_address": "Rantatie 1", "postal_code": "00100"}
    journey.submit(browser, "/account/details", given_name="Maija", family_name="Meikäläinen", **details)

    page = text(browser.get(f"/account/data?lang={language}"))

    told = [person.username, "Maija", "Meikäläinen", "127.0.0.1", "Rantatie 1", "00100"]
    assert [value for value in told if value not in page] == []
    assert "401234567" in page.replace(" ", "")

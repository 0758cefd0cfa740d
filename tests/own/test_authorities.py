"""Authorities' usernames have a form of their own (R-06); both kinds use one login field."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import creation
from idp.accounts.creation import CannotCreate
from idp.accounts.rules import rules
from idp.policy.usernames import EmailAddress
from tests.support import journey
from tests.support.people import PASSWORD, People, Person


def authority(app: Flask, name: str = "rak-viranomainen1", email: str | None = "virka@example.fi") -> Person:
    with app.app_context():
        identifier = creation.create_authority(
            name,
            PASSWORD,
            email=EmailAddress.parse(email) if email else None,
            given_name="Viran",
            family_name="Omainen",
            language="fi",
            rules=rules(),
        )
    return Person(identifier, name, PASSWORD)


def accepts(browser: FlaskClient, username: str) -> bool:
    return journey.log_in(browser, Person("", username, PASSWORD)).status_code == 303


def test_the_matrix_of_both_namespaces_in_one_field(app: Flask, client: FlaskClient, people: People) -> None:
    people.resident("maija@example.fi")
    authority(app)

    assert accepts(app.test_client(), "maija@example.fi")
    assert accepts(app.test_client(), "rak-viranomainen1")
    assert accepts(app.test_client(), " RAK-Viranomainen1 ")
    assert not accepts(
        app.test_client(), "virka@example.fi"
    )  # the mail address of an authority never logs in


@pytest.mark.parametrize("name", ["maija@example.fi", "viranomainen", "RAK 1", ""])
def test_a_name_of_another_form_is_refused(app: Flask, name: str) -> None:
    with pytest.raises(CannotCreate):
        authority(app, name)


def test_recovery_reaches_the_mail_address_and_tells_the_username(
    app: Flask, client: FlaskClient, people: People
) -> None:
    authority(app)

    journey.submit(client, "/forgot", email="virka@example.fi")

    letter = people.letters()[0]
    assert letter.to == "virka@example.fi"
    assert "rak-viranomainen1" in letter.text


def test_a_resident_cannot_register_an_authoritys_address(app: Flask, people: People) -> None:
    authority(app)

    with pytest.raises(CannotCreate):
        people.resident("virka@example.fi")

"""What depends on the installation when a client is made or changed."""

import pytest
from flask import Flask

from idp.accounts.roles import OPERATOR
from idp.clients import managed, management
from idp.clients.management import Wanted
from idp.clients.metadata import InvalidClientMetadata
from tests.conftest import AppFactory
from tests.support.identification import SETTINGS
from tests.support.people import People

STRICT = {"registration_assurance": "strong"}


def change(app: Flask) -> None:
    service = People(app).client()
    with app.app_context():
        found = managed.look(service.client_id, OPERATOR)
        management.change(service.client_id, Wanted(found.metadata, STRICT), OPERATOR)


def test_strong_accounts_are_for_installations_that_can_identify_people(make_app: AppFactory) -> None:
    """Else nobody could ever log in to the app, and nobody would say why."""
    with pytest.raises(InvalidClientMetadata, match="registration_assurance: needs a broker"):
        change(make_app())


def test_with_a_broker_they_can_be_had(make_app: AppFactory) -> None:
    change(make_app(upstream=SETTINGS))


def api(uris: list[str]) -> Wanted:
    return Wanted({"client_name": "Rajapinta", "redirect_uris": ["https://a.example.fi/cb"], "resource_uris": uris},
                  resource_server=True)  # fmt: skip


def test_an_address_that_two_apis_have_already_keeps_neither_from_other_changes(app: Flask) -> None:
    with app.app_context():
        management.create(api(["urn:a"]), OPERATOR, client_id="one")
        management.disable("one", OPERATOR, "Testi")
        management.create(api(["urn:a"]), OPERATOR, client_id="other")
        management.enable("one", OPERATOR, "Testi")

        changed, _ = management.change("one", api(["urn:a", "urn:b"]), OPERATOR)
        with pytest.raises(InvalidClientMetadata, match="resource_uris: another API has the address urn:b"):
            management.change("other", api(["urn:a", "urn:b"]), OPERATOR)

    assert changed.metadata["resource_uris"] == ["urn:a", "urn:b"]

"""Pairwise subjects (OpenID Connect Core 8): another `sub` at each sector, the same one wherever it is told."""

from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.clients import registry
from idp.clients.registry import Client
from idp.grants.models import LogoutNotice
from idp.oidc import backchannel
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

OFFLINE = "openid email offline_access"


@pytest.fixture
def service(people: People) -> App:
    return people.client(subject_type="pairwise")


@pytest.fixture
def tokens(client: FlaskClient, service: App, person: Person) -> dict[str, Any]:
    return journey.tokens_for(client, service, person, scope=OFFLINE)


def subject(tokens: dict[str, Any]) -> str:
    return str(journey.claims_of(tokens["id_token"])["sub"])


def test_the_subject_is_a_code_of_letters_that_is_not_the_account(
    tokens: dict[str, Any], person: Person
) -> None:
    assert subject(tokens) != person.id
    assert person.id not in str(journey.claims_of(tokens["id_token"]))
    assert subject(tokens).isascii()
    assert len(subject(tokens)) == 43  # 256 bits


def test_id_token_userinfo_access_token_and_introspection_tell_the_same_one(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    everywhere = {
        subject(tokens),
        journey.claims_of(tokens["access_token"])["sub"],
        steps.userinfo(client, tokens)["sub"],
        steps.introspected(client, service, tokens["access_token"])["sub"],
        steps.introspected(client, service, tokens["refresh_token"])["sub"],
    }

    assert everywhere == {subject(tokens)}


def test_it_is_the_same_after_a_refresh_and_at_the_next_login(
    client: FlaskClient, service: App, person: Person, tokens: dict[str, Any]
) -> None:
    refreshed = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    journey.submit(client, "/logout")
    again = journey.tokens_for(client, service, person)

    assert subject(refreshed) == subject(again) == subject(tokens)


def test_nothing_that_tells_the_account_stands_in_the_access_token_or_its_description(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    address = "https://api.example.fi/"
    api = people.client("rajapinta", resource_server=True, resource_uris=[address])
    service = people.client("kutsuja", subject_type="pairwise", allowed_resources=[address])
    tokens = steps.tokens_of(app, service, person, scope=OFFLINE, resource=address)

    for caller in (service, api):
        described = steps.introspected(client, caller, tokens["access_token"])
        assert described["active"] is True
        assert "username" not in described
        for told in (described, journey.claims_of(tokens["access_token"])):
            assert person.id not in str(told)
            assert person.username not in str(told)


def test_services_of_one_host_know_the_person_by_one_name_others_by_another(
    client: FlaskClient, people: People, person: Person, tokens: dict[str, Any]
) -> None:
    sister = people.client("sister", subject_type="pairwise")
    stranger = people.client(
        "stranger", subject_type="pairwise", redirect_uris=["https://muu.example.fi/callback"]
    )
    public = people.client("public")

    found = [subject(journey.tokens_for(client, app, person)) for app in (sister, stranger, public)]

    assert found[0] == subject(tokens)
    assert len({*found, person.id}) == 3
    assert found[2] == person.id


def test_people_differ(
    client: FlaskClient, app: Flask, people: People, service: App, tokens: dict[str, Any]
) -> None:
    other = people.resident("matti@example.fi")

    assert subject(journey.tokens_for(app.test_client(), service, other)) != subject(tokens)


def test_the_logout_token_names_the_subject_as_the_id_token_did(
    app: Flask, service: App, person: Person, tokens: dict[str, Any]
) -> None:
    notice = LogoutNotice(client_id=service.client_id, account_id=person.id, sid="sid-1")

    with app.app_context():
        token = backchannel.logout_token(cast("Client", registry.find(service.client_id)), notice)

    assert journey.claims_of(token)["sub"] == subject(tokens)


def test_with_its_id_token_as_hint_the_person_is_logged_out_without_a_question(
    client: FlaskClient, tokens: dict[str, Any]
) -> None:
    address = "https://asiointi.example.fi/logged-out"

    answer = client.get(
        "/oauth2/logout",
        query_string={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": address},
    )

    assert not answer.location or "/oauth2/logout/confirm" not in answer.location
    assert client.get("/account").location.startswith("/login")


def test_the_id_token_of_somebody_else_logs_nobody_out(
    app: Flask, client: FlaskClient, people: People, service: App, tokens: dict[str, Any]
) -> None:
    other = people.resident("matti@example.fi")
    foreign = journey.tokens_for(app.test_client(), service, other)["id_token"]

    answer = client.get("/oauth2/logout", query_string={"id_token_hint": foreign})

    assert answer.location.startswith("/oauth2/logout/confirm")
    assert client.get("/account").status_code == 200

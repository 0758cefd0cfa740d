"""The JWK Set (RFC 7517): what relying parties check our signatures with."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import keys
from idp.accounts.rules import rules
from idp.database import writing
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, Person

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def test_only_public_members_are_published(client: FlaskClient) -> None:
    for key in client.get("/oauth2/jwks").get_json()["keys"]:
        assert not PRIVATE_MEMBERS & set(key)


def test_every_key_has_its_own_kid_and_says_what_it_is_for(client: FlaskClient) -> None:
    published = client.get("/oauth2/jwks").get_json()["keys"]

    assert len({key["kid"] for key in published}) == len(published)
    assert {key["use"] for key in published} == {"sig"}
    assert {(key["kty"], key["alg"]) for key in published} == {("RSA", "RS256"), ("EC", "ES256")}


def test_the_next_key_of_each_algorithm_is_published_before_it_signs(
    app: Flask, client: FlaskClient, person: Person, service: App
) -> None:
    before = {key["kid"] for key in client.get("/oauth2/jwks").get_json()["keys"]}
    assert len(before) == 4

    with app.app_context():
        with writing() as session:
            keys.rotate(session, rules().vault)
        keys.keyring().forget()
    tokens = journey.tokens_for(client, service, person)

    assert steps.header_of(tokens["id_token"])["kid"] in before
    assert steps.header_of(tokens["access_token"])["kid"] in before


@pytest.mark.parametrize("token", ["id_token", "access_token"])
def test_every_token_verifies_with_the_published_key_of_its_kid(
    client: FlaskClient, person: Person, service: App, token: str
) -> None:
    tokens = journey.tokens_for(client, service, person)
    published = KeySet.import_key_set(client.get("/oauth2/jwks").get_json())

    verified = jwt.decode(tokens[token], published, algorithms=["RS256", "ES256"])

    assert verified.claims["sub"] == person.id

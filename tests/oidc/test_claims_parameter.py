"""The `claims` parameter (OpenID Connect Core 5.5): single claims, for userinfo or for the ID token."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from idp.clients import registry
from idp.grants import consents
from idp.grants.claims_request import MAX_CHARACTERS, MAX_DEPTH, ClaimsRequest, consent_scope, parse
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

EMAIL = {"email": "maija@example.fi", "email_verified": True}


@pytest.fixture
def person(people: People) -> Person:
    return people.resident(claims={"phone_number": "+358401234567", "birthdate": "1970-01-31"})


# -- reading it


@pytest.mark.parametrize(
    "text", [None, "{}", '{"userinfo":{}}', '{"userinfo":null,"id_token":{}}', ' {"x":[1]} ']
)
def test_nothing_asked_for_is_nothing(text: str | None) -> None:
    assert parse(text) == ClaimsRequest()


def test_the_example_of_core_5_5_is_understood() -> None:
    text = """
      {
       "userinfo":
        {
         "given_name": {"essential": true},
         "nickname": null,
         "email": {"essential": true},
         "email_verified": {"essential": true},
         "picture": null,
         "http://example.info/claims/groups": null
        },
       "id_token":
        {
         "auth_time": {"essential": true},
         "acr": {"values": ["urn:mace:incommon:iap:silver"] }
        }
      }"""

    assert parse(text) == ClaimsRequest(
        userinfo=("given_name", "nickname", "email", "email_verified", "picture"),
        acr_values=("urn:mace:incommon:iap:silver",),
    )


@pytest.mark.parametrize(
    ("wish", "values", "essential"),
    [
        (None, (), False),
        ({}, (), False),
        ({"essential": True}, (), True),
        ({"essential": False, "value": "a"}, ("a",), False),
        ({"essential": True, "values": ["a", "b", "a"]}, ("a", "b"), True),
    ],
)
def test_acr_may_be_asked_for_by_value_or_values_and_be_essential(
    wish: Any, values: tuple[str, ...], essential: bool
) -> None:
    found = parse(json.dumps({"id_token": {"acr": wish}}))

    assert (found.acr_values, found.acr_essential) == (values, essential)


@pytest.mark.parametrize("member", ["id_token", "userinfo"])
@pytest.mark.parametrize("wish", [{"value": "s"}, {"values": ["s"]}, {"value": "s", "essential": True}])
def test_sub_names_the_person_that_the_request_is_about(member: str, wish: dict[str, Any]) -> None:
    assert parse(json.dumps({member: {"sub": wish}})).sub == "s"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "null",
            "[]",
            "1",
            '"{}"',
            "{",
            "{}{}",
            '{"a":1,}',
            "{'a':1}",
            '{"a":NaN}',
            '{"a":Infinity}',
        ),
        *('{"id_token":1}', '{"id_token":[]}', '{"userinfo":"email"}', '{"userinfo":true}'),
        *('{"userinfo":{"email":true}}', '{"userinfo":{"email":"x"}}', '{"userinfo":{"unknown":[]}}'),
        *('{"userinfo":{"email":{"essential":1}}}', '{"userinfo":{"email":{"essential":"true"}}}'),
        *('{"userinfo":{"email":{"essential":null}}}', '{"userinfo":{"email":{"values":"x"}}}'),
        *('{"id_token":{"acr":{"value":1}}}', '{"id_token":{"acr":{"values":[""]}}}'),
        *('{"id_token":{"acr":{"values":[null]}}}', '{"id_token":{"sub":{"value":{}}}}'),
        '{"id_token":{"sub":{"values":["a","b"]}}}',
        '{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}',
        '{"userinfo":{"email":null},"userinfo":{"phone_number":null}}',  # which of the two would hold?
        '{"userinfo":{"email":null,"email":{}}}',
    ],
)
def test_what_is_malformed_is_refused_with_a_printable_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\Aclaims[ -~]+\.\Z") as error:
        parse(text)

    assert '"' not in str(error.value)
    assert "\\" not in str(error.value)


def test_it_may_not_be_endless() -> None:
    filler = " " * (MAX_CHARACTERS - 2)

    assert parse(f"{{{filler}}}") == ClaimsRequest()
    with pytest.raises(ValueError, match="too long"):
        parse(f"{{ {filler}}}")


def test_it_may_not_be_nested_without_end() -> None:
    deep = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)

    assert parse(f'{{"x":{deep}}}') == ClaimsRequest()
    for text in (f'{{"x":[{deep}]}}', "[" * 7000, '{"a":' * 1500):
        with pytest.raises(ValueError, match="too deeply"):
            parse(text)


def test_brackets_in_texts_nest_nothing() -> None:
    many = "[" * 100 + '\\"' + "{" * 100

    assert parse('{"userinfo":{"email":{"value":"' + many + '"}}}').userinfo == ("email",)


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-0", "1.5"])
def test_numbers_of_any_size_do_no_harm(number: str) -> None:
    assert parse('{"userinfo":{"updated_at":{"value":' + number + "}}}").userinfo == ("updated_at",)


def test_a_person_is_asked_for_the_scopes_of_the_single_claims_too(app: Flask, people: People) -> None:
    people.client("asking", first_party=False, scope="openid email address")
    wanted = asking(id_token={"email": None, "acr": None, "name": None}, userinfo={"address": None})

    with app.app_context():
        client = registry.find("asking")
        assert client
        assert consent_scope("openid email", None, client) == "openid email"
        assert consent_scope("openid", wanted, client) == "openid email address"  # never `profile`


# -- userinfo


def asking(**members: dict[str, Any]) -> str:
    return json.dumps(members)


def test_userinfo_has_the_claims_of_the_scopes_and_those_asked_for_singly(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    wanted = asking(userinfo={"birthdate": None, "phone_number": {"essential": True}})

    tokens = steps.tokens_of(app, service, person, scope="openid email", claims=wanted)

    assert steps.userinfo(client, tokens) == EMAIL | {
        "sub": person.id,
        "birthdate": "1970-01-31",
        "phone_number": "+358401234567",
    }


def test_a_claim_without_a_value_stays_absent_even_if_it_is_essential(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    wanted = asking(userinfo={"picture": {"essential": True}, "zoneinfo": {"value": "Europe/Helsinki"}})

    tokens = steps.tokens_of(app, service, person, scope="openid", claims=wanted)

    assert steps.userinfo(client, tokens) == {"sub": person.id}


def test_a_value_that_is_asked_for_does_not_change_the_claim(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    wanted = asking(userinfo={"email": {"value": "boss@example.fi", "essential": True}})

    tokens = steps.tokens_of(app, service, person, scope="openid", claims=wanted)

    assert steps.userinfo(client, tokens)["email"] == "maija@example.fi"


def test_claims_for_the_id_token_do_not_get_into_userinfo_nor_the_other_way(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    wanted = asking(userinfo={"birthdate": None}, id_token={"phone_number": None})

    tokens = steps.tokens_of(app, service, person, scope="openid", claims=wanted)

    assert steps.userinfo(client, tokens) == {"sub": person.id, "birthdate": "1970-01-31"}
    claims = journey.claims_of(tokens["id_token"])
    assert claims["phone_number"] == "+358401234567"
    assert "birthdate" not in claims


def test_a_client_cannot_get_by_single_claims_what_it_is_not_registered_for(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    nosy = people.client(scope="openid email")
    everything = {"email": None, "name": None, "phone_number": None, "birthdate": {"essential": True}}

    tokens = steps.tokens_of(
        app, nosy, person, scope="openid", claims=asking(userinfo=everything, id_token=everything)
    )

    assert steps.userinfo(client, tokens) == {"sub": person.id, "email": "maija@example.fi"}
    assert not {"name", "phone_number", "birthdate"} & journey.claims_of(tokens["id_token"]).keys()


def test_a_client_that_needs_consent_gets_single_claims_by_consent_only(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    third = people.client("third", first_party=False)
    everything = {"email": None, "phone_number": None}
    wanted = asking(userinfo=everything, id_token=everything)
    with app.app_context():
        consents.give(person.id, third.client_id, "openid email", clock.now())

    tokens = steps.tokens_of(app, third, person, scope="openid", claims=wanted)

    assert steps.userinfo(client, tokens) == {"sub": person.id, "email": "maija@example.fi"}
    claims = journey.claims_of(tokens["id_token"])
    assert claims["email"] == "maija@example.fi"
    assert "phone_number" not in claims


def test_a_person_consents_to_what_is_asked_for_singly_and_then_it_is_told(
    client: FlaskClient, people: People, person: Person
) -> None:
    third = people.client("third", first_party=False, scope="openid email profile")
    steps.log_in(client, person)
    wanted = asking(userinfo={"email": None, "phone_number": None})
    with_email: dict[str, str | None] = {"scope": "openid", "claims": wanted}

    asked = steps.ask(client, third, **with_email)
    page = client.get(asked.location)
    journey.submit(client, asked.location, decision="allow")
    code = journey.code_for(client, third, person, **with_email)

    assert steps.page_of(asked) == "/consent"
    shown = journey.soup(page).main.get_text()  # type: ignore[union-attr]
    assert "Email address" in shown or "Sähköposti" in shown
    assert "Puhelin" not in shown
    tokens = journey.redeem(client, third, code).get_json()
    assert tokens["scope"] == "openid"
    assert steps.userinfo(client, tokens) == {"sub": person.id, "email": "maija@example.fi"}
    assert steps.silently(client, third, scope="openid profile")["error"] == "consent_required"


# -- the ID token


def test_the_id_token_has_the_claims_asked_for_and_none_of_the_scopes(
    app: Flask, service: App, person: Person
) -> None:
    wanted = asking(id_token={"email": None, "email_verified": {"essential": True}, "given_name": {}})

    claims = journey.claims_of(steps.tokens_of(app, service, person, claims=wanted)["id_token"])

    assert {name: claims[name] for name in ("email", "email_verified", "given_name")} == EMAIL | {
        "given_name": "Maija"
    }
    assert not {"family_name", "name", "locale", "birthdate"} & claims.keys()


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce", "sid", "at_hash", "amr", "acr"])
def test_what_the_protocol_says_cannot_be_bent_by_asking(
    app: Flask, service: App, person: Person, name: str
) -> None:
    """The person's own data might even hold such a name."""
    wanted = asking(id_token={name: {"value": "other", "essential": True}, "email": None})

    claims = journey.claims_of(steps.tokens_of(app, service, person, claims=wanted)["id_token"])

    assert claims[name] != "other"
    assert claims["sub"] == person.id


def test_a_refresh_tells_the_same_claims(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    wanted = asking(userinfo={"birthdate": None}, id_token={"phone_number": None})
    first = steps.tokens_of(app, service, person, scope="openid offline_access", claims=wanted)

    second = journey.refresh(client, service, first["refresh_token"], scope="openid").get_json()

    assert journey.claims_of(second["id_token"])["phone_number"] == "+358401234567"
    assert steps.userinfo(client, second) == {"sub": person.id, "birthdate": "1970-01-31"}

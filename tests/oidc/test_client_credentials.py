"""The client credentials grant (RFC 6749 4.4): tokens for programs that act in their own name, about nobody."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.clients.metadata import InvalidClientMetadata
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

API = "https://api.example.fi/invoices"
ADMIN_API = f"{steps.ISSUER}/admin/api/v1"


@pytest.fixture
def program(people: People) -> App:
    """A nightly job of the municipality."""
    return people.client(
        "job",
        grant_types=["client_credentials"],
        scope="openid profile offline_access invoices:read invoices:write",
        allowed_resources=[API, "urn:example:api"],
    )


@pytest.fixture
def api(people: People) -> App:
    return people.client("rajapinta", resource_server=True, resource_uris=[API, "urn:example:api"])


def asked(browser: FlaskClient, app: App, **fields: Any) -> TestResponse:
    return browser.post("/oauth2/token", data={"grant_type": "client_credentials", **fields}, auth=app.basic)


@pytest.fixture
def token(client: FlaskClient, program: App, moving_clock: MovableClock) -> str:
    return str(asked(client, program).get_json()["access_token"])


# -- the good answer


def test_the_answer_is_an_access_token_alone(client: FlaskClient, program: App) -> None:
    answer = asked(client, program, scope="invoices:read")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body.pop("access_token").count(".") == 2
    assert body == {
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "invoices:read",
    }  # no refresh token (4.4.3)


def test_the_token_is_about_the_client_and_no_person(
    client: FlaskClient, program: App, moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())

    token = asked(client, program, scope="invoices:write invoices:read invoices:write").get_json()[
        "access_token"
    ]

    claims = journey.claims_of(token)
    assert len(claims.pop("jti")) == 22
    assert steps.header_of(token)["typ"] == "at+jwt"
    assert claims == {
        "iss": steps.ISSUER,
        "sub": "job",  # RFC 9068 2.2
        "client_id": "job",
        "aud": steps.ISSUER,
        "scope": "invoices:write invoices:read",
        "iat": now,
        "exp": now + 600,
    }


def test_without_scope_it_is_all_that_the_client_may_have_in_its_own_name(
    client: FlaskClient, program: App
) -> None:
    assert asked(client, program).get_json()["scope"] == "invoices:read invoices:write"


def test_a_client_without_scopes_of_apis_gets_a_token_without_scope(
    client: FlaskClient, people: People
) -> None:
    plain = people.client("plain", grant_types=["client_credentials"], scope="openid")

    body = asked(client, plain).get_json()

    assert "scope" not in body
    assert "scope" not in journey.claims_of(body["access_token"])


def test_a_client_with_a_key_authenticates_by_it(client: FlaskClient, people: People) -> None:
    key = ECKey.generate_key("P-256")
    people.client(
        "keyed",
        grant_types=["client_credentials"],
        token_endpoint_auth_method="private_key_jwt",
        jwks=steps.public_jwks(key),
    )

    answer = client.post(
        "/oauth2/token", data={"grant_type": "client_credentials", **steps.assertion(key, "keyed")}
    )

    assert journey.claims_of(answer.get_json()["access_token"])["sub"] == "keyed"


# -- what is refused


@pytest.mark.parametrize(
    "scope",
    [
        *(
            "openid",
            "profile",
            "email",
            "offline_access",
            "openid invoices:read",
            "invoices:delete",
            "unknown",
        ),
        *("INVOICES:READ", "invoices:read ä", "invoices:read,invoices:write"),
    ],
)
def test_scopes_of_persons_and_scopes_that_the_client_has_not_are_invalid(
    client: FlaskClient, program: App, scope: str
) -> None:
    assert steps.refusal(asked(client, program, scope=scope)) == (400, "invalid_scope")


def test_a_client_without_the_grant_type_is_unauthorized(client: FlaskClient, service: App) -> None:
    assert steps.refusal(asked(client, service)) == (400, "unauthorized_client")


def test_without_authentication_there_is_no_token(
    app: Flask, client: FlaskClient, people: People, program: App
) -> None:
    form = {"grant_type": "client_credentials"}

    for answer in (
        client.post("/oauth2/token", data=form),
        client.post("/oauth2/token", data=form | {"client_id": "job"}),
        client.post("/oauth2/token", data=form, auth=("job", "wrong")),
    ):
        assert steps.refusal(answer) == (401, "invalid_client")


def test_a_public_client_gets_none_even_if_its_record_says_so(
    app: Flask, client: FlaskClient, people: People
) -> None:
    with pytest.raises(InvalidClientMetadata):
        people.client("x", token_endpoint_auth_method="none", grant_types=["client_credentials"])
    public = people.client("public", token_endpoint_auth_method="none")
    steps.change_client(app, public, grant_types=["client_credentials"])

    answer = client.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": "public"})

    assert steps.refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    "scope", ["invoices", "Invoices:read", "invoices:", ":read", "a:b\\", 'a:"', "1a:b", "a:ä"]
)
def test_other_shapes_of_scopes_cannot_be_registered(people: People, scope: str) -> None:
    with pytest.raises(InvalidClientMetadata):
        people.client("x", grant_types=["client_credentials"], scope=scope)


def test_scopes_of_apis_are_only_for_clients_with_this_grant(people: People) -> None:
    with pytest.raises(InvalidClientMetadata):
        people.client("x", scope="openid invoices:read")


def test_a_person_cannot_be_asked_for_scopes_of_apis(
    client: FlaskClient, people: People, person: Person
) -> None:
    both = people.client(
        "both", grant_types=["authorization_code", "client_credentials"], scope="openid invoices:read"
    )

    tokens = journey.tokens_for(client, both, person, scope="openid invoices:read")

    assert tokens["scope"] == journey.claims_of(tokens["access_token"])["scope"] == "openid"


# -- what the token opens


def test_userinfo_knows_nobody_by_it(client: FlaskClient, token: str) -> None:
    answer = client.get("/oauth2/userinfo", headers=steps.bearer(token))

    assert steps.refusal(answer) == (401, "invalid_token")


def test_introspection_tells_the_client_and_the_api_that_it_is_for(
    client: FlaskClient, program: App, api: App, service: App, moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())
    token = asked(client, program, resource=API).get_json()["access_token"]
    for caller in (program, api):
        described = steps.introspected(client, caller, token)
        assert len(described.pop("jti")) == 22
        assert described == {
            "active": True,
            "token_type": "Bearer",
            "iss": steps.ISSUER,
            "sub": "job",
            "client_id": "job",
            "aud": API,
            "scope": "invoices:read invoices:write",
            "iat": now,
            "exp": now + 600,
        }
    assert steps.introspected(client, service, token) == {"active": False}


def test_a_token_that_was_asked_for_no_api_is_shown_to_none(
    client: FlaskClient, program: App, api: App, token: str
) -> None:
    assert steps.introspected(client, program, token)["active"] is True
    assert steps.introspected(client, api, token) == {"active": False}


def test_it_is_revoked_alone_and_only_by_its_client(
    client: FlaskClient, program: App, service: App, token: str
) -> None:
    other = asked(client, program).get_json()["access_token"]

    client.post("/oauth2/revoke", data={"token": token}, auth=service.basic)
    assert steps.introspected(client, program, token)["active"] is True
    assert client.post("/oauth2/revoke", data={"token": token}, auth=program.basic).status_code == 200

    assert steps.introspected(client, program, token) == {"active": False}
    assert steps.introspected(client, program, other)["active"] is True


def test_it_dies_with_its_client_and_by_its_age(
    app: Flask, client: FlaskClient, program: App, api: App, moving_clock: MovableClock
) -> None:
    token = asked(client, program, resource=API).get_json()["access_token"]
    assert steps.introspected(client, api, token)["active"] is True
    moving_clock.move(seconds=600)
    assert steps.introspected(client, api, token) == {"active": False}
    fresh = asked(client, program, resource=API).get_json()["access_token"]
    steps.disable_client(app, program)
    assert steps.introspected(client, api, fresh) == {"active": False}


# -- resources (RFC 8707)


@pytest.mark.parametrize(
    ("resource", "aud"),
    [
        (API, API),
        ("urn:example:api", "urn:example:api"),
        ([API, "urn:example:api", API], [API, "urn:example:api"]),
        (steps.ISSUER, steps.ISSUER),
        ("", steps.ISSUER),
    ],
)
def test_the_audience_is_what_was_asked_for(
    client: FlaskClient, program: App, api: App, resource: Any, aud: Any
) -> None:
    token = asked(client, program, resource=resource).get_json()["access_token"]

    assert journey.claims_of(token)["aud"] == aud
    assert steps.introspected(client, api, token)["active"] is (aud != steps.ISSUER)


@pytest.mark.parametrize(
    "resource",
    [
        *("https://unknown.example.fi", API + "/", API + "#x", API.upper(), "x", "rajapinta", "job"),
        [API, "https://unknown.example.fi"],
    ],
)
def test_an_unknown_resource_is_an_invalid_target(
    client: FlaskClient, program: App, api: App, resource: Any
) -> None:
    assert steps.refusal(asked(client, program, resource=resource)) == (400, "invalid_target")


def test_ten_resources_at_once_are_enough(client: FlaskClient, people: People) -> None:
    many = [f"urn:example:{number}" for number in range(11)]
    people.client("rajapinta", resource_server=True, resource_uris=many)
    program = people.client("many", grant_types=["client_credentials"], allowed_resources=many)

    assert asked(client, program, resource=many[1:]).status_code == 200
    assert steps.refusal(asked(client, program, resource=many)) == (400, "invalid_target")


def test_a_token_for_one_api_is_shown_to_no_other(
    client: FlaskClient, people: People, program: App, api: App
) -> None:
    other = people.client("other", resource_server=True, resource_uris=["https://other.example.fi/"])

    token = asked(client, program, resource=API).get_json()["access_token"]

    assert steps.introspected(client, other, token) == {"active": False}
    assert steps.introspected(client, api, token)["aud"] == API
    assert steps.introspected(client, program, token)["active"] is True


def test_an_api_that_an_operator_has_not_let_the_client_call_is_an_invalid_target(
    app: Flask, client: FlaskClient, people: People, api: App
) -> None:
    stranger = people.client("stranger", grant_types=["client_credentials"])

    assert steps.refusal(asked(client, stranger, resource=API)) == (400, "invalid_target")
    assert asked(client, stranger, resource=steps.ISSUER).status_code == 200
    steps.allow_resources(app, stranger, API)
    assert asked(client, stranger, resource=API).status_code == 200
    assert steps.refusal(asked(client, stranger, resource="urn:example:api")) == (400, "invalid_target")


def test_an_api_may_have_tokens_for_itself(client: FlaskClient, people: People) -> None:
    own = people.client(
        "own", grant_types=["client_credentials"], resource_server=True, resource_uris=["urn:example:own"]
    )

    assert asked(client, own, resource="urn:example:own").status_code == 200


def test_only_resource_servers_have_resources(
    app: Flask, client: FlaskClient, people: People, program: App, api: App
) -> None:
    people.client("pretender", resource_uris=["https://pretender.example.fi/"])
    steps.allow_resources(app, program, API, "https://pretender.example.fi/")

    refused = asked(client, program, resource="https://pretender.example.fi/")

    assert steps.refusal(refused) == (400, "invalid_target")
    steps.disable_client(app, api)
    assert steps.refusal(asked(client, program, resource=API)) == (400, "invalid_target")


def test_a_resource_that_was_registered_just_now_is_known(
    client: FlaskClient, people: People, program: App
) -> None:
    assert steps.refusal(asked(client, program, resource=API)) == (400, "invalid_target")

    people.client("rajapinta", resource_server=True, resource_uris=[API])

    assert asked(client, program, resource=API).status_code == 200


@pytest.mark.parametrize(
    "uri", ["x", "/api", "https://api.example.fi/#x", "javascript:x", "https://", "https://a b/", "mailto:a"]
)
def test_a_resource_is_an_absolute_address_without_fragment(people: People, uri: str) -> None:
    with pytest.raises(InvalidClientMetadata):
        people.client("x", resource_server=True, resource_uris=[uri])


# -- the administrators' API, whose tokens are good for nothing else


@pytest.fixture
def administrator(people: People) -> App:
    """A program of the administrators that calls other APIs too."""
    return people.client(
        "inventory",
        grant_types=["client_credentials"],
        scope="admin:clients admin:audit invoices:read",
        allowed_resources=[API],
    )


@pytest.mark.parametrize(
    ("fields", "aud", "scope"),
    [
        ({}, ADMIN_API, "admin:audit admin:clients invoices:read"),
        ({"scope": "admin:audit"}, ADMIN_API, "admin:audit"),
        ({"scope": "invoices:read"}, steps.ISSUER, "invoices:read"),
        ({"resource": ADMIN_API}, ADMIN_API, "admin:audit admin:clients invoices:read"),
        ({"resource": API}, API, "invoices:read"),
        ({"resource": steps.ISSUER}, steps.ISSUER, "invoices:read"),
        ({"resource": [ADMIN_API, API]}, [ADMIN_API, API], "invoices:read"),
    ],
)
def test_scopes_of_the_administrators_api_are_in_tokens_for_it_alone(
    client: FlaskClient, administrator: App, api: App, fields: dict[str, Any], aud: Any, scope: str
) -> None:
    token = asked(client, administrator, **fields).get_json()["access_token"]

    claims = journey.claims_of(token)
    assert (claims["aud"], claims["scope"]) == (aud, scope)


@pytest.mark.parametrize("resource", [API, steps.ISSUER, [ADMIN_API, API]])
def test_such_a_scope_with_another_resource_is_an_invalid_scope(
    client: FlaskClient, administrator: App, api: App, resource: Any
) -> None:
    answer = asked(client, administrator, scope="admin:audit", resource=resource)

    assert steps.refusal(answer) == (400, "invalid_scope")


def test_who_has_no_such_scope_gets_no_token_for_the_administrators_api(
    client: FlaskClient, program: App
) -> None:
    assert steps.refusal(asked(client, program, resource=ADMIN_API)) == (400, "invalid_target")

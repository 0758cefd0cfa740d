"""Who may call the administrators' API: a client with a live access token of its own, and nobody else."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from idp import clock, keys
from idp.accounts.roles import OPERATOR, Role
from idp.clients import management
from idp.clients.managed import ADMIN_API
from idp.crypto import random_id
from tests.admin.conftest import Colleague
from tests.admin.machine import SCOPES, Machine, machine_metadata, problem
from tests.conftest import ISSUER, AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CLIENTS = f"{ADMIN_API}/clients"


@pytest.fixture
def machine(app: Flask) -> Machine:
    return Machine(app, *SCOPES)


def signed(app: Flask, claims: dict[str, Any], *, typ: str = "at+jwt", alg: str = "ES256") -> str:
    """A token that this provider itself has signed."""
    with app.app_context():
        return keys.keyring().signing(alg).sign(claims, typ)


def good_claims(machine: Machine, **changes: Any) -> dict[str, Any]:
    now = clock.timestamp()
    claims = {
        "iss": ISSUER,
        "sub": machine.client.client_id,
        "client_id": machine.client.client_id,
        "aud": ISSUER + ADMIN_API,
        "jti": random_id(),
        "iat": now,
        "exp": now + 300,
        "scope": "admin:clients",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


# -- what opens the door


@pytest.mark.parametrize("resource", [None, ISSUER + ADMIN_API])
def test_a_token_for_the_api_opens_whether_it_was_named_or_not(
    machine: Machine, resource: str | None
) -> None:
    token = machine.new_token(**({"resource": resource} if resource else {}))

    assert machine.call("GET", "/clients", token=token).status_code == 200


def test_a_token_for_several_resources_opens_if_the_api_is_one_of_them(app: Flask, machine: Machine) -> None:
    several = signed(app, good_claims(machine, aud=["https://other.example.fi/", ISSUER + ADMIN_API]))

    assert machine.call("GET", "/clients", token=several).status_code == 200


def test_the_name_of_the_scheme_may_be_written_in_any_case(app: Flask, machine: Machine) -> None:
    headers = {"Authorization": f"bearer {machine.token}"}

    assert app.test_client().get(CLIENTS, headers=headers).status_code == 200


# -- what does not


def refused(answer: Any) -> str:
    """The name of the problem, after its challenge was looked at (RFC 6750 section 3)."""
    status, name = problem(answer)
    assert status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'scope="admin:clients"' in challenge
    assert ('error="invalid_token"' in challenge) == (name == "invalid-token")
    return name


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic bWFjaGluZTpz", "Token x", "DPoP x"]
)
def test_without_a_bearer_token_nothing_opens(client: FlaskClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    assert refused(client.get(CLIENTS, headers=headers)) == "unauthenticated"


@pytest.mark.parametrize("place", ["query", "form"])
def test_a_token_elsewhere_than_in_the_header_is_none(
    client: FlaskClient, machine: Machine, place: str
) -> None:
    """RFC 6750 2.2 and 2.3 are not spoken here: addresses stand in logs."""
    sent = (
        {"query_string": {"access_token": machine.token}}
        if place == "query"
        else {"data": {"access_token": machine.token}}
    )

    assert refused(client.get(CLIENTS, **sent)) == "unauthenticated"  # type: ignore[arg-type]


def test_the_cookies_of_an_administrator_open_nothing(admin: FlaskClient) -> None:
    assert admin.get("/admin/").status_code == 200

    answer = admin.get(CLIENTS)

    assert refused(answer) == "unauthenticated"
    assert "Set-Cookie" not in answer.headers


def test_no_answer_sets_a_cookie(admin: FlaskClient, machine: Machine) -> None:
    answer = admin.get(f"{CLIENTS}?lang=sv", headers={"Authorization": f"Bearer {machine.token}"})

    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers


def test_an_expired_token_is_refused(app: Flask, machine: Machine, moving_clock: MovableClock) -> None:
    token = machine.new_token()
    assert machine.call("GET", "/clients", token=token).status_code == 200

    moving_clock.move(seconds=600)

    assert refused(machine.call("GET", "/clients", token=token)) == "invalid-token"


def test_a_revoked_token_is_refused(app: Flask, machine: Machine) -> None:
    assert machine.call("GET", "/clients").status_code == 200

    app.test_client().post("/oauth2/revoke", data={"token": machine.token}, auth=machine.client.basic)

    assert refused(machine.call("GET", "/clients")) == "invalid-token"
    assert machine.call("GET", "/clients", token=machine.new_token()).status_code == 200


def test_a_token_for_another_resource_is_refused(people: People, machine: Machine) -> None:
    people.client("api", resource_server=True, resource_uris=["https://api.example.fi/"])
    steps.allow_resources(machine.app, machine.client, "https://api.example.fi/")

    for resource in ("https://api.example.fi/", ISSUER):
        token = machine.new_token(resource=resource)
        assert refused(machine.call("GET", "/clients", token=token)) == "invalid-token"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example.fi"},
        {"aud": "https://other.example.fi"},
        {"aud": ISSUER},
        {"aud": [ISSUER, "https://other.example.fi"]},
        {"aud": ISSUER + "/"},
        {"aud": [ISSUER + ADMIN_API + "/clients"]},
        {"exp": 1},
        {"client_id": "nobody"},
    ],
)
def test_a_token_of_ours_that_says_something_else_is_refused(
    app: Flask, machine: Machine, changes: dict[str, Any]
) -> None:
    assert machine.call("GET", "/clients", token=signed(app, good_claims(machine))).status_code == 200

    token = signed(app, good_claims(machine, **changes))

    assert refused(machine.call("GET", "/clients", token=token)) == "invalid-token"


@pytest.mark.parametrize(("typ", "alg"), [("JWT", "ES256"), ("logout+jwt", "ES256"), ("at+jwt", "RS256")])
def test_a_token_of_another_type_or_algorithm_is_refused(
    app: Flask, machine: Machine, typ: str, alg: str
) -> None:
    token = signed(app, good_claims(machine), typ=typ, alg=alg)

    assert refused(machine.call("GET", "/clients", token=token)) == "invalid-token"


def test_a_token_that_somebody_else_signed_is_refused(app: Flask, machine: Machine) -> None:
    with app.app_context():
        kid = keys.keyring().signing("ES256").kid
    foreign = jwt.encode(
        {"alg": "ES256", "typ": "at+jwt", "kid": kid}, good_claims(machine), ECKey.generate_key("P-256")
    )

    assert refused(machine.call("GET", "/clients", token=foreign)) == "invalid-token"


@pytest.mark.parametrize("token", ["x", "a.b.c", "ä", "e30.e30.", "." * 200, "x" * 20_000])
def test_what_is_no_token_is_refused(machine: Machine, token: str) -> None:
    answer = machine.call(
        "GET", "/clients", headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    )

    assert refused(answer) == "invalid-token"


def test_tokens_of_persons_are_refused_whatever_they_may(
    app: Flask, people: People, colleague: Colleague
) -> None:
    """ID tokens are no access tokens; an access token of an admin's login is a service's, not the admin's own."""
    service = people.client()
    browser = app.test_client()
    tokens = journey.tokens_for(browser, service, colleague(Role.ADMIN))

    by_id_token, by_access_token = (
        browser.get(CLIENTS, headers={"Authorization": f"Bearer {tokens[name]}"})
        for name in ("id_token", "access_token")
    )

    assert refused(by_id_token) == "invalid-token"
    assert problem(by_access_token) == (403, "delegated-token")
    assert 'error="insufficient_scope"' in by_access_token.headers["WWW-Authenticate"]


def test_a_token_of_a_person_is_refused_even_with_the_scope(app: Flask, machine: Machine) -> None:
    delegated = signed(app, good_claims(machine, grant=random_id()))

    assert problem(machine.call("GET", "/clients", token=delegated)) == (403, "delegated-token")


# -- the client behind the token


def test_a_disabled_client_is_shut_out_at_once(app: Flask, machine: Machine) -> None:
    with app.app_context():
        management.disable(machine.client.client_id, OPERATOR, "Lost")

    assert refused(machine.call("GET", "/clients")) == "invalid-token"


def test_a_deleted_client_is_shut_out_at_once(app: Flask, machine: Machine) -> None:
    with app.app_context():
        management.delete(machine.client.client_id, OPERATOR, "Lost")

    assert refused(machine.call("GET", "/clients")) == "invalid-token"


def test_a_scope_that_the_client_has_lost_is_worth_nothing_in_tokens_of_before(
    app: Flask, machine: Machine
) -> None:
    with app.app_context():
        wanted = management.Wanted(machine_metadata("Machine", "admin:audit"))
        management.change(machine.client.client_id, wanted, OPERATOR)

    assert problem(machine.call("POST", "/clients", {})) == (403, "insufficient-scope")
    assert machine.call("GET", "/audit").status_code == 200


def test_a_scope_that_the_token_has_not_does_not_come_with_the_client(machine: Machine) -> None:
    narrow = machine.new_token(scope="admin:audit")

    answer = machine.call("POST", "/clients", {}, token=narrow)

    assert problem(answer) == (403, "insufficient-scope")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="admin:clients"'


def test_a_client_without_the_scope_gets_no_such_token(app: Flask, people: People) -> None:
    service = people.client("job", grant_types=["client_credentials"], scope="invoices:read")

    asked = app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "client_credentials", "scope": "admin:clients"},
        auth=service.basic,
    )

    assert asked.get_json()["error"] == "invalid_scope"


def test_no_person_can_be_asked_for_the_scope(app: Flask, machine: Machine, people: People) -> None:
    """Not even of a client that has it: what it may in its own name is nobody's consent."""
    service = people.client(
        "both",
        grant_types=["authorization_code", "client_credentials"],
        scope="openid admin:clients",
    )

    tokens = journey.tokens_for(
        app.test_client(), service, people.resident("maija@example.fi"), scope="openid admin:clients"
    )

    assert "admin:clients" not in journey.claims_of(tokens["access_token"])["scope"]


# -- guessing


def test_failed_authentications_count_against_the_address(make_app: AppFactory) -> None:
    app = make_app(limits={"token_errors_per_address": "3/minute"})
    machine = Machine(app, *SCOPES)

    answers = [problem(machine.call("GET", "/clients", token="x")) for _ in range(4)]
    limited = app.test_client().get(CLIENTS)

    assert answers == [*[(401, "invalid-token")] * 3, (429, "too-many-errors")]
    assert problem(limited) == (429, "too-many-errors")
    assert 0 < int(limited.headers["Retry-After"]) <= 61
    assert machine.call("GET", "/clients").status_code == 200  # who has a good token is not slowed down


# -- who acted, in the audit log


@pytest.mark.parametrize("client_id", ["m", "m" * 53, "m" * 54, "m" * 100])
def test_the_actor_is_the_client_and_fits_into_the_audit_log(app: Flask, client_id: str) -> None:
    machine = Machine(app, *SCOPES, client_id=client_id)

    machine.call("POST", "/clients", {"metadata": machine_metadata("Job")})

    event = machine.get("/audit?event=client.registered")["items"][0]
    assert event["actor"] == (f"client:{client_id}" if len(client_id) <= 53 else event["actor"])
    assert len(event["actor"]) <= 60
    assert machine.get(f"/audit?actor={event['actor'].replace('#', '%23')}")["items"][0]["id"] == event["id"]


def test_long_names_of_clients_are_told_apart(app: Flask) -> None:
    machines = [Machine(app, *SCOPES, client_id="m" * 99 + letter) for letter in "ab"]

    for machine in machines:
        machine.call("POST", "/clients", {"metadata": machine_metadata("Job")})

    events = machines[0].get("/audit?event=client.registered&limit=2")["items"]
    assert len({event["actor"] for event in events}) == 2


def test_a_resident_whom_the_person_is(resident: Person) -> None:
    """An account's id never looks like a client's name: ids have no colon and no number sign."""
    assert not {":", "#"} & set(resident.id)

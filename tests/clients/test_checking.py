"""What a check of a client says: what will fail there, and what could be better."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from idp.accounts.roles import OPERATOR, Actor, NotAllowed, Role
from idp.clients import checking, management
from idp.clients.checking import Code, Finding, Level
from idp.clients.managed import NoSuchClient
from idp.clients.management import Wanted
from idp.clients.models import ClientApp
from idp.database import writing
from idp.outbound import MAX_NAMES, Outbound, look_up
from tests.conftest import AppFactory
from tests.support.hostile import local_server
from tests.support.ports import LOOPBACK

GOOD: dict[str, Any] = {
    "client_name": "Asiointi",
    "client_name#sv": "Ärenden",
    "client_name#en": "Services",
    "client_uri": "https://asiointi.example.fi/",
    "redirect_uris": ["https://asiointi.example.fi/callback"],
    "post_logout_redirect_uris": ["https://asiointi.example.fi/"],
    "frontchannel_logout_uri": "https://asiointi.example.fi/logout",
    "scope": "openid profile",
}


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    made = make_app(outbound={"allowed_hosts": [LOOPBACK], "timeout_seconds": 2})
    made.extensions["outbound"] = Outbound(made.extensions["settings"], resolver)
    return made


def resolver(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """Knows the hosts of example.fi, and those that are addresses."""
    return look_up("127.0.0.1" if host.endswith(".example.fi") else host, port)


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def found(
    context: Flask, *, pkce: bool = True, resource_server: bool = False, **metadata: Any
) -> list[Finding]:
    values = {name: value for name, value in (GOOD | metadata).items() if value is not None}
    wanted = Wanted(values, pkce_required=pkce, resource_server=resource_server)
    made, _ = management.create(wanted, OPERATOR)
    return checking.check(made.client_id, OPERATOR)


def codes(findings: list[Finding]) -> list[tuple[Level, Code]]:
    return [(finding.level, finding.code) for finding in findings]


def test_nothing_is_wrong_with_a_good_one(context: Flask) -> None:
    assert found(context) == []


@pytest.mark.parametrize(
    ("metadata", "level", "code", "about"),
    [
        ({"redirect_uris": ["http://asiointi.example.fi/cb"], "frontchannel_logout_uri": None,
          "backchannel_logout_uri": None}, Level.ERROR, Code.PLAIN_HTTP, "http://asiointi.example.fi/cb"),
        ({"redirect_uris": ["https://asiointi.example.fi/callback", "http://localhost:3000/cb"]},
         Level.WARNING, Code.LOOPBACK, "http://localhost:3000/cb"),
        ({"grant_types": ["authorization_code", "refresh_token"]}, Level.ERROR, Code.NO_OFFLINE_SCOPE, ""),
        ({"scope": "openid offline_access"}, Level.ERROR, Code.NO_REFRESH_GRANT, ""),
        ({"grant_types": ["authorization_code", "client_credentials"]}, Level.WARNING, Code.NO_API_SCOPE, ""),
        ({"response_types": ["code token"], "grant_types": ["authorization_code", "implicit"]},
         Level.WARNING, Code.TOKENS_BY_BROWSER, ""),
        ({"client_uri": None}, Level.WARNING, Code.NO_WAY_BACK, ""),
        ({"post_logout_redirect_uris": None}, Level.HINT, Code.NO_LOGOUT_ADDRESS, ""),
        ({"frontchannel_logout_uri": None}, Level.HINT, Code.NO_LOGOUT_NOTICE, ""),
        ({"client_name#sv": None}, Level.HINT, Code.NO_NAME_IN, "sv"),
        ({"logo_uri": "https://asiointi.example.fi/logo.png"}, Level.HINT, Code.FOREIGN_LOGO,
         "https://asiointi.example.fi/logo.png"),
        ({"scope": "profile"}, Level.ERROR, Code.NO_OPENID, ""),
        ({"default_acr_values": ["urn:tunnus:acr:password", "vahva"]}, Level.WARNING, Code.UNKNOWN_ACR, "vahva"),
        ({"default_acr_values": ["urn:tunnus:acr:strong"]}, Level.WARNING, Code.UNKNOWN_ACR, "urn:tunnus:acr:strong"),
    ],
)  # fmt: skip
def test_what_the_registration_tells(
    context: Flask, metadata: dict[str, Any], level: Level, code: Code, about: str
) -> None:
    assert Finding(level, code, about) in found(context, **metadata)


def test_switches_are_looked_at(context: Flask) -> None:
    assert codes(found(context, pkce=False)) == [(Level.WARNING, Code.WITHOUT_PKCE)]
    assert codes(found(context, resource_server=True)) == [(Level.WARNING, Code.NO_RESOURCES)]


def api(name: str, *uris: str) -> str:
    """Register an API; returns its client_id."""
    wanted = Wanted(GOOD | {"resource_uris": list(uris)}, resource_server=True)
    management.create(wanted, OPERATOR, client_id=name)
    return name


def test_apis_that_are_gone_are_told(context: Flask) -> None:
    api("deleted", "urn:a"), api("disabled", "urn:b"), api("there", "urn:c")
    wanted = Wanted(GOOD, {"allowed_resources": ["urn:a", "urn:b", "urn:c"]})
    made, _ = management.create(wanted, OPERATOR)
    assert checking.check(made.client_id, OPERATOR) == []

    management.delete("deleted", OPERATOR, "Testi")
    management.disable("disabled", OPERATOR, "Testi")

    told = checking.check(made.client_id, OPERATOR)
    assert told == [Finding(Level.ERROR, Code.API_GONE, uri) for uri in ("urn:a", "urn:b")]


def test_an_address_of_two_apis_is_told_at_both(context: Flask) -> None:
    management.disable(api("one", "urn:a", "urn:b"), OPERATOR, "Testi")
    api("other", "urn:b")
    management.enable("one", OPERATOR, "Testi")

    assert checking.check("one", OPERATOR) == [Finding(Level.WARNING, Code.SHARED_RESOURCE, "urn:b: other")]
    assert checking.check("other", OPERATOR) == [Finding(Level.WARNING, Code.SHARED_RESOURCE, "urn:b: one")]


@pytest.mark.parametrize(
    ("options", "more", "lacks"),
    [
        ({}, {}, True),
        ({"allowed_resources": ["urn:a"]}, {}, False),
        ({}, {"scope": "admin:audit"}, False),
        ({}, {"resource_uris": ["urn:own"]}, False),
    ],
)
def test_a_program_whose_tokens_no_api_accepts_is_told(
    context: Flask, options: dict[str, Any], more: dict[str, Any], lacks: bool
) -> None:
    api("there", "urn:a")
    program = {"client_name": "Ajo", "grant_types": ["client_credentials"], "scope": "invoices:read", **more}
    made, _ = management.create(Wanted(program, options, resource_server="resource_uris" in more), OPERATOR)

    told = checking.check(made.client_id, OPERATOR)

    assert told == ([Finding(Level.WARNING, Code.NO_API)] if lacks else [])


def test_strong_identification_without_a_broker_is_told(context: Flask) -> None:
    """The broker was switched off after the client was registered."""
    made, _ = management.create(Wanted(GOOD), OPERATOR)
    with writing() as session:
        app = session.get_one(ClientApp, made.client_id)
        app.options = {"registration_assurance": "strong"}

    assert codes(checking.check(made.client_id, OPERATOR)) == [(Level.ERROR, Code.NO_BROKER)]


def test_a_disabled_client_and_a_second_secret_are_told(context: Flask) -> None:
    made, _ = management.create(Wanted(GOOD), OPERATOR)
    management.rotate_secret(made.client_id, OPERATOR)
    management.disable(made.client_id, OPERATOR, "Testi")

    told = codes(checking.check(made.client_id, OPERATOR))
    assert told == [(Level.ERROR, Code.DISABLED), (Level.HINT, Code.TWO_SECRETS)]


def test_a_program_without_logins_needs_no_openid(context: Flask) -> None:
    machine = {"grant_types": ["client_credentials"], "scope": "invoices:read", "redirect_uris": None}
    assert Code.NO_OPENID not in [
        finding.code for finding in found(context, frontchannel_logout_uri=None, **machine)
    ]


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({"refresh_idle_days": 91}, ["refresh_idle_days: 91 > 90"]),
        ({"refresh_idle_days": 90}, []),
        ({"session_max_age_seconds": 2_592_001}, ["session_max_age_seconds: 2592001 > 2592000"]),
        ({"session_max_age_seconds": 2_592_000}, []),
        ({"refresh_idle_days": 91, "refresh_absolute_days": 100}, []),
        ({"refresh_absolute_days": 7}, []),
    ],
)
def test_lifetimes_that_another_limit_cuts_are_told(
    context: Flask, options: dict[str, int], about: list[str]
) -> None:
    made, _ = management.create(Wanted(GOOD, options), OPERATOR)

    told = checking.check(made.client_id, OPERATOR)

    assert told == [Finding(Level.WARNING, Code.LIFETIME_CUT, each) for each in about]


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": ["https://asiointi.example.fi/callback", "https://asiointi.invalid/cb"]},
        {"client_uri": "https://asiointi.invalid/cb"},
        {"client_uri#sv": "https://asiointi.invalid/cb"},
        {"initiate_login_uri": "https://asiointi.invalid/cb"},
        {"policy_uri": "https://asiointi.invalid/cb"},
        {"post_logout_redirect_uris": ["https://asiointi.invalid/cb"]},
        {"request_uris": ["https://asiointi.invalid/cb"]},
    ],
)
def test_hosts_that_nobody_knows_are_told(context: Flask, metadata: dict[str, Any]) -> None:
    told = found(context, **metadata)
    assert told == [Finding(Level.WARNING, Code.HOST_UNKNOWN, "https://asiointi.invalid/cb")]


def test_each_host_is_looked_up_once_and_not_endlessly_many(context: Flask) -> None:
    asked = []

    def note(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        asked.append(host)
        return look_up("127.0.0.1", port)

    context.extensions["outbound"] = Outbound(context.extensions["settings"], note)
    uris = [f"https://a{number}.example.fi/{path}" for number in range(50) for path in "xy"]

    found(context, redirect_uris=["https://asiointi.example.fi/callback", "com.example.app:/cb", *uris],
          application_type="native")  # fmt: skip

    assert len(asked) == len(set(asked)) == MAX_NAMES


def test_hosts_that_do_not_answer_are_told(context: Flask) -> None:
    told = found(
        context,
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri="https://keys.invalid/jwks",
        backchannel_logout_uri="https://logout.invalid/",
    )
    assert codes(told) == [(Level.ERROR, Code.KEYS_UNREACHABLE), (Level.ERROR, Code.LOGOUT_UNREACHABLE)]
    assert told[0].about.startswith("https://keys.invalid/jwks: ")


@pytest.mark.parametrize(
    ("status", "document", "code"),
    [
        (404, {}, Code.KEYS_UNUSABLE),
        (200, {"keys": []}, Code.KEYS_UNUSABLE),
        (
            200,
            {"keys": [ECKey.generate_key("P-256", {"use": "enc"}).as_dict(private=False)]},
            Code.NO_SIGNING_KEY,
        ),
    ],
)
def test_keys_that_are_of_no_use_are_told(
    context: Flask, status: int, document: dict[str, Any], code: Code
) -> None:
    with local_server() as server:
        server.answer = lambda handler: handler.say(status, json.dumps(document).encode(), "application/json")
        told = found(
            context,
            token_endpoint_auth_method="private_key_jwt",
            jwks_uri=server.url(path="/jwks"),
        )
    assert codes(told) == [(Level.ERROR, code)]


def test_keys_to_which_nothing_can_be_encrypted_are_told(context: Flask) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig"}).as_dict(private=False)
    told = found(context, jwks={"keys": [key]}, id_token_encrypted_response_alg="ECDH-ES")
    assert told == [Finding(Level.ERROR, Code.NO_ENCRYPTION_KEY, "ECDH-ES")]


@pytest.mark.parametrize("status", [200, 400, 404, 405, 302])
def test_somebody_who_refuses_a_logout_that_is_none_is_there(context: Flask, status: int) -> None:
    with local_server() as server:
        server.answer = lambda handler: handler.say(status, b"", "text/plain")
        assert found(context, backchannel_logout_uri=server.url(path="/logout")) == []


def test_a_client_of_nobody_and_a_person_without_the_role_get_nothing(context: Flask) -> None:
    with pytest.raises(NoSuchClient):
        checking.check("nobody", OPERATOR)
    made, _ = management.create(Wanted(GOOD), OPERATOR)
    with pytest.raises(NotAllowed):
        checking.check(made.client_id, Actor("x", frozenset({Role.SUPPORT})))

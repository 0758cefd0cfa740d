"""Dynamic client registration (RFC 7591, OpenID Connect Registration 1.0) and its management (RFC 7592)."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey
from werkzeug.test import TestResponse

from idp import audit, clock, housekeeping, versions
from idp.accounts.roles import OPERATOR
from idp.audit import AuditEvent, Event
from idp.clients import dynamic, managed, management
from idp.clients.managed import ManagedClient
from idp.clients.management import Wanted, WrongState
from idp.clients.models import ClientApp, InitialAccessToken
from idp.database import db, writing
from idp.grants import consents
from idp.grants.models import Consent, Grant, RefreshToken
from idp.settings import project_folder
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import LocalServer, local_server
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person
from tests.support.ports import LOOPBACK

REGISTER = "/oauth2/register"
CALLBACK = "https://rp.example.fi/callback"
NEW_HOST, NEW_PATH = "https://new.example.fi/callback", "https://rp.example.fi/new"
GOOD: dict[str, Any] = {"client_name": "Verkkokauppa", "redirect_uris": [CALLBACK]}
OPEN = {"dynamic_registration": "open"}


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """A test site where everybody may register."""
    return make_app(clients=OPEN, outbound={"allowed_hosts": [LOOPBACK]})


def register(browser: FlaskClient, token: str | None = None, **metadata: Any) -> TestResponse:
    """Ask for a client; a member that is None is left out."""
    content = {name: value for name, value in (GOOD | metadata).items() if value is not None}
    return browser.post(REGISTER, json=content, headers=steps.bearer(token) if token else {})


def registered(browser: FlaskClient, **metadata: Any) -> dict[str, Any]:
    answer = register(browser, **metadata)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def path_of(client: dict[str, Any]) -> str:
    return str(client["registration_client_uri"]).removeprefix(steps.ISSUER)


def key_of(client: dict[str, Any]) -> dict[str, str]:
    return steps.bearer(client["registration_access_token"])


def as_app(client: dict[str, Any]) -> App:
    return App(client["client_id"], client.get("client_secret"), client["redirect_uris"][0])


def put(browser: FlaskClient, client: dict[str, Any], **metadata: Any) -> TestResponse:
    """Put new metadata in the place of all that was registered."""
    content = {"client_id": client["client_id"], **GOOD, **metadata}
    content = {name: value for name, value in content.items() if value is not None}
    return browser.put(path_of(client), json=content, headers=key_of(client))


def clients_stored(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(ClientApp)) or 0


# -- who may register (RFC 7591 section 3)


def new_token(app: Flask, note: str = "Test", **lifetime: float) -> str:
    with app.app_context(), writing() as session:
        return dynamic.new_initial_token(session, note, timedelta(**(lifetime or {"days": 1})))


@pytest.fixture
def guarded(make_app: AppFactory) -> Flask:
    """A provider where a token is needed to register."""
    return make_app(clients={"dynamic_registration": "token"})


def test_registration_is_off_unless_an_operator_switches_it_on(make_app: AppFactory) -> None:
    app = make_app()
    browser = app.test_client()

    assert register(browser).status_code == 404
    assert register(browser, new_token(app)).status_code == 404
    for method in ("GET", "PUT", "DELETE"):
        assert browser.open(f"{REGISTER}/x", method=method).status_code == 404
    assert clients_stored(app) == 0


@pytest.mark.parametrize(("setting", "listed"), [("off", False), ("token", True), ("open", True)])
def test_discovery_names_the_endpoint_where_it_is_on(
    make_app: AppFactory, setting: str, listed: bool
) -> None:
    browser = make_app(clients={"dynamic_registration": setting}).test_client()

    metadata = browser.get("/.well-known/openid-configuration").get_json()

    assert metadata.get("registration_endpoint") == (f"{steps.ISSUER}{REGISTER}" if listed else None)


def test_an_initial_access_token_registers_any_number_of_clients(guarded: Flask) -> None:
    token = new_token(guarded)

    answers = [register(guarded.test_client(), token) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].get_json()["client_id"] != answers[1].get_json()["client_id"]


def assert_not_let_in(answer: TestResponse) -> None:
    assert steps.refusal(answer) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_good_token_nothing_is_registered(
    guarded: Flask, moving_clock: MovableClock, subtests: pytest.Subtests
) -> None:
    browser = guarded.test_client()
    good, old = new_token(guarded, days=30), new_token(guarded, hours=1)
    moving_clock.move(hours=1)
    for name, headers in {
        "none": {},
        "empty": {"Authorization": "Bearer "},
        "another scheme": {"Authorization": f"Basic {good}"},
        "no scheme": {"Authorization": good},
        "unknown": steps.bearer("x" * 43),
        "half": steps.bearer(good[:20]),
        "expired": steps.bearer(old),
        "odd": {"Authorization": "Bearer ä\udcff"},
    }.items():
        with subtests.test(name):
            assert_not_let_in(browser.post(REGISTER, json=GOOD, headers=headers))
    assert_not_let_in(browser.post(f"{REGISTER}?access_token={good}", json=GOOD))
    assert clients_stored(guarded) == 0
    assert register(browser, good).status_code == 201


def test_who_has_no_token_does_not_learn_what_is_wrong_with_the_metadata(guarded: Flask) -> None:
    assert_not_let_in(guarded.test_client().post(REGISTER, data="nonsense"))


def test_a_registration_access_token_registers_no_further_client(guarded: Flask) -> None:
    browser = guarded.test_client()
    first = register(browser, new_token(guarded)).get_json()

    assert_not_let_in(register(browser, first["registration_access_token"]))


def test_a_withdrawn_token_is_no_longer_good(guarded: Flask) -> None:
    kept, withdrawn = new_token(guarded, "kept"), new_token(guarded, "lost")
    with guarded.app_context(), writing() as session:
        assert dynamic.withdraw_initial_tokens(session, "lost") == 1
        assert dynamic.withdraw_initial_tokens(session, "never made") == 0
    with guarded.app_context():
        told = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.event, event.actor, event.note) for event in told] == [
        ("registration_token.made", "operator", "kept"),
        ("registration_token.made", "operator", "lost"),
        ("registration_token.withdrawn", "operator", "lost"),
    ]
    assert kept not in str([event.changes for event in told])

    assert_not_let_in(register(guarded.test_client(), withdrawn))
    assert register(guarded.test_client(), kept).status_code == 201


def test_expired_tokens_are_purged(guarded: Flask, moving_clock: MovableClock) -> None:
    new_token(guarded, hours=1)
    moving_clock.move(hours=2)
    with guarded.app_context():
        housekeeping.purge()
        assert db.session.scalars(sa.select(InitialAccessToken)).all() == []


def test_refused_registrations_of_one_address_are_limited_and_then_nothing_is_registered(
    make_app: AppFactory,
) -> None:
    app = make_app(clients=OPEN, limits={"client_registration_per_address": "3/hour"})
    browser = app.test_client()

    assert [register(browser).status_code for _ in range(5)] == [201] * 5
    assert [register(browser, redirect_uris=["x"]).status_code for _ in range(3)] == [400] * 3
    refused = register(browser)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert clients_stored(app) == 5


def test_without_a_token_the_clients_that_one_address_registers_are_limited_too(make_app: AppFactory) -> None:
    app = make_app(clients=OPEN, limits={"registered_clients_per_address": "3/hour"})
    browser = app.test_client()

    answers = [register(browser).status_code for _ in range(4)]

    assert answers == [201, 201, 201, 429]
    assert clients_stored(app) == 3


def test_the_holder_of_a_token_registers_as_many_as_they_like(make_app: AppFactory) -> None:
    few = {"registered_clients_per_address": "1/hour", "client_registration_per_address": "1/hour"}
    app = make_app(clients={"dynamic_registration": "token"}, limits=few)
    token, browser = new_token(app), app.test_client()

    assert [register(browser, token).status_code for _ in range(4)] == [201] * 4
    assert register(browser, "wrong").status_code == 401
    assert register(browser, "wrong").status_code == 429


# -- clients that nobody uses


def test_a_client_that_registered_itself_and_that_nobody_has_used_is_deleted_in_the_end(
    make_app: AppFactory, moving_clock: MovableClock, people: People, person: Person
) -> None:
    app = make_app(clients={**OPEN, "unused_registered_days": 30})
    browser = app.test_client()
    unused, allowed, changed = (registered(browser) for _ in range(3))
    people.client("operators")
    with app.app_context():
        consents.give(person.id, allowed["client_id"], "openid", clock.now())

    moving_clock.move(days=29)
    assert put(browser, changed, client_name="Changed").status_code == 200
    purged_at_first = purged_clients(app)
    moving_clock.move(days=2)
    purged = purged_clients(app)

    assert (purged_at_first, purged) == (0, 1)
    with app.app_context():
        left = set(db.session.scalars(sa.select(ClientApp.client_id)))
        told = db.session.scalars(sa.select(AuditEvent).filter_by(event="client.removed")).one()
    assert left == {"operators", allowed["client_id"], changed["client_id"]}
    assert (told.client_id, told.reason) == (unused["client_id"], "unused")
    assert browser.get(path_of(unused), headers=key_of(unused)).status_code == 401


def test_clients_of_which_the_audit_log_tells_lately_stay(
    make_app: AppFactory, moving_clock: MovableClock, person: Person
) -> None:
    app = make_app(clients={**OPEN, "unused_registered_days": 30})
    client_id = registered(app.test_client())["client_id"]
    moving_clock.move(days=10)
    with app.app_context(), writing() as session:
        audit.record(session, Event.LOGGED_IN, at=clock.now(), account_id=person.id, client_id=client_id)

    moving_clock.move(days=29)
    assert purged_clients(app) == 0
    moving_clock.move(days=2)
    assert purged_clients(app) == 1


def test_unused_clients_may_stay_for_good(make_app: AppFactory, moving_clock: MovableClock) -> None:
    app = make_app(clients={**OPEN, "unused_registered_days": 0})
    registered(app.test_client())
    moving_clock.move(days=1000)

    assert purged_clients(app) == 0
    assert clients_stored(app) == 1


def purged_clients(app: Flask) -> int:
    with app.app_context():
        return housekeeping.purge().get("clients", 0)


def test_scripts_of_other_origins_are_not_let_in(client: FlaskClient) -> None:
    answer = client.post(REGISTER, json=GOOD, headers={"Origin": "https://evil.example"})
    preflight = client.options(REGISTER, headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in preflight.headers


# -- the answer (RFC 7591 3.2.1)


def test_the_answer_is_201_with_defaults_filled_in(client: FlaskClient, moving_clock: MovableClock) -> None:
    answer = register(client)

    assert answer.status_code == 201
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.get_json()
    assert len(found.pop("client_secret")) >= 32
    assert len(found.pop("registration_access_token")) >= 32
    client_id = found.pop("client_id")
    assert found == {
        **GOOD,
        "application_type": "web",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid profile email address phone",
        "token_endpoint_auth_method": "client_secret_basic",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": False,
        "client_id_issued_at": int(moving_clock().timestamp()),
        "client_secret_expires_at": 0,
        "registration_client_uri": f"{steps.ISSUER}{REGISTER}/{client_id}",
    }


def test_everything_that_is_registered_is_echoed(client: FlaskClient) -> None:
    wanted = {
        "client_name#sv": "Nätbutiken",
        "logo_uri": "https://images.example/logo.svg",
        "policy_uri#en": "https://rp.example.fi/privacy",
        "tos_uri": "https://elsewhere.example/terms",
        "contacts": ["tuki@rp.example.fi"],
        "application_type": "web",
        "redirect_uris": [CALLBACK, "https://rp.example.fi/second?tenant=1"],
        "post_logout_redirect_uris": ["https://rp.example.fi/bye"],
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
        "response_types": ["code", "id_token", "code id_token token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": steps.public_jwks(ECKey.generate_key("P-256")),
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "id_token_encrypted_response_alg": "ECDH-ES",
        "request_object_signing_alg": "PS256",
        "request_uris": ["https://rp.example.fi/request.jwt#1"],
        "initiate_login_uri": "https://rp.example.fi/login",
        "backchannel_logout_uri": "https://rp.example.fi/backchannel",
        "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": "https://rp.example.fi/frontchannel",
        "default_max_age": 3600,
        "require_auth_time": True,
        "default_acr_values": ["urn:example"],
        "require_pushed_authorization_requests": False,
        "software_id": "x",
        "software_version": "1",
    }

    found = registered(client, **wanted)

    assert {name: found[name] for name in wanted} == wanted
    assert found["id_token_encrypted_response_enc"] == "A128CBC-HS256"
    assert found["scope"].split()[-1] == "offline_access"  # since it may have refresh tokens


@pytest.mark.parametrize(
    ("method", "has_secret"),
    [
        ("client_secret_basic", True),
        ("client_secret_post", True),
        ("client_secret_jwt", True),
        ("private_key_jwt", False),
        ("none", False),
    ],
)
def test_only_who_needs_a_secret_gets_one(client: FlaskClient, method: str, has_secret: bool) -> None:
    jwks = steps.public_jwks(ECKey.generate_key("P-256"))

    found = registered(client, token_endpoint_auth_method=method, jwks=jwks)

    assert ("client_secret" in found) is has_secret
    assert ("client_secret_expires_at" in found) is has_secret


def test_unknown_members_are_ignored(client: FlaskClient) -> None:
    found = registered(
        client,
        favourite_colour="blue",
        software_statement="x.y.z",
        request_object_encryption_alg="RSA-OAEP",
        tls_client_certificate_bound_access_tokens=True,
        **{"redirect_uris#fi": ["x"], "client_name#sv": "Nätbutiken"},
        **{"client_name#": "x", "client_name#../../x": "x", "logo_uri#sv_FI": "https://rp.example.fi/"},
    )

    assert "favourite_colour" not in found
    assert found["client_name#sv"] == "Nätbutiken"
    assert found.keys().isdisjoint(
        {"software_statement", "redirect_uris#fi", "request_object_encryption_alg"}
        | {"client_name#", "client_name#../../x", "logo_uri#sv_FI"}
    )


def test_what_the_provider_says_itself_cannot_be_chosen(client: FlaskClient) -> None:
    found = registered(
        client,
        client_id="asiointi",
        client_secret="secret",
        registration_access_token="token",
        client_id_issued_at=1,
        client_secret_expires_at=5,
        first_party=True,
        resource_server=True,
        resource_uris=["https://api.example.fi/"],
        pkce_required=False,
    )

    assert found["client_id"] != "asiointi"
    assert "secret" not in {found["client_secret"], found["registration_access_token"]}
    assert found["client_secret_expires_at"] == 0
    assert found.keys().isdisjoint({"first_party", "resource_server", "resource_uris", "pkce_required"})


def test_members_without_a_value_count_as_left_out(client: FlaskClient) -> None:
    answer = client.post(REGISTER, json=GOOD | {"logo_uri": None, "contacts": [], "jwks_uri": ""})

    assert answer.status_code == 201
    assert answer.get_json().keys().isdisjoint({"logo_uri", "contacts", "jwks_uri"})


def test_a_client_without_a_name_is_called_by_its_host(client: FlaskClient) -> None:
    assert registered(client, client_name=None)["client_name"] == "rp.example.fi"


@pytest.mark.parametrize(
    ("wanted", "granted"),
    [("openid email", "openid email"), ("openid invoices email", "openid email"), ("openid a:b", "openid")],
)
def test_scopes_that_nobody_can_have_are_left_out(client: FlaskClient, wanted: str, granted: str) -> None:
    assert registered(client, scope=wanted)["scope"] == granted


def test_a_client_of_the_device_grant_alone_has_no_response_types(client: FlaskClient) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"

    found = registered(client, redirect_uris=None, grant_types=[device])

    assert found["response_types"] == []


def test_nothing_secret_is_stored(app: Flask, client: FlaskClient) -> None:
    plain = registered(client)
    jwt = registered(client, token_endpoint_auth_method="client_secret_jwt")
    stored = steps.everything_stored(app)

    for found in (plain, jwt):
        assert found["client_secret"] not in stored
        assert found["registration_access_token"] not in stored


def test_an_initial_access_token_is_stored_hashed(app: Flask) -> None:
    assert new_token(app) not in steps.everything_stored(app)


# -- what is refused (RFC 7591 3.2.2)


UNSAFE_REDIRECTS: list[Any] = [
    None,
    [],
    [f"{CALLBACK}#fragment"],
    [CALLBACK, "http://rp.example.fi:80:80/"],
    ["javascript:alert(1)"],
    ["data:text/html,x"],
    ["rp.example.fi"],
    ["https://user:word@rp.example.fi/"],
    ["https://*.example.fi/"],
    ["fi.example.rp:/callback"],
]


@pytest.mark.parametrize("uris", UNSAFE_REDIRECTS)
def test_an_unsafe_redirect_uri_is_refused(app: Flask, client: FlaskClient, uris: Any) -> None:
    answer = register(client, redirect_uris=uris)

    assert steps.refusal(answer) == (400, "invalid_redirect_uri")
    assert answer.headers["Cache-Control"] == "no-store"
    assert clients_stored(app) == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {"client_name": 5},
        {"redirect_uris": CALLBACK},
        {"redirect_uris": [5]},
        {"scope": ["openid"]},
        {"application_type": "browser"},
        {"response_types": ["token"]},
        {"response_types": ["id_token"]},
        {"response_types": ["code id_token"]},
        {"grant_types": ["implicit"]},
        {"grant_types": ["password"]},
        {"grant_types": "authorization_code"},
        {"grant_types": ["authorization_code", "client_credentials"]},
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "none"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}},
        {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}},
        {"jwks": {"keys": [{"kty": "oct"}]}, "jwks_uri": "https://rp.example.fi/jwks"},
        {"jwks_uri": "ftp://rp.example.fi/jwks"},
        {"initiate_login_uri": "javascript:alert(1)"},
        {"logo_uri": "javascript:alert(1)"},
        {"client_uri#sv": "javascript:alert(1)"},
        {"policy_uri": "data:text/html,x"},
        {"contacts": [{}]},
        {"default_max_age": -1},
        {"require_auth_time": "true"},
        {"subject_type": "secret"},
        {"subject_type": "pairwise", "redirect_uris": [CALLBACK, "https://other.example.fi/"]},
        {"client_name": "NUL \x00"},
        {"client_name": "half \ud800"},
        {"client_name": "x" * 65_000},
    ],
)
def test_metadata_that_cannot_be_is_refused(
    app: Flask, client: FlaskClient, metadata: dict[str, Any]
) -> None:
    answer = register(client, **metadata)

    assert steps.refusal(answer) == (400, "invalid_client_metadata")
    assert answer.get_json()["error_description"]
    assert clients_stored(app) == 0


def own_statements(folder: Path) -> None:
    """The texts without which production does not start."""
    (folder / "terms").mkdir()
    for original in (project_folder("config") / "terms").glob("*.md"):
        text = original.read_text(encoding="utf-8").replace("placeholder: true\n", "")
        (folder / "terms" / original.name).write_text(text, encoding="utf-8")


@pytest.fixture
def production(make_app: AppFactory, tmp_path: Path) -> Flask:
    """A provider as it runs for residents: no address is plain http."""
    own_statements(tmp_path)
    return make_app(
        mode="production",
        issuer="https://tunnus.example.fi",
        clients={"dynamic_registration": "token"},
        mail={"host": "smtp.example.fi"},
        passwords={"bcrypt_cost": 10},
        folders={"data": tmp_path, "overrides": str(tmp_path)},
    )


def test_in_production_addresses_are_https(production: Flask) -> None:
    token, browser = new_token(production), production.test_client()

    assert register(browser, token).status_code == 201
    for member in ("initiate_login_uri", "jwks_uri", "sector_identifier_uri", "backchannel_logout_uri"):
        answer = register(browser, token, **{member: "http://rp.example.fi/x"})
        assert steps.refusal(answer) == (400, "invalid_client_metadata"), member


IMPLICIT = {"grant_types": ["implicit"], "response_types": ["id_token"]}
HYBRID = {"grant_types": ["authorization_code", "implicit"], "response_types": ["code id_token"]}
NATIVE = {"application_type": "native"}


def test_in_production_redirect_uris_are_safe(production: Flask, subtests: pytest.Subtests) -> None:
    token, browser = new_token(production), production.test_client()
    refused: list[dict[str, Any]] = [
        *({"redirect_uris": uris} for uris in UNSAFE_REDIRECTS),
        {"redirect_uris": ["http://rp.example.fi/"]},
        {"redirect_uris": [CALLBACK, "http://rp.example.fi/"]},
        {"redirect_uris": ["http://localhost/callback"]},
        {"redirect_uris": ["http://127.0.0.1:8401/callback"]},
        {"post_logout_redirect_uris": ["http://rp.example.fi/"]},
        {"redirect_uris": ["http://rp.example.fi/"], **NATIVE},
        {"redirect_uris": ["http://127.0.0.1.example.fi/"], **NATIVE},
        {"redirect_uris": ["fi.example.app://rp.example.fi/callback"], **NATIVE},
        *(
            {"redirect_uris": [CALLBACK, f"{scheme}://{host}/callback"], **flow}
            for flow in (IMPLICIT, HYBRID)
            for scheme in ("https", "http")
            for host in ("localhost", "127.0.0.1", "[::1]:8443")
        ),
        {"redirect_uris": ["http://rp.example.fi/"], **IMPLICIT},
    ]
    good: list[dict[str, Any]] = [
        {"redirect_uris": [CALLBACK], **IMPLICIT},
        {"redirect_uris": [CALLBACK], **HYBRID},
        {"redirect_uris": ["https://localhost/callback"]},
        {
            "redirect_uris": ["http://127.0.0.1/callback", "http://[::1]/", "fi.example.app:/callback"],
            **NATIVE,
        },
    ]
    for members in refused:
        with subtests.test(str(members)):
            assert steps.refusal(register(browser, token, **members)) == (400, "invalid_redirect_uri")
    for members in good:
        with subtests.test(str(members)):
            assert register(browser, token, **members).status_code == 201


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", "application/json"),
        (b"nonsense", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"x"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 60_000, "application/json"),
        (b'{"a":' * 10_000, "application/json"),
        (b'{"default_max_age": NaN}', "application/json"),
        (b'{"default_max_age": %s}' % (b"9" * 5000), "application/json"),
        (
            b'{"redirect_uris": ["https://a.example/"], "redirect_uris": ["https://b.example/"]}',
            "application/json",
        ),
        (b'{"redirect_uris": ["https://a.example/"], "jwks": {"keys": [], "keys": []}}', "application/json"),
        (json.dumps(GOOD).encode(), "text/plain"),
        (json.dumps(GOOD).encode(), ""),
        (b"redirect_uris=https://a.example/", "application/x-www-form-urlencoded"),
    ],
)
def test_the_body_is_one_json_object_that_says_everything_once(
    app: Flask, client: FlaskClient, body: bytes, media_type: str
) -> None:
    answer = client.post(REGISTER, data=body, content_type=media_type)

    assert steps.refusal(answer) == (400, "invalid_client_metadata")
    assert clients_stored(app) == 0


def test_metadata_nests_only_as_deep_as_anything_that_means_something(
    app: Flask, client: FlaskClient
) -> None:
    """The jwks is stored as it came: what one reader takes must be no fault in the next one."""
    key = ECKey.generate_key("P-256").as_dict(private=False)
    for depth in (100, 800, 900, 930, *range(940, 1_000, 2), 3_000):
        body = json.dumps(GOOD | {"jwks": {"keys": [key | {"x": 0}]}})
        body = body.replace('"x": 0', f'"x": "{key["x"]}", "further": {"[" * depth}{"]" * depth}')
        answer = client.post(REGISTER, data=body, content_type="application/json")
        assert steps.refusal(answer) == (400, "invalid_client_metadata"), depth
    assert clients_stored(app) == 0


def test_a_very_large_body_is_not_read(client: FlaskClient) -> None:
    answer = client.post(
        REGISTER, data=b" " * 70_000 + json.dumps(GOOD).encode(), content_type="application/json"
    )

    assert answer.status_code == 413
    assert answer.is_json


# -- what such a client is


def test_people_are_asked_what_it_may_have(client: FlaskClient, person: Person) -> None:
    service = as_app(registered(client))

    asked = journey.log_in(client, person, client.get(journey.authorize_url(service)).location)

    assert journey.page_name(journey.follow_to_client(client, asked)) == "consent"


def allowed(browser: FlaskClient, person: Person, service: App, **parameters: Any) -> dict[str, Any]:
    """Log in, consent, redeem: the tokens."""
    begun = browser.get(journey.authorize_url(service, **parameters))
    asked = journey.log_in(browser, person, begun.location)
    while not asked.location.startswith("/consent"):
        asked = browser.get(asked.location)
    given = journey.submit(browser, asked.location, decision="allow")
    code = journey.answer_of(journey.follow_to_client(browser, given))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": service.redirect_uri}
    if parameters.get("code_challenge", "") is not None:
        data["code_verifier"] = journey.VERIFIER
    tokens: dict[str, Any] = journey.token_request(browser, service, data).get_json()
    return tokens


def test_a_confidential_one_need_not_do_pkce(client: FlaskClient, person: Person) -> None:
    service = as_app(registered(client))

    tokens = allowed(client, person, service, code_challenge=None, code_challenge_method=None)

    assert journey.claims_of(tokens["id_token"])["nonce"] == "nonce-1"


def test_a_public_one_must_do_pkce(client: FlaskClient) -> None:
    service = as_app(registered(client, token_endpoint_auth_method="none"))

    refused = steps.ask(client, service, code_challenge=None, code_challenge_method=None)

    assert steps.error_of(refused, service) == "invalid_request"


def test_it_sees_no_tokens_but_its_own(client: FlaskClient, people: People, person: Person) -> None:
    tokens = journey.tokens_for(client, people.client(), person)

    assert steps.introspected(client, as_app(registered(client)), tokens["access_token"]) == {"active": False}


def test_registering_is_noted(app: Flask, client: FlaskClient) -> None:
    found = registered(client)
    put(client, found, client_name="Kauppa")
    client.delete(path_of(found), headers=key_of(found))

    with app.app_context():
        query = sa.select(AuditEvent).where(AuditEvent.client_id == found["client_id"])
        made, changed, removed = db.session.scalars(query.order_by(AuditEvent.id))
    names = [event.event for event in (made, changed, removed)]
    assert names == ["client.registered", "client.changed", "client.removed"]
    assert (made.changes or {})["client_name"] == [None, found["client_name"]]
    assert changed.changes == {"client_name": [found["client_name"], "Kauppa"]}
    assert (removed.changes or {})["client_name"] == ["Kauppa", None]


# -- reading it (RFC 7592 2.1)


def test_reading_gives_all_that_is_registered_but_the_secret(client: FlaskClient) -> None:
    found = registered(client, **{"client_name#sv": "Nätbutiken"})

    answer = client.get(path_of(found), headers=key_of(found))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {name: value for name, value in found.items() if name != "client_secret"}


def test_with_another_token_a_client_is_as_good_as_unknown(
    app: Flask, client: FlaskClient, people: People, subtests: pytest.Subtests
) -> None:
    first, second = registered(client), registered(client)
    service = people.client()
    token = first["registration_access_token"]
    for name, path, headers in (
        ("another's token", path_of(second), key_of(first)),
        ("no token", path_of(first), {}),
        ("empty token", path_of(first), {"Authorization": "Bearer "}),
        ("the secret", path_of(first), steps.bearer(first["client_secret"])),
        ("an initial access token", path_of(first), steps.bearer(new_token(app))),
        ("unknown client", f"{REGISTER}/unknown", key_of(first)),
        ("an operator's client", f"{REGISTER}/{service.client_id}", key_of(first)),
        ("an operator's client by its secret", f"{REGISTER}/asiointi", steps.bearer(service.secret or "")),
        ("NUL", f"{REGISTER}/%00", key_of(first)),
        ("very long", f"{REGISTER}/{'x' * 1000}", key_of(first)),
    ):
        for method in ("GET", "PUT", "DELETE"):
            with subtests.test(f"{name}, {method}"):
                assert_not_let_in(client.open(path, method=method, headers=headers, json=GOOD))
    assert client.get(f"{path_of(first)}?access_token={token}").status_code == 401
    assert client.get(path_of(second), headers=key_of(second)).status_code == 200


def test_a_disabled_client_does_not_manage_itself(app: Flask, client: FlaskClient) -> None:
    found = registered(client)
    steps.disable_client(app, as_app(found))

    assert_not_let_in(client.get(path_of(found), headers=key_of(found)))
    assert_not_let_in(put(client, found))


# -- changing it (RFC 7592 2.2)


def test_changing_replaces_everything(app: Flask, client: FlaskClient) -> None:
    found = registered(client, logo_uri="https://rp.example.fi/logo.svg", contacts=["tuki@rp.example.fi"])

    answer = put(client, found, client_name="Kauppa", redirect_uris=["https://rp.example.fi/new"])

    assert answer.status_code == 200
    changed = answer.get_json()
    assert changed["client_name"] == "Kauppa"
    assert changed["redirect_uris"] == ["https://rp.example.fi/new"]
    assert changed.keys().isdisjoint({"logo_uri", "contacts", "client_secret"})
    assert changed["registration_access_token"] == found["registration_access_token"]
    assert client.get(path_of(found), headers=key_of(found)).get_json() == changed


def test_a_change_holds_at_once(client: FlaskClient) -> None:
    found = registered(client)
    service = as_app(found)
    assert steps.page_of(steps.ask(client, service)) == "/login"

    put(client, found, redirect_uris=["https://rp.example.fi/new"])

    assert journey.page_name(steps.ask(client, service)) == "error"
    assert steps.page_of(steps.ask(client, service, redirect_uri="https://rp.example.fi/new")) == "/login"


def test_the_secret_stays_and_may_be_repeated(client: FlaskClient) -> None:
    found = registered(client)

    assert put(client, found, client_secret=found["client_secret"]).status_code == 200
    assert "client_secret" not in put(client, found).get_json()
    assert client.post("/oauth2/revoke", data={"token": "x"}, auth=as_app(found).basic).status_code == 200


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": None},
        {"client_id": "another"},
        {"client_id": 5},
        {"client_secret": "chosen by the client"},
        {"client_secret": 5},
        {"client_secret": "half \ud800"},
        {"client_id": "half \ud800"},
        {"client_secret": None, "registration_access_token": "x"},
        {"registration_client_uri": "https://evil.example/"},
        {"client_id_issued_at": 1},
        {"client_secret_expires_at": 0},
    ],
)
def test_what_only_the_provider_says_cannot_be_put(client: FlaskClient, members: dict[str, Any]) -> None:
    found = registered(client)

    assert steps.refusal(put(client, found, **members)) == (400, "invalid_request")
    assert client.get(path_of(found), headers=key_of(found)).get_json()["client_name"] == "Verkkokauppa"


def test_changes_are_judged_as_registrations_are(client: FlaskClient) -> None:
    found = registered(client)

    assert steps.refusal(put(client, found, redirect_uris=["javascript:x"])) == (400, "invalid_redirect_uri")
    bad = put(client, found, id_token_signed_response_alg="none")
    assert steps.refusal(bad) == (400, "invalid_client_metadata")
    machine = put(client, found, grant_types=["client_credentials"])
    assert steps.refusal(machine) == (400, "invalid_client_metadata")
    body = json.dumps({"client_id": found["client_id"], **GOOD})[:-1] + ', "client_name": "Pankki"}'
    twice = client.put(path_of(found), data=body, content_type="application/json", headers=key_of(found))
    assert steps.refusal(twice) == (400, "invalid_client_metadata")


# -- what an administrator has decided


def adopted(app: Flask, client: dict[str, Any], **metadata: Any) -> None:
    """An administrator makes it the municipality's own, demands PKCE and sets an option."""
    with app.app_context():
        found = managed.look(client["client_id"], OPERATOR)
        wanted = Wanted({**found.metadata, **metadata}, {"access_token_seconds": 120})
        management.change(found.client_id, wanted, OPERATOR)


def as_managed(app: Flask, client: dict[str, Any]) -> ManagedClient:
    with app.app_context():
        return managed.look(client["client_id"], OPERATOR)


def last_change(app: Flask) -> AuditEvent:
    with app.app_context():
        return db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


def test_what_an_administrator_has_decided_stays(app: Flask, client: FlaskClient) -> None:
    found = registered(client)
    api = ["https://api.example.fi/"]
    adopted(app, found, resource_uris=api)

    answer = put(client, found, policy_uri="https://rp.example.fi/privacy")

    assert answer.status_code == 200
    kept = as_managed(app, found)
    assert (kept.first_party, kept.pkce_required) == (True, True)
    assert kept.options.values() == {"access_token_seconds": 120}
    assert kept.metadata["resource_uris"] == api
    assert last_change(app).changes == {"policy_uri": [None, "https://rp.example.fi/privacy"]}


def test_what_it_read_may_be_put_back(app: Flask, client: FlaskClient) -> None:
    found = registered(client)
    adopted(app, found)
    told = client.get(path_of(found), headers=key_of(found)).get_json()
    of_the_provider = ("registration_access_token", "registration_client_uri", "client_id_issued_at")
    told = {name: value for name, value in told.items() if name not in of_the_provider}

    assert put(client, found, **told | {"client_secret_expires_at": None}).status_code == 200
    assert as_managed(app, found).first_party


@pytest.mark.parametrize(
    "members",
    [
        {"redirect_uris": [NEW_PATH]},
        {"redirect_uris": [CALLBACK, NEW_PATH]},
        {"client_name": "Pankki"},
        {"client_name#sv": "Banken"},
        {"scope": "openid email"},
        {"grant_types": ["authorization_code", "refresh_token"]},
    ],
)
def test_what_makes_itself_another_is_the_municipalitys_own_no_more(
    app: Flask, client: FlaskClient, person: Person, members: dict[str, Any]
) -> None:
    found = registered(client)
    adopted(app, found)

    changed = put(client, found, **members).get_json()

    kept = as_managed(app, found)
    assert (kept.first_party, kept.pkce_required) == (False, True)
    assert (last_change(app).changes or {})["first_party"] == [True, False]
    service = as_app(found | changed)
    asked = journey.log_in(client, person, client.get(journey.authorize_url(service)).location)
    assert journey.page_name(journey.follow_to_client(client, asked)) == "consent"


def test_an_administrator_ends_that_it_changes_itself(app: Flask, client: FlaskClient) -> None:
    found = registered(client)
    with app.app_context():
        management.end_self_registration(found["client_id"], OPERATOR, "Misused")
        with pytest.raises(WrongState):
            management.end_self_registration(found["client_id"], OPERATOR, "Misused")

    assert_not_let_in(client.get(path_of(found), headers=key_of(found)))
    assert_not_let_in(put(client, found, client_name="Pankki"))
    assert_not_let_in(client.delete(path_of(found), headers=key_of(found)))
    event = last_change(app)
    assert (event.event, event.actor, event.note) == (
        "client.self_registration_ended",
        "operator",
        "Misused",
    )
    assert event.changes == {"registered_itself": [True, False]}
    assert steps.page_of(steps.ask(client, as_app(found))) == "/login"


def knocks(browser: FlaskClient, client_id: str, secret: str, method: str) -> int:
    """The status with which a client is answered that authenticates by that method."""
    form: dict[str, Any] = {"token": "x"}
    if method == "client_secret_basic":
        return browser.post("/oauth2/revoke", data=form, auth=(client_id, secret)).status_code
    if method == "client_secret_jwt":
        form |= steps.assertion(OctKey.import_key(secret), client_id, alg="HS256")
    else:
        form |= {"client_id": client_id}
    return browser.post("/oauth2/revoke", data=form).status_code


@pytest.mark.parametrize("before", ["client_secret_basic", "client_secret_jwt", "none"])
@pytest.mark.parametrize("after", ["client_secret_basic", "client_secret_jwt", "none"])
def test_the_secret_follows_the_authentication_method(client: FlaskClient, before: str, after: str) -> None:
    found = registered(client, token_endpoint_auth_method=before)
    old = found.get("client_secret", "")

    changed = put(client, found, token_endpoint_auth_method=after).get_json()

    new = changed.get("client_secret", "")
    assert bool(new) is (after not in {"none", before})
    assert ("client_secret_expires_at" in changed) is (after != "none")
    assert knocks(client, found["client_id"], new or old, after) == 200
    if new:
        assert new != old
        assert knocks(client, found["client_id"], old or "x", before) == 401


def test_a_public_client_that_becomes_confidential_is_not_public_any_more(client: FlaskClient) -> None:
    found = registered(client, token_endpoint_auth_method="none")

    changed = put(client, found, token_endpoint_auth_method="client_secret_basic").get_json()

    assert knocks(client, found["client_id"], "", "none") == 401
    assert knocks(client, found["client_id"], changed["client_secret"], "client_secret_basic") == 200


def test_who_becomes_public_must_do_pkce_from_then_on(client: FlaskClient) -> None:
    found = registered(client)
    without = {"code_challenge": None, "code_challenge_method": None}
    for method, demanded in (("client_secret_post", False), ("none", True), ("client_secret_post", True)):
        put(client, found, token_endpoint_auth_method=method)

        answer = steps.ask(client, as_app(found), **without)

        assert answer.location.startswith("/login") is not demanded, method


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ({"subject_type": "pairwise"}, {"subject_type": "public"}, True),
        ({}, {"subject_type": "pairwise"}, True),
        ({"subject_type": "pairwise"}, {"subject_type": "pairwise", "redirect_uris": [NEW_HOST]}, True),
        ({"subject_type": "pairwise"}, {"subject_type": "pairwise", "redirect_uris": [NEW_PATH]}, False),
        ({}, {"redirect_uris": [NEW_HOST]}, False),
    ],
)
def test_who_changes_the_subjects_of_people_loses_what_it_was_given(
    app: Flask, client: FlaskClient, person: Person, before: Any, after: Any, ends: bool
) -> None:
    common = {"grant_types": ["authorization_code", "refresh_token"], "scope": "openid offline_access"}
    found = registered(client, **common, **before)
    tokens = allowed(client, person, as_app(found), scope="openid offline_access", prompt="consent")

    assert put(client, found, **common, **after).status_code == 200

    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
    refreshed = journey.refresh(client, as_app(found), tokens["refresh_token"])
    with app.app_context():
        consents = db.session.scalars(sa.select(Consent)).all()
    if ends:
        assert userinfo.status_code == 401
        assert steps.refusal(refreshed) == (400, "invalid_grant")
        assert consents == []
    else:
        subjects = (journey.claims_of(each["id_token"])["sub"] for each in (tokens, refreshed.get_json()))
        assert {userinfo.get_json()["sub"], *subjects} == {userinfo.get_json()["sub"]}
        assert len(consents) == 1


# -- deleting it (RFC 7592 2.3)


def test_deleting_is_204_and_ends_everything(app: Flask, client: FlaskClient, person: Person) -> None:
    found = registered(client, grant_types=["authorization_code", "refresh_token"])
    service = as_app(found)
    tokens = allowed(client, person, service, scope="openid offline_access", prompt="consent")
    assert client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).status_code == 200

    answer = client.delete(path_of(found), headers=key_of(found))

    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).status_code == 401
    refused = journey.refresh(client, service, tokens["refresh_token"])
    assert steps.refusal(refused) == (401, "invalid_client")
    assert journey.page_name(steps.ask(client, service)) == "error"
    assert_not_let_in(client.get(path_of(found), headers=key_of(found)))
    assert_not_let_in(client.delete(path_of(found), headers=key_of(found)))
    with app.app_context():
        for model in (RefreshToken, Consent):
            assert db.session.scalars(sa.select(model)).all() == []
        assert all(grant.revoked_at for grant in db.session.scalars(sa.select(Grant)))


def test_deleting_one_client_leaves_what_others_were_given(
    client: FlaskClient, people: People, person: Person
) -> None:
    other = people.client(first_party=False)
    tokens = allowed(client, person, other, scope="openid offline_access", prompt="consent")
    found = registered(client)

    client.delete(path_of(found), headers=key_of(found))

    assert client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).status_code == 200
    assert journey.refresh(client, other, tokens["refresh_token"]).status_code == 200
    assert "code" in steps.silently(client, other, scope="openid offline_access")  # the consent is remembered


def test_other_workers_notice(app: Flask, client: FlaskClient, make_app: AppFactory) -> None:
    second = make_app(clients=OPEN)
    found = registered(client)
    service = as_app(found)
    with second.app_context():
        versions.watcher(second).check()
    assert steps.page_of(steps.ask(second.test_client(), service)) == "/login"

    client.delete(path_of(found), headers=key_of(found))
    with second.app_context():
        versions.watcher(second).check()

    assert journey.page_name(steps.ask(second.test_client(), service)) == "error"


# -- pairwise subjects (OpenID Connect Core 8.1, Registration 5)


@pytest.fixture
def sector() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


Listing = Callable[[Any], str]


@pytest.fixture
def listing(sector: LocalServer) -> Listing:
    """Makes the sector's host list that, and tells its address."""

    def listed(content: Any) -> str:
        sector.answer = lambda handler: handler.say(200, json.dumps(content).encode())
        return sector.url(path="/redirect_uris.json")

    return listed


OTHER = "https://other.example.fi/callback"


def test_the_sector_identifier_must_list_every_redirect_uri(client: FlaskClient, listing: Listing) -> None:
    uri = listing([CALLBACK, OTHER, "https://third.example/"])

    found = registered(
        client, subject_type="pairwise", sector_identifier_uri=uri, redirect_uris=[CALLBACK, OTHER]
    )

    assert found["sector_identifier_uri"] == uri
    assert found["subject_type"] == "pairwise"


@pytest.mark.parametrize(
    "content",
    [
        [],
        [OTHER],
        [CALLBACK + "/"],
        [CALLBACK.upper()],
        ["https://rp.example.fi/*"],
        {CALLBACK: 1},
        CALLBACK,
        None,
        [[CALLBACK]],
    ],
)
@pytest.mark.parametrize("subject_type", ["pairwise", "public"])
def test_a_sector_that_does_not_vouch_for_a_redirect_uri_is_refused(
    client: FlaskClient, listing: Listing, subject_type: str, content: Any
) -> None:
    answer = register(client, subject_type=subject_type, sector_identifier_uri=listing(content))

    assert steps.refusal(answer) == (400, "invalid_client_metadata")
    assert "sector_identifier_uri" in answer.get_json()["error_description"]


def test_a_sector_that_gives_no_good_answer_is_refused(client: FlaskClient, sector: LocalServer) -> None:
    good = json.dumps([CALLBACK]).encode()
    for answer in (
        lambda h: h.say(404, good),
        lambda h: h.say(200, good, "text/html"),
        lambda h: h.say(200, b"nonsense"),
        lambda h: h.say(200, b"[" * 100_000),
        lambda h: h.say(302, good, Location="https://rp.example.fi/"),
    ):
        sector.answer = answer
        refused = register(client, subject_type="pairwise", sector_identifier_uri=sector.url())
        assert steps.refusal(refused) == (400, "invalid_client_metadata")


def test_a_sector_inside_is_not_asked(make_app: AppFactory, sector: LocalServer, listing: Listing) -> None:
    browser = make_app(clients=OPEN).test_client()

    answer = register(browser, sector_identifier_uri=listing([CALLBACK]))

    assert steps.refusal(answer) == (400, "invalid_client_metadata")
    assert sector.asked == []


def test_a_change_is_vouched_for_too(client: FlaskClient, listing: Listing) -> None:
    uri = listing([CALLBACK])
    found = registered(client, sector_identifier_uri=uri)

    assert put(client, found, sector_identifier_uri=uri).status_code == 200
    refused = put(client, found, sector_identifier_uri=uri, redirect_uris=[CALLBACK, OTHER])
    assert steps.refusal(refused) == (400, "invalid_client_metadata")


def test_people_have_another_sub_in_each_sector(
    client: FlaskClient, person: Person, listing: Listing
) -> None:
    uri = listing([CALLBACK, OTHER])
    subs = []
    for metadata in (
        {"subject_type": "pairwise"},
        {"subject_type": "pairwise", "client_name": "Same host"},
        {"subject_type": "pairwise", "redirect_uris": ["https://elsewhere.example.fi/callback"]},
        {"subject_type": "pairwise", "redirect_uris": [OTHER], "sector_identifier_uri": uri},
        {"subject_type": "public"},
    ):
        browser = client.application.test_client()
        tokens = allowed(browser, person, as_app(registered(browser, **metadata)))
        userinfo = browser.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).get_json()
        assert userinfo["sub"] == journey.claims_of(tokens["id_token"])["sub"]
        subs.append(userinfo["sub"])

    assert subs[0] == subs[1]
    assert len(set(subs)) == 4
    assert subs[-1] == person.id


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def test_an_app_with_a_scheme_of_its_own_takes_nobodys_sector(
    client: FlaskClient, people: People, person: Person
) -> None:
    victim = people.client(subject_type="pairwise")
    app = {"application_type": "native", "subject_type": "pairwise", "token_endpoint_auth_method": "none"}

    refused = register(client, **app, redirect_uris=["com.evil.app://asiointi.example.fi/callback"])
    assert steps.refusal(refused) == (400, "invalid_redirect_uri")

    tokens = [journey.tokens_for(client, victim, person)]
    for _ in range(2):
        found = as_app(registered(client, **app, redirect_uris=["com.evil.app:/callback"]))
        tokens.append(allowed(client.application.test_client(), person, found))
    subs = {journey.claims_of(each["id_token"])["sub"] for each in tokens}
    assert len(subs) == 3


def test_who_is_sent_nothing_vouches_for_no_sector(client: FlaskClient, listing: Listing) -> None:
    uri = listing([CALLBACK])
    for members in (
        {"sector_identifier_uri": uri, "redirect_uris": None, "grant_types": [DEVICE]},
        {"sector_identifier_uri": uri, "grant_types": ["authorization_code", DEVICE]},
        {"grant_types": ["authorization_code", DEVICE]},
        {"backchannel_logout_uri": "https://evil.example/told"},
        {"backchannel_logout_uri": "https://evil.example/told", "sector_identifier_uri": uri},
    ):
        answer = register(client, subject_type="pairwise", **members)
        assert steps.refusal(answer) == (400, "invalid_client_metadata"), members
    alone = register(client, subject_type="pairwise", redirect_uris=None, grant_types=[DEVICE])
    assert alone.status_code == 201
    told = register(client, subject_type="pairwise", backchannel_logout_uri="https://rp.example.fi:8443/told")
    assert told.status_code == 201


def test_only_contacts_that_are_addresses_are_kept(client: FlaskClient) -> None:
    found = registered(client, contacts=["Ylläpito", "tuki@rp.example.fi", "ei osoite"])

    assert found["contacts"] == ["tuki@rp.example.fi"]

"""Nothing secret of any journey is in the log, at its most talkative: whatever browsers and clients sent and got."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.clients import dynamic
from idp.clients.metadata import DEVICE_CODE
from idp.database import writing
from idp.mail import delivery
from idp.oidc import backchannel
from idp.web import logs
from tests.admin.client_steps import secret_in
from tests.admin.machine import SCOPES, Machine
from tests.conftest import AppFactory, make_settings
from tests.oidc import steps
from tests.pages.steps import EMAIL, letter, press, register, sign_up
from tests.support import journey
from tests.support.harvest import Harvest, forms_of
from tests.support.hostile import local_server
from tests.support.people import LINK, PASSWORD, REDIRECT_URI, People, Person
from tests.support.ports import LOOPBACK
from tests.support.smtp import smtp_server

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OFFLINE = "openid profile email offline_access"
NEW_PASSWORD = "Talvi-8yötä"
MAIL_PASSWORD = "mail-server-password"
METRICS_TOKEN = "a-token-of-prometheus-and-of-nobody-else"


@dataclass
class World:
    app: Flask
    people: People
    harvest: Harvest

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def wrong(self) -> Person:
        return Person("", EMAIL, "Väärä-1salasana")


# -- journeys


def registration_activation_and_login(world: World) -> None:
    browser, service = world.browser(), world.people.client()
    login = browser.get(journey.authorize_url(service, scope=OFFLINE)).location
    link = sign_up(browser, world.people, login.replace("/login", "/create-account"))
    register(world.browser())  # again, from elsewhere
    link = letter(world.people, "activation").link
    press(world.browser(), link, password="Väärä-1salasana")
    press(world.browser(), link, password=PASSWORD)
    press(browser, link) if browser.get(link).status_code == 200 else None
    journey.log_in(browser, world.wrong(), login)
    journey.log_in(browser, Person("", EMAIL, PASSWORD), login, remember="y")


def forgotten_password(world: World) -> None:
    person = world.people.resident(EMAIL)
    browser = world.browser()
    journey.submit(browser, "/forgot", email=person.username)
    link = letter(world.people, "reset").link
    press(browser, link, new_password="short", new_password_confirm="short")
    press(browser, link, new_password=NEW_PASSWORD, new_password_confirm=NEW_PASSWORD)
    browser.get(link)
    journey.log_in(browser, Person("", EMAIL, NEW_PASSWORD))


def lock(world: World) -> None:
    world.people.resident(EMAIL)
    for _ in range(7):
        journey.log_in(world.browser(), world.wrong())
    for _ in range(7):
        journey.log_in(world.browser(), Person("", "tuntematon@example.fi", "Väärä-2salasana"))


def own_details(world: World) -> None:
    person = world.people.resident(EMAIL)
    browser = world.browser()
    journey.log_in(browser, person)
    new = {"new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD}
    journey.submit(browser, "/account/password", current_password="Väärä-1salasana", **new)
    journey.submit(browser, "/account/password", current_password=PASSWORD, **new)
    address = {"new_email": "toinen@example.fi", "new_email_confirm": "toinen@example.fi"}
    journey.submit(browser, "/account/email", password=NEW_PASSWORD, **address)
    press(world.browser(), letter(world.people, "address_confirmation").link)
    for found in world.people.letters():
        world.browser().get(found.link)
    browser.get("/account/data.json")
    journey.submit(browser, "/account/delete", password=NEW_PASSWORD, confirm="y")


def tokens(world: World) -> None:
    person, service, browser = world.people.resident(), world.people.client(), world.browser()
    guard = world.people.client("vartija", resource_server=True)
    found = journey.tokens_for(browser, service, person, scope=OFFLINE)
    browser.get("/oauth2/userinfo", headers=steps.bearer(found["access_token"]))
    browser.get("/oauth2/userinfo", headers=steps.bearer("nonsense-of-a-token"))
    browser.get(f"/oauth2/userinfo?access_token={found['access_token']}")
    fresh = journey.refresh(browser, service, found["refresh_token"]).get_json()
    steps.introspected(browser, guard, fresh["access_token"])
    journey.redeem(browser, service, "nonsense-of-a-code")
    code = journey.code_for(browser, service, person)
    for _ in range(2):
        journey.redeem(browser, service, code)
    browser.post("/oauth2/revoke", data={"token": fresh["refresh_token"]}, auth=service.basic)
    browser.post(
        "/oauth2/token", data={"grant_type": "refresh_token"}, auth=(service.client_id, "wrong-secret")
    )
    browser.get(f"/oauth2/logout?id_token_hint={found['id_token']}")


def fragments_and_forms(world: World) -> None:
    person, browser = world.people.resident(), world.browser()
    service = world.people.client(
        "vanha",
        response_types=["code", "code id_token", "id_token", "id_token token"],
        grant_types=["authorization_code", "implicit"],
        pkce_required=False,
    )
    journey.log_in(browser, person)
    for response_type in ("code id_token", "id_token", "id_token token"):
        for mode in ("fragment", "form_post"):
            steps.ask(browser, service, response_type=response_type, response_mode=mode)


def pushed_requests(world: World) -> None:
    person, service, browser = world.people.resident(), world.people.client(), world.browser()
    form = {
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid",
        "code_challenge": journey.CHALLENGE,
        "code_challenge_method": "S256",
    }
    request_uri = browser.post("/oauth2/par", data=form, auth=service.basic).get_json()["request_uri"]
    journey.log_in(browser, person)
    query = {"client_id": service.client_id, "request_uri": request_uri}
    for _ in range(2):
        browser.get("/oauth2/authorize", query_string=query)
    browser.post("/oauth2/par", data=form, auth=(service.client_id, "wrong-secret"))


def signed_requests_and_assertions(world: World) -> None:
    key, person, browser = ECKey.generate_key("P-256"), world.people.resident(), world.browser()
    service = world.people.client(
        "allekirjoittaja", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key)
    )
    code = journey.code_for(browser, service, person)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": service.redirect_uri,
        "code_verifier": journey.VERIFIER,
    }
    signed = steps.assertion(key, service.client_id)
    for _ in range(2):  # the second one is a replay
        browser.post("/oauth2/token", data=form | signed)
    browser.post("/oauth2/token", data=form | steps.assertion(ECKey.generate_key("P-256"), service.client_id))
    request = steps.assertion(key, service.client_id, response_type="code")["client_assertion"]
    browser.get("/oauth2/authorize", query_string={"client_id": service.client_id, "request": request})


def self_registration(world: World) -> None:
    with world.app.app_context(), writing() as session:
        initial = dynamic.new_initial_token(session, "Test", timedelta(days=1))
    browser = world.browser()
    metadata = {"client_name": "Verkkokauppa", "redirect_uris": [REDIRECT_URI]}
    browser.post("/oauth2/register", json=metadata, headers=steps.bearer("nonsense-of-a-token"))
    made = browser.post("/oauth2/register", json=metadata, headers=steps.bearer(initial)).get_json()
    assert made["client_secret"]
    path = made["registration_client_uri"].removeprefix(steps.ISSUER)
    own = steps.bearer(made["registration_access_token"])
    browser.get(path, headers=own)
    browser.put(path, json={"client_id": made["client_id"], **metadata, "client_name": "Kauppa"}, headers=own)
    browser.delete(path, headers=own)
    browser.get(path, headers=own)


def devices(world: World) -> None:
    person, browser, device = world.people.resident(), world.browser(), world.browser()
    service = world.people.client(
        "televisio", token_endpoint_auth_method="none", grant_types=[DEVICE_CODE, "refresh_token"]
    )
    form = {"client_id": service.client_id, "scope": OFFLINE}
    codes = device.post("/oauth2/device_authorization", data=form).get_json()
    poll = {
        "grant_type": DEVICE_CODE,
        "device_code": codes["device_code"],
        "client_id": service.client_id,
    }
    device.post("/oauth2/token", data=poll)
    journey.log_in(browser, person)
    journey.submit(browser, "/device", user_code="WRNG-CODE")
    journey.submit(browser, "/device", user_code=codes["user_code"])
    journey.submit(browser, "/device/allow", decision="allow", user_code=codes["user_code"])
    browser.get(codes["verification_uri_complete"])
    device.post("/oauth2/token", data=poll)
    device.post("/oauth2/token", data=poll | {"device_code": "nonsense-of-a-code"})


def logouts(world: World) -> None:
    with local_server(lambda handler: handler.say(500)) as receiver:
        person, browser = world.people.resident(), world.browser()
        service = world.people.client(backchannel_logout_uri=receiver.url(path="/told"))
        journey.tokens_for(browser, service, person)
        journey.submit(browser, "/logout")
        with world.app.app_context():
            assert backchannel.deliver_due(world.app) == 1
        for asked in receiver.asked:
            world.harvest.add("logout_token", asked.body.partition("logout_token=")[2])


def administration(world: World) -> None:
    """Secrets that are made and rotated on pages and at the API, tokens of programs, letters that helpers cause."""
    person, browser = world.people.resident(EMAIL), world.browser()
    with world.app.app_context():
        roles.choose(person.id, {Role.ADMIN}, OPERATOR)
    journey.log_in(browser, person, remember="y")
    program = Machine(world.app, *SCOPES)
    world.harvest.add("client_secret", program.client.secret)
    metadata = {"client_name": "Verkkokauppa", "redirect_uris": [REDIRECT_URI]}
    made = program.call("POST", "/clients", {"client_id": "kauppa", "metadata": metadata}).get_json()
    rotated = program.call("POST", "/clients/kauppa/secret").get_json()
    assert made["client_secret"] != rotated["client_secret"]
    shown = secret_in(journey.submit(browser, "/admin/clients/kauppa/rotate"))
    world.harvest.add("client_secret", shown)
    program.call("GET", "/clients", token="nonsense-of-a-token")

    invited = {"email": "matti@example.fi", "given_name": "Matti", "family_name": "Meikäläinen"}
    account = program.call("POST", "/accounts", invited).get_json()["id"]
    choice = {"new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD}
    press(world.browser(), letter(world.people, "invitation").link, **choice)
    note = {"note": "Puhelu 24.11."}
    program.call("POST", f"/accounts/{account}/email", {"email": "toinen@example.fi", **note})
    program.call("POST", f"/accounts/{account}/reset")
    program.call("POST", f"/accounts/{account}/delete", note)
    for found in world.people.letters():
        for link in LINK.findall(found.text):
            world.browser().get(link)


def faults(world: World) -> None:
    """What is not ours: wrong addresses, broken bodies, refused mail."""
    browser = world.browser()
    browser.get(f"/nowhere?secret={PASSWORD}")
    browser.post("/login", data={"password": PASSWORD, "csrf_token": "nonsense-of-a-token"})
    browser.post("/oauth2/token", data=b"\xff\xfe", content_type="application/json")
    browser.get("/activate?token=nonsense-of-a-token")
    browser.get("/metrics", headers=steps.bearer(METRICS_TOKEN))
    browser.get("/metrics", headers=steps.bearer("nonsense-of-a-token"))


JOURNEYS = (
    registration_activation_and_login,
    forgotten_password,
    lock,
    own_details,
    tokens,
    fragments_and_forms,
    pushed_requests,
    signed_requests_and_assertions,
    self_registration,
    devices,
    logouts,
    administration,
    faults,
)


@pytest.fixture
def talkative() -> Iterator[Callable[[], None]]:
    """Sets the log up as `idp serve` does, at debug level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: logs.configure(make_settings(log={"format": "json", "level": "debug"}))
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("journey_", JOURNEYS, ids=lambda journey_: journey_.__name__)
def test_no_secret_of_a_journey_is_in_the_log(
    make_app: AppFactory,
    talkative: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    journey_: Callable[[World], None],
) -> None:
    talkative()
    with smtp_server() as server:
        app = make_app(
            log={"requests": "all", "level": "debug"},
            mail={"host": server.host, "port": server.port, "security": "none", "password": MAIL_PASSWORD},
            clients={"dynamic_registration": "token"},
            outbound={"allowed_hosts": [LOOPBACK]},
            metrics={"token": METRICS_TOKEN},
        )
        world = World(app, People(app), Harvest(app))
        journey_(world)
        for found in world.people.letters():
            world.harvest.take_text(found.text)
        server.refuse_with(f"550 5.1.1 no such user {EMAIL}")
        with app.app_context():
            delivery.deliver_due(app, rules().vault, rules().settings)
        settings: dict[str, str] = {"mail.password": MAIL_PASSWORD, "secrets.keys": rules_of(app)}

    printed = capsys.readouterr()
    text = printed.err + printed.out
    lines = [json.loads(line) for line in printed.err.splitlines()]
    secrets = world.harvest.secrets | {value: name for name, value in settings.items()}
    assert len([line for line in lines if line["event"] == "request"]) >= 5
    assert len(secrets) >= 6, secrets
    told = {name for value, name in secrets.items() if any(form in text for form in forms_of(value))}
    assert told == set()
    assert all("reference" in line for line in lines if line["event"] == "request")


def rules_of(app: Flask) -> str:
    with app.app_context():
        return rules().settings.secrets.keys[0]


def test_the_harvest_misses_nothing_that_a_browser_carries(make_app: AppFactory) -> None:
    app = make_app()
    harvest = Harvest(app)
    people, browser = People(app), app.test_client()
    person, service = people.resident(), people.client()
    found = journey.tokens_for(browser, service, person, scope=OFFLINE)
    session = browser.get_cookie("tunnus_session")
    assert session is not None

    expected = {
        *(person.password, person.username, session.value, journey.VERIFIER),
        *(found["access_token"], found["id_token"], found["refresh_token"]),
        base64.b64encode(":".join(service.basic).encode()).decode(),
    }
    assert expected <= harvest.secrets.keys()
    assert "code" in harvest.secrets.values()
    assert "csrf_token" in harvest.secrets.values()
    assert service.client_id not in harvest.secrets


def test_every_line_of_a_request_tells_its_reference(
    make_app: AppFactory, talkative: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    talkative()
    app = make_app(log={"requests": "all"})

    @app.get("/talk")
    def talk() -> str:
        structlog.get_logger("ours").info("ours")
        logging.getLogger("theirs").warning("theirs")
        return "ok"

    for _ in range(2):
        app.test_client().get("/talk")
    structlog.get_logger("ours").info("of no request")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["ours", "theirs", "request"] * 2 + ["of no request"]
    first, second = ({line["reference"] for line in part} for part in (lines[:3], lines[3:6]))
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    assert "reference" not in lines[6]

"""Two machines on one database and one Redis are one provider: nobody notices which of them answers."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from idp import clock, keys, versions
from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.clients import management
from idp.clients.managed import ADMIN_API
from idp.clients.management import Wanted
from idp.clients.models import ClientApp
from idp.database import db, writing
from idp.deliveries import Backlog
from idp.mail import outbox
from idp.mail.models import OutboxMessage
from tests.machines.conftest import PlaceFactory
from tests.support.journey import CHALLENGE, VERIFIER
from tests.support.machines import Installation, Machine, wait_until
from tests.support.people import App, People
from tests.support.redis import Redis, redis_server
from tests.support.residents import Browser, Resident, page_name

pytestmark = [
    pytest.mark.redis,
    pytest.mark.parametrize(
        "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
    ),
]

ARRIVES = 5.0  # seconds, in which a change is everywhere
LOGINS = 8  # that an address may try in an hour


@pytest.fixture
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture
def place(make_place: PlaceFactory, redis: Redis) -> Installation:
    return make_place(limits=redis.url, logins_per_address=f"{LOGINS}/hour")


@pytest.fixture
def people(place: Installation) -> Iterator[People]:
    with place.people() as found:
        yield found


@pytest.fixture
def machines(place: Installation, people: People) -> tuple[Machine, Machine]:
    machines = place.start(), place.start()
    for machine in machines:
        machine.wait_until_ready()
    return machines


def addresses(machines: tuple[Machine, Machine]) -> list[str]:
    return [machine.address for machine in machines]


def request_of(service: App, **parameters: str) -> str:
    values = {
        "client_id": service.client_id,
        "redirect_uri": service.redirect_uri,
        "response_type": "code",
        "scope": "openid email",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/oauth2/authorize?{httpx.QueryParams(values)}"


def knows(machine: Machine, service: App) -> bool:
    """Whether a machine begins a login for this client."""
    return httpx.get(f"{machine.address}{request_of(service)}", trust_env=False).status_code == 303


def test_a_login_begins_on_one_and_ends_on_the_other(
    machines: tuple[Machine, Machine], people: People
) -> None:
    person, service = people.resident(), people.client()
    one, other = addresses(machines)
    wait_until(lambda: all(knows(machine, service) for machine in machines))
    browser = Browser([one])

    login = browser.ask("GET", request_of(service), at=one).headers["Location"]
    answer = browser.submit(login, at=one, then=other, username=person.username, password=person.password)
    back = answer.headers["Location"]
    while back.startswith("/"):
        one, other = other, one
        back = browser.ask("GET", back, at=one).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": service.redirect_uri,
        "code_verifier": VERIFIER,
    }
    redeemed = [
        httpx.post(f"{at}/oauth2/token", data=form, auth=service.basic, trust_env=False)
        for at in (other, one)
    ]
    assert [answer.status_code for answer in redeemed] == [200, 400]  # a code works once, wherever

    # Used up on one machine, replayed on the other: what it gave is over on both.
    bearer = {"Authorization": f"Bearer {redeemed[0].json()['access_token']}"}
    for at in (one, other):
        assert httpx.get(f"{at}/oauth2/userinfo", headers=bearer, trust_env=False).status_code == 401
    assert browser.ask("GET", "/account", at=one).status_code == 200
    assert browser.ask("GET", "/account", at=other).status_code == 200


def test_tokens_of_one_are_good_at_the_other_until_one_revokes_them(
    machines: tuple[Machine, Machine], people: People
) -> None:
    person, service = people.resident(), people.client()
    one, other = addresses(machines)
    wait_until(lambda: all(knows(machine, service) for machine in machines))
    browser = Browser([one, other])
    browser.log_in(person.username, person.password)
    code = parse_qs(
        urlsplit(browser.ask("GET", request_of(service, prompt="none")).headers["Location"]).query
    )
    form = {
        "grant_type": "authorization_code",
        "code": code["code"][0],
        "redirect_uri": service.redirect_uri,
        "code_verifier": VERIFIER,
    }
    tokens = httpx.post(f"{one}/oauth2/token", data=form, auth=service.basic, trust_env=False).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}

    def statuses() -> list[int]:
        return [
            httpx.get(f"{at}/oauth2/userinfo", headers=bearer, trust_env=False).status_code
            for at in (one, other)
        ]

    assert statuses() == [200, 200]
    revoked = {"token": tokens["access_token"]}
    httpx.post(f"{one}/oauth2/revoke", data=revoked, auth=service.basic, trust_env=False).raise_for_status()
    assert statuses() == [401, 401]


def test_tries_at_both_are_counted_together(machines: tuple[Machine, Machine]) -> None:
    browser = Browser(addresses(machines))  # one after the other
    answers = [
        browser.log_in(f"nimi{number}@example.fi", "Väärä-1salasana").status_code for number in range(LOGINS)
    ]

    assert answers == [422] * LOGINS
    for at in addresses(machines):
        assert browser.log_in("muu@example.fi", "Väärä-1salasana", at=at).status_code == 429


def test_an_account_locked_by_tries_at_both_is_locked_at_both(
    machines: tuple[Machine, Machine], people: People
) -> None:
    person = people.resident()
    browser = Browser(addresses(machines))
    answers = [browser.log_in(person.username, "Väärä-1salasana").status_code for _ in range(5)]

    assert answers == [422] * 4 + [403]
    for at in addresses(machines):
        answer = Browser([at]).log_in(person.username, person.password)
        assert (answer.status_code, page_name(answer)) == (403, "locked")


def test_new_keys_arrive_at_both(machines: tuple[Machine, Machine], people: People) -> None:
    def kids(machine: Machine) -> set[str]:
        found = httpx.get(f"{machine.address}/oauth2/jwks", trust_env=False).json()["keys"]
        return {key["kid"] for key in found}

    before = kids(machines[0])
    assert kids(machines[1]) == before
    with people.app.app_context(), writing() as session:
        keys.rotate(session, rules().vault)
    wait_until(lambda: all(kids(machine) > before for machine in machines))

    assert kids(machines[0]) == kids(machines[1])
    with people.app.app_context(), writing() as session:
        keys.rotate(session, rules().vault, emergency=True)
    wait_until(lambda: all(not kids(machine) > before for machine in machines))


def test_changes_of_clients_arrive_at_both(machines: tuple[Machine, Machine], people: People) -> None:
    service = people.client()
    wait_until(lambda: all(knows(machine, service) for machine in machines))

    with people.app.app_context(), writing() as session:
        session.execute(sa.update(ClientApp).values(enabled=False))
        versions.bump(session, "clients")
    wait_until(lambda: not any(knows(machine, service) for machine in machines))


def test_keys_rotated_on_the_page_of_one_are_at_the_other_within_five_seconds(
    machines: tuple[Machine, Machine], people: People
) -> None:
    def kids(machine: Machine) -> set[str]:
        found = httpx.get(f"{machine.address}/oauth2/jwks", trust_env=False).json()["keys"]
        return {key["kid"] for key in found}

    one, other = machines
    person = people.resident()
    with people.app.app_context():
        roles.choose(person.id, {Role.ADMIN}, OPERATOR)
    before = kids(other)
    browser = Browser([one.address])
    assert browser.log_in(person.username, person.password).status_code == 303

    assert browser.submit("/admin/keys/rotate", kind="usual", confirm="y").status_code == 303

    assert kids(one) > before
    wait_until(lambda: kids(other) == kids(one), ARRIVES)


def test_a_client_disabled_at_the_api_of_one_is_stopped_at_the_other_within_five_seconds(
    machines: tuple[Machine, Machine], people: People
) -> None:
    one, other = machines
    service = people.client()
    with people.app.app_context():
        metadata = {"client_name": "M", "grant_types": ["client_credentials"], "scope": "admin:clients"}
        program, secret = management.create(Wanted(metadata), OPERATOR)
    wait_until(lambda: all(knows(machine, service) for machine in machines))
    form = {"grant_type": "client_credentials"}
    auth = (program.client_id, secret or "")
    token = httpx.post(f"{one.address}/oauth2/token", data=form, auth=auth, trust_env=False).json()

    answer = httpx.post(
        f"{one.address}{ADMIN_API}/clients/{service.client_id}/disable",
        json={"note": "Test"},
        headers={"Authorization": f"Bearer {token['access_token']}"},
        trust_env=False,
    )

    assert answer.status_code == 200, answer.text
    assert not knows(one, service)
    wait_until(lambda: not knows(other, service), ARRIVES)


def test_without_redis_logins_go_on_are_limited_and_it_is_logged(
    machines: tuple[Machine, Machine], people: People, redis: Redis
) -> None:
    person = people.resident()

    def log_in(at: list[str]) -> int:
        return Browser(at).log_in(person.username, person.password).status_code

    def fail(at: str, number: int) -> int:
        return Browser([at]).log_in(f"nimi{number}@example.fi", "Väärä-1salasana").status_code

    with redis.outage():
        for machine in machines:
            assert log_in([machine.address]) == 303
            answers = [fail(machine.address, number) for number in range(LOGINS + 1)]
            assert answers == [422] * LOGINS + [429]  # each by itself
            assert any("Rate limit storage unreachable" in line["event"] for line in machine.lines)
            assert machine.number("tunnus_limit_fallbacks_total") >= 1
    # It is back, and empty: then they count together again.
    wait_until(lambda: log_in(addresses(machines)) == 303)


def backlog(people: People) -> Backlog:
    with people.app.app_context():
        return outbox.backlog()


def test_mail_of_an_outage_arrives_later_and_once(
    machines: tuple[Machine, Machine], people: People, place: Installation
) -> None:
    residents = [Resident(Browser(addresses(machines)), place.mail) for _ in range(6)]

    def tried() -> bool:
        with people.app.app_context():
            db.session.rollback()
            return all(db.session.scalars(sa.select(OutboxMessage.last_error)))

    with place.mail.outage():
        for resident in residents:
            resident.register()
        wait_until(tried)
        assert backlog(people).count == len(residents)
    make_due(people)
    place.mail.wait_for(len(residents), 60)
    wait_until(lambda: backlog(people).count == 0)

    recipients = sorted(message.recipients[0] for message in place.mail.messages)
    assert recipients == sorted(resident.email for resident in residents)
    for resident in residents:
        resident.activate()


def make_due(people: People) -> None:
    """The next try is now; else it would be in 15 seconds and more."""
    with people.app.app_context(), writing() as session:
        unsent = sa.update(OutboxMessage).where(OutboxMessage.sent_at.is_(None))
        session.execute(unsent.values(due_at=clock.now()))

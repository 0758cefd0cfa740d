"""Nobody learns from any page whether an address has an account (R-33, R-34, ASVS 6.3.8).

What is compared is what a stranger can measure: status, headers, body, and the work behind the answer, counted: the
hashes computed and at which cost, the statements run, the messages made. Times of a busy machine would tell less, and
not always the same; `tests/bench` measures those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bcrypt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock
from idp.accounts import support
from idp.accounts.models import Account, Registration
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.database import db, writing
from idp.mail.models import OutboxMessage
from tests.conftest import AppFactory
from tests.pages.statements import recorded
from tests.pages.steps import accounts, kinds, letter, looks, press, register, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

KNOWN, NEW = "maija@example.fi", "meija@example.fi"  # of the same length


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident(KNOWN)


# -- every door, every state

# Of the same length.
STATES = {
    "unknown": "tuntematon@example.fi",
    "active": "aktiivinen@example.fi",
    "waiting": "odottavain@example.fi",
    "locked": "lukittuhan@example.fi",
    "disabled": "suljettuon@example.fi",
    "closing": "poistumass@example.fi",
}
WRONG, MINE = "Väärä-1salasana", "Oma-2salasana"


@dataclass(frozen=True)
class Work:
    hashes: list[int]
    """The cost of each."""
    statements: list[str]
    """The verb and the table of each."""
    messages: int


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The costs of the hashes that bcrypt computes."""
    computed: list[int] = []

    def counted(original: Callable[[bytes, bytes], Any]) -> Callable[[bytes, bytes], Any]:
        def compute(password: bytes, salt: bytes) -> Any:
            computed.append(int(salt.split(b"$")[2]))
            return original(password, salt)

        return compute

    for name in ("hashpw", "checkpw"):
        monkeypatch.setattr(bcrypt, name, counted(getattr(bcrypt, name)))
    return computed


@pytest.fixture
def everybody(app: Flask, people: People) -> Flask:
    """An account, or none, in every state."""
    for state, address in STATES.items():
        if state in ("active", "locked", "disabled", "closing"):
            people.resident(address)
        if state == "waiting":
            people.applicant(address)
    with app.app_context(), writing() as session:
        for state in ("disabled", "closing"):
            closing = {"closed_by": "holder", "erase_at": clock.now() + timedelta(days=14)}
            values = {"status": state} | (closing if state == "closing" else {})
            session.execute(sa.update(Account).where(Account.username == STATES[state]).values(values))
    for _ in range(5):
        login(app.test_client(), STATES["locked"], WRONG)
    return app


def login(browser: FlaskClient, address: str, password: str = WRONG) -> TestResponse:
    return journey.log_in(browser, Person("", address, password))


def registration(browser: FlaskClient, address: str) -> TestResponse:
    return register(browser, email=address, new_password=MINE, new_password_confirm=MINE)


def sending_again(browser: FlaskClient, address: str) -> TestResponse:
    return journey.submit(browser, "/created")


def recovery(browser: FlaskClient, address: str) -> TestResponse:
    return journey.submit(browser, "/forgot", email=address)


def address_change(browser: FlaskClient, address: str) -> TestResponse:
    fields = {"new_email": address, "new_email_confirm": address, "password": PASSWORD}
    return journey.submit(browser, "/account/email", **fields)


Doing = Callable[[FlaskClient, str], Any]

DOORS: dict[str, tuple[Doing, Doing | None]] = {
    "login": (login, None),
    "login with the registered password": (lambda b, a: login(b, a, MINE), registration),
    "registration": (registration, None),
    "registering again": (registration, registration),
    "sending again": (sending_again, registration),
    "recovery": (recovery, None),
    "recovery, asked for too often": (recovery, lambda b, a: [recovery(b, a) for _ in range(3)]),
    "address change": (address_change, lambda b, _: login(b, "liisa@example.fi", PASSWORD)),
}
"""What a stranger does and what they did before."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("door", list(DOORS))
def test_every_state_of_an_account_is_answered_alike_with_the_same_work(
    everybody: Flask,
    make_app: AppFactory,
    people: People,
    hashes: list[int],
    moving_clock: MovableClock,
    door: str,
) -> None:
    if door.endswith("too often"):
        everybody = make_app(limits={"mail_per_name": "2/hour"})
    act, before = DOORS[door]
    people.resident("liisa@example.fi")
    answers: dict[str, Any] = {}
    works: dict[str, Work] = {}
    # Once for nobody, for whatever is done the first time only.
    for state, address in [("warm", "lammitys12@example.fi"), *STATES.items()]:
        if state == "locked" and door.startswith("login"):
            continue  # see the lockout's own test, of known and unknown names
        browser = everybody.test_client()
        if before:
            before(browser, address)
        queued = messages(everybody)
        hashes.clear()
        with recorded(everybody) as statements:
            answer = act(browser, address)
        works[state] = Work(list(hashes), [verb(each) for each in statements], messages(everybody) - queued)
        pages = [answer, browser.get(answer.location)] if answer.location else [answer]
        answers[state] = [looks(page, address, address.replace("@", "<wbr>@")) for page in pages]

    for state in answers.keys() - {"warm"}:
        assert answers[state] == answers["unknown"], state
        assert works[state] == works["unknown"], state
    assert len(works["unknown"].statements) > 3


def verb(statement: str) -> str:
    words = statement.replace("(", " ").split()
    table = {"SELECT": "FROM", "DELETE": "FROM", "INSERT": "INTO"}.get(words[0])
    return f"{words[0]} {words[words.index(table) + 1]}" if table in words else " ".join(words[:2])


def messages(app: Flask) -> int:
    """How many have been made, those for nobody included."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage)) or 0


def test_a_registration_of_a_known_address_logs_in_like_one_of_a_new_address(
    app: Flask, maija: Person
) -> None:
    """Told for both: only the mail says whether the registration can be activated (R-28)."""
    for name in (KNOWN, NEW):
        register(app.test_client(), email=name, new_password=MINE, new_password_confirm=MINE)
    known, new = (login(app.test_client(), name, MINE) for name in (KNOWN, NEW))

    assert looks(known, KNOWN) == looks(new, NEW)
    assert journey.errors(known) == ["Käyttäjätunnusta ei ole aktivoitu."]
    assert login(app.test_client(), KNOWN, PASSWORD).location == "/account"


def test_such_logins_lock_both_alike(app: Flask, maija: Person) -> None:
    """Each is a wrong password of the account: a registration gives no guess beyond the five."""
    for name in (KNOWN, NEW):
        register(app.test_client(), email=name, new_password=MINE, new_password_confirm=MINE)
    pages = {name: [login(app.test_client(), name, MINE) for _ in range(5)] for name in (KNOWN, NEW)}

    for known, new in zip(pages[KNOWN], pages[NEW], strict=True):
        assert looks(known, KNOWN) == looks(new, NEW)
    assert [page.status_code for page in pages[KNOWN]] == [422, 422, 422, 422, 403]


def test_activating_forgives_logins_that_came_too_early(app: Flask, people: People) -> None:
    browser = app.test_client()
    register(browser, email=NEW)
    link = letter(people, "activation").link
    for _ in range(5):
        login(browser, NEW, PASSWORD)
    press(browser, link)

    assert login(browser, NEW, PASSWORD).location == "/account"


def test_a_newer_registration_takes_the_older_ones_password_for_both(app: Flask, maija: Person) -> None:
    for name in (KNOWN, NEW):
        register(app.test_client(), email=name, new_password=MINE, new_password_confirm=MINE)
        register(app.test_client(), email=name, new_password=WRONG, new_password_confirm=WRONG)
    older, newer = (
        [login(app.test_client(), name, password) for name in (KNOWN, NEW)] for password in (MINE, WRONG)
    )

    for known, new in (older, newer):
        assert looks(known, KNOWN) == looks(new, NEW)
    assert journey.errors(older[0]) != journey.errors(newer[0])


def test_an_authoritys_mail_address_logs_in_like_a_new_one(app: Flask, people: People, maija: Person) -> None:
    with app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(username="kunta-kaava", username_key="kunta-kaava"))
    for name in (KNOWN, NEW):
        register(app.test_client(), email=name, new_password=MINE, new_password_confirm=MINE)
    known, new = (login(app.test_client(), name, MINE) for name in (KNOWN, NEW))

    assert looks(known, KNOWN) == looks(new, NEW)


def test_sending_again_tells_the_owner_again(client: FlaskClient, people: People, maija: Person) -> None:
    register(client, email=KNOWN)
    journey.submit(client, "/created")

    assert kinds(people) == ["account_exists", "account_exists"]


# -- registration


def test_registering_a_known_address_looks_like_registering_a_new_one(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()

    answers = [
        (register(one, email=KNOWN), register(other, email=NEW)),
        (one.get("/created"), other.get("/created")),
        (journey.submit(one, "/created"), journey.submit(other, "/created")),
    ]

    for known, new in answers:
        assert looks(known, KNOWN, KNOWN.replace("@", "<wbr>@")) == looks(
            new, NEW, NEW.replace("@", "<wbr>@")
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_does_as_much_work(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()
    register(app.test_client(), email="warm@example.fi")

    with recorded(app) as known:
        register(one, email=KNOWN)
    with recorded(app) as new:
        register(other, email=NEW)

    assert [statement.split()[0] for statement in known] == [statement.split()[0] for statement in new]
    assert len(known) > 8


def test_the_owner_is_told_by_mail(client: FlaskClient, people: People, maija: Person) -> None:
    register(client, email="Maija@EXAMPLE.fi", path="/create-account?lang=en")

    mail = letter(people, "account_exists")
    assert mail.to == KNOWN  # the stored address, never the typed one
    assert "Sähköpostiosoitteellasi on jo käyttäjätunnus." in mail.text
    assert "/login?username=maija%40example.fi" in mail.text.replace("@", "%40")
    assert kinds(people) == ["account_exists"]


def test_the_mail_leads_to_a_new_password(client: FlaskClient, people: People, maija: Person) -> None:
    register(client, email=KNOWN)
    link = next(word for word in letter(people, "account_exists").text.split() if "/reset?" in word)
    path = link.removeprefix("http://localhost:8400")

    press(client, path, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")

    assert journey.log_in(client, Person("", KNOWN, "Talvi-8yötä")).location == "/account"


def test_the_mail_to_the_owner_of_a_closing_account_keeps_the_account(
    app: Flask, client: FlaskClient, people: People, maija: Person
) -> None:
    journey.log_in(client, maija)
    journey.submit(client, "/account/delete", password=PASSWORD, confirm="y")

    register(app.test_client(), email=KNOWN)

    told = letter(people, "account_exists")
    assert told.link.startswith("/cancel-deletion?token=")
    assert "/reset" not in told.text + told.html
    journey.submit(client, told.link)
    assert journey.log_in(client, maija).location == "/account"


@pytest.mark.parametrize("then_deleted", [False, True])
def test_the_mail_to_the_owner_of_a_disabled_account_names_the_contact(
    app: Flask, people: People, maija: Person, then_deleted: bool
) -> None:
    with app.app_context():
        support.disable(maija.id, OPERATOR, "Fraud")
        if then_deleted:
            support.delete(maija.id, OPERATOR, "Fraud", rules())

    register(app.test_client(), email=KNOWN)

    told = letter(people, "account_exists")
    assert "Palvelun ylläpitäjä on sulkenut käyttäjätunnuksen." in told.text
    assert "?token=" not in told.text + told.html


def test_a_reset_link_of_an_account_that_is_shut_is_no_broken_one(
    app: Flask, people: People, maija: Person
) -> None:
    link = people.forgetful(maija.username)
    with app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(status="disabled"))  # at this very moment

    answer = app.test_client().get(link)

    assert (answer.status_code, journey.page_name(answer)) == (410, "link-expired")


def test_the_account_stays_as_it_was(client: FlaskClient, app: Flask, maija: Person) -> None:
    register(client, email=KNOWN, given_name="Ilkeä", phone="040 666 6666")

    assert journey.log_in(app.test_client(), maija).location == "/account"
    assert [account.given_name for account in accounts(app)] == ["Maija"]


def test_a_strangers_idea_of_somebodys_details_is_not_kept(
    client: FlaskClient, app: Flask, maija: Person
) -> None:
    register(client, email=KNOWN, given_name="Ilkeä", phone="040 666 6666", locality="Jossain")

    with app.app_context():
        rows = repr(db.session.execute(sa.select(Registration.__table__)).all())
    assert not any(word in rows for word in ("Ilkeä", "666 6666", "6666666", "Jossain"))


def test_an_authoritys_address_counts_as_known(client: FlaskClient, people: People, maija: Person) -> None:
    with people.app.app_context():
        db.session.execute(sa.update(Account).values(username="kunta-kaava", username_key="kunta-kaava"))
        db.session.commit()

    register(client, email=KNOWN)

    assert kinds(people) == ["account_exists"]


def test_by_setting_the_page_itself_says_so(make_app: AppFactory, maija: Person) -> None:
    app = make_app(accounts={"account_exists_notice": "screen"})
    browser = app.test_client()

    page = register(browser, email=KNOWN)

    assert page.status_code == 422
    assert journey.errors(page) == ["Sähköpostiosoitteellasi on jo käyttäjätunnus."]
    assert kinds(People(app)) == []
    assert register(browser, email=NEW).location == "/created"


# -- recovery


def test_asking_for_a_known_address_looks_like_asking_for_an_unknown_one(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()

    known, unknown = (journey.submit(b, "/forgot", email=name) for b, name in ((one, KNOWN), (other, NEW)))

    assert looks(known) == looks(unknown)
    pages = one.get(known.location), other.get(unknown.location)
    marked = [name.replace("@", "<wbr>@") for name in (KNOWN, NEW)]
    assert looks(pages[0], marked[0]) == looks(pages[1], marked[1])
    assert "Jos osoitteella on käyttäjätunnus, saat pian viestin." in text(pages[0])
    assert "Tarkista tarvittaessa myös roskaposti-kansio." in text(pages[0])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_recovery_does_as_much_work(app: Flask, maija: Person) -> None:
    journey.submit(app.test_client(), "/forgot", email="warm@example.fi")
    one, other = app.test_client(), app.test_client()

    with recorded(app) as known:
        journey.submit(one, "/forgot", email=KNOWN)
    with recorded(app) as unknown:
        journey.submit(other, "/forgot", email=NEW)

    assert [statement.split()[0] for statement in known] == [statement.split()[0] for statement in unknown]


def test_an_unknown_address_gets_no_mail(client: FlaskClient, people: People) -> None:
    journey.submit(client, "/forgot", email=NEW)

    assert kinds(people) == []
    assert people.discarded() == 1


def test_an_address_that_waits_for_activation_gets_no_mail(client: FlaskClient, people: People) -> None:
    register(client, email=NEW)

    journey.submit(client, "/forgot", email=NEW)

    assert kinds(people) == ["activation"]


def test_who_knows_a_name_learns_nothing_of_its_address(client: FlaskClient, people: People) -> None:
    """An authority's name is asked for: the page shows what was typed, never where the mail went."""
    people.resident(KNOWN)
    with people.app.app_context():
        db.session.execute(sa.update(Account).values(username="kunta-kaava", username_key="kunta-kaava"))
        db.session.commit()

    page = client.get(journey.submit(client, "/forgot", email="kunta-kaava").location)

    assert letter(people, "reset").to == KNOWN
    assert KNOWN not in page.text.replace("<wbr>", "")
    assert PASSWORD not in page.text

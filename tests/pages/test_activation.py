"""The activation link (R-29, R-30): it makes an account of the registration it was mailed for, once, by a button."""

import threading

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import housekeeping
from idp.accounts.models import MailedLink, Registration
from idp.crypto import hash_token
from idp.database import writing
from tests.conftest import AppFactory
from tests.pages.steps import EMAIL, accounts, kinds, letter, link_to, press, register, sign_up, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

REGISTERED = Person("", EMAIL, PASSWORD)


def test_the_button_activates_and_nobody_is_logged_in(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)

    page = press(client, link)

    assert journey.page_name(page) == "activated"
    assert "Käyttäjätunnuksesi on aktivoitu. Voit nyt kirjautua sisään." in text(page)
    assert client.get("/account").location == "/login"
    assert client.get("/created").location == "/login"  # nothing is waited for any more
    assert journey.log_in(client, REGISTERED).location == "/account"


def test_the_login_page_comes_next_with_the_username_filled_in(client: FlaskClient, people: People) -> None:
    page = press(client, sign_up(client, people))

    login = client.get(link_to(page, "Kirjaudu sisään"))

    assert journey.soup(login).find("input", {"name": "username"})["value"] == EMAIL  # type: ignore[index]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_link_uses_nothing_up(client: FlaskClient, people: People, method: str) -> None:
    link = sign_up(client, people)

    for _ in range(3):
        assert client.open(link, method=method).status_code == 200

    assert accounts(people.app) == []
    assert journey.page_name(press(client, link)) == "activated"


def test_the_link_works_for_half_an_hour_from_its_sending(
    moving_clock: MovableClock, client: FlaskClient, people: People
) -> None:
    link = sign_up(client, people)
    moving_clock.move(minutes=29, seconds=59)

    assert journey.page_name(press(client, link)) == "activated"


def test_an_expired_link_shows_the_administrators_contact_and_a_button_for_a_new_one(
    moving_clock: MovableClock, client: FlaskClient, people: People
) -> None:
    link = sign_up(client, people)
    moving_clock.move(minutes=30, seconds=1)

    page = client.get(link)

    assert (page.status_code, journey.page_name(page)) == (410, "link-expired")
    assert "Aktivointilinkki on vanhentunut. Ota yhteyttä palvelun ylläpitäjään." in text(page)
    assert "tuki@example.fi" in text(page)
    assert accounts(people.app) == []
    again = press(client, link, action="resend")
    assert journey.page_name(again) == "created"
    assert EMAIL in text(again).replace(" ", "")
    assert "Lähetimme viestin uudelleen." in text(again)
    newer = letter(people, "activation").link
    assert newer != link
    assert journey.page_name(press(client, newer)) == "activated"


def test_a_link_that_expires_while_its_page_is_open_is_expired(
    moving_clock: MovableClock, client: FlaskClient, people: People
) -> None:
    link = sign_up(client, people)
    token = journey.csrf_token(client.get(link))
    moving_clock.move(minutes=31)

    answer = client.post(link, data={"csrf_token": token})

    assert (answer.status_code, journey.page_name(answer)) == (410, "link-expired")
    assert accounts(people.app) == []


def test_the_municipality_may_do_without_the_button_for_a_new_link(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    app = make_app(links={"self_service_resend": False})
    browser, people = app.test_client(), People(app)
    link = sign_up(browser, people)
    moving_clock.move(minutes=31)

    page = browser.get(link)

    assert journey.soup(page).find(id="resend") is None
    assert "tuki@example.fi" in text(page)
    token = journey.csrf_token(browser.get("/forgot"))
    browser.post(link, data={"csrf_token": token, "action": "resend"})
    assert kinds(people) == ["activation"]


def test_an_expired_link_whose_registration_is_over_leads_to_a_new_one(
    moving_clock: MovableClock, client: FlaskClient, people: People
) -> None:
    link = sign_up(client, people)
    moving_clock.move(days=29, hours=23)
    newest = ask_anew(client, people, link)
    moving_clock.move(hours=2)
    with people.app.app_context():
        housekeeping.purge()

    page = press(client, newest, action="resend")

    assert (page.status_code, journey.page_name(page)) == (410, "link-expired")
    assert "Käyttäjätunnus ei enää odota aktivointia." in text(page)
    assert "uudelleen" not in text(page)
    assert link_to(page, "Luo uusi käyttäjätunnus") == "/create-account"
    assert kinds(people)[:1] == ["activation"]


def ask_anew(browser: FlaskClient, people: People, link: str) -> str:
    assert journey.page_name(press(browser, link, action="resend")) == "created"
    return letter(people, "activation").link


def test_a_second_click_says_that_the_account_is_active_already(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    press(client, link)

    page = client.get(link)

    assert (page.status_code, journey.page_name(page)) == (410, "link-used")
    assert "Käyttäjätunnus on jo aktivoitu." in text(page)
    assert link_to(page, "Kirjaudu sisään").startswith("/login")
    assert len(accounts(people.app)) == 1


@pytest.mark.parametrize("spoil", [lambda link: link[:-1], lambda link: link + "x", lambda link: "/activate"])
def test_a_tampered_link_says_to_check_it(client: FlaskClient, people: People, spoil: object) -> None:
    assert callable(spoil)
    page = client.get(spoil(sign_up(client, people)))

    assert (page.status_code, journey.page_name(page)) == (404, "link-broken")
    assert "Linkki ei toimi. Tarkista, että kopioit sen kokonaan." in text(page)


def test_an_activation_link_resets_no_password(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)

    assert client.get(link.replace("/activate", "/reset")).status_code == 404


def test_the_link_is_kept_as_a_hash_alone(client: FlaskClient, people: People) -> None:
    token = sign_up(client, people).partition("token=")[2]

    with people.app.app_context(), writing() as session:
        rows = session.execute(sa.select(MailedLink.__table__)).all()

    assert len(token) >= 43
    assert token not in repr(rows)
    assert hash_token(token) in repr(rows)


# -- in another browser than the registering one


def test_another_browser_is_asked_for_the_password(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    elsewhere = people.app.test_client()

    page = elsewhere.get(link)
    without = press(elsewhere, link)
    wrong = press(elsewhere, link, password="Väärä-1salasana")
    right = press(elsewhere, link, password=PASSWORD)

    assert journey.soup(page).find("input", {"name": "password"})
    assert journey.errors(without) == ["Anna salasana."]
    assert journey.errors(wrong) == ["Väärä salasana. Tarkista oikeinkirjoitus."]
    assert journey.page_name(right) == "activated"


def test_the_registering_browser_is_not_asked(client: FlaskClient, people: People) -> None:
    page = client.get(sign_up(client, people))

    assert journey.soup(page).find("input", {"name": "password"}) is None


def test_guessing_the_password_at_a_link_ends_after_five(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    elsewhere = people.app.test_client()
    for _ in range(5):
        press(elsewhere, link, password="Väärä-1salasana")

    answer = press(elsewhere, link, password=PASSWORD)

    assert journey.errors(answer) == ["Liian monta kirjautumisyritystä. Yritä myöhemmin uudelleen."]
    assert accounts(people.app) == []
    assert journey.page_name(press(client, link)) == "activated"  # the registering browser is not shut out


def test_the_owner_of_the_address_can_say_it_was_not_them(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    elsewhere = people.app.test_client()

    page = press(elsewhere, link, not_me="1")

    assert page.status_code == 200
    assert "on poistettu" in text(page)
    assert EMAIL not in rows_of_registrations(people.app)
    assert journey.page_name(client.get(link)) == "link-used"
    assert accounts(people.app) == []
    assert journey.errors(journey.log_in(client, REGISTERED)) == [
        "Väärä käyttäjätunnus tai salasana. Tarkista oikeinkirjoitus."
    ]


def rows_of_registrations(app: Flask) -> str:
    with app.app_context(), writing() as session:
        return repr(session.execute(sa.select(Registration.__table__)).all())


def test_the_owner_of_the_address_can_choose_another_password(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    elsewhere = people.app.test_client()
    chosen = press(elsewhere, link, choose_password="1").location

    page = press(elsewhere, chosen, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")

    assert journey.page_name(page) == "activated"
    assert journey.log_in(elsewhere, REGISTERED).status_code == 422
    assert journey.log_in(elsewhere, Person("", EMAIL, "Talvi-8yötä")).location == "/account"


def test_that_password_follows_the_rules_too(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people).replace("/activate", "/activate/password")

    weak = press(client, link, new_password="abc", new_password_confirm="abc")
    own_name = press(client, link, new_password="Asukas;1x", new_password_confirm="Asukas;1x")

    assert journey.errors(weak) == ["Salasana ei täytä vaatimuksia."]
    assert len(journey.errors(own_name)) == 1
    assert accounts(people.app) == []


# -- back to the e-service


@pytest.mark.parametrize(
    ("language", "told"), [("sv", "Ditt konto har aktiverats."), ("en", "Your account is now active.")]
)
def test_the_page_can_be_read_in_another_language(
    client: FlaskClient, people: People, language: str, told: str
) -> None:
    service = people.client()
    login = client.get(journey.authorize_url(service)).location
    page = press(client, sign_up(client, people, login.replace("/login", "/create-account")))

    links = journey.soup(page).select("nav.languages a")
    other = client.get(next(str(link["href"]) for link in links if link["lang"] == language))

    assert (other.status_code, journey.page_name(other)) == (200, "activated")
    assert journey.soup(other).html["lang"] == language  # type: ignore[index]
    assert told in text(other)
    answer = journey.follow_to_client(
        client,
        journey.log_in(client, REGISTERED, str(journey.soup(other).select_one("main a.button")["href"])),  # type: ignore[index]
    )
    assert journey.answer_of(answer)["state"] == "state-1"
    assert client.get("/activated").location == "/login"  # the next person reads no more of it


def test_the_errand_goes_on_in_the_registering_browser(client: FlaskClient, people: People) -> None:
    service = people.client()
    login = client.get(journey.authorize_url(service)).location
    link = sign_up(client, people, login.replace("/login", "/create-account"))

    page = press(client, link)

    onwards = link_to(page, "Jatka palveluun Asiointipalvelu")
    answer = journey.follow_to_client(client, journey.log_in(client, REGISTERED, onwards))
    assert journey.answer_of(answer)["state"] == "state-1"


def test_in_another_browser_the_login_starts_anew_at_the_e_service(
    client: FlaskClient, people: People
) -> None:
    service = people.client(initiate_login_uri="https://asiointi.example.fi/login?start")
    login = client.get(journey.authorize_url(service)).location
    link = sign_up(client, people, login.replace("/login", "/create-account"))

    page = press(people.app.test_client(), link, password=PASSWORD)

    onwards = link_to(page, "Jatka palveluun Asiointipalvelu")
    assert onwards.startswith("https://asiointi.example.fi/login?start")
    assert "iss=http%3A%2F%2Flocalhost%3A8400" in onwards
    assert "login_hint=uusi%40example.fi" in onwards


def test_a_client_of_somebody_else_does_not_learn_the_address_before_consent(
    client: FlaskClient, people: People
) -> None:
    service = people.client(first_party=False, initiate_login_uri="https://asiointi.example.fi/login")
    login = client.get(journey.authorize_url(service)).location
    link = sign_up(client, people, login.replace("/login", "/create-account"))

    page = press(people.app.test_client(), link, password=PASSWORD)

    onwards = link_to(page, "Jatka palveluun Asiointipalvelu")
    assert onwards == "https://asiointi.example.fi/login?iss=http%3A%2F%2Flocalhost%3A8400"


def test_without_an_address_that_starts_a_login_its_front_page_comes(
    client: FlaskClient, people: People
) -> None:
    service = people.client()
    login = client.get(journey.authorize_url(service)).location
    link = sign_up(client, people, login.replace("/login", "/create-account"))

    page = press(people.app.test_client(), link, password=PASSWORD)

    assert link_to(page, "Jatka palveluun Asiointipalvelu") == "https://asiointi.example.fi/"


def test_the_errand_that_is_over_is_not_resumed(
    moving_clock: MovableClock, client: FlaskClient, people: People
) -> None:
    service = people.client()
    login = client.get(journey.authorize_url(service)).location
    moving_clock.move(minutes=55)
    link = sign_up(client, people, login.replace("/login", "/create-account"))
    moving_clock.move(minutes=10)

    page = press(client, link)

    assert link_to(page, "Jatka palveluun Asiointipalvelu") == "https://asiointi.example.fi/"


# -- one address, several registrations


def test_a_newer_registration_of_the_address_kills_the_older_link(
    client: FlaskClient, people: People
) -> None:
    older = sign_up(client, people, given_name="Vanha")
    newer = sign_up(people.app.test_client(), people, given_name="Uudempi")

    page = client.get(older)

    assert (page.status_code, journey.page_name(page)) == (410, "link-expired")
    assert journey.page_name(press(people.app.test_client(), newer, password=PASSWORD)) == "activated"
    assert [account.given_name for account in accounts(people.app)] == ["Uudempi"]


def test_nobody_can_prepare_an_account_for_somebody_elses_address(
    client: FlaskClient, people: People
) -> None:
    """Account pre-hijacking: the stranger's password and name are gone, whoever registered first."""
    stranger = people.app.test_client()
    register(stranger, given_name="Ilkeä", new_password="Ilkeä;1234x", new_password_confirm="Ilkeä;1234x")
    link = sign_up(client, people)

    press(client, link)

    assert journey.log_in(stranger, Person("", EMAIL, "Ilkeä;1234x")).status_code == 422
    assert journey.log_in(client, REGISTERED).location == "/account"
    assert accounts(people.app)[0].given_name == "Uusi"


def test_activation_starts_with_no_failures(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    for _ in range(6):
        locked = journey.log_in(client, Person("", EMAIL, "Väärä-1salasana"))
    assert journey.page_name(locked) == "locked"

    press(client, link)

    assert journey.log_in(client, REGISTERED).location == "/account"


def test_one_link_pressed_by_many_at_once_makes_one_account(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    names = at_once([(copy_of(client), link) for _ in range(6)])

    assert sorted(names) == ["activated"] + ["link-used"] * 5
    assert len(accounts(people.app)) == 1


def test_two_links_of_one_address_pressed_at_once_make_one_account(
    client: FlaskClient, people: People
) -> None:
    other = people.app.test_client()
    links = [(client, sign_up(client, people)), (other, sign_up(other, people))]
    with (
        people.app.app_context(),
        writing() as session,
    ):  # as two registrations at the very same moment leave it
        session.execute(sa.update(MailedLink).values(withdrawn_at=None))
        session.execute(sa.update(Registration).values(closed_at=None))

    names = at_once(links)

    assert sorted(names) == ["activated", "link-expired"]
    assert len(accounts(people.app)) == 1


def copy_of(browser: FlaskClient) -> FlaskClient:
    """Another tab of the same browser, for another thread."""
    tab = browser.application.test_client()
    cookie = browser.get_cookie("tunnus_browser")
    assert cookie is not None
    tab.set_cookie(cookie.key, cookie.value)
    return tab


def at_once(presses: list[tuple[FlaskClient, str]]) -> list[str | None]:
    """Press each link in its browser, all at the same moment; the pages that came."""
    together = threading.Barrier(len(presses))
    tokens = [journey.csrf_token(browser.get(link)) for browser, link in presses]
    answers: list[TestResponse] = []

    def send(browser: FlaskClient, link: str, token: str) -> None:
        together.wait()
        answers.append(browser.post(link, data={"csrf_token": token}))

    threads = [
        threading.Thread(target=send, args=(browser, link, token))
        for (browser, link), token in zip(presses, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [
        answer.location.strip("/") if answer.location else journey.page_name(answer) for answer in answers
    ]

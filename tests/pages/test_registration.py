"""Creating an account (R-15 to R-27): the form of the source document, and what it does."""

import hashlib

import pytest
import sqlalchemy as sa
from bs4 import Tag
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts.models import Acceptance, Registration
from idp.accounts.statements import statement
from idp.database import db
from idp.settings import project_folder
from tests.conftest import AppFactory
from tests.pages.steps import (
    EMAIL,
    REGISTRATION,
    accounts,
    kinds,
    letter,
    link_to,
    press,
    register,
    sign_up,
    text,
)
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LABELS = {
    "fi": [
        *("Sähköposti *", "Vahvista sähköposti *", "Salasana *", "Vahvista salasana *", "Etunimi *"),
        *("Sukunimi *", "Puhelin", "Katuosoite", "Postinumero", "Postitoimipaikka"),
        "Hyväksyn palvelun Käyttöehdot ja Tietosuojaselosteen *",
    ],
    "sv": [
        *("E-post *", "Bekräfta e-postadressen *", "Lösenord *", "Bekräfta lösenordet *", "Förnamn *"),
        *("Efternamn *", "Telefon", "Gatuadress", "Postnummer", "Postanstalt"),
        "Jag godkänner tjänstens användarvillkor och dataskyddsbeskrivning *",
    ],
    "en": [
        *("Email *", "Confirm email *", "Password *", "Confirm password *", "First name *", "Last name *"),
        *("Phone", "Street address", "Postal code", "City (post office)"),
        "I accept the terms of use and the privacy notice of the service *",
    ],
}
OPTIONAL = {
    "phone": "+358 (0)40 123-4567",
    "street_address": "Kirkkokatu 1 A 2",
    "postal_code": "00100",
    "locality": "Helsinki",
}

NOTES = {
    "fi": "Postinumeroksi tallennettiin 113 51. Suomalaisessa postinumerossa on viisi numeroa."
    " Tarkista postinumero, jos osoite on Suomessa.",
    "sv": "Postnumret sparades som 113 51. Ett finländskt postnummer har fem siffror."
    " Kontrollera postnumret om adressen finns i Finland.",
    "en": "The postal code was saved as 113 51. A Finnish postal code has five digits."
    " Check it if the address is in Finland.",
}


def labels(page: TestResponse) -> list[str]:
    return [" ".join(label.get_text().split()) for label in journey.soup(page).select("main form label")]


def field(page: TestResponse, name: str) -> Tag:
    found = journey.soup(page).find("input", {"name": name})
    assert isinstance(found, Tag)
    return found


def registrations(app: Flask) -> list[Registration]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Registration)))


# -- the form


@SQLITE
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_fields_and_their_stars_in_each_language(client: FlaskClient, language: str) -> None:
    assert labels(client.get(f"/create-account?lang={language}")) == LABELS[language]


@SQLITE
def test_what_is_starred_is_required_and_nothing_else(client: FlaskClient) -> None:
    page = client.get("/create-account")

    required = [str(found["name"]) for found in journey.soup(page).select("main input[required]")]
    assert required == list(REGISTRATION)
    assert "Tähdellä (*) merkityt kentät ovat pakollisia." in text(page)
    assert journey.soup(page).select_one("main form").has_attr("novalidate")  # type: ignore[union-attr]


@SQLITE
def test_the_fields_tell_browsers_what_they_are(client: FlaskClient) -> None:
    page = client.get("/create-account")

    told = {
        name: field(page, name)["autocomplete"]
        for name in [*REGISTRATION, *OPTIONAL]
        if name != "accept_terms"
    }
    assert told == {
        "email": "email",
        "email_confirm": "email",
        "new_password": "new-password",
        "new_password_confirm": "new-password",
        "given_name": "given-name",
        "family_name": "family-name",
        "phone": "tel",
        "street_address": "street-address",
        "postal_code": "postal-code",
        "locality": "address-level2",
    }
    assert not field(page, "accept_terms").has_attr("checked")


@SQLITE
def test_terms_and_privacy_notice_open_from_the_form(client: FlaskClient) -> None:
    page = client.get("/create-account")

    for label, heading in (("Käyttöehdot", "Käyttöehdot"), ("Tietosuojaselosteen", "Tietosuojaseloste")):
        opened = client.get(link_to(page, label))
        assert journey.soup(opened).h1.get_text(strip=True) == heading  # type: ignore[union-attr]


@SQLITE
def test_the_way_here_is_named(client: FlaskClient) -> None:
    way = journey.soup(client.get("/create-account")).select_one("nav.breadcrumb")

    assert way is not None
    assert " ".join(way.get_text().split()) == "Kirjaudu sisään › Luo uusi käyttäjätunnus"
    assert way.select_one("[aria-current=page]").get_text() == "Luo uusi käyttäjätunnus"  # type: ignore[union-attr]


@SQLITE
@pytest.mark.parametrize(
    ("profile", "rules"),
    [
        ("classes", ["vähintään 6 merkkiä", "erikoismerkki", "numero", "pieni kirjain", "iso kirjain"]),
        ("length", ["vähintään 15 merkkiä"]),
    ],
)
def test_the_rules_of_the_password_are_those_of_the_policy(
    make_app: AppFactory, profile: str, rules: list[str]
) -> None:
    page = make_app(passwords={"profile": profile}).test_client().get("/create-account")

    shown = [rule.get_text(strip=True) for rule in journey.soup(page).select("[data-rule]")]
    assert len(shown) == len(rules)
    assert all(any(rule in line for line in shown) for rule in rules)


# -- errors


@SQLITE
@pytest.mark.parametrize(
    ("language", "errors"),
    [
        (
            "fi",
            [
                *("Anna sähköpostiosoite.", "Anna sähköpostiosoite uudelleen.", "Anna salasana."),
                *("Anna salasana uudelleen.", "Anna etunimi.", "Anna sukunimi."),
                "Hyväksy käyttöehdot ja tietosuojaseloste, jotta voit luoda käyttäjätunnuksen.",
            ],
        ),
        (
            "sv",
            [
                *("Ange e-postadress.", "Ange e-postadressen på nytt.", "Ange lösenord."),
                *("Ange lösenordet på nytt.", "Ange förnamn.", "Ange efternamn."),
                "Godkänn användarvillkoren och dataskyddsbeskrivningen för att skapa ett konto.",
            ],
        ),
        (
            "en",
            [
                *("Enter your email address.", "Enter the email address again.", "Enter your password."),
                *("Enter the password again.", "Enter your first name.", "Enter your last name."),
                "Accept the terms of use and the privacy notice to create an account.",
            ],
        ),
    ],
)
def test_an_empty_form_says_what_to_do_in_the_order_of_the_page(
    client: FlaskClient, language: str, errors: list[str]
) -> None:
    page = register(client, f"/create-account?lang={language}", **dict.fromkeys(REGISTRATION))

    assert page.status_code == 422
    assert journey.errors(page) == errors


@SQLITE
def test_each_error_leads_to_its_field_which_names_it(client: FlaskClient) -> None:
    page = journey.soup(register(client, **dict.fromkeys(REGISTRATION)))

    links = [str(link["href"]) for link in page.select(".error-summary a")]
    assert links == [f"#{name}" for name in REGISTRATION]
    for link in links:
        target = page.select_one(link)
        assert target is not None
        assert target["aria-invalid"] == "true"
        described = str(target["aria-describedby"]).split()
        assert f"{target['id']}-error" in described
        assert all(page.find(id=each) for each in described)
    assert page.title.get_text().startswith("Virhe: ")  # type: ignore[union-attr]


@SQLITE
def test_what_was_typed_is_kept_but_for_the_passwords(client: FlaskClient) -> None:
    page = register(client, **OPTIONAL, accept_terms=None)

    kept = {name: field(page, name).get("value") for name in [*REGISTRATION, *OPTIONAL]}
    typed = {**REGISTRATION, **OPTIONAL}
    assert {name: value for name, value in kept.items() if value == typed[name]}.keys() == {
        *("email", "email_confirm", "given_name", "family_name"),
        *OPTIONAL,
        "accept_terms",
    }
    assert not kept["new_password"]
    assert not kept["new_password_confirm"]
    assert PASSWORD not in page.text


@SQLITE
def test_a_ticked_box_stays_ticked(client: FlaskClient) -> None:
    assert field(register(client, given_name=""), "accept_terms").has_attr("checked")


@pytest.mark.parametrize(
    ("changes", "field_name", "error"),
    [
        ({"email_confirm": "muu@example.fi"}, "email_confirm", "Sähköpostiosoitteet eivät täsmää."),
        ({"new_password_confirm": "Kuusi;8puuta"}, "new_password_confirm", "Salasanat eivät täsmää."),
        ({"email": "uusi@"}, "email", "Anna sähköpostiosoite muodossa nimi@esimerkki.fi."),
        ({"email": "uusi example.fi"}, "email", "Anna sähköpostiosoite muodossa nimi@esimerkki.fi."),
        ({"email": "kunta-kaavoitus"}, "email", "Anna sähköpostiosoite muodossa nimi@esimerkki.fi."),
        ({"new_password": "aa1;bb"}, "new_password", "Salasana ei täytä vaatimuksia."),
        ({"new_password": "Aa1;b"}, "new_password", "Salasana ei täytä vaatimuksia."),
        ({"new_password": "Aa1Sbb"}, "new_password", "Salasana ei täytä vaatimuksia."),
        (
            {"postal_code": "00100 (FI)"},
            "postal_code",
            "Käytä vain kirjaimia, numeroita, välilyöntejä ja yhdysmerkkejä.",
        ),
        ({"postal_code": "1" * 21}, "postal_code", "Lyhennä teksti enintään 20 merkkiin."),
        ({"phone": "soita"}, "phone", "Anna puhelinnumero numeroina, esimerkiksi 040 123 4567."),
        (
            {"given_name": "Uu2i"},
            "given_name",
            "Käytä vain kirjaimia, välilyöntejä, yhdysmerkkejä ja heittomerkkejä.",
        ),
        ({"family_name": "A" * 101}, "family_name", "Lyhennä teksti enintään 100 merkkiin."),
        ({"street_address": "A" * 201}, "street_address", "Lyhennä teksti enintään 200 merkkiin."),
        ({"given_name": "   "}, "given_name", "Anna etunimi."),
    ],
)
@SQLITE
def test_an_error_stands_at_the_field_that_needs_mending(
    client: FlaskClient, people: People, changes: dict[str, str], field_name: str, error: str
) -> None:
    if "new_password" in changes:
        changes = {"new_password_confirm": changes["new_password"], **changes}

    page = register(client, **changes)

    assert journey.errors(page) == [error]
    assert [link["href"] for link in journey.soup(page).select(".error-summary a")] == [f"#{field_name}"]
    assert registrations(people.app) == []
    assert kinds(people) == []


@SQLITE
@pytest.mark.parametrize(
    "password",
    ["Asukas;1x", "Uusi@example.fi1", "Esimerkkikunta;9vQ", "aSIOINTItunnus!1"],
    ids=lambda p: p[:6],
)
def test_a_password_with_what_everybody_knows_is_refused(client: FlaskClient, password: str) -> None:
    page = register(client, new_password=password, new_password_confirm=password)

    assert journey.errors(page) == [
        "Salasanassa on nimesi, sähköpostiosoitteesi tai palvelun nimi. Valitse toinen salasana."
    ]


@SQLITE
def test_a_common_password_is_refused(client: FlaskClient) -> None:
    page = register(client, new_password="Password1!", new_password_confirm="Password1!")

    assert journey.errors(page) == ["Salasana on liian helppo arvata. Valitse toinen salasana."]


def test_two_spellings_of_one_address_match(client: FlaskClient, people: People) -> None:
    answer = register(client, email=" Uusi@Example.FI", email_confirm="uusi@example.fi ")

    assert answer.location == "/created"
    assert letter(people, "activation").to == "Uusi@example.fi"


def test_without_the_terms_there_is_no_account(client: FlaskClient, people: People) -> None:
    page = register(client, accept_terms=None)

    assert page.status_code == 422
    assert registrations(people.app) == []
    assert kinds(people) == []


# -- what it leaves behind


def test_only_the_mandatory_fields_are_needed_and_the_others_stay_empty(
    client: FlaskClient, people: People
) -> None:
    press(client, sign_up(client, people))

    account = accounts(people.app)[0]
    assert (account.username, account.given_name, account.family_name) == (EMAIL, "Uusi", "Asukas")
    assert [getattr(account, name) for name in OPTIONAL] == [None] * 4


def test_the_optional_fields_are_kept(client: FlaskClient, people: People) -> None:
    press(client, sign_up(client, people, **OPTIONAL))

    account = accounts(people.app)[0]
    assert {name: getattr(account, name) for name in OPTIONAL} == OPTIONAL


@pytest.mark.parametrize("name", ["O'Neill-Öberg", "Ульяна", "María José", "Nguyễn", "李", "Åsa ’t Hooft"])
@SQLITE
def test_nobodys_name_is_wrong(client: FlaskClient, people: People, name: str) -> None:
    press(client, sign_up(client, people, given_name=name))

    assert accounts(people.app)[0].given_name == name


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_what_was_accepted_is_kept_with_version_language_and_hash(
    moving_clock: MovableClock, client: FlaskClient, people: People, language: str
) -> None:
    registered_at = moving_clock()
    link = sign_up(client, people, f"/create-account?lang={language}")
    moving_clock.move(minutes=10)
    press(client, link)

    with people.app.app_context():
        rows = db.session.scalars(sa.select(Acceptance).order_by(Acceptance.document)).all()
        versions = {name: statement(name, language).version for name in ("terms", "privacy")}
    assert [row.document for row in rows] == ["privacy", "terms"]
    for row in rows:
        file = project_folder("config") / "terms" / f"{row.document}.{language}.md"
        assert row.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (row.version, row.language) == (versions[row.document], language)
        assert row.accepted_at == registered_at
        assert row.account_id == accounts(people.app)[0].id


def test_mails_and_pages_follow_the_language_of_the_form(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people, "/create-account?lang=sv")

    assert "Länken gäller i 30 minuter." in letter(people, "activation").text
    press(client, link)
    assert accounts(people.app)[0].language == "sv"


def test_the_mail_names_the_e_service_that_waits(client: FlaskClient, people: People) -> None:
    service = people.client()
    location = client.get(journey.authorize_url(service)).location
    sign_up(client, people, location.replace("/login", "/create-account"))

    assert "Asiointipalvelu" in letter(people, "activation").text


def test_the_longest_details_fit(client: FlaskClient, people: People) -> None:
    """The browser's own cookie holds them till the activation, and browsers refuse large ones."""
    wide = "\N{GOTHIC LETTER AHSA}"
    longest = {
        "email": "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".fi",
        "given_name": wide * 100,
        "family_name": "\N{GOTHIC LETTER BAIRKAN}" * 100,
        "street_address": "".join(chr(0x4E00 + 7 * number) for number in range(200)),
        "locality": "".join(chr(0x10330 + number % 27) for number in range(100)),
        "phone": "+" + "1234567890" * 3,
        "postal_code": "AB12 3CD",
    }

    answer = register(client, **longest)

    assert answer.location == "/created"
    cookie = client.get_cookie("tunnus_browser")
    assert cookie is not None
    assert len(cookie.value) < 3_800
    assert journey.page_name(press(client, letter(people, "activation").link)) == "activated"


# -- the page that waits


def test_it_says_that_the_account_is_there_and_how_to_activate_it(client: FlaskClient) -> None:
    register(client)

    page = client.get("/created")

    status = journey.soup(page).select_one("[role=status]")
    assert status is not None
    assert status.get_text(strip=True) == (
        "Käyttäjätunnus on luotu. Aktivoi käyttäjätunnuksesi sähköpostiisi lähetettyjen ohjeiden mukaan."
    )
    assert "Tarkista tarvittaessa myös roskaposti-kansio." in text(page)
    assert EMAIL in text(page).replace(" ", "")


def test_the_message_can_be_sent_again_and_the_older_link_dies(client: FlaskClient, people: People) -> None:
    older = sign_up(client, people)

    answer = journey.submit(client, "/created", action="resend")

    assert answer.status_code == 303
    page = client.get(answer.location)
    assert "Lähetimme viestin uudelleen." in text(page)
    newer = letter(people, "activation").link
    assert newer != older
    assert client.get(older).status_code == 410
    assert journey.page_name(press(client, newer)) == "activated"


def test_what_is_over_is_not_sent_again(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    token = journey.csrf_token(client.get("/created"))
    press(people.app.test_client(), link, not_me="1")

    page = client.post("/created", data={"csrf_token": token})

    assert (page.status_code, journey.page_name(page)) == (410, "link-expired")
    assert "Käyttäjätunnus ei enää odota aktivointia." in text(page)
    assert kinds(people) == ["activation"]


@SQLITE
def test_the_municipality_may_do_without_sending_again(make_app: AppFactory) -> None:
    app = make_app(links={"self_service_resend": False})
    browser, people = app.test_client(), People(app)
    register(browser)
    token = journey.csrf_token(browser.get("/create-account"))

    answer = browser.post("/created", data={"csrf_token": token, "action": "resend"})
    login = journey.log_in(browser, Person("", EMAIL, PASSWORD))

    assert (answer.status_code, journey.page_name(answer)) == (200, "created")
    assert "uudelleen" not in text(answer)
    assert kinds(people) == ["activation"]
    assert journey.errors(login) == ["Käyttäjätunnusta ei ole aktivoitu."]
    assert "/created" not in login.text


def test_sending_again_after_the_activation_sends_nothing(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    token = journey.csrf_token(client.get("/created"))
    press(people.app.test_client(), link, password=PASSWORD)

    client.post("/created", data={"csrf_token": token})

    assert kinds(people) == ["activation"]


def test_a_wrong_address_is_corrected_without_typing_all_again(client: FlaskClient, people: People) -> None:
    register(client, email="vaara@example.fi", **OPTIONAL)
    page = client.get(link_to(client.get("/created"), "Käytä toista osoitetta"))

    values = {name: field(page, name).get("value") for name in ("email", "given_name", *OPTIONAL)}
    assert values == {"email": "vaara@example.fi", "given_name": "Uusi", **OPTIONAL}
    assert not field(page, "new_password").get("value")


@pytest.mark.parametrize(("language", "told"), NOTES.items())
def test_a_postal_code_of_another_country_is_kept_with_a_note(
    client: FlaskClient, people: People, language: str, told: str
) -> None:
    link = sign_up(
        client, people, f"/create-account?lang={language}", postal_code="113 51", locality="Stockholm"
    )

    page = client.get("/created")

    assert told in [each.get_text(strip=True) for each in journey.soup(page).select("[role=status]")]
    assert len(journey.soup(page).select("[data-focus]")) == 1
    press(client, link)
    assert accounts(people.app)[0].postal_code == "113 51"


@SQLITE
def test_a_finnish_one_and_none_need_no_note(client: FlaskClient) -> None:
    for fields in ({}, OPTIONAL):
        register(client, **fields)
        assert len(journey.soup(client.get("/created")).select("[role=status]")) == 1


def test_without_a_registration_there_is_nothing_to_wait_for(client: FlaskClient) -> None:
    assert client.get("/created").location == "/login"


def test_the_account_cannot_be_used_before_it_is_activated(client: FlaskClient, people: People) -> None:
    register(client)

    assert journey.log_in(client, Person("", EMAIL, PASSWORD)).status_code == 422
    assert accounts(people.app) == []

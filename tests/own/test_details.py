"""Names and contact details, the language, the data about a person."""

import pytest
from flask.testing import FlaskClient

from tests.support import journey
from tests.support.people import People, Person

PAGES = ("", "/details", "/email", "/password", "/sessions", "/services", "/history", "/data", "/delete")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_own_details_needs_a_login(client: FlaskClient, page: str) -> None:
    response = client.get(f"/account{page}")

    assert (response.status_code, response.location) == (303, "/login")


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_every_language(me: FlaskClient, page: str, language: str) -> None:
    response = me.get(f"/account{page}?lang={language}")

    assert response.status_code == 200
    assert journey.soup(response).html["lang"] == language


def test_changed_details_are_kept_and_reach_the_e_services(
    me: FlaskClient, person: Person, people: People
) -> None:
    app = people.client()
    fields = {"given_name": "Maija-Liisa", "family_name": "O’Neill", "phone": "+358 40 123 4567"}

    saved = journey.submit(me, "/account/details", **fields, postal_code="00100", locality="Helsinki")

    assert saved.location == "/account/details"
    assert "Maija-Liisa O’Neill" in me.get("/account").get_data(as_text=True)
    tokens = journey.tokens_for(me, app, person, scope="openid profile phone address")
    claims = me.get(
        "/oauth2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ).get_json()
    assert (claims["given_name"], claims["phone_number"]) == ("Maija-Liisa", "+358 40 123 4567")
    assert claims["address"] == {
        "postal_code": "00100",
        "locality": "Helsinki",
        "formatted": "00100 Helsinki",
    }


def test_the_form_starts_with_what_is_stored(me: FlaskClient) -> None:
    page = journey.soup(me.get("/account/details"))

    assert page.find(id="given_name")["value"] == "Maija"


def test_wrong_details_are_refused_and_what_was_typed_stays(me: FlaskClient) -> None:
    response = journey.submit(
        me, "/account/details", given_name="", family_name="Meikäläinen", postal_code="12/3"
    )

    assert response.status_code == 422
    assert journey.errors(response) == [
        "Anna etunimi.",
        "Käytä vain kirjaimia, numeroita, välilyöntejä ja yhdysmerkkejä.",
    ]
    assert journey.soup(response).find(id="postal_code")["value"] == "12/3"


@pytest.mark.parametrize(("postal_code", "noted"), [("113 51", True), ("00100", False), ("", False)])
def test_a_postal_code_of_another_country_is_saved_with_a_note_that_stands_in_nobodys_way(
    me: FlaskClient, postal_code: str, noted: bool
) -> None:
    names = {"given_name": "Maija", "family_name": "Meikäläinen"}

    saved = journey.submit(me, "/account/details", **names, postal_code=postal_code)

    page = me.get(saved.location)
    told = [each.get_text(strip=True) for each in journey.soup(page).select("[role=status]")]
    assert told[0] == "Tietosi on tallennettu."
    assert [text.startswith(f"Postinumeroksi tallennettiin {postal_code}.") for text in told[1:]] == [
        True
    ] * noted
    assert journey.soup(page).find(id="postal_code").get("value", "") == postal_code  # type: ignore[union-attr]
    assert len(journey.soup(me.get(saved.location)).select("[role=status]")) == 0


def test_a_language_link_is_kept_on_the_account_and_its_mails_follow(
    me: FlaskClient, person: Person, people: People
) -> None:
    me.get("/account?lang=sv")

    journey.submit(me.application.test_client(), "/forgot", email=person.username)

    assert "lösenord" in people.letters()[0].text


def test_the_download_holds_everything_but_secrets(me: FlaskClient, person: Person) -> None:
    response = me.get("/account/data.json")

    data = response.get_json()
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert data["account"]["email"] == person.username
    assert {entry["document"] for entry in data["acceptances"]} == {"terms", "privacy"}
    text = response.get_data(as_text=True)
    assert "password_hash" not in text
    assert "id_hash" not in text


def test_the_history_tells_logins_good_and_bad_in_words(me: FlaskClient, person: Person) -> None:
    stranger = me.application.test_client()
    journey.submit(stranger, "/login", username=person.username, password="wrong")

    text = journey.soup(me.get("/account/history")).get_text(" ", strip=True)

    assert "Epäonnistunut kirjautuminen" in text
    assert "127.0.0.1" in text

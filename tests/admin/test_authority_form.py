"""The form of authorities' usernames is shown to a helper by an example."""

import pytest

from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Role
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People

PATH = "/admin/authorities/new"


@pytest.mark.parametrize(
    ("accounts", "hint", "error"),
    [
        (
            {},
            "Viranomaisten tunnukset ovat omaa muotoaan, esimerkiksi kunta-kaavoitus.",
            "Kirjoita tunnus viranomaisten tunnusten muodossa, esimerkiksi kunta-kaavoitus.",
        ),
        (
            {"authority_pattern": r"v\d{6}", "authority_username_example": "v123456"},
            "Viranomaisten tunnukset ovat omaa muotoaan, esimerkiksi v123456.",
            "Kirjoita tunnus viranomaisten tunnusten muodossa, esimerkiksi v123456.",
        ),
        (
            {"authority_pattern": r"v\d{6}"},
            "Viranomaisten tunnukset ovat omaa muotoaan.",
            r"Käyttäjätunnus ei ole viranomaisten tunnusten muotoa (v\d{6}).",
        ),
    ],
)
def test_the_form_is_shown_by_an_example(
    make_app: AppFactory, accounts: dict[str, str], hint: str, error: str
) -> None:
    app = make_app(accounts=accounts)
    person = People(app).resident("neuvoja@example.fi")
    with app.app_context():
        roles.choose(person.id, [Role.SUPPORT], OPERATOR)
    browser = app.test_client()
    journey.log_in(browser, person)

    assert hint in journey.soup(browser.get(PATH)).get_text()
    answer = journey.submit(browser, PATH, username="Väärä Muoto", email="virka@example.fi", language="fi")

    assert error in journey.errors(answer)

"""Feedback is mailed to the service's contact."""

import pytest
from flask.testing import FlaskClient

from tests.conftest import AppFactory
from tests.pages.steps import kinds, letter, text
from tests.support import journey
from tests.support.people import People


def test_it_reaches_the_contact(make_app: AppFactory) -> None:
    app = make_app(site={"contact_email": "saavutettavuus@example.fi"})
    browser, people = app.test_client(), People(app)

    answer = journey.submit(
        browser, "/feedback", message="Teksti on liian pientä.\n\n<b>Maija</b>", email="maija@example.fi"
    )

    assert answer.location == "/feedback/sent"
    mail = letter(people, "feedback")
    assert mail.to == "saavutettavuus@example.fi"
    assert "Teksti on liian pientä." in mail.text
    assert "maija@example.fi" in mail.text
    assert "<b>Maija</b>" not in mail.html
    assert journey.page_name(browser.get(answer.location)) == "feedback-sent"


def test_nobody_has_to_say_who_they_are(client: FlaskClient, people: People) -> None:
    journey.submit(client, "/feedback", message="Hyvä palvelu")

    assert kinds(people) == ["feedback"]


def test_the_e_service_that_it_is_about_is_named(client: FlaskClient, people: People) -> None:
    errand = client.get(journey.authorize_url(people.client())).location.partition("?")[2]

    journey.submit(client, f"/feedback?{errand}", message="Hyvä palvelu")

    assert "Asiointipalvelu" in letter(people, "feedback").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "fields", [{"message": " "}, {"message": "x" * 5_001}, {"message": "Hyvä", "email": "maija"}]
)
def test_what_cannot_be_sent_is_kept_on_the_page(
    client: FlaskClient, people: People, fields: dict[str, str]
) -> None:
    page = journey.submit(client, "/feedback", **fields)

    assert page.status_code == 422
    assert len(journey.errors(page)) == 1
    assert fields["message"].strip() in text(page) or fields["message"].strip() in page.text
    assert kinds(people) == []

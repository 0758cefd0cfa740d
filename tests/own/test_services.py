"""Services used and consents, which are withdrawn here."""

from flask.testing import FlaskClient

from tests.support import journey
from tests.support.people import People, Person


def test_a_service_is_listed_by_its_name_after_a_login(
    me: FlaskClient, person: Person, people: People
) -> None:
    journey.tokens_for(me, people.client(), person)

    assert "Asiointipalvelu" in journey.soup(me.get("/account/services")).get_text()


def test_withdrawing_revokes_the_tokens_and_asks_again_next_time(
    me: FlaskClient, person: Person, people: People
) -> None:
    app = people.client("kumppani", first_party=False)
    asked = me.get(journey.authorize_url(app))
    answered = journey.submit(me, asked.location, decision="allow")
    code = journey.answer_of(journey.follow_to_client(me, answered))["code"]
    tokens = journey.redeem(me, app, code).get_json()

    journey.submit(me, "/account/services", withdraw="kumppani")

    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert me.get("/oauth2/userinfo", headers=bearer).status_code == 401
    assert me.get(journey.authorize_url(app)).location.startswith("/consent")

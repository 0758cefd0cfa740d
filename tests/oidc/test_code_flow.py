"""The authorization code flow from the first request to userinfo."""

from flask.testing import FlaskClient

from tests.support import journey
from tests.support.people import People


def test_a_login_at_the_e_service_ends_with_tokens_and_userinfo(client: FlaskClient, people: People) -> None:
    person, app = people.resident(), people.client()

    tokens = journey.tokens_for(client, app, person)

    claims = journey.claims_of(tokens["id_token"])
    assert claims["sub"] == person.id
    assert claims["aud"] == app.client_id
    assert claims["nonce"] == "nonce-1"
    userinfo = client.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert userinfo.get_json()["email"] == person.username


def test_a_code_is_accepted_once_and_a_replay_revokes_what_it_gave(
    client: FlaskClient, people: People
) -> None:
    person, app = people.resident(), people.client()
    code = journey.code_for(client, app, person, scope="openid offline_access")
    tokens = journey.redeem(client, app, code).get_json()

    replay = journey.redeem(client, app, code)

    assert (replay.status_code, replay.get_json()["error"]) == (400, "invalid_grant")
    assert journey.refresh(client, app, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    userinfo = client.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert userinfo.status_code == 401

"""What may be used once is used once, however many try at the same moment (RFC 9700 2.1.1, 4.14; ASVS 10.4.2)."""

from collections import Counter
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from idp import clock
from idp.accounts import links
from idp.accounts.links import Purpose
from idp.database import db, writing
from idp.grants.models import Consent, Grant, RefreshToken
from tests.grants import racing
from tests.grants.racing import Competition
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

OFFLINE = "openid offline_access"
NO_GRACE = {"tokens": {"refresh_grace_seconds": 0}}
REFUSED = (400, "invalid_grant")


def outcomes(answers: list[Any]) -> Counter[Any]:
    """How often each came: tokens, or a status with its error."""
    return Counter("tokens" if status == 200 else (status, body["error"]) for status, body in answers)


def live_refresh_tokens(app: Flask) -> int:
    """How many refresh tokens would still be accepted."""
    live = sa.select(sa.func.count()).select_from(RefreshToken).join(Grant, Grant.id == RefreshToken.grant_id)
    with app.app_context():
        return db.session.scalar(live.where(RefreshToken.used_at.is_(None), Grant.revoked_at.is_(None))) or 0


# -- codes


def code_form(code: str, service: App) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": service.redirect_uri,
        "code_verifier": journey.VERIFIER,
    }


def test_one_of_ten_gets_tokens_for_a_code_and_the_replay_revokes_them(
    app: Flask, client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    form = code_form(journey.code_for(client, service, person), service)

    answers = competition(racing.post, path="/oauth2/token", form=form, basic=service.basic)

    assert outcomes(answers) == {"tokens": 1, REFUSED: 9}
    token = next(body["access_token"] for status, body in answers if status == 200)
    assert client.get("/oauth2/userinfo", headers=steps.bearer(token)).status_code == 401


def test_one_of_ten_gets_a_refresh_token_for_a_code(
    app: Flask, client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    form = code_form(journey.code_for(client, service, person, scope=OFFLINE), service)

    answers = competition(racing.post, path="/oauth2/token", form=form, basic=service.basic)

    assert outcomes(answers) == {"tokens": 1, REFUSED: 9}
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(RefreshToken)) == 1
    assert live_refresh_tokens(app) == 0


# -- refresh tokens


def refresh_form(client: FlaskClient, person: Person, service: App) -> dict[str, str]:
    token = journey.tokens_for(client, service, person, scope=OFFLINE)["refresh_token"]
    return {"grant_type": "refresh_token", "refresh_token": token}


def test_without_grace_one_of_ten_refreshes_and_the_reuse_revokes_everything(
    app: Flask, client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    form = refresh_form(client, person, service)

    answers = competition(racing.post, NO_GRACE, path="/oauth2/token", form=form, basic=service.basic)

    assert outcomes(answers) == {"tokens": 1, REFUSED: 9}
    assert live_refresh_tokens(app) == 0


def test_with_grace_ten_get_answers_and_exactly_one_refresh_token_is_live(
    app: Flask, client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    form = refresh_form(client, person, service)

    answers = competition(racing.post, path="/oauth2/token", form=form, basic=service.basic)

    assert outcomes(answers) == {"tokens": 10}
    given = {body["refresh_token"] for _, body in answers}
    assert len(given) == 10
    live = [token for token in given if steps.introspected(client, service, token)["active"]]
    assert len(live) == live_refresh_tokens(app) == 1
    assert journey.refresh(client, service, live[0]).status_code == 200


def test_no_refresh_token_outlives_a_revocation_at_the_same_moment(
    app: Flask, client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    form = refresh_form(client, person, service)
    with app.app_context():
        grant_id = db.session.scalars(sa.select(Grant.id)).one()

    answers = competition(
        racing.refresh_or_revoke, form=form, basic=service.basic, grant_id=grant_id, revokers=3
    )

    assert answers.count("revoked") == 1
    assert live_refresh_tokens(app) == 0
    for token in (answer["refresh_token"] for answer in answers if isinstance(answer, dict)):
        assert steps.refusal(journey.refresh(client, service, token)) == REFUSED


# -- assertions of clients


def test_one_of_ten_is_known_by_the_same_assertion(people: People, competition: Competition) -> None:
    key = ECKey.generate_key("P-256")
    people.client("signing", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key))
    form = {"token": "unknown", **steps.assertion(key, "signing")}

    answers = competition(racing.post, path="/oauth2/revoke", form=form, basic=None)

    assert Counter(status for status, _ in answers) == {200: 1, 401: 9}


# -- mailed links


def test_one_of_ten_uses_a_mailed_link(app: Flask, person: Person, competition: Competition) -> None:
    now = clock.now()
    with app.app_context(), writing() as session:
        token = links.make(session, Purpose.RESET, now, now + timedelta(minutes=30), account_id=person.id)

    assert Counter(competition(racing.use_link, token=token)) == {True: 1, False: 9}


# -- authorization requests


def cookies_of(browser: FlaskClient) -> dict[str, str]:
    found = {name: browser.get_cookie(name) for name in ("tunnus_browser", "tunnus_session")}
    return {name: cookie.value for name, cookie in found.items() if cookie is not None}


def test_one_of_ten_tabs_gets_the_code_of_a_request(
    client: FlaskClient, person: Person, service: App, competition: Competition
) -> None:
    begun = steps.ask(client, service)
    resume = journey.log_in(client, person, begun.location).location

    answers = competition(racing.visit, path=resume, cookies=cookies_of(client))

    assert Counter(status for status, _ in answers) == {303: 1, 400: 9}
    location = next(location for status, location in answers if status == 303)
    assert location.startswith(f"{service.redirect_uri}?code=")


def test_one_of_ten_browsers_takes_a_posted_request(
    client: FlaskClient, service: App, competition: Competition
) -> None:
    path, _, query = journey.authorize_url(service).partition("?")
    posted = client.post(path, data=query, content_type="application/x-www-form-urlencoded")

    answers = competition(racing.visit, path=posted.location, cookies={})

    assert Counter(status for status, _ in answers) == {303: 1, 400: 9}


# -- consents


def test_ten_consents_at_once_are_one_and_none_of_them_fails(
    app: Flask, person: Person, service: App, competition: Competition
) -> None:
    arguments = {"account_id": person.id, "client_id": service.client_id}

    competition(
        racing.consent_to_one_of, scopes=["openid email", "openid phone", "openid address"], **arguments
    )

    with app.app_context():
        kept = db.session.scalars(sa.select(Consent)).one()
    assert sorted(kept.scope.split()) == ["address", "email", "openid", "phone"]

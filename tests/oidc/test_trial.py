"""A login on trial: what an administrator sees of a client, and that it opens nothing for anybody else."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Role
from idp.database import db
from idp.grants.models import Grant
from tests.oidc.steps import ISSUER, ask
from tests.support import journey
from tests.support.people import App, People

ID_TOKEN = ["ID token: otsake", "ID token: sisältö"]
ACCESS_TOKEN = ["Access token: otsake", "Access token: sisältö"]
USERINFO = "Userinfo-rajapinnan vastaus"
CALLBACK = f"{ISSUER}/oauth2/trial/callback"


@pytest.fixture
def at_desk(app: Flask, people: People) -> Callable[..., FlaskClient]:
    def sit(*given: Role) -> FlaskClient:
        person = people.resident(f"{'-'.join(given) or 'nobody'}@example.fi", given_name="Maija")
        with app.app_context():
            roles.choose(person.id, given, OPERATOR)
        browser = app.test_client()
        journey.log_in(browser, person)
        return browser

    return sit


def begin(browser: FlaskClient, service: App, **fields: str) -> TestResponse:
    return journey.submit(browser, f"/oauth2/trial?client_id={service.client_id}", **fields)


def to_its_end(browser: FlaskClient, response: TestResponse) -> TestResponse:
    """Follow our own redirects, and the form that posts an answer."""
    while response.status_code == 303:
        assert response.location.startswith(("/", ISSUER)), response.location
        response = browser.get(response.location.removeprefix(ISSUER))
    if journey.page_name(response) == "form-post":
        form = journey.soup(response).select_one("#form-post")
        assert form is not None
        assert form["action"] == CALLBACK
        fields = {str(each["name"]): str(each["value"]) for each in form.select("input")}
        response = browser.post("/oauth2/trial/callback", data=fields)
    return response


def shown(response: TestResponse) -> dict[str, Any]:
    assert (response.status_code, journey.page_name(response)) == (200, "trial-result"), response.text
    page = journey.soup(response)
    titles = [heading.text for heading in page.select("main section h2")]
    return dict(zip(titles, [json.loads(code.text) for code in page.select("pre code")], strict=True))


def test_it_shows_what_the_client_would_get(at_desk: Callable[..., FlaskClient], people: People) -> None:
    service = people.client(scope="openid profile email")
    browser = at_desk(Role.CLIENTS)

    found = shown(to_its_end(browser, begin(browser, service)))

    contents = found[ID_TOKEN[1]]
    assert (contents["iss"], contents["aud"]) == (ISSUER, service.client_id)
    assert found[ID_TOKEN[0]]["alg"] == "RS256"
    assert found[ACCESS_TOKEN[1]]["scope"] == "email openid profile"
    assert found[USERINFO]["given_name"] == "Maija"


def test_it_tells_that_there_was_no_id_token(at_desk: Callable[..., FlaskClient], people: People) -> None:
    service = people.client(scope="profile", **{"client_name#sv": "Ärenden"})
    browser = at_desk(Role.CLIENTS)

    answer = to_its_end(browser, begin(browser, service))

    notice = journey.soup(answer).select_one(".notice")
    assert notice is not None
    assert "ei saanut ID tokenia" in notice.text
    assert "Kirjautuminen onnistui" not in answer.text
    swedish = browser.get(f"/oauth2/trial?client_id={service.client_id}&lang=sv")
    assert journey.soup(swedish).select_one(".who").text == "Ärenden"  # type: ignore[union-attr]


def test_nothing_that_was_issued_is_good_any_more(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    browser = at_desk(Role.ADMIN)
    answer = to_its_end(browser, begin(browser, people.client()))

    assert answer.status_code == 200
    with app.app_context():
        revoked, used = db.session.execute(sa.select(Grant.revoked_at, Grant.code_used_at)).one()
    assert revoked is not None
    assert used is not None


@pytest.mark.parametrize(
    ("response_types", "titles"),
    [
        (["id_token"], ID_TOKEN),
        (["id_token token"], [*ACCESS_TOKEN, *ID_TOKEN]),
        (["code id_token"], [*ID_TOKEN, *ACCESS_TOKEN, USERINFO]),
    ],
)
def test_what_comes_by_the_browser_is_shown_too(
    app: Flask,
    at_desk: Callable[..., FlaskClient],
    people: People,
    response_types: list[str],
    titles: list[str],
) -> None:
    grants = ["authorization_code", "implicit"] if "code id_token" in response_types else ["implicit"]
    service = people.client(response_types=response_types, grant_types=grants)
    browser = at_desk(Role.CLIENTS)

    answer = to_its_end(browser, begin(browser, service))

    assert list(shown(answer)) == titles
    if "token" in response_types[0].split():
        with app.app_context():
            assert db.session.scalars(sa.select(Grant.revoked_at)).one() is not None
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", answer.text)  # no token is on the page


def test_the_password_is_asked_for_on_demand(at_desk: Callable[..., FlaskClient], people: People) -> None:
    browser = at_desk(Role.CLIENTS)
    response = begin(browser, people.client(), fresh="y")
    assert journey.page_name(browser.get(response.location)) is None
    assert urlsplit(browser.get(response.location).location).path == "/login"


def test_whoever_does_not_look_after_client_apps_sees_nothing(
    at_desk: Callable[..., FlaskClient], people: People
) -> None:
    service = people.client()
    for given in ((Role.SUPPORT,), (Role.AUDITOR,), ()):
        browser = at_desk(*given)
        assert browser.get(f"/oauth2/trial?client_id={service.client_id}").status_code == 404
        assert browser.post(f"/oauth2/trial?client_id={service.client_id}").status_code == 404


def test_a_stranger_logs_in_first(app: Flask, people: People) -> None:
    response = app.test_client().get(f"/oauth2/trial?client_id={people.client().client_id}")
    assert (response.status_code, response.location) == (303, "/login")


# -- our own address is nobody's redirect URI


def test_our_address_is_refused_where_no_trial_was_begun(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    service = people.client()
    for browser in (app.test_client(), at_desk(), at_desk(Role.ADMIN)):
        answer = ask(browser, service, redirect_uri=CALLBACK)
        assert (answer.status_code, journey.page_name(answer)) == (400, "error")


def test_a_trial_of_one_client_is_none_of_another(
    at_desk: Callable[..., FlaskClient], people: People
) -> None:
    tried, other = people.client(), people.client("other")
    browser = at_desk(Role.ADMIN)
    begin(browser, tried)

    assert ask(browser, other, redirect_uri=CALLBACK).status_code == 400
    assert ask(browser, tried, redirect_uri=CALLBACK).status_code == 303
    assert ask(browser, tried, redirect_uri=f"{CALLBACK}/").status_code == 400
    assert ask(browser, tried, redirect_uri=f"{ISSUER}/oauth2/trial").status_code == 400


def test_a_role_that_was_taken_away_ends_the_trial(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    service = people.client()
    browser = at_desk(Role.CLIENTS)
    response = begin(browser, service)
    answer = browser.get(response.location)
    with app.app_context():
        holder = next(each for each in roles.holders() if each.username == "clients@example.fi")
        roles.choose(holder.id, [], OPERATOR)

    assert browser.get(answer.location.removeprefix(ISSUER)).status_code == 403
    assert ask(browser, service, redirect_uri=CALLBACK).status_code == 400


def test_an_answer_counts_once_and_only_with_its_state(
    at_desk: Callable[..., FlaskClient], people: People
) -> None:
    browser = at_desk(Role.CLIENTS)
    service = people.client()
    answer = browser.get(begin(browser, service).location)
    callback = answer.location.removeprefix(ISSUER)

    assert browser.get(callback.replace("state=", "state=x")).status_code == 404
    begin(browser, service)
    assert browser.get(callback).status_code == 404  # of the trial before
    last = to_its_end(browser, begin(browser, service))
    assert last.status_code == 200
    assert browser.get(callback).status_code == 404


def test_the_code_of_a_trial_is_of_no_use_to_the_client(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    """Somebody who reads the address would need the verifier, which never leaves our own cookie."""
    service = people.client()
    browser = at_desk(Role.CLIENTS)
    answer = browser.get(begin(browser, service).location)
    code = parse_qs(urlsplit(answer.location).query)["code"][0]

    response = app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": "x" * 43},
        auth=(service.client_id, service.secret or ""),
    )  # fmt: skip
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")


def test_it_says_why_there_is_no_trial(at_desk: Callable[..., FlaskClient], people: People) -> None:
    machine = people.client(grant_types=["client_credentials"], scope="invoices:read")
    pushing = people.client("pushing", require_pushed_authorization_requests=True)
    browser = at_desk(Role.CLIENTS)

    for service in (machine, pushing):
        page = journey.soup(browser.get(f"/oauth2/trial?client_id={service.client_id}"))
        assert page.select_one("main .notice") is not None
        assert page.select_one("#try") is None


def test_an_error_is_shown_as_the_client_would_be_told(
    at_desk: Callable[..., FlaskClient], people: People
) -> None:
    browser = at_desk(Role.CLIENTS)
    begin(browser, people.client())
    with browser.session_transaction() as kept:
        state = kept["trial"]["state"]

    page = browser.get(f"/oauth2/trial/callback?error=access_denied&state={state}&error_description=%3Cb%3E")

    assert "access_denied" in page.text
    assert "<b>" not in page.text

"""OpenID Connect Front-Channel Logout 1.0: which e-services are told in the browser, and where it goes then."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from bs4 import Tag
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.clients import metadata as metadata_rules
from idp.clients.metadata import InvalidClientMetadata
from tests.oidc import steps
from tests.support import journey
from tests.support.people import PASSWORD, REDIRECT_URI, App, People, Person

TOLD_AT = "https://asiointi.example.fi/forget?by=tunnus&flag"
LOGGED_OUT = "https://asiointi.example.fi/logged-out"


@pytest.fixture
def service(people: People) -> App:
    """An e-service that wants to be told in the browser."""
    return people.client(frontchannel_logout_uri=TOLD_AT)


@pytest.fixture
def id_token(client: FlaskClient, service: App, person: Person) -> str:
    """Of the login of `client` to the e-service."""
    return str(journey.tokens_for(client, service, person)["id_token"])


def frames(page: TestResponse) -> list[Tag]:
    return list(journey.soup(page).find_all("iframe"))


def addresses(page: TestResponse) -> list[str]:
    return [str(frame["src"]) for frame in frames(page)]


def frame_sources(page: TestResponse) -> list[str] | None:
    """What the page's content policy says of frames."""
    for directive in page.headers["Content-Security-Policy"].split(";"):
        name, _, sources = directive.strip().partition(" ")
        if name == "frame-src":
            return sources.split()
    return None


def next_address(page: TestResponse) -> str:
    """Where the page goes on to; with scripts and without it is the same."""
    soup = journey.soup(page)
    link = soup.find("a", id="continue")
    refresh = soup.select_one("head noscript meta")
    assert link is not None
    assert refresh is not None
    assert refresh["content"] == f"5; url={link['href']}"
    assert soup.select_one("head script[data-seconds='5']") is not None
    return str(link["href"])


def log_out(browser: FlaskClient, **parameters: str) -> TestResponse:
    return browser.get(f"/oauth2/logout?{urlencode(parameters)}")


# -- the page


def test_a_logout_by_the_service_shows_a_page_with_its_frame_and_then_leads_back(
    client: FlaskClient, id_token: str
) -> None:
    state = "ä&'<" + '"'
    page = log_out(client, id_token_hint=id_token, post_logout_redirect_uri=LOGGED_OUT, state=state)

    assert (page.status_code, journey.page_name(page)) == (200, "logging-out")
    assert next_address(page) == f"{LOGGED_OUT}?{urlencode({'state': state})}"
    (address,) = addresses(page)
    told, _, about = address.rpartition("&iss=")
    assert told == TOLD_AT
    sid = journey.claims_of(id_token)["sid"]
    assert parse_qs("iss=" + about, strict_parsing=True) == {"iss": [steps.ISSUER], "sid": [sid]}
    assert client.get("/account").location == "/login"


def test_a_logout_at_the_provider_does_the_same_and_leads_to_its_page(
    client: FlaskClient, id_token: str
) -> None:
    page = journey.submit(client, "/logout")

    assert journey.page_name(page) == "logging-out"
    assert len(frames(page)) == 1
    assert next_address(page) == "/logged-out"
    assert "tunnus_session=; " in page.headers["Set-Cookie"]
    assert client.get("/account").location == "/login"


def test_ending_this_session_in_the_list_of_sessions_does_too(client: FlaskClient, id_token: str) -> None:
    button = journey.soup(client.get("/account/sessions")).find("button", {"name": "end"})

    page = journey.submit(client, "/account/sessions", end=str(button["value"]))  # type: ignore[index]

    assert (journey.page_name(page), next_address(page)) == ("logging-out", "/logged-out")
    assert len(frames(page)) == 1


def test_a_service_that_may_not_be_returned_to_is_told_on_the_last_page(
    client: FlaskClient, id_token: str
) -> None:
    page = log_out(client, id_token_hint=id_token, client_id="asiointi")

    assert journey.page_name(page) == "logged-out"
    assert len(frames(page)) == 1


def test_deleting_the_account_tells_them_too(client: FlaskClient, id_token: str) -> None:
    page = journey.submit(client, "/account/delete", password=PASSWORD, confirm="y")

    assert journey.page_name(page) == "account-deleting"
    assert len(frames(page)) == 1


def test_opening_the_page_again_leads_on_without_frames(client: FlaskClient, id_token: str) -> None:
    for _ in range(2):
        page = log_out(client, id_token_hint=id_token, post_logout_redirect_uri=LOGGED_OUT)

    assert (page.status_code, page.location) == (303, LOGGED_OUT)


def test_the_page_is_not_kept_tells_no_referrer_and_may_frame_those_services_alone(
    client: FlaskClient, id_token: str
) -> None:
    page = journey.submit(client, "/logout")

    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert frame_sources(page) == ["https://asiointi.example.fi"]


def test_frames_are_hidden_and_cannot_lead_the_page_elsewhere(client: FlaskClient, id_token: str) -> None:
    (frame,) = frames(journey.submit(client, "/logout"))

    assert frame.has_attr("hidden")
    assert "allow-top-navigation" not in " ".join(frame["sandbox"])
    assert frame["title"] == "Asiointipalvelu"


def test_the_page_names_the_services_in_the_language_of_the_person(
    client: FlaskClient, id_token: str
) -> None:
    page = log_out(client, id_token_hint=id_token, post_logout_redirect_uri=LOGGED_OUT, ui_locales="sv")

    assert "E-tjänsten" in journey.soup(page).main.get_text()  # type: ignore[union-attr]


# -- who is told


def test_each_service_of_the_session_that_wants_it_is_told_once_and_no_other(
    app: Flask, client: FlaskClient, service: App, person: Person, people: People
) -> None:
    second = people.client(
        "toinen",
        redirect_uris=["https://b.example.fi:8443/x"],
        frontchannel_logout_uri="https://b.example.fi:8443/f",
    )
    people.client("kolmas", frontchannel_logout_uri=TOLD_AT)  # not used
    elsewhere = people.client("neljas", frontchannel_logout_uri=TOLD_AT)
    silent = people.client("hiljainen")
    away = people.client("poissa", frontchannel_logout_uri=TOLD_AT)
    journey.tokens_for(app.test_client(), elsewhere, person)  # in another session
    for used in (service, service, second, silent, away):
        journey.tokens_for(client, used, person)
    steps.disable_client(app, away)

    page = journey.submit(client, "/logout")

    assert [address.partition("?")[0] for address in addresses(page)] == [
        "https://asiointi.example.fi/forget",
        "https://b.example.fi:8443/f",
    ]
    assert frame_sources(page) == ["https://asiointi.example.fi", "https://b.example.fi:8443"]


def test_a_service_whose_tokens_are_revoked_is_told(
    client: FlaskClient, service: App, person: Person
) -> None:
    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")
    client.post("/oauth2/revoke", data={"token": tokens["refresh_token"]}, auth=service.basic)

    assert len(frames(journey.submit(client, "/logout"))) == 1


def test_without_such_a_service_the_browser_is_sent_on_at_once(
    client: FlaskClient, people: People, person: Person
) -> None:
    plain = people.client("hiljainen")
    hint = journey.tokens_for(client, plain, person)["id_token"]

    answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT)

    assert (answer.status_code, answer.location) == (303, LOGGED_OUT)
    assert frame_sources(answer) is None


def test_nobody_is_told_before_the_person_has_confirmed(client: FlaskClient, id_token: str) -> None:
    asked = log_out(client)
    page = client.get(asked.location)
    doubtful = log_out(client, id_token_hint=id_token, post_logout_redirect_uri="https://evil.example/")

    assert frames(page) == frames(doubtful) == []
    assert frame_sources(page) is None
    assert client.get("/account").status_code == 200


# -- registration and metadata


@pytest.mark.parametrize(
    "uri",
    [
        "https://asiointi.example.fi/forget",
        "https://asiointi.example.fi:443/forget?x=1",
        "https://ASIOINTI.example.fi/",
    ],
)
def test_the_page_of_a_redirect_uris_site_can_be_registered(uri: str) -> None:
    assert registered(frontchannel_logout_uri=uri.replace("ASIOINTI", "asiointi"))


@pytest.mark.parametrize(
    "uri",
    [
        "http://asiointi.example.fi/forget",
        "https://asiointi.example.fi:8443/forget",
        "https://asiointi.example.fi.evil.example/forget",
        "https://example.fi/forget",
        "https://asiointi.example.fi/forget#part",
        "javascript://asiointi.example.fi/%0aalert(1)",
    ],
)
def test_another_sites_page_can_not_be_registered(uri: str) -> None:
    with pytest.raises(InvalidClientMetadata, match="frontchannel_logout_uri"):
        registered(frontchannel_logout_uri=uri, plain_http=True)


def test_the_switch_is_known() -> None:
    uri = "https://asiointi.example.fi/forget"
    assert registered(frontchannel_logout_uri=uri, frontchannel_logout_session_required=True)


def registered(*, plain_http: bool = False, **more: Any) -> dict[str, Any]:
    usual = {"client_name": "Asiointi", "redirect_uris": [REDIRECT_URI]}
    return metadata_rules.validate(usual | more, plain_http=plain_http)


def test_the_metadata_say_so(client: FlaskClient) -> None:
    found = client.get("/.well-known/openid-configuration").get_json()

    assert found["frontchannel_logout_supported"] is True
    assert found["frontchannel_logout_session_supported"] is True
    assert urlsplit(found["check_session_iframe"]).path == "/oauth2/check-session"

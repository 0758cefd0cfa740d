"""Security headers of every page, and where the forms of a page may lead."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People
from tests.web.pages_with_forms import OPENERS, Town

IN_POPUPS = {
    *("/consent", "/identify", "/select-account", "/created", "/oauth2/authorize", "/oauth2/logout/confirm"),
    *("/terms", "/privacy", "/accessibility", "/cookies", "/help"),
}
"""What stands between an e-service and its answer; `pages` opens /login and its sisters without a request."""

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def policy(response: TestResponse) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split(";")
    return dict(directive.strip().split(" ", 1) for directive in directives)  # type: ignore[misc]


def pages(app: Flask) -> dict[str, TestResponse]:
    town = Town(app)
    opened = {rule: town.open(rule) for rule in OPENERS if rule != "/cancel-deletion"}
    shown = {rule: page.browser.get(page.url) for rule, page in opened.items()}
    home = town.at_home()
    for path in ("/account", "/account/history", "/account/data"):
        shown[path] = home.get(path)
    for path in (
        "/terms",
        "/privacy",
        "/accessibility",
        "/cookies",
        "/help",
        "/logged-out",
        "/nowhere",
        "/reset",
    ):
        shown[path] = town.browser().get(path)
    shown["/oauth2/authorize"] = town.browser().get("/oauth2/authorize")
    return shown


@SQLITE
def test_every_page_is_protected(app: Flask) -> None:
    for path, page in pages(app).items():
        assert page.mimetype == "text/html", path
        headers = page.headers
        assert policy(page).items() >= {k: v for k, v in POLICY.items() if k != "form-action"}.items(), path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        opener = "unsafe-none" if path in IN_POPUPS else "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == opener, path
        assert "no-store" in headers["Cache-Control"], path
        assert "camera=()" in headers["Permissions-Policy"], path
        assert "Strict-Transport-Security" not in headers, path  # the issuer is http


@SQLITE
def test_no_page_has_a_script_or_a_style_within(app: Flask) -> None:
    for path, page in pages(app).items():
        found = journey.soup(page)
        assert all(script.get("src") for script in found.find_all("script")), path
        assert found.find("style") is None, path
        handlers = [
            name for tag in found.find_all(True) for name in tag.attrs if re.match(r"on[a-z]|style$", name)
        ]
        assert handlers == [], path
        loaded = [tag.get("src") or tag.get("href") for tag in found.find_all(["script", "img", "link"])]
        assert all(str(address).startswith("/") for address in loaded), path


@SQLITE
def test_with_an_https_issuer_browsers_are_told_to_stay_with_https(make_app: AppFactory) -> None:
    page = make_app(issuer="https://tunnus.example.fi").test_client().get("/login")

    assert page.headers["Strict-Transport-Security"].startswith("max-age=63072000")


@SQLITE
def test_forms_lead_nowhere_else(app: Flask) -> None:
    errand = {"/consent", "/identify", "/select-account"}
    for path, page in pages(app).items():
        if path not in errand:
            assert policy(page)["form-action"] == "'self'", path


@SQLITE
@pytest.mark.parametrize(
    ("redirect_uri", "target"),
    [
        ("https://asiointi.example.fi/callback?x=1", "https://asiointi.example.fi"),
        ("https://asiointi.example.fi:8443/callback", "https://asiointi.example.fi:8443"),
        ("fi.example.asiointi:/callback", "fi.example.asiointi:"),
        ("http://127.0.0.1/callback", "http://127.0.0.1"),
    ],
)
def test_forms_of_an_errand_may_end_at_its_e_service(
    client: FlaskClient, people: People, redirect_uri: str, target: str
) -> None:
    native = not redirect_uri.startswith("https")
    service = people.client(
        redirect_uris=[redirect_uri],
        first_party=False,
        **({"application_type": "native", "token_endpoint_auth_method": "none"} if native else {}),
    )
    person = people.resident()
    login = client.get(journey.authorize_url(service)).location

    pages = {
        "login": client.get(login),
        "create-account": client.get(login.replace("/login", "/create-account")),
        "consent": journey.follow_to_client(client, journey.log_in(client, person, login)),
    }

    for name, page in pages.items():
        assert journey.page_name(page) == name
        assert policy(page)["form-action"] == f"'self' {target}"


@SQLITE
def test_assets_are_kept_for_long_and_pages_are_not(client: FlaskClient) -> None:
    address = str(journey.soup(client.get("/login")).find("link", rel="stylesheet")["href"])  # type: ignore[index]

    asset = client.get(address)

    assert re.fullmatch(r"/assets/tunnus\.css\?v=[0-9a-f]{12}", address)
    assert asset.status_code == 200
    assert asset.headers["X-Content-Type-Options"] == "nosniff"
    asset.close()


@SQLITE
def test_no_cookie_is_set_where_none_is_needed(client: FlaskClient) -> None:
    for path in ("/terms", "/healthz", "/oauth2/jwks", "/.well-known/openid-configuration"):
        assert "Set-Cookie" not in client.get(path).headers


@SQLITE
@pytest.mark.parametrize(
    ("logo", "source"),
    [
        (None, ""),
        ("https://images.example/logo.svg?v=1", " https://images.example"),
        ("https://images.example:8443/a;script-src%20*/logo.svg", " https://images.example:8443"),
    ],
)
def test_an_e_services_logo_is_shown_wherever_it_lives_and_nothing_else_from_there(
    client: FlaskClient, people: People, logo: str | None, source: str
) -> None:
    service = people.client(first_party=False, **({"logo_uri": logo} if logo else {}))
    login = client.get(journey.authorize_url(service)).location

    pages = [
        client.get(login),
        journey.follow_to_client(client, journey.log_in(client, people.resident(), login)),
    ]

    for page in pages:
        assert policy(page) == POLICY | {
            "img-src": POLICY["img-src"] + source,
            "form-action": "'self' https://asiointi.example.fi",
        }
        image = journey.soup(page).find("main").find("img")  # type: ignore[union-attr]
        assert (image and image["src"]) == logo
    assert policy(client.get("/account"))["img-src"] == POLICY["img-src"]


@SQLITE
@pytest.mark.parametrize(
    ("logo", "source"),
    [("https://kuvat.example.fi/logo.svg", " https://kuvat.example.fi"), ("/logo.svg", "")],
)
def test_the_sites_logo_is_shown_wherever_it_lives(make_app: AppFactory, logo: str, source: str) -> None:
    page = make_app(site={"logo_url": logo}).test_client().get("/login")

    assert policy(page) == POLICY | {"img-src": POLICY["img-src"] + source}
    assert journey.soup(page).select_one(".brand-logo")["src"] == logo  # type: ignore[index]


@SQLITE
def test_a_popup_of_an_e_service_keeps_its_opener_all_the_way(client: FlaskClient, people: People) -> None:
    """From the first redirect to the last: one answer with another policy would cut it off for good."""
    service, person = people.client(first_party=False), people.resident()
    answers = [client.get(journey.authorize_url(service, response_mode="form_post"))]
    login = answers[0].location
    pages = ("/login", "/create-account", "/forgot")
    answers += [client.get(login.replace("/login", page)) for page in pages]
    answers.append(journey.submit(client, login.replace("/login", "/forgot"), email=person.username))
    answers.append(client.get(answers[-1].location))
    answers.append(journey.log_in(client, person, login))
    answers.append(client.get(answers[-1].location))
    answers.append(client.get(answers[-1].location))
    consent = answers[-1].request.full_path
    answers.append(journey.submit(client, consent, decision="allow"))
    answers.append(client.get(answers[-1].location))

    assert journey.page_name(answers[-1]) == "form-post"
    told = [(answer.request.path, answer.headers["Cross-Origin-Opener-Policy"]) for answer in answers]
    assert told == [(path, "unsafe-none") for path, _ in told]


@SQLITE
def test_own_details_have_no_opener_whatever_their_address_says(client: FlaskClient, people: People) -> None:
    login = client.get(journey.authorize_url(people.client())).location
    journey.log_in(client, people.resident())

    page = client.get(f"/account?{login.partition('?')[2]}")

    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"

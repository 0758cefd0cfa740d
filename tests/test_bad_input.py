"""Hostile input at every endpoint: a clear answer, never a 500, never an exception that nobody handles."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from idp.clients.managed import ADMIN_API
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.identification import SETTINGS, open_desk
from tests.support.people import App, People
from tests.web.pages_with_forms import OPENERS, Town, everything_in_the_form

# As it stands in a query string or a form: already percent-encoded.
HOSTILE = [
    "",
    "%00",
    "a%00b",
    "%ed%a0%80",  # half a surrogate pair
    "%ff%fe",  # no UTF-8 at all
    "%zz",
    "%",
    "x" * 10_000,
    quote("ä" * 10_000),
    quote("\N{COMBINING ACUTE ACCENT}" * 3_000),
    quote("\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH JOINER}"),
    quote("\U0001f468\u200d\U0001f469"),
    quote("\ud7ff\uffff"),
    "%0d%0aSet-Cookie:%20a=b",
    quote("'; DROP TABLE accounts; --"),
    quote("{{ 7 * 7 }}<script>"),
    quote("../../../etc/passwd"),
    quote("maija@[127.0.0.1"),
    quote("@"),
    quote("https://[::1"),
    quote("https://evil.example"),
    quote('{"a":' * 2_000),
    quote("e30.e30."),
    quote("e30.e30.e30.e30.e30"),
    "-1",
    "99999999999999999999999",
    "0",
    quote("²"),
    "NaN",
    "null",
    "true",
    "csrf",
]

SENSIBLE = {
    # pages
    "username": "maija@example.fi",
    "password": "Kuusi;7puuta",
    "email": "uusi@example.fi",
    "email_confirm": "uusi@example.fi",
    "new_email": "uusi@example.fi",
    "new_email_confirm": "uusi@example.fi",
    "current_password": "Kuusi;7puuta",
    "new_password": "Talvi-8yötä",
    "new_password_confirm": "Talvi-8yötä",
    "given_name": "Maija",
    "family_name": "Meikäläinen",
    "phone": "040 123 4567",
    "street_address": "Kirkkokatu 1",
    "postal_code": "00100",
    "locality": "Helsinki",
    "accept_terms": "y",
    "message": "Hyvä palvelu",
    "decision": "allow",
    "withdraw": "asiointi",
    "action": "resend",
    "lang": "sv",
    # protocol
    "client_id": "asiointi",
    "redirect_uri": "https://asiointi.example.fi/callback",
    "post_logout_redirect_uri": "https://asiointi.example.fi/logged-out",
    "response_type": "code",
    "scope": "openid profile",
    "state": "s",
    "nonce": "n",
    "code_challenge": journey.CHALLENGE,
    "code_challenge_method": "S256",
    "code_verifier": journey.VERIFIER,
    "grant_type": "authorization_code",
}
FURTHER = [
    *("csrf_token", "remember", "confirm", "end", "end_others", "cancel", "not_me", "choose_password"),
    *("correct", "token", "request", "prompt", "max_age", "login_hint", "ui_locales", "id_token_hint"),
    *("claims", "acr_values", "display", "response_mode", "resource", "request_uri", "registration"),
    *("code", "refresh_token", "client_secret", "client_assertion", "client_assertion_type", "logout_hint"),
    *("token_type_hint", "access_token", "%00", "%ed%a0%80", "x" * 200, ""),
]
NAMES = [*SENSIBLE, *FURTHER]

COOKIES = [
    "tunnus_session=%00; tunnus_device=\xff\xfe; tunnus_browser=.; tunnus_language=xx",
    "tunnus_browser=" + "e30." * 50,
    "tunnus_session=" + "a" * 4000,
    "tunnus_device=; tunnus_device=b; =; ;;;",
    'tunnus_browser="\\777\\000"; tunnus_language="',
    "tunnus_language=../../etc",
]
AUTHORIZATIONS = [
    "Basic",
    "Basic ",
    "Basic !!!",
    "Basic YQ==",
    "Basic AAA6AAA=",  # NULs
    "Basic //79Ov/+/Q==",  # no UTF-8
    "Basic " + "QUFB" * 3000,
    "basic YXNpb2ludGk6JTAw",
    "Bearer",
    "Bearer \xff",
    "Bearer a b c",
    "Bearer " + "a." * 3000,
    "Bearer e30.e30.e30",
    "DPoP x",
    "\xff\xfe",
    "Negotiate",
]
CONTENT_TYPES = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=xxx",
    "application/json",
    "text/plain",
    "nonsense",
    "",
]


@dataclass(frozen=True)
class Hostile:
    """One hostile request, sent to every endpoint in turn. Values are percent-encoded already."""

    changes: list[tuple[str, str]]  # laid over the sensible values; twice the same name gives it twice
    everything: bool  # whether all other values are sensible ones, or there are no others
    content_type: str
    cookies: str | None
    authorization: str | None
    language: str

    def encoded(self, sensible: dict[str, str]) -> str:
        names = {name for name, _ in self.changes}
        kept = {n: v for n, v in sensible.items() if n not in names} if self.everything else {}
        return "&".join([urlencode(kept), *(f"{name}={value}" for name, value in self.changes)])

    def environment(self, cookies: str) -> dict[str, Any]:
        environment = {"HTTP_ACCEPT_LANGUAGE": self.language}
        if self.cookies is not None:
            environment["HTTP_COOKIE"] = f"{cookies}; {self.cookies}" if self.everything else self.cookies
        if self.authorization is not None:
            environment["HTTP_AUTHORIZATION"] = self.authorization
        return environment


def hostile_requests() -> st.SearchStrategy[Hostile]:
    value = st.one_of(
        st.sampled_from(HOSTILE),
        st.text(max_size=20).map(lambda t: quote(t.encode("utf-8", "surrogatepass"))),
    )
    return st.builds(
        Hostile,
        changes=st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=6),
        everything=st.booleans(),
        content_type=st.one_of(st.just(CONTENT_TYPES[0]), st.sampled_from(CONTENT_TYPES)),
        cookies=st.one_of(st.none(), st.sampled_from(COOKIES)),
        authorization=st.one_of(st.none(), st.sampled_from(AUTHORIZATIONS)),
        language=st.sampled_from(["fi", "xx-*;q=;;", "\xff", "en;q=2, sv;q=nan"]),
    )


def endpoints(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of everything that the app answers."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield method, rule.rule.replace("<path:filename>", "tunnus.css").replace("<code>", "fi")


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """With a broker, so that what is hostile gets on to it."""
    app = make_app(upstream=SETTINGS)
    open_desk(app)
    return app


EXAMPLES = int(os.environ.get("IDP_TEST_EXAMPLES", "6"))
"""More of them find more, in a run of its own."""


class Walk:
    """Sends a request to every endpoint, from a browser that is logged in or one that is not."""

    ENDING = (
        "/login",
        "/logout",
        "/account/sessions",
        "/account/delete",
        "/oauth2/logout",
        "/oauth2/authorize",
    )
    """What may end the session or use the pending request: afterwards another browser goes on."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.people = People(app)
        self.service = self.people.client()

    def problems(self, hostile: Hostile, *, logged_in: bool) -> list[str]:
        found = []
        browser = None
        for method, path in endpoints(self.app):
            if browser is None:
                browser = Prepared(self.people, self.service, logged_in=logged_in)
            with capture_logs() as logs:
                response = browser.send(method, path, hostile)
            response.close()
            if response.status_code >= 500:
                error = next((repr(entry["exc_info"]) for entry in logs if "exc_info" in entry), "")
                found.append(f"{method} {path}: {response.status_code} {error}")
            if path.startswith(self.ENDING):
                browser = None
        return found


class Prepared:
    """A browser with a pending request, a form token and maybe a login, so that what is hostile gets far."""

    def __init__(self, people: People, service: App, *, logged_in: bool) -> None:
        self.browser = people.app.test_client()
        if logged_in:
            journey.log_in(self.browser, people.resident(journey.random_email()))
        started = self.browser.get(journey.authorize_url(service, prompt="login"))
        self.pending = started.location.partition("request=")[2]
        token = journey.csrf_token(self.browser.get("/forgot"))
        self.sensible = {**SENSIBLE, "csrf_token": token, "request": self.pending}

    def send(self, method: str, path: str, hostile: Hostile) -> TestResponse:
        encoded = hostile.encoded(self.sensible)
        environment = hostile.environment(self._cookies())
        if method == "GET":
            return self.browser.get(f"{path}?{encoded}", environ_overrides=environment)
        return self.browser.post(
            f"{path}?{urlencode({'request': self.pending})}",
            data=encoded.encode(),
            content_type=hostile.content_type,
            environ_overrides=environment,
        )

    def _cookies(self) -> str:
        names = ("tunnus_browser", "tunnus_session", "tunnus_device")
        cookies = {name: self.browser.get_cookie(name) for name in names}
        return "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items() if cookie)


@pytest.mark.parametrize("logged_in", [False, True], ids=["stranger", "logged in"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # each example visits every endpoint: shrinking would take long
    suppress_health_check=list(HealthCheck),
)
@given(hostile=hostile_requests())
def test_no_hostile_request_is_a_fault_of_ours(app: Flask, logged_in: bool, hostile: Hostile) -> None:
    if "walk" not in app.extensions:
        app.extensions["walk"] = Walk(app)

    assert app.extensions["walk"].problems(hostile, logged_in=logged_in) == []


@pytest.mark.parametrize("value", ["\0", "a\0b", "x" * 10_000, "\N{COMBINING ACUTE ACCENT}" * 3_000])
def test_each_field_of_each_form_may_be_hostile_by_itself(app: Flask, value: str) -> None:
    problems = []
    for rule in OPENERS:
        page = Town(app).open(rule)
        shown = page.browser.get(page.url)
        good = everything_in_the_form(shown)
        for name in [name for name in good if name not in {"activate", "not_me", "confirm"}]:
            token = journey.csrf_token(page.browser.get("/forgot"))
            answer = page.browser.post(page.url, data={**good, "csrf_token": token, name: value})
            if answer.status_code >= 500:
                problems.append(f"{rule} {name}: {answer.status_code}")

    assert problems == []


def test_a_body_over_the_limit_is_refused_everywhere(app: Flask) -> None:
    body = b"a=" + b"x" * app.config["MAX_CONTENT_LENGTH"]
    form = "application/x-www-form-urlencoded"
    answers = {}
    for method, path in endpoints(app):
        if method == "POST":
            answers[path] = app.test_client().post(path, data=body, content_type=form)

    needs_no_form = {"/logout", "/consent"}  # nobody is logged in: the answer comes before the form is read
    of_programs = [answer for path, answer in answers.items() if path.startswith(ADMIN_API)]  # likewise
    assert {answer.status_code for answer in of_programs} == {401}
    answers = {path: answer for path, answer in answers.items() if not path.startswith(ADMIN_API)}
    assert {path for path, answer in answers.items() if answer.status_code >= 500} == set()
    read = {path for path, answer in answers.items() if answer.status_code not in {303, 404}}
    assert {path: answers[path].status_code for path in read} == dict.fromkeys(read, 413)
    assert {"/login", "/create-account", "/forgot", "/oauth2/token", "/oauth2/authorize"} <= read
    assert not needs_no_form & read


def test_what_is_too_large_is_said_in_words_and_to_programs_in_json(client: FlaskClient) -> None:
    body = {"message": "x" * 70_000}

    page = client.post("/feedback", data=body)
    answer = client.post("/oauth2/token", data=body)

    assert (page.status_code, journey.page_name(page)) == (413, "error")
    assert "liian suuri" in page.text
    assert (answer.status_code, answer.get_json()["error"]) == (413, "invalid_request")


def test_a_form_of_a_thousand_parts_is_refused(client: FlaskClient) -> None:
    parts = {f"field-{number}": "x" for number in range(1_500)}

    answer = client.post("/login", data=parts, content_type="multipart/form-data")

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        *("/%00", "/assets/%00", "/assets/../../pyproject.toml", "/assets/..%2f..%2fpyproject.toml"),
        *("/%ed%a0%80", "/%ff", "/login/", "/LOGIN", "/" + "x" * 10_000, "/assets/", "/account/.."),
        *("/.well-known/x", "/oauth2/x", "/account/%2e%2e", "/;/", "/%0d%0aSet-Cookie:a=b"),
    ],
)
def test_strange_paths_are_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "X" * 100])
def test_strange_methods_are_not_allowed(app: Flask, method: str) -> None:
    managed = "/oauth2/register/"  # registrations are put and deleted there (RFC 7592)
    paths = {path for _, path in endpoints(app) if not path.startswith(managed)}
    paths -= {path for path in paths if path.startswith(ADMIN_API)}  # tests/admin/test_api_problems.py
    answers = {path: app.test_client().open(path, method=method) for path in paths}

    assert {answer.status_code for answer in answers.values()} == {405}
    assert all(
        "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"] for answer in answers.values()
    )


def test_a_foreign_host_changes_no_address(client: FlaskClient, people: People) -> None:
    people.resident()
    evil: dict[str, Any] = {
        "base_url": "http://evil.example",
        "headers": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"},
    }
    page = client.get("/forgot", **evil)

    client.post("/forgot", data={"email": "maija@example.fi", "csrf_token": journey.csrf_token(page)}, **evil)
    document = client.get("/.well-known/openid-configuration", **evil)

    letter = people.letters()[0]
    assert "evil.example" not in letter.text + letter.html + document.text + page.text

"""The authorization endpoint: what a request must be, and how each fault is answered.

Before the redirect URI is trusted: a page with status 400, never a redirect. After it: a 303 to the service with
`error`, `error_description`, `state` and `iss`, nothing else. Which page a good request leads to: test_interaction.py.
"""

import string
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oidc import steps
from tests.support import journey
from tests.support.people import REDIRECT_URI, App, People, Person

METHODS = pytest.mark.parametrize("method", ["GET", "POST"])
OF_ERROR_DESCRIPTION = set(string.printable) - set('"\\') - set("\t\n\r\x0b\x0c")  # RFC 6749 4.1.2.1


def assert_page(response: TestResponse) -> None:
    """An error page of our own: 400, no redirect, a support reference."""
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert journey.page_name(response) == "error"
    assert response.headers["Cache-Control"] == "no-store"


# -- before the redirect URI is trusted: a page

NOT_TRUSTED: dict[str, dict[str, str | None]] = {
    "no client_id": {"client_id": None},
    "an empty client_id": {"client_id": ""},
    "an unknown client": {"client_id": "someone-else"},
    "a client_id with NUL": {"client_id": "asiointi\x00"},
    "a client_id of 10,000 characters": {"client_id": "a" * 10_000},
    "a client_id in other letters": {"client_id": "ASIOINTI"},
    "another site": {"redirect_uri": "https://evil.example/callback"},
    "a subdomain": {"redirect_uri": "https://x.asiointi.example.fi/callback"},
    "a longer host": {"redirect_uri": "https://asiointi.example.fi.evil.example/callback"},
    "the registered address as user name": {
        "redirect_uri": "https://asiointi.example.fi%2Fcallback@evil.example"
    },
    "plain http": {"redirect_uri": "http://asiointi.example.fi/callback"},
    "another port": {"redirect_uri": "https://asiointi.example.fi:8443/callback"},
    "the default port written out": {"redirect_uri": "https://asiointi.example.fi:443/callback"},
    "a longer path": {"redirect_uri": REDIRECT_URI + "/more"},
    "a slash at the end": {"redirect_uri": REDIRECT_URI + "/"},
    "a path that leads back to it": {"redirect_uri": "https://asiointi.example.fi/x/../callback"},
    "other letters": {"redirect_uri": "https://asiointi.example.fi/Callback"},
    "a query": {"redirect_uri": REDIRECT_URI + "?x=1"},
    "a fragment": {"redirect_uri": REDIRECT_URI + "#x"},
    "a space at the end": {"redirect_uri": REDIRECT_URI + " "},
    "a script": {"redirect_uri": "javascript:alert(1)"},
    "not an address": {"redirect_uri": "http://[::1"},
}


@METHODS
def test_an_untrusted_client_or_redirect_uri_gets_a_page_and_never_a_redirect(
    client: FlaskClient, service: App, person: Person, method: str, subtests: pytest.Subtests
) -> None:
    steps.log_in(client, person)
    for name, fault in NOT_TRUSTED.items():
        with subtests.test(name):
            assert_page(steps.ask(client, service, method, **fault))


@METHODS
@pytest.mark.parametrize("parameter", ["client_id", "redirect_uri"])
def test_a_client_id_or_redirect_uri_given_twice_gets_a_page(
    client: FlaskClient, service: App, method: str, parameter: str
) -> None:
    address = journey.authorize_url(service)
    value = {"client_id": service.client_id, "redirect_uri": service.redirect_uri}[parameter]

    if method == "GET":
        assert_page(client.get(f"{address}&{urlencode({parameter: value})}"))
    else:  # once in the address, once in the body
        assert_page(client.post(address, data={parameter: value}))


def test_faults_found_before_trust_win_over_those_after_it(client: FlaskClient, service: App) -> None:
    fault = {"redirect_uri": "https://evil.example/", "response_type": "nonsense", "prompt": "none"}

    assert_page(steps.ask(client, service, **fault))


@METHODS
def test_without_redirect_uri_a_client_that_registered_several_gets_a_page(
    client: FlaskClient, people: People, method: str
) -> None:
    service = people.client(redirect_uris=[REDIRECT_URI, "https://asiointi.example.fi/other"])

    assert_page(steps.ask(client, service, method, redirect_uri=None))


@METHODS
def test_without_redirect_uri_a_client_that_registered_one_gets_its_answer_there(
    client: FlaskClient, person: Person, service: App, method: str
) -> None:
    steps.log_in(client, person)

    answer = steps.ask(client, service, method, redirect_uri=None, scope="email")

    assert "code" in steps.redirected(answer, service)


@METHODS
def test_an_openid_request_without_redirect_uri_gets_a_page(
    client: FlaskClient, person: Person, service: App, method: str
) -> None:
    """OpenID Connect Core 3.1.2.1 demands it, also of who has registered just one."""
    steps.log_in(client, person)

    answer = steps.ask(client, service, method, redirect_uri=None)

    assert (answer.status_code, journey.page_name(answer)) == (400, "error")


def test_the_page_names_the_e_service_leads_back_to_it_and_gives_a_reference(
    client: FlaskClient, service: App
) -> None:
    response = steps.ask(client, service, redirect_uri="https://evil.example/")

    page = journey.soup(response)
    assert "Asiointipalvelu" in page.get_text()
    assert page.find("a", href="https://asiointi.example.fi/") is not None
    assert "evil.example" not in page.get_text()
    assert response.headers["Content-Security-Policy"].endswith("form-action 'self'")


def test_the_page_speaks_the_language_that_the_service_asked_for(client: FlaskClient, service: App) -> None:
    response = steps.ask(client, service, client_id="unknown", ui_locales="sv")

    assert journey.soup(response).html["lang"] == "sv"  # type: ignore[index]


# -- native apps (RFC 8252 7.3, 8.3)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("port", ["", ":1", ":53211"])
def test_the_port_of_a_native_apps_loopback_address_may_vary(
    client: FlaskClient, people: People, person: Person, host: str, port: str
) -> None:
    app = people.client(
        redirect_uris=[f"http://{host}/callback?x=1"],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    steps.log_in(client, person)
    wanted = f"http://{host}{port}/callback?x=1"

    response = steps.ask(client, app, redirect_uri=wanted)

    assert response.location.startswith(f"{wanted}&code=")
    redeemed = journey.redeem(client, app, journey.answer_of(response)["code"], redirect_uri=wanted)
    assert redeemed.status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "http://127.0.0.1:5000/other",
        "http://127.0.0.1:5000/callback?x=1",
        "http://127.0.0.1:5000/callback#x",
        "https://127.0.0.1:5000/callback",
        "http://127.0.0.1:port/callback",
        "http://127.0.0.1:5000@evil.example/callback",
        "http://127.0.0.1.evil.example:5000/callback",
        "http://localhost:5000/callback",
        "http://evil.example:5000/callback",
    ],
)
def test_nothing_but_the_port_may_vary(client: FlaskClient, people: People, wanted: str) -> None:
    app = people.client(
        redirect_uris=["http://127.0.0.1/callback"],
        application_type="native",
        token_endpoint_auth_method="none",
    )

    assert_page(steps.ask(client, app, redirect_uri=wanted))


def test_the_port_of_a_web_clients_loopback_address_may_not_vary(client: FlaskClient, people: People) -> None:
    service = people.client(redirect_uris=["http://127.0.0.1:5000/callback"])

    assert_page(steps.ask(client, service, redirect_uri="http://127.0.0.1:5001/callback"))


def test_a_native_app_may_have_an_address_of_its_own_scheme(
    client: FlaskClient, people: People, person: Person
) -> None:
    app = people.client(
        redirect_uris=["fi.example.asiointi:/callback"],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    steps.log_in(client, person)

    assert steps.ask(client, app).location.startswith("fi.example.asiointi:/callback?code=")


# -- after it: an error by redirect

FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "an empty response_type": ({"response_type": ""}, "invalid_request"),
    "a response_type without openid": ({"response_type": "none"}, "unsupported_response_type"),
    "an unknown response_type": ({"response_type": 'ä"\\'}, "unsupported_response_type"),
    "a response_mode that is not offered": ({"response_mode": "query.jwt"}, "invalid_request"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "no known scope": ({"scope": "invoices"}, "invalid_scope"),
    "an unknown prompt": ({"prompt": "register"}, "invalid_request"),
    "prompt none with login": ({"prompt": "none login"}, "invalid_request"),
    "prompt none with consent": ({"prompt": "consent none"}, "invalid_request"),
    "prompt none with select_account": ({"prompt": "none select_account"}, "invalid_request"),
    "prompt none with create": ({"prompt": "create none"}, "invalid_request"),
    "a negative max_age": ({"max_age": "-1"}, "invalid_request"),
    "a max_age that is no number": ({"max_age": "soon"}, "invalid_request"),
    "a max_age with a fraction": ({"max_age": "1.5"}, "invalid_request"),
    "a max_age in other digits": ({"max_age": "١٢"}, "invalid_request"),
    "an endless max_age": ({"max_age": "9" * 30}, "invalid_request"),
    "a request object": ({"request": "x.y.z"}, "invalid_request_object"),
    "a request_uri": ({"request_uri": "https://asiointi.example.fi/r"}, "invalid_request_uri"),
    "claims that are no JSON": ({"claims": "x"}, "invalid_request"),
    "an unknown resource": ({"resource": "https://rajapinta.example.fi/"}, "invalid_target"),
    "a registration": ({"registration": "{}"}, "registration_not_supported"),
    "an id_token_hint that is no JWT": ({"id_token_hint": "x"}, "invalid_request"),
    "an unsigned id_token_hint": ({"id_token_hint": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request"),
    "no code_challenge": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "an empty code_challenge": ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
    "a code_challenge_method alone": ({"code_challenge": None}, "invalid_request"),
    "code_challenge_method plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no code_challenge_method, which would mean plain": ({"code_challenge_method": None}, "invalid_request"),
    "a short code_challenge": ({"code_challenge": "x" * 42}, "invalid_request"),
    "a long code_challenge": ({"code_challenge": "x" * 129}, "invalid_request"),
    "a code_challenge with a line break": ({"code_challenge": "x" * 128 + "\n"}, "invalid_request"),
    "a code_challenge of other characters": ({"code_challenge": "ä" * 43}, "invalid_request"),
    "a parameter of 10,000 characters": ({"nonce": "n" * 10_000}, "invalid_request"),
    "a NUL character": ({"nonce": "n\x00"}, "invalid_request"),
}


@METHODS
def test_a_fault_after_trust_is_told_to_the_service_with_state_and_iss_and_nothing_else(
    client: FlaskClient, service: App, person: Person, method: str, subtests: pytest.Subtests
) -> None:
    steps.log_in(client, person)
    for name, (fault, error) in FAULTS.items():
        with subtests.test(name):
            answer = steps.redirected(steps.ask(client, service, method, **fault), service)

            assert answer["error"] == error
            assert set(answer) == {"error", "error_description", "state", "iss"}
            assert (answer["state"], answer["iss"]) == ("state-1", steps.ISSUER)
            assert set(answer["error_description"]) <= OF_ERROR_DESCRIPTION


@pytest.mark.parametrize(
    "parameter", ["scope", "nonce", "prompt", "code_challenge", "response_type", "unknown", 'ä"']
)
def test_a_parameter_given_twice_is_an_error(
    client: FlaskClient, service: App, person: Person, parameter: str
) -> None:
    steps.log_in(client, person)
    twice = urlencode([(parameter, "x"), (parameter, "x")])

    answer = steps.redirected(
        client.get(f"{journey.authorize_url(service, **{parameter: None})}&{twice}"), service
    )

    assert answer["error"] == "invalid_request"
    assert set(answer["error_description"]) <= OF_ERROR_DESCRIPTION


def test_a_parameter_in_the_address_and_in_the_body_is_given_twice(client: FlaskClient, service: App) -> None:
    response = client.post(journey.authorize_url(service), data={"scope": "openid"})

    assert steps.error_of(response, service) == "invalid_request"


def test_a_state_given_twice_is_not_echoed(client: FlaskClient, service: App) -> None:
    response = client.get(journey.authorize_url(service) + "&state=state-2")

    assert set(steps.redirected(response, service)) == {"error", "error_description", "iss"}


def test_only_resource_may_be_given_twice(client: FlaskClient, people: People, person: Person) -> None:
    steps.log_in(client, person)
    resources = ["https://a.example.fi/", "https://b.example.fi/"]
    service = people.client(allowed_resources=resources)
    people.client("rajapinta", resource_server=True, resource_uris=resources)
    twice = "".join(f"&{urlencode({'resource': uri})}" for uri in resources)

    assert "code" in steps.redirected(client.get(journey.authorize_url(service) + twice), service)


@METHODS
def test_the_state_comes_back_to_the_letter(
    client: FlaskClient, service: App, person: Person, method: str
) -> None:
    state = "ä &=+%2F/?#\"<>'€ 漢 " * 20
    steps.log_in(client, person)

    good = steps.redirected(steps.ask(client, service, method, state=state), service)
    bad = steps.redirected(steps.ask(client, service, method, state=state, scope="x"), service)

    assert (good["state"], bad["state"]) == (state, state)


def test_without_state_there_is_none_in_the_answer(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)

    assert set(steps.redirected(steps.ask(client, service, state=None), service)) == {
        *("code", "session_state", "iss")
    }
    assert "state" not in steps.redirected(steps.ask(client, service, state=None, scope="x"), service)


@pytest.mark.parametrize(
    "query", ["?a=b%20c", "?flag", "?next=/a/b", "?a=1&a=2", "?", "?a=1&", "?a=%C3%A4;b"]
)
@METHODS
def test_the_query_of_a_registered_redirect_uri_is_kept_to_the_letter(
    client: FlaskClient, people: People, person: Person, query: str, method: str
) -> None:
    service = people.client(redirect_uris=[REDIRECT_URI + query])
    steps.log_in(client, person)

    good, bad = steps.ask(client, service, method), steps.ask(client, service, method, scope="x")

    for response, first in ((good, "code="), (bad, "error=")):
        assert response.location.startswith(service.redirect_uri)
        added = response.location.removeprefix(service.redirect_uri).removeprefix("&")
        assert added.startswith(first)


# -- the good answer


@METHODS
def test_a_good_answer_is_a_303_with_code_state_and_iss(
    client: FlaskClient, service: App, person: Person, method: str
) -> None:
    steps.log_in(client, person)

    response = steps.ask(client, service, method)

    answer = steps.redirected(response, service)
    assert set(answer) == {"code", "session_state", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("state-1", steps.ISSUER)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_data() == b""


def test_a_code_has_at_least_128_random_bits_and_is_stored_hashed(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    codes = {steps.silently(client, service)["code"] for _ in range(20)}

    assert len(codes) == 20
    assert min(len(code) for code in codes) >= 22  # base64url characters
    stored = steps.everything_stored(app)
    assert not [code for code in codes if code in stored]


IGNORED: dict[str, str] = {
    "display": "popup",
    "login_hint": "maija@example.fi",
    "ui_locales": "xx-YY fi",
    "claims_locales": "fi",
    "acr_values": "urn:example:unknown",
    "claims": '{"userinfo":{"unknown":null}}',
    "audience": "https://api.example.fi",
    "some_parameter_of_tomorrow": "1",
    "ä": "ö",
    "prompt": "",
    "max_age": "",
    "id_token_hint": "",
    "request": "",
    "response_mode": "",
}


@METHODS
def test_unknown_parameters_hints_and_empty_values_are_never_an_error(
    client: FlaskClient, service: App, person: Person, method: str, subtests: pytest.Subtests
) -> None:
    steps.log_in(client, person)
    for name, value in IGNORED.items():
        with subtests.test(name):
            assert "code" in steps.redirected(steps.ask(client, service, method, **{name: value}), service)


@METHODS
def test_nonce_and_state_may_be_missing(
    client: FlaskClient, service: App, person: Person, method: str
) -> None:
    steps.log_in(client, person)

    claims = steps.finish(client, service, steps.ask(client, service, method, nonce=None, state=None))

    assert "nonce" not in claims


def test_a_scope_that_the_client_may_not_have_is_left_out(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(scope="openid email")

    tokens = journey.tokens_for(client, service, person, scope="openid profile email openid unknown")

    assert tokens["scope"] == "openid email"


def test_without_openid_it_is_plain_oauth_and_no_id_token_is_issued(
    client: FlaskClient, service: App, person: Person
) -> None:
    tokens = journey.tokens_for(client, service, person, scope="profile")

    assert tokens["scope"] == "profile"
    assert "id_token" not in tokens


# -- PKCE (RFC 7636, RFC 9700 2.1.1)


def test_a_confidential_client_may_be_exempted_from_pkce(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(pkce_required=False)
    steps.log_in(client, person)

    response = steps.ask(client, service, code_challenge=None, code_challenge_method=None)

    assert "code" in steps.redirected(response, service)


@pytest.mark.parametrize(
    "fault", [{"code_challenge_method": "plain"}, {"code_challenge_method": None}, {"code_challenge": None}]
)
def test_an_exempted_client_that_sends_pkce_must_send_it_right(
    client: FlaskClient, people: People, fault: dict[str, Any]
) -> None:
    service = people.client(pkce_required=False)

    assert steps.error_of(steps.ask(client, service, **fault), service) == "invalid_request"


def test_a_public_client_can_not_be_exempted(client: FlaskClient, people: People) -> None:
    app = people.client(pkce_required=False, token_endpoint_auth_method="none")

    response = steps.ask(client, app, code_challenge=None, code_challenge_method=None)

    assert steps.error_of(response, app) == "invalid_request"


# -- POST


def test_a_cross_site_post_is_stored_and_goes_on_by_a_get_where_the_session_is_read(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    without_cookies = app.test_client(use_cookies=False)  # SameSite=Lax keeps them back
    path, _, query = journey.authorize_url(service).partition("?")

    posted = without_cookies.post(path, data=query, content_type="application/x-www-form-urlencoded")

    assert steps.page_of(posted) == "/oauth2/authorize/resume"
    assert "Set-Cookie" not in posted.headers
    assert "code" in steps.redirected(client.get(posted.location), service)


def test_the_parameters_of_a_post_do_not_go_into_the_address(client: FlaskClient, service: App) -> None:
    path, _, query = journey.authorize_url(service).partition("?")

    posted = client.post(path, data=query, content_type="application/x-www-form-urlencoded")

    assert list(parse_qs(urlsplit(posted.location).query)) == ["request"]


def test_a_post_needs_no_form_token_of_ours(client: FlaskClient, service: App) -> None:
    assert steps.page_of(steps.ask(client, service, "POST")) == "/login"


def test_a_body_that_is_no_form_is_a_request_without_parameters(client: FlaskClient, service: App) -> None:
    assert_page(client.post("/oauth2/authorize", json={"client_id": service.client_id}))


# -- what never happens here


def test_no_other_origin_may_read_the_answer(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)
    origin = {"Origin": "https://asiointi.example.fi"}
    address = journey.authorize_url(service)

    for response in (
        client.get(address, headers=origin),
        client.post(address, headers=origin),
        client.options(address, headers=origin | {"Access-Control-Request-Method": "GET"}),
    ):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]


@METHODS
def test_every_redirect_is_a_303(client: FlaskClient, service: App, person: Person, method: str) -> None:
    answers = [
        steps.ask(client, service, method),
        steps.ask(client, service, method, prompt="none"),
        steps.ask(client, service, method, scope="x"),
    ]
    steps.log_in(client, person)
    answers.append(steps.ask(client, service, method))

    assert {response.status_code for response in answers} == {303}

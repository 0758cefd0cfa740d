"""The demo's broker is as strict as a real one: what it takes, others take too."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from idp.demo.broker_people import PEOPLE
from idp.upstream import keys, signing
from tests.conftest import AppFactory
from tests.support.broker import CLIENT_ID, Bench, bench

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def place(make_app: AppFactory) -> Any:
    with bench(make_app) as made:
        yield made


def request_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["request"][0]


def claims_of(token: str, key: RSAKey) -> dict[str, Any]:
    return jwt.decode(token, key, algorithms=["RS256"]).claims


def signing_key(place: Bench) -> RSAKey:
    with place.app.app_context():
        return keys.upstream_keys().current().signing


def asked(place: Bench, request: str | None, **beside: str) -> httpx.Response:
    query = {"client_id": CLIENT_ID, **({"request": request} if request else {}), **beside}
    return httpx.get(f"{place.broker.config.issuer}/authorize?{urlencode(query)}", trust_env=False)


def signed(
    place: Bench, key: RSAKey | None = None, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A request as we make it, with changes."""
    own = signing_key(place)
    claims = {**claims_of(request_of(place.begin()), own), **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    values = {"alg": "RS256", "kid": own.kid, **(header or {})}
    values = {name: value for name, value in values.items() if value is not None}
    return jwt.encode(values, claims, key or own, algorithms=["RS256"])


def test_our_requests_are_taken(place: Bench) -> None:
    assert asked(place, signed(place)).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another-client"},
        {"aud": "https://another-broker.example.fi"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"jti": None},
        {"client_id": "another-client"},
        {"response_type": "code id_token"},
        {"scope": "profile"},
        {"redirect_uri": "https://attacker.example.fi/upstream/callback"},
        {"state": "short"},
        {"nonce": "short"},
        {"acr_values": None},
        {"acr_values": "http://ftn.ficora.fi/2017/loa2"},
        {"ftn_spname": None},
        {"ftn_spname": "x" * 41},
        {"prompt": "none", "max_age": 3600},
        {"ui_locales": "de"},
    ],
    ids=str,
)
def test_a_request_that_is_not_as_the_profile_has_it_is_refused(
    place: Bench, changes: dict[str, Any]
) -> None:
    assert asked(place, signed(place, **changes)).status_code == 400


def test_a_request_is_refused_that_somebody_else_has_signed(place: Bench) -> None:
    assert asked(place, signed(place, RSAKey.generate_key(2048))).status_code == 400
    assert asked(place, signed(place, header={"kid": "unknown"})).status_code == 400
    assert asked(place, signed(place, header={"kid": None})).status_code == 400


def test_a_request_counts_once(place: Bench) -> None:
    request = signed(place)
    assert asked(place, request).status_code == 303

    assert asked(place, request).status_code == 400


def test_an_unsigned_request_is_none(place: Bench) -> None:
    parameters = claims_of(signed(place), signing_key(place))
    plain = {name: str(value) for name, value in parameters.items() if name != "client_id"}

    assert asked(place, None, **plain).status_code == 400


def test_what_stands_beside_the_signed_request_is_ignored(place: Bench) -> None:
    asked(place, signed(place), acr_values="http://ftn.ficora.fi/2017/loa2", ftn_spname="Pankki")

    assert place.broker.last_request["acr_values"].endswith("loatest2")
    assert place.broker.last_request["ftn_spname"] == "Asiointipalvelu"


# -- the token endpoint

Change = Callable[[Bench, dict[str, str]], dict[str, str]]


def _other_code(_: Bench, form: dict[str, str]) -> dict[str, str]:
    return {**form, "code": "x" * 43}


def _other_address(_: Bench, form: dict[str, str]) -> dict[str, str]:
    return {**form, "redirect_uri": "https://attacker.example.fi/"}


def _secret(_: Bench, form: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in form.items() if not name.startswith("client_assertion")}
    return {**kept, "client_secret": "secret"}


def _for_another_endpoint(place: Bench, form: dict[str, str]) -> dict[str, str]:
    with place.app.app_context():
        return {**form, **signing.client_assertion(CLIENT_ID, "https://another-broker.example.fi/token")}


def _of_another_key(place: Bench, form: dict[str, str]) -> dict[str, str]:
    claims = claims_of(form["client_assertion"], signing_key(place))
    header = {"alg": "RS256", "kid": signing_key(place).kid}
    return {**form, "client_assertion": jwt.encode(header, claims, RSAKey.generate_key(2048))}


def form_for(place: Bench) -> dict[str, str]:
    """What we send for a code."""
    parameters = place.choose(place.begin())
    base = place.broker.config.issuer
    with place.app.app_context():
        proof = signing.client_assertion(CLIENT_ID, f"{base}/token")
    redirect_uri = place.broker.last_request["redirect_uri"]
    return {
        "grant_type": "authorization_code",
        "code": parameters["code"],
        "redirect_uri": redirect_uri,
        **proof,
    }


def redeem(place: Bench, form: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{place.broker.config.issuer}/token", data=form, trust_env=False)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_other_code, "invalid_grant"),
        (_other_address, "invalid_grant"),
        (_secret, "invalid_client"),
        (_for_another_endpoint, "invalid_client"),
        (_of_another_key, "invalid_client"),
    ],
)
def test_whoever_does_not_prove_who_they_are_gets_no_token(place: Bench, change: Change, error: str) -> None:
    answer = redeem(place, change(place, form_for(place)))

    assert (answer.status_code, answer.json()["error"]) == (401 if error == "invalid_client" else 400, error)


def test_code_and_proof_count_once(place: Bench) -> None:
    form = form_for(place)
    assert redeem(place, form).status_code == 200

    again = redeem(place, form)
    assert (again.json()["error"], "jti" in again.json()["error_description"]) == ("invalid_client", True)
    with place.app.app_context():
        fresh = signing.client_assertion(CLIENT_ID, f"{place.broker.config.issuer}/token")
    assert redeem(place, {**form, **fresh}).json()["error"] == "invalid_grant"


def test_the_subject_of_a_token_is_another_one_each_time(place: Bench) -> None:
    """Nothing may be built on it: people are known by their code alone."""
    tokens = [redeem(place, form_for(place)).json()["id_token"] for _ in range(2)]

    assert tokens[0] != tokens[1]
    assert all(token.count(".") == 4 for token in tokens)


# -- keys


def test_a_client_whose_entity_key_people_have_not_compared_is_refused(place: Bench) -> None:
    client = place.broker.config.clients[CLIENT_ID]
    place.broker.config.clients[CLIENT_ID] = type(client)(
        client.client_id, client.redirect_uris, client.entity_statement, entity_key="another thumbprint"
    )

    assert asked(place, signed(place)).status_code == 400


def test_it_publishes_its_own_keys_signed(place: Bench) -> None:
    base, entity = place.broker.config.issuer, place.broker.config.keys.entity
    key_set = httpx.get(f"{base}/jwks.jwt", trust_env=False)
    statement = httpx.get(f"{base}/.well-known/openid-federation", trust_env=False)

    assert key_set.headers["Content-Type"].startswith("application/jwk-set+jwt")
    assert claims_of(key_set.text, entity)["keys"] == place.broker.config.keys.published()["keys"]
    provider = claims_of(statement.text, entity)["metadata"]["openid_provider"]
    assert provider["signed_jwks_uri"] == f"{base}/jwks.jwt"


# -- its page


@pytest.mark.parametrize(
    ("language", "heading"),
    [("fi", "Valitse, kuka olet"), ("sv", "Välj vem du är"), ("en", "Choose who you are")],
)
def test_people_are_offered_in_the_language_of_the_request(place: Bench, language: str, heading: str) -> None:
    page = place.visit(place.begin(language=language))

    assert f"<h1>{heading}</h1>" in page.text
    assert all(person.family_name in page.text for person in PEOPLE.values())
    assert "Asiointipalvelu" in page.text
    other = httpx.get(f"{page.url}?lang=en", trust_env=False)
    assert "Choose who you are" in other.text


def test_the_name_of_the_service_is_text(place: Bench) -> None:
    page = place.visit(place.begin(service_name="<script>alert(1)</script>"))

    assert "<script>" not in page.text


def test_who_comes_to_nothing_is_told_so(place: Bench) -> None:
    for path in ("/choose/unknown", "/authorize", "/authorize?client_id=nobody&request=x"):
        answer = httpx.get(place.broker.config.issuer + path, trust_env=False)
        assert answer.status_code == 400
        assert 'data-page="demo-broker-over"' in answer.text


def test_a_choice_counts_once(place: Bench) -> None:
    page = place.visit(place.begin())
    place.answer(page, "maija")

    assert httpx.post(page.url, data={"person": "maija"}, trust_env=False).status_code == 400

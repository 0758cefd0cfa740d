"""How a client proves who it is, the same way at every endpoint that asks it to (OpenID Connect Core 9).

The requests below ask to revoke an unknown token: with good credentials that is 200.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from werkzeug.test import TestResponse

from idp import housekeeping
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import LocalServer, local_server
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person
from tests.support.ports import LOOPBACK

ENDPOINTS = {
    "/oauth2/token": {"grant_type": "refresh_token", "refresh_token": "unknown"},
    "/oauth2/revoke": {"token": "unknown"},
    "/oauth2/introspect": {"token": "unknown"},
    "/oauth2/device_authorization": {},
    "/oauth2/par": {},
}


def knock(
    browser: FlaskClient,
    form: Mapping[str, str | None] = {},
    *,
    basic: str | None = None,
    endpoint: str = "/oauth2/revoke",
) -> TestResponse:
    """A harmless request with these credentials; `basic` is what follows the scheme."""
    headers = {} if basic is None else {"Authorization": f"Basic {basic}"}
    fields = {name: value for name, value in form.items() if value is not None}
    return browser.post(endpoint, data=ENDPOINTS[endpoint] | fields, headers=headers)


def encoded(client_id: str, secret: str) -> str:
    return base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def assert_unknown_client(response: TestResponse) -> None:
    """`invalid_client`: 401 with a challenge, as JSON that nobody keeps (RFC 6749 5.2)."""
    assert steps.refusal(response) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.mimetype == "application/json"


# -- client_secret_basic


def test_basic_with_the_right_secret_is_the_default(client: FlaskClient, service: App) -> None:
    assert knock(client, basic=encoded(service.client_id, service.secret or "")).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_read_in_any_case(client: FlaskClient, service: App, scheme: str) -> None:
    credentials = encoded(service.client_id, service.secret or "")

    answer = client.post(
        "/oauth2/revoke", data={"token": "x"}, headers={"Authorization": f"{scheme} {credentials}"}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("client_id", ["asiointi", "kunta asiointi", "kunta:asiointi", "kunta+50%", "ärjä-1"])
def test_identifier_and_secret_are_form_url_decoded(
    client: FlaskClient, people: People, client_id: str
) -> None:
    service = people.client(client_id)
    secret = "".join(f"%{ord(char):02x}" for char in service.secret or "")  # every character may be encoded

    assert knock(client, basic=encoded(quote_plus(client_id), secret)).status_code == 200


@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
def test_wrong_basic_credentials_are_an_unknown_client_everywhere(
    client: FlaskClient, service: App, endpoint: str, subtests: pytest.Subtests
) -> None:
    secret = service.secret or ""
    for name, credentials in {
        "wrong secret": encoded(service.client_id, "wrong"),
        "no secret": encoded(service.client_id, ""),
        "no colon": base64.b64encode(service.client_id.encode()).decode(),
        "half the secret": encoded(service.client_id, secret[:20]),
        "secret and more": encoded(service.client_id, secret + "x"),
        "unknown client": encoded("unknown", secret),
        "nobody": encoded("", ""),
        "NUL": encoded("asiointi\x00", secret),
        "not base64": "???",
        "not UTF-8": base64.b64encode(b"\xff\xfe:x").decode(),
        "nothing": "",
        "very long": encoded("a" * 10_000, secret),
    }.items():
        with subtests.test(name):
            assert_unknown_client(knock(client, basic=credentials, endpoint=endpoint))


# -- client_secret_post


@pytest.fixture
def posting(people: People) -> App:
    return people.client("posting", token_endpoint_auth_method="client_secret_post")


def test_post_with_the_right_secret(client: FlaskClient, posting: App) -> None:
    form = {"client_id": "posting", "client_secret": posting.secret}

    assert knock(client, form).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "posting", "client_secret": "wrong"},
        {"client_id": "posting", "client_secret": ""},
        {"client_id": "posting"},
        {"client_id": "unknown", "client_secret": "x"},
        {"client_secret": "x"},
    ],
)
def test_wrong_post_credentials_are_an_unknown_client(
    client: FlaskClient, posting: App, form: dict[str, str]
) -> None:
    assert_unknown_client(knock(client, form))


def test_a_secret_in_the_address_is_not_looked_at(client: FlaskClient, posting: App) -> None:
    query = {"client_id": "posting", "client_secret": posting.secret, "token": "x"}

    assert_unknown_client(client.post("/oauth2/revoke", query_string=query, data={"token": "x"}))


# -- none


@pytest.fixture
def public(people: People) -> App:
    return people.client("public", token_endpoint_auth_method="none")


def test_a_public_client_gives_its_name_alone(client: FlaskClient, public: App) -> None:
    assert knock(client, {"client_id": "public"}).status_code == 200


def test_a_public_client_has_no_secret(public: App) -> None:
    assert public.secret is None


@pytest.mark.parametrize("secret", ["x", "None"])
def test_a_public_client_that_sends_a_secret_is_refused(
    client: FlaskClient, public: App, secret: str
) -> None:
    assert_unknown_client(knock(client, {"client_id": "public", "client_secret": secret}))


def test_a_public_client_can_not_introspect(client: FlaskClient, public: App) -> None:
    assert_unknown_client(knock(client, {"client_id": "public"}, endpoint="/oauth2/introspect"))


def test_without_any_credentials_nobody_is_known(client: FlaskClient) -> None:
    for endpoint in ENDPOINTS:
        assert_unknown_client(knock(client, endpoint=endpoint))


# -- one method per request, the registered one


def test_a_confidential_client_can_not_do_without(client: FlaskClient, service: App) -> None:
    assert_unknown_client(knock(client, {"client_id": service.client_id}))


def test_another_method_than_the_registered_one_is_refused(
    client: FlaskClient, service: App, posting: App
) -> None:
    post = {"client_id": service.client_id, "client_secret": service.secret}

    assert_unknown_client(knock(client, post))
    assert_unknown_client(knock(client, basic=encoded("posting", posting.secret or "")))


def test_two_methods_at_once_are_an_invalid_request(
    client: FlaskClient, service: App, signer: ECKey, signing: App
) -> None:
    basic = encoded(service.client_id, service.secret or "")
    secret = {"client_id": service.client_id, "client_secret": service.secret}
    assertion = steps.assertion(signer, signing.client_id)

    for answer in (
        knock(client, secret, basic=basic),
        knock(client, assertion, basic=basic),
        knock(client, assertion | secret),
    ):
        assert steps.refusal(answer) == (400, "invalid_request")


def test_an_empty_parameter_is_no_second_method(client: FlaskClient, service: App) -> None:
    basic = encoded(service.client_id, service.secret or "")

    assert knock(client, {"client_secret": "", "client_assertion": ""}, basic=basic).status_code == 200


def test_client_id_beside_the_credentials_must_be_the_same(
    client: FlaskClient, service: App, public: App
) -> None:
    basic = encoded(service.client_id, service.secret or "")

    assert knock(client, {"client_id": service.client_id}, basic=basic).status_code == 200
    assert_unknown_client(knock(client, {"client_id": "public"}, basic=basic))


def test_a_disabled_client_is_an_unknown_one(app: Flask, client: FlaskClient, service: App) -> None:
    steps.disable_client(app, service)

    assert_unknown_client(knock(client, basic=encoded(service.client_id, service.secret or "")))


# -- private_key_jwt (RFC 7523)


@pytest.fixture(scope="module")
def signer() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "current"})


@pytest.fixture
def signing(people: People, signer: ECKey) -> App:
    return people.client(
        "signing", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(signer)
    )


@pytest.mark.parametrize(
    "aud",
    [
        steps.ISSUER,
        f"{steps.ISSUER}/oauth2/token",
        [steps.ISSUER],
        [f"{steps.ISSUER}/oauth2/token", "https://other.example/"],
    ],
)
def test_an_assertion_is_meant_for_the_issuer_or_the_token_endpoint(
    client: FlaskClient, signer: ECKey, signing: App, aud: Any
) -> None:
    assert knock(client, steps.assertion(signer, "signing", aud=aud)).status_code == 200


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://other.example"},
    "the issuer with a slash": {"aud": steps.ISSUER + "/"},
    "another endpoint": {"aud": f"{steps.ISSUER}/oauth2/authorize"},
    "no audience": {"aud": None},
    "an empty audience": {"aud": []},
    "an audience of a wrong type": {"aud": {"iss": steps.ISSUER}},
    "another issuer": {"iss": "somebody"},
    "no issuer": {"iss": None},
    "another subject": {"sub": "somebody"},
    "no subject": {"sub": None},
    "a subject of a wrong type": {"sub": 1, "iss": 1},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti of a wrong type": {"jti": 1},
    "no end": {"exp": None},
    "an end of a wrong type": {"exp": "tomorrow"},
    "an endless end": {"exp": 10**400},
    "an end in the distant future": {"exp": 10**12},
    "an end long ago": {"exp": -1},
    "a beginning of a wrong type": {"nbf": "now"},
}


def test_an_assertion_with_wrong_claims_is_refused(
    client: FlaskClient, signer: ECKey, signing: App, subtests: pytest.Subtests
) -> None:
    for name, claims in WRONG_CLAIMS.items():
        with subtests.test(name):
            assert_unknown_client(knock(client, steps.assertion(signer, "signing", **claims)))


@pytest.mark.parametrize(
    ("claim", "offset", "accepted"),
    [
        ("iat", 10, True),
        ("iat", 60, False),
        ("nbf", 10, True),
        ("nbf", 60, False),
        ("exp", -10, True),
        ("exp", -60, False),
        ("exp", 3600, True),
        ("exp", 3610, True),
        ("exp", 3660, False),
    ],
)
def test_a_clock_may_be_ten_seconds_wrong_but_not_sixty(
    client: FlaskClient,
    signer: ECKey,
    signing: App,
    moving_clock: MovableClock,
    claim: str,
    offset: int,
    accepted: bool,
) -> None:
    moving_clock.move(days=1000)  # the project's clock decides, not the machine's
    now = int(moving_clock().timestamp())

    answer = knock(client, steps.assertion(signer, "signing", **{claim: now + offset}))

    assert answer.status_code == (200 if accepted else 401)


def test_an_assertion_is_accepted_once(
    client: FlaskClient, signer: ECKey, signing: App, moving_clock: MovableClock
) -> None:
    form = steps.assertion(signer, "signing")
    assert knock(client, form).status_code == 200

    assert_unknown_client(knock(client, form))
    moving_clock.move(seconds=60)
    assert_unknown_client(knock(client, form))


def test_a_used_jti_is_remembered_until_the_assertion_is_over_with_all_its_skew(
    app: Flask, client: FlaskClient, signer: ECKey, signing: App, moving_clock: MovableClock
) -> None:
    form = steps.assertion(signer, "signing")
    knock(client, form)
    for _ in range(40):
        with app.app_context():
            housekeeping.purge()
        assert_unknown_client(knock(client, form))
        moving_clock.move(seconds=2)


def test_the_jti_of_one_client_is_not_anothers(
    client: FlaskClient, people: People, signer: ECKey, signing: App
) -> None:
    people.client("second", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(signer))

    assert knock(client, steps.assertion(signer, "signing", jti="1")).status_code == 200
    assert knock(client, steps.assertion(signer, "second", jti="1")).status_code == 200


def test_a_refused_assertion_does_not_use_up_its_jti(
    client: FlaskClient, signer: ECKey, signing: App
) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "current"})
    assert_unknown_client(knock(client, steps.assertion(stranger, "signing", jti="1")))

    assert knock(client, steps.assertion(signer, "signing", jti="1")).status_code == 200


def test_another_key_is_refused_although_it_has_the_same_kid(client: FlaskClient, signing: App) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "current"})

    assert_unknown_client(knock(client, steps.assertion(stranger, "signing")))


def test_the_key_of_another_client_is_refused(client: FlaskClient, people: People, signing: App) -> None:
    other = ECKey.generate_key("P-256")
    people.client("other", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(other))

    assert_unknown_client(knock(client, steps.assertion(other, "signing")))


def test_an_unsigned_assertion_is_refused(client: FlaskClient, signer: ECKey, signing: App) -> None:
    signed = steps.assertion(signer, "signing")
    _, claims, _ = signed["client_assertion"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")

    for unsigned in (f"{none}.{claims}.", f"{none}.{claims}.x", f"{none}.{claims}"):
        assert_unknown_client(knock(client, signed | {"client_assertion": unsigned}))


def test_a_public_key_is_no_shared_secret(client: FlaskClient, people: People) -> None:
    """The confusion of HS256 with RS256: an HMAC whose key is the public key (RFC 8725 2.1)."""
    rsa = RSAKey.generate_key(2048)
    people.client("signing", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(rsa))

    for known in (
        rsa.as_pem(private=False),
        rsa.as_der(private=False),
        str(rsa.as_dict(private=False)).encode(),
    ):
        secret = OctKey.import_key(base64.urlsafe_b64encode(known).decode().rstrip("="))
        assert_unknown_client(knock(client, steps.assertion(secret, "signing", alg="HS256")))


def test_a_client_secret_signs_no_assertion(client: FlaskClient, service: App) -> None:
    key = OctKey.import_key(service.secret or "")

    assert_unknown_client(knock(client, steps.assertion(key, service.client_id, alg="HS256")))


@pytest.mark.parametrize("assertion", ["", "x", "x.y.z", "a" * 20_000, "{}", "e30.e30.", "\x00", "ä.ö.å"])
def test_what_is_no_jwt_is_refused(client: FlaskClient, signing: App, assertion: str) -> None:
    form = {"client_assertion_type": steps.ASSERTION_TYPE, "client_assertion": assertion}

    assert_unknown_client(knock(client, form))


@pytest.mark.parametrize("kind", [None, "", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
def test_the_type_of_the_assertion_must_be_named(
    client: FlaskClient, signer: ECKey, signing: App, kind: str | None
) -> None:
    form = steps.assertion(signer, "signing")

    assert_unknown_client(knock(client, form | {"client_assertion_type": kind}))


def test_a_client_that_has_a_secret_can_not_sign_instead(
    client: FlaskClient, people: People, signer: ECKey
) -> None:
    people.client("both", jwks=steps.public_jwks(signer))

    assert_unknown_client(knock(client, steps.assertion(signer, "both")))


def test_an_old_and_a_new_key_are_told_apart_by_kid(
    client: FlaskClient, people: People, signer: ECKey
) -> None:
    old = ECKey.generate_key("P-256", {"kid": "old"})
    keys = steps.public_jwks(old, signer)
    people.client("two-keys", token_endpoint_auth_method="private_key_jwt", jwks=keys)

    for key, kid in ((old, "old"), (signer, "current")):
        claims = jwt.decode(steps.assertion(key, "two-keys")["client_assertion"], key).claims
        signed = jwt.encode({"alg": "ES256", "kid": kid}, claims, key)
        form = {"client_assertion_type": steps.ASSERTION_TYPE, "client_assertion": signed}
        assert knock(client, form).status_code == 200


def test_the_whole_journey_works_with_a_signing_client(
    client: FlaskClient, person: Person, signer: ECKey, signing: App
) -> None:
    code = journey.code_for(client, signing, person)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": signing.redirect_uri,
        "code_verifier": journey.VERIFIER,
    }

    answer = client.post("/oauth2/token", data=form | steps.assertion(signer, "signing"))

    assert journey.claims_of(answer.get_json()["id_token"])["aud"] == "signing"


@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
def test_an_assertion_may_be_meant_for_the_endpoint_that_is_asked_and_for_no_other(
    client: FlaskClient, signer: ECKey, signing: App, endpoint: str
) -> None:
    for other in (*ENDPOINTS, "/oauth2/authorize", "/oauth2/userinfo"):
        form = steps.assertion(signer, "signing", aud=f"{steps.ISSUER}{other}")
        accepted = knock(client, form, endpoint=endpoint).status_code != 401
        assert accepted == (other in {endpoint, "/oauth2/token"}), other


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_the_registered_algorithm_is_the_only_one(client: FlaskClient, people: People, alg: str) -> None:
    rsa = RSAKey.generate_key(2048)
    people.client(
        "rsa",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg=alg,
        jwks=steps.public_jwks(rsa),
    )

    for used in ("RS256", "PS256"):
        answer = knock(client, steps.assertion(rsa, "rsa", alg=used))
        assert answer.status_code == (200 if used == alg else 401)


def test_without_kid_the_key_is_found_by_its_kind(client: FlaskClient, people: People, signer: ECKey) -> None:
    keys = [RSAKey.generate_key(2048), ECKey.generate_key("P-256", {"use": "enc"}), signer]
    people.client("mixed", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(*keys))

    assert knock(client, steps.assertion(signer, "mixed")).status_code == 200


def test_a_key_for_encryption_signs_nothing(client: FlaskClient, people: People) -> None:
    key = ECKey.generate_key("P-256", {"use": "enc"})
    published = ECKey.import_key({**key.as_dict(private=True), "use": "sig"})
    people.client("enc", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key))

    assert_unknown_client(knock(client, steps.assertion(published, "enc")))


# -- keys that the client publishes (jwks_uri)


@pytest.fixture
def publishing() -> Iterator[LocalServer]:
    """The client's server; `publish` tells what it answers."""
    with local_server() as server:
        yield server


def publish(server: LocalServer, *keys: ECKey) -> None:
    body = json.dumps(steps.public_jwks(*keys)).encode()
    server.answer = lambda handler: handler.say(200, body)


@pytest.fixture
def inside(make_app: AppFactory) -> Flask:
    """A provider that may ask the servers of the tests."""
    return make_app(outbound={"allowed_hosts": [LOOPBACK]})


def kid_assertion(key: ECKey, client_id: str) -> dict[str, str]:
    """An assertion that names its key, as libraries make it."""
    claims = jwt.decode(steps.assertion(key, client_id)["client_assertion"], key).claims
    signed = jwt.encode({"alg": "ES256", "kid": str(key.kid)}, claims, key)
    return {"client_assertion_type": steps.ASSERTION_TYPE, "client_assertion": signed}


def test_keys_are_fetched_from_the_client_and_a_new_one_is_good_at_once(
    inside: Flask, publishing: LocalServer
) -> None:
    old, new = ECKey.generate_key("P-256", {"kid": "old"}), ECKey.generate_key("P-256", {"kid": "new"})
    publish(publishing, old)
    People(inside).client(
        "remote", token_endpoint_auth_method="private_key_jwt", jwks_uri=publishing.url(path="/jwks")
    )
    browser = inside.test_client()

    assert knock(browser, kid_assertion(old, "remote")).status_code == 200
    assert knock(browser, kid_assertion(old, "remote")).status_code == 200
    assert_unknown_client(knock(browser, kid_assertion(new, "remote")))
    assert len(publishing.asked) == 2


def test_a_rotation_is_followed_without_waiting(inside: Flask, publishing: LocalServer) -> None:
    old, new = ECKey.generate_key("P-256", {"kid": "old"}), ECKey.generate_key("P-256", {"kid": "new"})
    publish(publishing, old)
    People(inside).client(
        "remote", token_endpoint_auth_method="private_key_jwt", jwks_uri=publishing.url(path="/jwks")
    )
    browser = inside.test_client()
    knock(browser, kid_assertion(old, "remote"))

    publish(publishing, new)

    assert knock(browser, kid_assertion(new, "remote")).status_code == 200
    assert_unknown_client(knock(browser, kid_assertion(old, "remote")))


def test_while_the_client_publishes_nothing_nobody_is_it(inside: Flask, publishing: LocalServer) -> None:
    key = ECKey.generate_key("P-256", {"kid": "a"})
    publishing.answer = lambda handler: handler.say(500)
    People(inside).client(
        "remote", token_endpoint_auth_method="private_key_jwt", jwks_uri=publishing.url(path="/jwks")
    )

    assert_unknown_client(knock(inside.test_client(), kid_assertion(key, "remote")))


def test_a_client_is_asked_for_keys_only_for_what_they_could_have_signed(
    inside: Flask, publishing: LocalServer
) -> None:
    """Anybody can send an assertion in anybody's name: it must not let them reach out through us."""
    key = ECKey.generate_key("P-256", {"kid": "a"})
    made = People(inside)
    made.client("with-secret", jwks_uri=publishing.url(path="/jwks"))
    made.client(
        "rsa-only",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="RS256",
        jwks_uri=publishing.url(path="/jwks"),
    )
    browser = inside.test_client()

    assert_unknown_client(knock(browser, kid_assertion(key, "with-secret")))
    assert_unknown_client(knock(browser, kid_assertion(key, "rsa-only")))
    assert publishing.asked == []


# -- client_secret_jwt (OpenID Connect Core 9)


@pytest.fixture
def sealing(people: People) -> App:
    return people.client("sealing", token_endpoint_auth_method="client_secret_jwt")


def by_secret(service: App, alg: str = "HS256", **claims: Any) -> dict[str, str]:
    return steps.assertion(OctKey.import_key(service.secret or ""), service.client_id, alg=alg, **claims)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_secret_signs_an_assertion(client: FlaskClient, sealing: App, alg: str) -> None:
    assert knock(client, by_secret(sealing, alg)).status_code == 200


def test_its_secret_is_long_enough_for_every_algorithm(sealing: App) -> None:
    assert len((sealing.secret or "").encode()) >= 64  # RFC 7518 3.2


def test_its_secret_is_stored_encrypted(app: Flask, sealing: App) -> None:
    assert sealing.secret is not None
    assert sealing.secret not in steps.everything_stored(app)


def test_its_assertions_are_judged_as_the_others(
    client: FlaskClient, sealing: App, subtests: pytest.Subtests
) -> None:
    for name, claims in WRONG_CLAIMS.items():
        with subtests.test(name):
            assert_unknown_client(knock(client, by_secret(sealing, **claims)))
    form = by_secret(sealing)
    assert knock(client, form).status_code == 200
    assert_unknown_client(knock(client, form))


def test_another_secret_signs_nothing(client: FlaskClient, people: People, sealing: App) -> None:
    other = people.client("other", token_endpoint_auth_method="client_secret_jwt")

    assert_unknown_client(knock(client, by_secret(App("sealing", other.secret, ""))))
    assert_unknown_client(knock(client, by_secret(App("sealing", "x" * 43, ""))))


def test_the_secret_itself_is_not_to_be_sent(client: FlaskClient, sealing: App) -> None:
    assert_unknown_client(knock(client, basic=encoded("sealing", sealing.secret or "")))
    assert_unknown_client(knock(client, {"client_id": "sealing", "client_secret": sealing.secret}))


def test_a_registered_algorithm_of_secrets_is_the_only_one(client: FlaskClient, people: People) -> None:
    service = people.client(
        "strict", token_endpoint_auth_method="client_secret_jwt", token_endpoint_auth_signing_alg="HS512"
    )

    assert_unknown_client(knock(client, by_secret(service, "HS256")))
    assert knock(client, by_secret(service, "HS512")).status_code == 200


def test_keys_do_not_stand_in_for_a_secret_nor_a_secret_for_keys(
    client: FlaskClient, people: People, signer: ECKey
) -> None:
    sealing = people.client(
        "sealing", token_endpoint_auth_method="client_secret_jwt", jwks=steps.public_jwks(signer)
    )
    people.client("signing", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(signer))

    assert_unknown_client(knock(client, steps.assertion(signer, "sealing")))
    assert_unknown_client(knock(client, by_secret(App("signing", sealing.secret, ""))))


def test_a_method_that_was_changed_by_hand_lets_nobody_in(
    app: Flask, client: FlaskClient, service: App
) -> None:
    """No secret was kept for it: an empty one must not do."""
    steps.change_client(app, service, token_endpoint_auth_method="client_secret_jwt")

    for secret in (service.secret, "x" * 64):
        assert_unknown_client(knock(client, by_secret(App(service.client_id, secret, ""))))


def test_the_whole_journey_works_with_a_secret_that_signs(
    client: FlaskClient, person: Person, sealing: App
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": journey.code_for(client, sealing, person),
        "redirect_uri": sealing.redirect_uri,
        "code_verifier": journey.VERIFIER,
    }

    answer = client.post("/oauth2/token", data=form | by_secret(sealing))

    assert journey.claims_of(answer.get_json()["id_token"])["aud"] == "sealing"


# -- nothing gets out


def test_secrets_are_stored_hashed(app: Flask, service: App) -> None:
    assert service.secret is not None
    assert service.secret not in steps.everything_stored(app)


def test_a_secret_has_256_random_bits(people: People) -> None:
    secrets = {people.client(f"client-{number}").secret for number in range(10)}

    assert len(secrets) == 10
    assert {len(secret or "") for secret in secrets} == {43}

"""Discovery (OpenID Connect Discovery 1.0, RFC 8414): whatever the metadata says is what the endpoints do."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp import clock
from idp.accounts.claims import SCOPE_CLAIMS
from idp.clients.metadata import InvalidClientMetadata
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import local_server
from tests.support.people import App, People, Person
from tests.support.ports import LOOPBACK

RSA, P256, P384 = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), ECKey.generate_key("P-384")
ED25519 = OKPKey.generate_key("Ed25519")
SIGNERS: dict[str, Any] = {
    **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], RSA),
    "ES256": P256,
    "ES384": P384,
    "Ed25519": ED25519,
    "EdDSA": ED25519,
}

ADDRESSES = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

# IANA "OAuth Authorization Server Metadata", as far as any provider of this kind could use it.
REGISTERED = """
issuer authorization_endpoint token_endpoint jwks_uri registration_endpoint scopes_supported
response_types_supported response_modes_supported grant_types_supported token_endpoint_auth_methods_supported
token_endpoint_auth_signing_alg_values_supported service_documentation ui_locales_supported op_policy_uri
op_tos_uri revocation_endpoint revocation_endpoint_auth_methods_supported
revocation_endpoint_auth_signing_alg_values_supported introspection_endpoint
introspection_endpoint_auth_methods_supported introspection_endpoint_auth_signing_alg_values_supported
code_challenge_methods_supported signed_metadata device_authorization_endpoint
tls_client_certificate_bound_access_tokens mtls_endpoint_aliases userinfo_endpoint acr_values_supported
subject_types_supported id_token_signing_alg_values_supported id_token_encryption_alg_values_supported
id_token_encryption_enc_values_supported userinfo_signing_alg_values_supported
userinfo_encryption_alg_values_supported userinfo_encryption_enc_values_supported
request_object_signing_alg_values_supported request_object_encryption_alg_values_supported
request_object_encryption_enc_values_supported display_values_supported claim_types_supported claims_supported
claims_locales_supported claims_parameter_supported request_parameter_supported request_uri_parameter_supported
require_request_uri_registration require_signed_request_object pushed_authorization_request_endpoint
require_pushed_authorization_requests introspection_signing_alg_values_supported
authorization_response_iss_parameter_supported check_session_iframe frontchannel_logout_supported
backchannel_logout_supported backchannel_logout_session_supported frontchannel_logout_session_supported
end_session_endpoint dpop_signing_alg_values_supported prompt_values_supported
authorization_details_types_supported protected_resources
"""


@pytest.fixture
def metadata(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get(ADDRESSES[0]).get_json()
    return found


# -- the document


def test_both_addresses_give_the_same_document(client: FlaskClient) -> None:
    first, second = (client.get(address) for address in ADDRESSES)

    assert first.status_code == second.status_code == 200
    assert first.mimetype == second.mimetype == "application/json"
    assert first.get_data() == second.get_data()


def test_the_issuer_is_exactly_that_of_the_settings_whatever_host_was_asked(client: FlaskClient) -> None:
    answer = client.get(ADDRESSES[0], headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})

    assert answer.get_json()["issuer"] == steps.ISSUER
    assert "evil.example" not in answer.get_data(as_text=True)


def test_every_address_begins_with_the_issuer(metadata: dict[str, Any]) -> None:
    addresses = [value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))]

    assert len(addresses) >= 8
    assert all(address.startswith(f"{steps.ISSUER}/") for address in addresses)


def test_only_registered_names_are_used(metadata: dict[str, Any]) -> None:
    assert set(metadata) <= set(REGISTERED.split())


def test_there_are_no_nulls_and_no_empty_lists(metadata: dict[str, Any]) -> None:
    assert [name for name, value in metadata.items() if value in (None, "", [])] == []


@pytest.mark.parametrize("address", [*ADDRESSES, "/oauth2/jwks"])
def test_scripts_of_any_origin_may_read_it_and_it_is_cached_for_minutes_only(
    client: FlaskClient, address: str
) -> None:
    answer = client.get(address, headers={"Origin": "https://asiointi.example.fi"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_every_endpoint_of_the_document_is_there(client: FlaskClient, metadata: dict[str, Any]) -> None:
    for name in (name for name in metadata if name.endswith("_endpoint")):
        path = metadata[name].removeprefix(steps.ISSUER)
        assert client.post(path).status_code not in {404, 405, 500}, name


def test_documentation_policy_and_terms_can_be_read(client: FlaskClient, metadata: dict[str, Any]) -> None:
    for name in ("service_documentation", "op_policy_uri", "op_tos_uri"):
        assert client.get(metadata[name].removeprefix(steps.ISSUER)).status_code == 200, name


# -- each list against what is really accepted


def test_every_supported_scope_is_granted_and_no_other(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    supported = metadata["scopes_supported"]

    tokens = journey.tokens_for(client, service, person, scope=" ".join([*supported, "invoices"]))

    assert tokens["scope"].split() == supported


def answer_anywhere(response: TestResponse) -> dict[str, str]:
    """The parameters of an authorization response, in the query or in the fragment."""
    parts = urlsplit(response.location)
    assert not (parts.query and parts.fragment), response.location
    return dict(parse_qsl(parts.query or parts.fragment))


def test_every_supported_response_type_works_and_no_other(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any]
) -> None:
    supported = metadata["response_types_supported"]
    assert "code" in supported  # MUST be, with id_token and id_token token (Discovery 3)
    service = people.client(response_types=supported, grant_types=["authorization_code", "implicit"])
    steps.log_in(client, person)
    for response_type in supported:
        found = answer_anywhere(steps.ask(client, service, response_type=response_type))
        given = {"code": "code", "id_token": "id_token", "token": "access_token"}
        assert found.keys() & given.values() == {given[value] for value in response_type.split()}
    for response_type in {"token", "none", "code none", "CODE"} - set(supported):
        refused = steps.ask(client, service, response_type=response_type)
        assert answer_anywhere(refused)["error"] == "unsupported_response_type", response_type


def test_every_supported_response_mode_works_and_no_other(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)
    supported = metadata["response_modes_supported"]
    for mode in supported:
        answer = steps.ask(client, service, response_mode=mode)
        if mode == "form_post":
            assert journey.soup(answer).find("input", {"name": "code"}) is not None
        else:
            assert "code" in getattr(urlsplit(answer.location), mode)
    for mode in {"query", "fragment", "form_post", "jwt", "query.jwt", "web_message"} - set(supported):
        refused = steps.ask(client, service, response_mode=mode)
        assert answer_anywhere(refused)["error"] == "invalid_request", mode


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_every_supported_algorithm_of_request_objects_is_accepted_and_no_other(
    client: FlaskClient, people: People, metadata: dict[str, Any]
) -> None:
    supported = metadata["request_object_signing_alg_values_supported"]
    for alg, key in {**SIGNERS, "none": None, "HS256": OctKey.generate_key(256)}.items():
        keys = {"jwks": steps.public_jwks(key)} if key and alg != "HS256" else {}
        service = people.client(f"client-{alg}", **keys)
        claims = {"iss": service.client_id, "aud": steps.ISSUER, "nonce": "inner", "response_type": "code"}
        claims |= {"client_id": service.client_id, "exp": clock.timestamp() + 60}
        if key:
            signed = jwt.encode({"alg": alg}, claims, key, algorithms=[alg])
        else:
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
            signed = ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])
        answer = steps.ask(client, service, request=signed)
        assert answer.location.startswith("/login") == (alg in supported), alg
        if alg not in supported:
            assert answer_anywhere(answer)["error"] == "invalid_request_object", alg
    for alg in {"none", "HS256", "RS384", "ES384"} - set(supported):
        with pytest.raises(InvalidClientMetadata):
            people.client("other", request_object_signing_alg=alg, jwks=steps.public_jwks(SIGNERS["RS256"]))


def test_every_supported_grant_type_is_known_and_no_other(
    client: FlaskClient, service: App, metadata: dict[str, Any]
) -> None:
    others = {
        "password",
        "implicit",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }
    for grant_type in set(metadata["grant_types_supported"]) - {"implicit"}:  # which has no token endpoint
        answer = client.post("/oauth2/token", data={"grant_type": grant_type}, auth=service.basic)
        assert steps.refusal(answer) in {
            (400, "invalid_request"),  # the code or token is missing
            (400, "unauthorized_client"),  # this client has not registered it
        }
    for grant_type in others - set(metadata["grant_types_supported"]):
        answer = client.post("/oauth2/token", data={"grant_type": grant_type}, auth=service.basic)
        assert steps.refusal(answer) == (400, "unsupported_grant_type")


def test_every_supported_subject_type_works_and_no_other_can_be_registered(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any]
) -> None:
    assert metadata["subject_types_supported"] == ["public", "pairwise"]
    found = {
        kind: {
            journey.claims_of(journey.tokens_for(client, service, person)["id_token"])["sub"]
            for service in (
                people.client(
                    f"{kind}-{name}", subject_type=kind, redirect_uris=[f"https://{name}.example.fi/"]
                )
                for name in ("one", "two")
            )
        }
        for kind in metadata["subject_types_supported"]
    }
    assert found["public"] == {person.id}
    assert len(found["pairwise"] - {person.id}) == 2
    with pytest.raises(InvalidClientMetadata):
        people.client("other", subject_type="secret")


def test_every_supported_algorithm_of_userinfo_works_and_no_other_can_be_registered(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any]
) -> None:
    supported = metadata["userinfo_signing_alg_values_supported"]
    for alg in supported:
        service = people.client(f"client-{alg}", userinfo_signed_response_alg=alg)
        token = journey.tokens_for(client, service, person)["access_token"]
        answer = client.get("/oauth2/userinfo", headers=steps.bearer(token))
        assert steps.header_of(answer.get_data(as_text=True))["alg"] == alg
    for alg in {"none", "HS256", "RS512", "PS256", "ES384", "EdDSA"} - set(supported):
        with pytest.raises(InvalidClientMetadata):
            people.client(f"client-{alg}", userinfo_signed_response_alg=alg)


@pytest.mark.parametrize("kind", ["id_token", "userinfo"])
def test_every_supported_encryption_works_and_no_other_can_be_registered(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any], kind: str
) -> None:
    jwks = steps.public_jwks(RSAKey.generate_key(2048), ECKey.generate_key("P-256"))
    algs, encs = (metadata[f"{kind}_encryption_{part}_values_supported"] for part in ("alg", "enc"))
    for alg, enc in [*((alg, encs[0]) for alg in algs), *((algs[0], enc) for enc in encs[1:])]:
        members = {f"{kind}_encrypted_response_alg": alg, f"{kind}_encrypted_response_enc": enc}
        service = people.client(f"{alg}-{enc}".replace("+", "-"), jwks=jwks, **members)
        tokens = journey.tokens_for(client, service, person)
        answer = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
        token = tokens["id_token"] if kind == "id_token" else answer.get_data(as_text=True)
        assert (steps.header_of(token)["alg"], steps.header_of(token)["enc"]) == (alg, enc)
    for alg in {"RSA1_5", "dir", "A128KW", "A256GCMKW", "PBES2-HS256+A128KW", "ECDH-ES+A192KW"} - set(algs):
        with pytest.raises(InvalidClientMetadata):
            people.client("other", jwks=jwks, **{f"{kind}_encrypted_response_alg": alg})
    for enc in {"A192GCM", "A192CBC-HS384", "none"} - set(encs):
        members = {f"{kind}_encrypted_response_alg": algs[0], f"{kind}_encrypted_response_enc": enc}
        with pytest.raises(InvalidClientMetadata):
            people.client("other", jwks=jwks, **members)


def test_every_supported_id_token_algorithm_signs_and_no_other_can_be_registered(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any]
) -> None:
    supported = metadata["id_token_signing_alg_values_supported"]
    assert "RS256" in supported  # MUST be included (Discovery 3)
    for alg in supported:
        service = people.client(f"client-{alg}", id_token_signed_response_alg=alg)
        tokens = journey.tokens_for(client, service, person)
        assert steps.header_of(tokens["id_token"])["alg"] == alg
    for alg in {"none", "HS256", "RS512", "PS256", "ES384", "EdDSA"} - set(supported):
        with pytest.raises(InvalidClientMetadata):
            people.client(f"client-{alg}", id_token_signed_response_alg=alg)


def test_every_supported_authentication_method_works_where_it_is_said_to_and_no_other_can_be_registered(
    client: FlaskClient, people: People, metadata: dict[str, Any]
) -> None:
    key = ECKey.generate_key("P-256")
    others = {"tls_client_auth", "self_signed_tls_client_auth", "password"}
    supported = metadata["token_endpoint_auth_methods_supported"]
    for method in supported:
        service = people.client(method, token_endpoint_auth_method=method, jwks=steps.public_jwks(key))
        for endpoint, good in (
            ("token", {"grant_type": "refresh_token", "refresh_token": "x"}),
            ("revoke", {"token": "x"}),
            ("introspect", {"token": "x"}),
        ):
            name = (
                "introspection"
                if endpoint == "introspect"
                else "revocation"
                if endpoint == "revoke"
                else "token"
            )
            listed = metadata[f"{name}_endpoint_auth_methods_supported"]
            credentials: dict[str, Any] = {
                "client_secret_basic": {"auth": service.basic},
                "client_secret_post": {"form": {"client_id": method, "client_secret": service.secret}},
                "private_key_jwt": {"form": steps.assertion(key, method)},
                "client_secret_jwt": {
                    "form": steps.assertion(
                        OctKey.import_key(service.secret or "x" * 64), method, alg="HS256"
                    )
                },
                "none": {"form": {"client_id": method}},
            }[method]
            form = good | credentials.pop("form", {})
            answer = client.post(f"/oauth2/{endpoint}", data=form, **credentials)
            assert (answer.status_code != 401) == (method in listed), (method, endpoint)
    for method in others - set(supported):
        with pytest.raises(InvalidClientMetadata):
            people.client(f"client-{method}", token_endpoint_auth_method=method)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 calls it Ed25519; both are accepted
def test_every_supported_assertion_algorithm_is_accepted_and_no_other(
    client: FlaskClient, people: People, metadata: dict[str, Any]
) -> None:
    supported = metadata["token_endpoint_auth_signing_alg_values_supported"]
    for name in ("revocation", "introspection"):
        assert metadata[f"{name}_endpoint_auth_signing_alg_values_supported"] == supported
    assert set(supported) <= {*SIGNERS, "HS256", "HS384", "HS512"}
    for alg, key in SIGNERS.items():
        service = people.client(
            f"client-{alg}", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key)
        )
        form = steps.assertion(key, service.client_id, alg=alg)
        answer = client.post("/oauth2/revoke", data={"token": "x", **form})
        assert answer.status_code == (200 if alg in supported else 401), alg
    with_secret = people.client("client-secret", token_endpoint_auth_method="client_secret_jwt")
    for alg in ("HS256", "HS384", "HS512"):
        secret = OctKey.import_key(with_secret.secret or "")
        form = steps.assertion(secret, with_secret.client_id, alg=alg)
        answer = client.post("/oauth2/revoke", data={"token": "x", **form})
        assert answer.status_code == (200 if alg in supported else 401), alg


def test_every_supported_code_challenge_method_is_accepted_and_no_other(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)
    for method in metadata["code_challenge_methods_supported"]:
        assert "code" in steps.redirected(steps.ask(client, service, code_challenge_method=method), service)
    for method in ("plain", "S512", "s256"):
        refused = steps.ask(client, service, code_challenge_method=method)
        assert steps.error_of(refused, service) == "invalid_request"


def test_every_supported_prompt_is_understood_and_no_other(
    client: FlaskClient, service: App, metadata: dict[str, Any]
) -> None:
    for prompt in metadata["prompt_values_supported"]:
        answer = steps.ask(client, service, prompt=prompt)
        assert "error=invalid_request" not in answer.location, prompt
    for prompt in ("register", "LOGIN", "reauth"):
        assert steps.error_of(steps.ask(client, service, prompt=prompt), service) == "invalid_request"


def test_the_acr_of_a_login_is_a_supported_one(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    claims = journey.claims_of(journey.tokens_for(client, service, person)["id_token"])

    assert metadata["acr_values_supported"] == [claims["acr"]]


def test_the_supported_claims_are_those_that_a_person_with_every_claim_gets(
    client: FlaskClient, people: People, service: App, metadata: dict[str, Any]
) -> None:
    plain = {
        name: f"x-{name}" for names in SCOPE_CLAIMS.values() for name in names if "verified" not in name
    } | {"address": {"locality": "Esimerkkilä"}, "phone_number_verified": True, "updated_at": 1}
    person = people.resident(claims=plain)
    everything = " ".join(metadata["scopes_supported"])

    tokens = journey.tokens_for(client, service, person, scope=everything)

    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).get_json()
    of_the_protocol = {"iss", "aud", "exp", "iat", "at_hash"}
    given = set(userinfo) | set(journey.claims_of(tokens["id_token"]))
    assert given - of_the_protocol == set(metadata["claims_supported"])


def test_the_claims_parameter_is_supported_as_it_is_said(
    client: FlaskClient, people: People, service: App, metadata: dict[str, Any]
) -> None:
    person = people.resident(claims={"gender": "female"})
    assert metadata["claims_parameter_supported"] is True

    tokens = journey.tokens_for(
        client, service, person, claims='{"userinfo": {"gender": null}}', scope="openid"
    )

    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).get_json()
    assert userinfo == {"sub": person.id, "gender": "female"}


def test_request_objects_are_fetched_from_registered_addresses_alone_as_it_is_said(
    make_app: AppFactory,
) -> None:
    app = make_app(outbound={"allowed_hosts": [LOOPBACK]})
    client = app.test_client()
    metadata = client.get(ADDRESSES[0]).get_json()
    assert metadata["request_uri_parameter_supported"] is metadata["require_request_uri_registration"] is True
    claims = {"iss": "asiointi", "aud": steps.ISSUER, "client_id": "asiointi", "exp": clock.timestamp() + 60}
    body = jwt.encode({"alg": "ES256"}, claims, P256).encode()
    with local_server(lambda handler: handler.say(200, body, "application/oauth-authz-req+jwt")) as server:
        registered = server.url(path="/request.jwt")
        service = People(app).client(request_uris=[registered], jwks=steps.public_jwks(P256))

        known = steps.ask(client, service, request_uri=registered)
        unknown = steps.ask(client, service, request_uri=server.url(path="/other.jwt"))

    assert steps.page_of(known) == "/login"
    assert answer_anywhere(unknown)["error"] == "invalid_request_uri"
    assert [asked.path for asked in server.asked] == ["/request.jwt"]


@pytest.mark.parametrize("demanded", [False, True])
def test_pushed_requests_are_demanded_as_it_is_said(make_app: AppFactory, demanded: bool) -> None:
    app = make_app(clients={"require_pushed_requests": demanded})
    client = app.test_client()

    answer = steps.ask(client, People(app).client())

    assert client.get(ADDRESSES[0]).get_json()["require_pushed_authorization_requests"] is demanded
    assert answer.location.startswith("/login") is not demanded


def test_the_answer_names_the_issuer_as_the_document_says(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)

    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert steps.silently(client, service)["iss"] == metadata["issuer"]


def test_every_supported_language_is_spoken(
    client: FlaskClient, service: App, metadata: dict[str, Any]
) -> None:
    for language in metadata["ui_locales_supported"]:
        page = client.get(steps.ask(client, service, ui_locales=language).location)
        assert journey.soup(page).html["lang"] == language  # type: ignore[index]

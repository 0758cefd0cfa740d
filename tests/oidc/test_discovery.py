"""Discovery (OpenID Connect Discovery 1.0, RFC 8414): whatever the metadata says is what the endpoints do."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.accounts.claims import SCOPE_CLAIMS
from idp.clients.registration import InvalidClientMetadata
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

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


def test_every_supported_response_type_works_and_no_other(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)
    others = {
        "token",
        "id_token",
        "id_token token",
        "code token",
        "code id_token",
        "code id_token token",
        "none",
    }
    for response_type in metadata["response_types_supported"]:
        assert "code" in steps.redirected(steps.ask(client, service, response_type=response_type), service)
    for response_type in others - set(metadata["response_types_supported"]):
        refused = steps.ask(client, service, response_type=response_type)
        assert steps.error_of(refused, service) == "unsupported_response_type"


def test_every_supported_response_mode_works_and_no_other(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)
    others = {"fragment", "form_post", "jwt", "query.jwt", "web_message"}
    for mode in metadata["response_modes_supported"]:
        assert "code" in steps.redirected(steps.ask(client, service, response_mode=mode), service)
    for mode in others - set(metadata["response_modes_supported"]):
        assert steps.error_of(steps.ask(client, service, response_mode=mode), service) == "invalid_request"


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
    for grant_type in metadata["grant_types_supported"]:
        answer = client.post("/oauth2/token", data={"grant_type": grant_type}, auth=service.basic)
        assert steps.refusal(answer) == (400, "invalid_request")  # the code or token is missing
    for grant_type in others - set(metadata["grant_types_supported"]):
        answer = client.post("/oauth2/token", data={"grant_type": grant_type}, auth=service.basic)
        assert steps.refusal(answer) == (400, "unsupported_grant_type")


def test_public_subjects_are_the_same_for_every_client(
    client: FlaskClient, person: Person, people: People, metadata: dict[str, Any]
) -> None:
    assert metadata["subject_types_supported"] == ["public"]
    subjects = {
        journey.claims_of(journey.tokens_for(client, people.client(name), person)["id_token"])["sub"]
        for name in ("one", "two")
    }
    assert subjects == {person.id}


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
    others = {"client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth", "password"}
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
    rsa, p256, p384 = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), ECKey.generate_key("P-384")
    ed25519 = OKPKey.generate_key("Ed25519")
    keys = {"RS": rsa, "PS": rsa, "ES256": p256, "ES384": p384, "Ed": ed25519}
    everything = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519", "EdDSA"]
    for name in ("token", "revocation", "introspection"):
        listed = metadata[f"{name}_endpoint_auth_signing_alg_values_supported"]
        assert listed == metadata["token_endpoint_auth_signing_alg_values_supported"]
    for alg in everything:
        key = next(key for prefix, key in keys.items() if alg.startswith(prefix))
        service = people.client(
            f"client-{alg}", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key)
        )
        form = steps.assertion(key, service.client_id, alg=alg)
        answer = client.post("/oauth2/revoke", data={"token": "x", **form})
        expected = 200 if alg in metadata["token_endpoint_auth_signing_alg_values_supported"] else 401
        assert answer.status_code == expected, alg


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


def test_what_is_said_not_to_be_supported_is_refused_or_ignored(
    client: FlaskClient, person: Person, service: App, metadata: dict[str, Any]
) -> None:
    steps.log_in(client, person)
    assert metadata["request_parameter_supported"] is False
    assert metadata["request_uri_parameter_supported"] is False
    assert metadata["claims_parameter_supported"] is False

    by_value = steps.ask(client, service, request="x.y.z")
    by_reference = steps.ask(client, service, request_uri="https://asiointi.example.fi/request")
    claims = steps.ask(client, service, claims='{"userinfo": {"gender": {"essential": true}}}')

    assert steps.error_of(by_value, service) == "request_not_supported"
    assert steps.error_of(by_reference, service) == "request_uri_not_supported"
    assert "code" in steps.redirected(claims, service)


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

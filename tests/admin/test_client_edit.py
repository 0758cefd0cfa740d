"""Every setting of a client app can be changed at some page; what others did meanwhile is neither lost nor hidden."""

import io
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from idp.accounts.roles import OPERATOR, Role
from idp.admin import client_edit
from idp.admin.client_fields import GROUPS, NAMES, is_metadata
from idp.admin.client_forms import wanted
from idp.admin.client_texts import TEXTS
from idp.clients import managed, management
from idp.clients.management import MAX_LOGO_BYTES, Wanted
from idp.clients.metadata import TRANSLATED_MEMBERS, TYPES
from idp.clients.options import ClientOptions
from tests.admin.client_steps import PAGE, edit, field_error, fields_of, secret_in, send, stored
from tests.support import journey
from tests.support.people import People

KEYS = json.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "avain-1"}).as_dict(private=False)]})
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PLAIN = sorted(set(GROUPS) - {"logo"})

# What to type for each setting, and what is stored then. Some need others on the same page.
TYPED: dict[str, tuple[dict[str, Any], Any]] = {
    "client_name": ({"client_name": "Lupapalvelu"}, "Lupapalvelu"),
    "contacts": ({"contacts": "a@example.fi\r\n\r\n b@example.fi "}, ["a@example.fi", "b@example.fi"]),
    "support_email": ({"support_email": "tuki@example.fi"}, "tuki@example.fi"),
    "support_phone": ({"support_phone": "040 123 4567"}, "040 123 4567"),
    "software_id": ({"software_id": "lupa"}, "lupa"),
    "software_version": ({"software_version": "2.1"}, "2.1"),
    "client_uri": ({"client_uri": "https://lupa.example.fi/"}, "https://lupa.example.fi/"),
    "policy_uri": ({"policy_uri": "https://lupa.example.fi/p"}, "https://lupa.example.fi/p"),
    "tos_uri": ({"tos_uri": "https://lupa.example.fi/t"}, "https://lupa.example.fi/t"),
    "logo_uri": ({"logo_uri": "https://lupa.example.fi/l.png"}, "https://lupa.example.fi/l.png"),
    "redirect_uris": (
        {"redirect_uris": "https://a.example.fi/cb\nhttps://b.example.fi/cb"},
        ["https://a.example.fi/cb", "https://b.example.fi/cb"],
    ),
    "application_type": ({"application_type": "native"}, "native"),
    "initiate_login_uri": (
        {"initiate_login_uri": "https://a.example.fi/login"},
        "https://a.example.fi/login",
    ),
    "post_logout_redirect_uris": (
        {"post_logout_redirect_uris": "https://a.example.fi/"},
        ["https://a.example.fi/"],
    ),
    "backchannel_logout_uri": (
        {"backchannel_logout_uri": "https://a.example.fi/b"},
        "https://a.example.fi/b",
    ),
    "backchannel_logout_session_required": ({"backchannel_logout_session_required": "y"}, True),
    "frontchannel_logout_uri": (
        {"frontchannel_logout_uri": "https://asiointi.example.fi/f"},
        "https://asiointi.example.fi/f",
    ),
    "frontchannel_logout_session_required": ({"frontchannel_logout_session_required": "y"}, True),
    "scope": ({"scope": ["openid", "email"]}, "openid email"),
    "first_party": ({"first_party": None}, False),
    "subject_type": ({"subject_type": "pairwise"}, "pairwise"),
    "sector_identifier_uri": (
        {"sector_identifier_uri": None},
        None,
    ),  # asks a host: see test_pairwise_subjects
    "identity_code_basis": ({"identity_code_basis": "Laki 1 §"}, "Laki 1 §"),
    "registration_assurance": (
        {"registration_assurance": "none"},
        "none",
    ),  # "strong" needs a broker: see tests/clients/test_management.py
    "default_acr_values": ({"default_acr_values": "a\nb"}, ["a", "b"]),
    "default_max_age": ({"default_max_age": "0"}, 0),
    "session_max_age_seconds": ({"session_max_age_seconds": "900"}, 900),
    "remembered_login_counts": ({"remembered_login_counts": None}, False),
    "consent_each_time": ({"consent_each_time": "y"}, True),
    "require_auth_time": ({"require_auth_time": "y"}, True),
    "colour": ({"colour": "#0a4d78"}, "#0a4d78"),
    "colour_dark": ({"colour_dark": "#9cd0f5"}, "#9cd0f5"),
    "access_token_seconds": ({"access_token_seconds": "60"}, 60),
    "id_token_seconds": ({"id_token_seconds": "60"}, 60),
    "refresh_idle_days": ({"refresh_idle_days": "7"}, 7),
    "refresh_absolute_days": ({"refresh_absolute_days": "30"}, 30),
    "grant_types": ({"grant_types": ["authorization_code"]}, ["authorization_code"]),
    "response_types": (
        {"response_types": ["code", "code id_token"], "grant_types": ["authorization_code", "implicit"]},
        ["code", "code id_token"],
    ),
    "pkce_required": ({"pkce_required": None}, False),
    "token_endpoint_auth_method": (
        {"token_endpoint_auth_method": "client_secret_post"},
        "client_secret_post",
    ),
    "token_endpoint_auth_signing_alg": (
        {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS384"},
        "HS384",
    ),
    "require_pushed_authorization_requests": ({"require_pushed_authorization_requests": "y"}, True),
    "jwks": ({"jwks": KEYS}, json.loads(KEYS)),
    "jwks_uri": ({"jwks_uri": "https://a.example.fi/jwks"}, "https://a.example.fi/jwks"),
    "request_uris": ({"request_uris": "https://a.example.fi/r"}, ["https://a.example.fi/r"]),
    "request_object_signing_alg": ({"jwks": KEYS, "request_object_signing_alg": "ES256"}, "ES256"),
    "require_signed_request_object": ({"jwks": KEYS, "require_signed_request_object": "y"}, True),
    "id_token_signed_response_alg": ({"id_token_signed_response_alg": "ES256"}, "ES256"),
    "userinfo_signed_response_alg": ({"userinfo_signed_response_alg": "RS256"}, "RS256"),
    **{
        f"{kind}_encrypted_response_{part}": (
            {
                f"{kind}_encrypted_response_alg": "ECDH-ES",
                f"{kind}_encrypted_response_enc": "A256GCM" if part == "enc" else "",
            },
            "A256GCM" if part == "enc" else "ECDH-ES",
        )
        for kind in ("id_token", "userinfo")
        for part in ("alg", "enc")
    },
    "allowed_resources": ({"allowed_resources": "urn:a\nurn:b"}, ["urn:a", "urn:b"]),
    "resource_server": ({"resource_server": "y"}, True),
    "resource_uris": ({"resource_uris": "https://api.example.fi/"}, ["https://api.example.fi/"]),
}


@pytest.fixture
def keeper(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    return at_desk(Role.CLIENTS)


def page_of(name: str, client_id: str = "asiointi") -> str:
    return (
        f"/admin/clients/{client_id}/edit/{next(key for key, group in GROUPS.items() if name in group.names)}"
    )


def flat(app: Flask, client_id: str = "asiointi") -> dict[str, Any]:
    return stored(app, client_id).wanted_values()


# -- everything is there


def test_each_setting_is_on_one_page_with_an_explanation() -> None:
    on_pages = [name for group in GROUPS.values() for name in group.names]
    switches = {field.name for field in fields(Wanted)} - {"metadata", "options"}

    assert sorted(on_pages) == sorted({*TYPES, *(f.name for f in fields(ClientOptions)), *switches})
    assert sorted(NAMES) == sorted(on_pages)
    assert set(TEXTS) == set(NAMES)
    assert set(TYPED) == set(NAMES) - {"logo"}


def test_each_page_shows_its_fields_by_technical_name_and_explains_them(
    keeper: FlaskClient, people: People
) -> None:
    people.client()

    for key, group in GROUPS.items():
        page = journey.soup(keeper.get(f"{PAGE}/edit/{key}"))
        assert [code.text for code in page.select(".hint > .technical")] == [
            member
            for name in group.names
            for member in ([name, f"{name}#sv", f"{name}#en"] if name in TRANSLATED_MEMBERS else [name])
        ]
        for name in group.names:
            field = page.select_one(f"#{name}")
            assert field is not None, name
            hint = page.select_one(f"#{str(field['aria-describedby']).split()[0]}")
            assert hint is not None, name
            assert len(hint.text.strip()) > len(name) + 10, name


def test_each_setting_can_be_changed_and_nothing_else_changes(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client("rajapinta", resource_server=True, resource_uris=["urn:a", "urn:b"])
    wrong = []
    for number, (name, (typed, expected)) in enumerate(TYPED.items()):
        keys = {"jwks": json.loads(KEYS)} if "encrypted" in name else {}
        people.client(client_id := f"app-{number}", **keys)
        before = flat(app, client_id)

        answer = edit(keeper, page_of(name, client_id), **typed)

        after = flat(app, client_id)
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        if (
            answer.status_code not in (200, 303)
            or after.get(name) != expected
            or not changed <= {*typed, name}
        ):
            wrong.append((name, answer.status_code, journey.errors(answer), after.get(name), changed))
    assert wrong == []


def test_a_form_that_is_sent_as_it_is_changes_nothing(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client(
        **{
            "client_name#se": "Ášši",
            "require_auth_time": False,
            "application_type": "web",
            "jwks": json.loads(KEYS),
            "default_max_age": 60,
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid invoices:read",
        }
    )
    before = flat(app)

    answers = {group: edit(keeper, f"{PAGE}/edit/{group}").status_code for group in PLAIN}

    assert answers == dict.fromkeys(PLAIN, 303)
    assert flat(app) == before


def test_a_machine_stays_one(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client(grant_types=["client_credentials"], scope="", redirect_uris=["https://x.example.fi/"])
    with app.app_context():
        client = managed.look("asiointi", OPERATOR)
        management.change(
            "asiointi", wanted(client, {"redirect_uris": None, "post_logout_redirect_uris": None}), OPERATOR
        )
    before = flat(app)

    answers = {group: edit(keeper, f"{PAGE}/edit/{group}").status_code for group in PLAIN}

    assert answers == dict.fromkeys(PLAIN, 303)
    assert flat(app) == before


def test_what_is_emptied_is_no_longer_set(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client(default_max_age=60, contacts=["a@example.fi"])

    edit(keeper, page_of("default_max_age"), default_max_age="")
    edit(keeper, page_of("contacts"), contacts="", **{"client_name-sv": ""})

    assert not {"default_max_age", "contacts", "client_name#sv"} & flat(app).keys()


def test_a_name_in_another_language_has_its_field(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client(**{"client_name#se": "Ášši"})

    edit(keeper, page_of("client_name"), **{"client_name-se": "Bálvalus"})

    assert flat(app)["client_name#se"] == "Bálvalus"


def test_a_page_that_there_is_not_is_not_found(keeper: FlaskClient, people: People) -> None:
    people.client()

    for group in ("", "root", "names/x", "Names"):
        assert keeper.get(f"{PAGE}/edit/{group}").status_code == 404


# -- what is wrong

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # setting, typed, field, what is said
    ("client_name", {"client_name": " "}, "client_name", "Täytä tämä kenttä."),
    ("client_name", {"client_name-sv": "a\tb"}, "client_name-sv", "enintään 100 näkyvää merkkiä"),
    ("support_email", {"support_email": "tuki"}, "support_email", "muodossa nimi@"),
    ("support_phone", {"support_phone": "soita"}, "support_phone", "numeroin"),
    ("client_uri", {"client_uri-en": "ftp://x.example.fi/"}, "client_uri-en", "https://"),
    ("redirect_uris", {"redirect_uris": "x"}, "redirect_uris", "x: Kirjoita koko osoite"),
    ("redirect_uris", {"redirect_uris": "https://a b/"}, "redirect_uris", "koko osoite"),
    ("redirect_uris", {"redirect_uris": "javascript:x"}, "redirect_uris", "vaarallisia"),
    ("redirect_uris", {"redirect_uris": "https://a@b.fi/"}, "redirect_uris", "@-merkkiä"),
    ("redirect_uris", {"redirect_uris": "https://b.fi:x/"}, "redirect_uris", "koko osoite"),
    ("post_logout_redirect_uris", {"post_logout_redirect_uris": "https://b.fi/#x"}, "post_logout_redirect_uris", "#"),
    ("frontchannel_logout_uri", {"frontchannel_logout_uri": "https://x.fi/"}, "frontchannel_logout_uri", "samalla"),
    ("default_max_age", {"default_max_age": "tunti"}, "default_max_age", "kokonaisluku"),
    ("access_token_seconds", {"access_token_seconds": "5"}, "access_token_seconds", "30–3600"),
    ("refresh_idle_days", {"refresh_idle_days": "30", "refresh_absolute_days": "7"}, "refresh_idle_days", "pidempi"),
    ("colour", {"colour": "punainen"}, "colour", "#0a4d78"),
    ("colour", {"colour": "#ffff00"}, "colour", "kontrasti"),
    ("contacts", {"contacts": "tuki@example.fi\nei osoite"}, "contacts", "ei osoite ei ole sähköpostiosoite."),
    ("jwks", {"jwks": "avain"}, "jwks", "JSON"),
    ("jwks", {"jwks": "[]"}, "jwks", "JSON"),
    ("redirect_uris", {"redirect_uris": "http-x.y:/z"}, "redirect_uris", "https://"),
    ("client_name", {"support_phone": "040 1", "client_name-en": "x" * 101}, "client_name-en", "100"),
    ("jwks", {"jwks": '{"keys": [{"kty": "oct"}]}'}, "jwks", "kty"),  # rarely met: in English
    ("jwks", {"jwks": KEYS, "jwks_uri": "https://a.fi/"}, "jwks", "ei molempia"),
    ("request_object_signing_alg", {"request_object_signing_alg": "ES256"}, "jwks", "julkiset avaimet"),
    ("response_types", {"response_types": ["id_token"]}, "response_types", "implicit"),
    ("scope", {"scope_further": "invoices:read"}, "scope", "client_credentials"),
    ("scope", {"scope_further": "Laskut"}, "scope", "Tarkista oikeinkirjoitus"),
    ("resource_uris", {"resource_uris": "data:x"}, "resource_uris", "kokonaiset osoitteet"),
    ("allowed_resources", {"allowed_resources": "x"}, "allowed_resources", "koko osoite"),
    ("allowed_resources", {"allowed_resources": "urn:nobody"}, "allowed_resources", "Rekisteröi rajapinta"),
    ("grant_types", {"grant_types": ["root"]}, "grant_types", "authorization_code"),
    ("token_endpoint_auth_method", {"token_endpoint_auth_method": "root"}, "token_endpoint_auth_method", "none"),
]  # fmt: skip


def test_what_is_wrong_is_said_at_its_field(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()
    before = flat(app)

    missed = []
    for name, typed, field, told in WRONG:
        answer = edit(keeper, page_of(name), **typed)
        linked = journey.soup(answer).select_one(f".error-summary a[href='#{field}']") is not None
        if answer.status_code != 422 or told not in field_error(answer, field) or not linked:
            missed.append((typed, answer.status_code, journey.errors(answer)))

    assert missed == []
    assert flat(app) == before


def test_an_address_of_another_api_is_refused(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client("toinen", resource_server=True, resource_uris=["urn:a"])
    people.client()

    answer = edit(keeper, page_of("resource_uris"), resource_server="y", resource_uris="urn:b\nurn:a")

    assert "Osoite urn:a on jo toisella rajapinnalla." in field_error(answer, "resource_uris")
    assert "resource_uris" not in stored(app).metadata


def test_a_private_key_is_not_taken_nor_shown_as_saved(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client()
    private = json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]})

    answer = edit(keeper, page_of("jwks"), jwks=private)

    assert "yksityinen avain" in field_error(answer, "jwks")
    assert "jwks" not in flat(app)


def test_what_does_not_fit_with_another_page_names_it(keeper: FlaskClient, people: People) -> None:
    people.client(frontchannel_logout_uri="https://asiointi.example.fi/f")

    answer = edit(keeper, page_of("redirect_uris"), redirect_uris="https://muu.example.fi/cb")

    assert answer.status_code == 422
    assert "Uloskirjautuminen" in journey.errors(answer)[0]
    assert "https://muu.example.fi/cb" in answer.get_data(as_text=True)


def test_a_method_that_needs_another_secret_shows_it_once(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    before = people.client()

    answer = edit(
        keeper, page_of("token_endpoint_auth_method"), token_endpoint_auth_method="client_secret_jwt"
    )

    assert secret_in(answer) != before.secret
    assert answer.headers["Cache-Control"] == "no-store"


# -- two at once


def test_what_somebody_else_saved_meanwhile_is_shown_and_nothing_typed_is_lost(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client()
    path = page_of("client_name")
    page = keeper.get(path)
    edit(keeper, path, support_phone="040 765 4321", software_version="toisen")

    answer = send(keeper, path, page, client_name="Minun nimeni", software_version="minun")

    assert answer.status_code == 409
    shown = journey.soup(answer)
    assert "Joku muu on muuttanut" in shown.select_one(".notice-warning").text  # type: ignore[union-attr]
    both = [each.text for each in shown.select(".notice-warning li")]
    assert both == ["Ohjelmiston versio: toisen"]
    typed = {name: fields_of(shown)[name] for name in ("client_name", "support_phone", "software_version")}
    assert typed == {
        "client_name": ["Minun nimeni"],
        "support_phone": ["040 765 4321"],
        "software_version": ["minun"],
    }
    assert flat(app)["client_name"] == "Asiointipalvelu"
    assert send(keeper, path, answer).status_code == 303
    assert flat(app).items() >= {name: value[0] for name, value in typed.items()}.items()


def test_boxes_that_somebody_else_ticked_stay_ticked(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()
    path = page_of("scope")
    page = keeper.get(path)
    edit(keeper, path, scope=["openid"])

    answer = send(keeper, path, page, identity_code_basis="Laki 1 §")

    assert answer.status_code == 409
    assert send(keeper, path, answer).status_code == 303
    assert (flat(app)["scope"], flat(app)["identity_code_basis"]) == ("openid", "Laki 1 §")


@pytest.mark.parametrize("opened", ["", "x", "[]", '{"client_name": []}', "[" * 100_000])
def test_what_a_form_says_of_its_beginning_is_not_trusted(
    app: Flask, keeper: FlaskClient, people: People, opened: str
) -> None:
    people.client()

    answer = edit(keeper, page_of("client_name"), version="x", opened=opened, client_name="Minun")

    assert answer.status_code == 409
    assert fields_of(journey.soup(answer))["client_name"] == ["Minun"]
    assert flat(app)["client_name"] == "Asiointipalvelu"


def test_what_is_saved_in_the_same_moment_is_not_overwritten(
    app: Flask, keeper: FlaskClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.client()
    reading = client_edit.read

    def another_saves_first(*arguments: Any) -> Any:
        monkeypatch.undo()
        edit(keeper, page_of("support_phone"), support_phone="040 765 4321")
        return reading(*arguments)

    monkeypatch.setattr(client_edit, "read", another_saves_first)
    answer = edit(keeper, page_of("client_name"), client_name="Minun nimeni")

    assert answer.status_code == 409
    assert flat(app)["client_name"] == "Asiointipalvelu"
    assert flat(app)["support_phone"] == "040 765 4321"


def test_a_form_without_its_version_saves_nothing(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()

    for version in ("", "x", "0" * 32, None):
        answer = edit(keeper, page_of("client_name"), client_name="Toinen", version=version)
        assert answer.status_code == 409
    assert flat(app)["client_name"] == "Asiointipalvelu"


def test_a_client_deleted_meanwhile_is_not_found(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()
    page = keeper.get(page_of("client_name"))
    with app.app_context():
        management.delete("asiointi", OPERATOR, "Syy")

    assert send(keeper, page_of("client_name"), page).status_code == 404


# -- the logo


def send_logo(browser: FlaskClient, content: bytes, **fields: Any):  # type: ignore[no-untyped-def]
    path = f"{PAGE}/edit/logo"
    page = journey.soup(browser.get(path))
    hidden = {str(each["name"]): str(each["value"]) for each in page.select("main input[type=hidden]")}
    return browser.post(path, data={**hidden, "logo": (io.BytesIO(content), "logo.png"), **fields})


def test_a_logo_is_uploaded_and_removed(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()

    assert send_logo(keeper, PNG).status_code == 303
    digest = flat(app)["logo"]
    assert app.test_client().get(f"/client-logo/{digest}").data == PNG
    assert send_logo(keeper, b"", remove="1").status_code == 303
    assert "logo" not in flat(app)


def test_what_is_no_picture_is_refused(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()

    for content, told in (
        (b"", "Valitse kuva."),
        (b"<svg onload='alert(1)'>", "PNG-, JPEG- tai WebP"),
        (b"GIF89a", "PNG-, JPEG- tai WebP"),
        (PNG + b"\0" * MAX_LOGO_BYTES, "enintään 200 kt"),
    ):
        answer = send_logo(keeper, content)
        assert answer.status_code == 422
        assert told in field_error(answer, "logo")
    assert "logo" not in flat(app)


def test_a_logo_for_another_version_is_not_taken(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()

    assert send_logo(keeper, PNG, version="x").status_code == 409
    assert "logo" not in flat(app)


def test_a_name_that_is_metadata_is_told_from_an_option() -> None:
    assert is_metadata("client_name#sv")
    assert not is_metadata("colour")


# -- who people are to the app


def test_another_identifier_of_people_ends_what_the_app_was_given(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    person, browser = people.resident("pekka@example.fi"), app.test_client()
    service = people.client()
    tokens = journey.tokens_for(browser, service, person)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    same = edit(keeper, page_of("client_name"), client_name="Lupa")
    assert same.status_code == 303
    assert browser.get("/oauth2/userinfo", headers=bearer).status_code == 200

    answer = edit(keeper, page_of("subject_type"), subject_type="pairwise")

    assert "eri tunnisteet" in keeper.get(answer.location).get_data(as_text=True)
    assert browser.get("/oauth2/userinfo", headers=bearer).status_code == 401

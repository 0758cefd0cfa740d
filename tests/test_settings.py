"""Settings: one reference with every default, clear refusals of what is unknown, impossible or unsafe."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from idp import create_app, settings
from idp.settings import Section, Settings, UnusableSettings, project_folder
from tests.conftest import ISSUER, SECRET_KEY, make_settings

DEFAULTS = tomllib.loads((project_folder("config") / "default.toml").read_text(encoding="utf-8"))
BROKER = {"issuer": "https://broker.example.fi", "client_id": "kunta"}
PRODUCTION: dict[str, Any] = {
    "issuer": "https://tunnus.example.fi",
    "secrets": {"keys": [SECRET_KEY]},
    "mail": {"host": "smtp.example.fi"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tunnus.toml"


def minimal(more: str = "", top: str = "") -> str:
    return f'mode = "test"\nissuer = "{ISSUER}"\n{top}\n[secrets]\nkeys = ["{SECRET_KEY}"]\n{more}'


def problem(**sections: Any) -> str:
    """What the start says of the settings; loading or building the app refuses them."""
    with pytest.raises(UnusableSettings) as caught:
        create_app(make_settings(**sections))
    message = str(caught.value)
    assert "\n" not in message
    return message


# -- texts


@pytest.mark.parametrize("key", ["name", "service", "other_account", "help_url"])
def test_a_text_in_one_language_is_not_filled_up_with_the_examples(file: Path, key: str) -> None:
    """Else a municipality would be called Example Municipality in English."""
    file.write_text(minimal(f'[site]\n{key} = {{ fi = "Kuusamon kaupunki" }}\n'), encoding="utf-8")

    with pytest.raises(UnusableSettings, match=f"site: {key} has no text for en, sv"):
        settings.load(file)


def test_one_language_is_enough_where_one_is_shown(file: Path) -> None:
    site = '[site]\nlanguages = ["fi"]\nname = { fi = "Kuusamon kaupunki" }\n'
    file.write_text(minimal(site), encoding="utf-8")

    loaded = settings.load(file)

    assert loaded.site.name == {"fi": "Kuusamon kaupunki"}
    assert loaded.site.service["fi"] == "Asiointitunnus"  # not set: the default


def test_a_text_of_the_environment_replaces_that_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = '{ fi = "Kuusamon kaupunki", sv = "Kuusamo stad", en = "City of Kuusamo" }'
    file.write_text(minimal(f"[site]\nname = {three}\n"), encoding="utf-8")
    monkeypatch.setenv("IDP_SITE_NAME", '{"fi": "Kouvola"}')

    with pytest.raises(UnusableSettings, match="site: name has no text for en, sv"):
        settings.load(file)


# -- the reference


def test_the_reference_has_a_default_for_every_setting_and_nothing_else() -> None:
    fields = {name: field.annotation for name, field in Settings.model_fields.items()}

    assert fields.keys() == DEFAULTS.keys()
    for name, annotation in fields.items():
        if isinstance(annotation, type) and issubclass(annotation, Section):
            assert annotation.model_fields.keys() == DEFAULTS[name].keys(), name


def test_the_defaults_are_those_of_the_source_document() -> None:
    defaults = make_settings()

    assert (defaults.links.activation_minutes, defaults.links.self_service_resend) == (30, True)
    assert (defaults.lockout.attempts, defaults.lockout.hours, defaults.lockout.reset_unlocks) == (
        5,
        24,
        False,
    )
    assert defaults.passwords.profile == "classes"
    assert defaults.accounts.account_exists_notice == "mail"
    assert defaults.site.languages == ["fi", "sv", "en"]
    assert DEFAULTS["mode"] == "production"
    assert DEFAULTS["passwords"]["bcrypt_cost"] == 12


def test_every_default_is_explained_above_it() -> None:
    lines = (project_folder("config") / "default.toml").read_text(encoding="utf-8").splitlines()
    keys = [line.partition(" = ")[0] for line in lines if " = " in line and not line.startswith("#")]

    assert len(keys) > 60
    assert sum(line.startswith("#") for line in lines) > len(keys) / 2


@pytest.mark.parametrize("name", ["demo.toml", "production.example.toml"])
def test_our_own_files_are_good(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_SECRETS_KEYS", f'["{SECRET_KEY}"]')
    example = tomllib.loads((project_folder("config") / name).read_text(encoding="utf-8"))

    loaded = settings.load(project_folder("config") / name, overrides={"secrets": {"keys": [SECRET_KEY]}})

    assert loaded.mode == example.get("mode", "production")


# -- where values come from


def test_a_file_lies_over_the_defaults_key_by_key(file: Path) -> None:
    file.write_text(minimal('[lockout]\nattempts = 7\n[site]\nname = { fi = "Kunta", sv = "K", en = "T" }'))

    loaded = settings.load(file)

    assert (loaded.lockout.attempts, loaded.lockout.hours) == (7, 24)
    assert loaded.site.name["fi"] == "Kunta"
    assert loaded.site.service["fi"] == "Asiointitunnus"


def test_a_later_file_lies_over_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(minimal("[lockout]\nattempts = 7\nhours = 1"))
    second.write_text("[lockout]\nattempts = 8")

    loaded = settings.load(first, second)

    assert (loaded.lockout.attempts, loaded.lockout.hours) == (8, 1)


def test_the_environment_lies_over_the_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(minimal("[lockout]\nattempts = 7\n[mail]\nhost = 'a.example.fi'"))
    monkeypatch.setenv("IDP_LOCKOUT_ATTEMPTS", "9")
    monkeypatch.setenv("IDP_LOCKOUT_RESET_UNLOCKS", "true")
    monkeypatch.setenv("IDP_MAIL_HOST", "b.example.fi")
    monkeypatch.setenv("IDP_SITE_LANGUAGES", '["sv", "fi"]')
    monkeypatch.setenv("IDP_ISSUER", "https://tunnus.example.fi")
    monkeypatch.setenv("IDP_ACCOUNTS_ACCOUNT_EXISTS_NOTICE", "screen")

    loaded = settings.load(file)

    assert (loaded.lockout.attempts, loaded.lockout.hours, loaded.lockout.reset_unlocks) == (9, 24, True)
    assert loaded.mail.host == "b.example.fi"
    assert loaded.site.languages == ["sv", "fi"]
    assert loaded.issuer == "https://tunnus.example.fi"
    assert loaded.accounts.account_exists_notice == "screen"


def test_every_setting_can_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(minimal())
    plain = {
        f"IDP_{section}_{key}".upper(): (section, key, value)
        for section, table in DEFAULTS.items()
        if isinstance(table, dict)
        for key, value in table.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 0
    }
    for variable, (_, _, value) in plain.items():
        monkeypatch.setenv(variable, str(value))

    loaded = settings.load(file)

    assert len(plain) > 25
    for section, key, value in plain.values():
        assert getattr(getattr(loaded, section), key) == value


def test_settings_cannot_be_changed() -> None:
    loaded = make_settings()

    with pytest.raises(Exception, match="frozen"):
        loaded.lockout.attempts = 1  # type: ignore[misc]


# -- refusals


@pytest.mark.parametrize(
    ("more", "top", "key"),
    [
        ("[lockout]\nattempt = 3", "", "lockout.attempt"),
        ("[locks]\nattempts = 3", "", "locks"),
        ("", "issuers = 1", "issuers"),
        ("[site.theme]\ncolor = '#fff'", "", "site.theme.color"),
    ],
)
def test_an_unknown_key_is_named(file: Path, more: str, top: str, key: str) -> None:
    file.write_text(minimal(more, top))

    with pytest.raises(UnusableSettings, match=key) as caught:
        settings.load(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variable", ["IDP_LOCKOUT_ATTEMPT", "IDP_ISSUERS", "IDP_MAILHOST"])
def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")

    with pytest.raises(UnusableSettings):
        make_settings()


def test_a_missing_file_and_a_broken_one_are_told(file: Path) -> None:
    with pytest.raises(UnusableSettings, match="no settings file"):
        settings.load(file)
    file.write_text("mode = 'test\n")
    with pytest.raises(UnusableSettings):
        settings.load(file)


def test_a_file_that_cannot_be_read_is_told() -> None:
    unreadable = Path("/proc/self/mem")  # nobody reads its first byte, root neither

    with pytest.raises(UnusableSettings, match=f"{unreadable} cannot be read: "):
        settings.load(unreadable)


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"mode": "staging"}, "mode"),
        ({"issuer": "tunnus.example.fi"}, "issuer"),
        ({"issuer": "ftp://tunnus.example.fi"}, "issuer"),
        ({"issuer": "https://tunnus.example.fi/"}, "issuer"),
        ({"issuer": "https://tunnus.example.fi/idp"}, "issuer"),
        ({"issuer": "https://tunnus.example.fi?x=1"}, "issuer"),
        ({"issuer": ""}, "issuer"),
        ({"secrets": {"keys": []}}, "secrets.keys"),
        ({"secrets": {"keys": ["c2hvcnQ"]}}, "secrets.keys"),
        ({"secrets": {"keys": ["ä" * 43]}}, "secrets.keys"),
        ({"secrets": {"peppers": {"2026": "c2hvcnQ"}}}, "secrets.peppers"),
        ({"database": {"timeout_seconds": 0}}, "database.timeout_seconds"),
        ({"database": {"url": "postgresql://localhost/tunnus"}}, "database.url"),
        ({"database": {"url": "mysql://localhost/tunnus"}}, "database.url"),
        ({"database": {"url": "tunnus.db"}}, "database.url"),
        ({"server": {"port": 70_000}}, "server.port"),
        ({"server": {"workers": -1}}, "server.workers"),
        ({"site": {"languages": []}}, "site.languages"),
        ({"site": {"languages": ["fi", "de"]}}, "name has no text for de"),
        ({"site": {"timezone": "Europe/Kouvola"}}, "site.timezone"),
        ({"site": {"theme": {**DEFAULTS["site"]["theme"], "colour": "red;}"}}}, "site.theme.colour"),
        ({"accounts": {"account_exists_notice": "letter"}}, "accounts.account_exists_notice"),
        ({"accounts": {"authority_pattern": ".*@.*"}}, "may hold only"),
        ({"accounts": {"authority_username_example": "Kaavoitus"}}, "authority_username_example"),
        ({"passwords": {"profile": "none"}}, "passwords.profile"),
        ({"passwords": {"min_length": 3}}, "min_length"),
        ({"passwords": {"bcrypt_cost": 3}}, "passwords.bcrypt_cost"),
        ({"passwords": {"bcrypt_cost": 19}}, "passwords.bcrypt_cost"),
        ({"lockout": {"attempts": 0}}, "lockout.attempts"),
        ({"lockout": {"attempts": 101}}, "attempts"),
        ({"links": {"activation_minutes": 0}}, "links.activation_minutes"),
        ({"sessions": {"idle_minutes": 800}}, "session_idle"),
        ({"tokens": {"code_seconds": 61}}, "tokens.code_seconds"),
        ({"tokens": {"refresh_idle_days": 91}}, "refresh_idle"),
        ({"mail": {"security": "ssl"}}, "mail.security"),
        ({"mail": {"port": "smtp"}}, "mail.port"),
        ({"limits": {"login_per_address": "often"}}, "limits.login_per_address"),
        ({"limits": {"mail_per_name": ""}}, "limits.mail_per_name"),
        ({"limits": {"feedback_per_address": "5/fortnight"}}, "limits.feedback_per_address"),
        ({"log": {"level": "loud"}}, "log.level"),
        ({"accounts": {"registration_assurance": "very"}}, "accounts.registration_assurance"),
        ({"accounts": {"registration_assurance": "strong"}}, "accounts.registration_assurance"),
        ({"upstream": {**BROKER, "issuer": "broker.example.fi"}}, "upstream.issuer"),
        ({"upstream": {**BROKER, "issuer": "https://broker.example.fi?x=1"}}, "upstream.issuer"),
        ({"upstream": {**BROKER, "client_id": ""}}, "upstream: client_id"),
        ({"upstream": {**BROKER, "acr": ""}}, "upstream: acr"),
        ({"upstream": {**BROKER, "scope": "profile"}}, "upstream: scope"),
        ({"upstream": {**BROKER, "claims_dialect": "suomi"}}, "upstream.claims_dialect"),
        ({"upstream": {**BROKER, "claims_dialect": "custom"}}, "identity_code"),
        ({"upstream": {**BROKER, "claims": {"shoe_size": "x"}}}, "shoe_size"),
        ({"upstream": {**BROKER, "request": "plain"}}, "upstream.request"),
        ({"upstream": {**BROKER, "key_days": -1}}, "upstream.key_days"),
        ({"upstream": {**BROKER, "service_name": {"fi": "x" * 41}}}, "40 characters"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_key(
    tmp_path: Path, sections: dict[str, Any], key: str
) -> None:
    assert key in problem(folders={"data": tmp_path}, **sections)


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"issuer": "http://tunnus.example.fi"}, "https"),
        ({"issuer": "http://localhost:8400"}, "https"),
        ({"mail": {"host": ""}}, "mail.host"),
        ({"passwords": {"bcrypt_cost": 9}}, "bcrypt_cost"),
        ({"secrets": {"keys": []}}, "secrets.keys"),
        ({"clients": {"dynamic_registration": "open"}}, "dynamic_registration"),
        ({"upstream": {**BROKER, "acr": "http://ftn.ficora.fi/2017/loatest2"}}, "upstream.acr"),
        ({"upstream": {**BROKER, "acr": "http://ftn.ficora.fi/2017/LoATest3"}}, "upstream.acr"),
        ({"upstream": {**BROKER, "issuer": "http://broker.example.fi"}}, "upstream.issuer"),
        ({"upstream": {**BROKER, "client_id": "tunnus-demo"}}, "upstream.client_id"),
        ({"upstream": BROKER}, "upstream.trusted_keys"),
        (
            {
                "upstream": {
                    **BROKER,
                    "trusted_keys": "keys.json",
                    "signed_jwks_uri": "http://broker.example.fi/k",
                }
            },
            "upstream.signed_jwks_uri",
        ),
    ],
)
def test_production_refuses_what_is_unsafe(sections: dict[str, Any], reason: str) -> None:
    settings.load(overrides=PRODUCTION | {"upstream": BROKER | {"unsigned_keys": True}})  # is good
    settings.load(overrides=PRODUCTION | {"upstream": BROKER | {"trusted_keys": "keys.json"}})

    with pytest.raises(UnusableSettings, match=reason):
        settings.load(overrides=PRODUCTION | sections)


def test_production_refuses_our_placeholder_texts(tmp_path: Path) -> None:
    loaded = settings.load(overrides={**PRODUCTION, "folders": {"data": tmp_path}})

    with pytest.raises(UnusableSettings, match="placeholder"):
        create_app(loaded)


def test_production_starts_with_texts_of_its_own(tmp_path: Path) -> None:
    terms = tmp_path / "terms"
    terms.mkdir()
    for original in (project_folder("config") / "terms").glob("*.md"):
        text = original.read_text(encoding="utf-8").replace("placeholder: true\n", "")
        (terms / original.name).write_text(text, encoding="utf-8")
    folders = {"data": tmp_path, "overrides": str(tmp_path)}

    app = create_app(settings.load(overrides={**PRODUCTION, "folders": folders}))

    assert app.test_client().get("/terms").status_code == 200


def test_the_mode_is_production_unless_it_is_said() -> None:
    assert settings.load(overrides=PRODUCTION).mode == "production"


def test_the_demo_inbox_exists_in_the_demo_alone(tmp_path: Path) -> None:
    app = create_app(make_settings(folders={"data": tmp_path}))

    assert app.test_client().get("/demo/inbox").status_code == 404
    assert app.test_client().get("/demo/inbox.json").status_code == 404

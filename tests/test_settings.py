"""Settings: one file over the defaults, variables over both; what is impossible stops the start with one line."""

import re
from pathlib import Path
from typing import Any

import pytest

from idp import settings
from idp.settings import Section, Settings, UnusableSettings, project_folder
from tests.conftest import SECRET_KEY, make_settings

SAFE: dict[str, Any] = {
    "issuer": "https://tunnus.example.fi",
    "secrets": {"keys": [SECRET_KEY]},
    "mail": {"host": "smtp.example.fi"},
}


def fault(**sections: Any) -> str:
    with pytest.raises(UnusableSettings) as raised:
        settings.load(overrides={**SAFE, **sections})
    return str(raised.value)


def test_a_safe_production_configuration_loads() -> None:
    assert settings.load(overrides=SAFE).mode == "production"


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({"issuer": "http://tunnus.example.fi"}, "https"),
        ({"issuer": "https://tunnus.example.fi/"}, "issuer"),
        ({"issuer": "https://tunnus.example.fi/idp"}, "issuer"),
        ({"issuer": "tunnus.example.fi"}, "issuer"),
        ({"secrets": {"keys": []}}, "secrets.keys"),
        ({"secrets": {"keys": ["short"]}}, "secrets.keys"),
        ({"mail": {"host": ""}}, "mail.host"),
        ({"passwords": {"bcrypt_cost": 4}}, "bcrypt_cost"),
        ({"passwords": {"bcrypt_cost": 3}}, "passwords.bcrypt_cost"),
        ({"passwords": {"profile": "none"}}, "passwords.profile"),
        ({"mail": {"hots": "smtp.example.fi"}}, "mail.hots"),
        ({"nonsense": {}}, "nonsense"),
        ({"server": {"port": 70000}}, "server.port"),
        ({"site": {"languages": ["fi", "sms"]}}, "sms"),
        ({"site": {"theme": {"colour": "red; } body { display: none"}}}, "site.theme.colour"),
        ({"tokens": {"code_seconds": 61}}, "tokens.code_seconds"),
    ],
)
def test_what_is_unsafe_or_unknown_is_refused_by_name(sections: dict[str, Any], names: str) -> None:
    message = fault(**sections)

    assert names in message
    assert "\n" not in message


def test_a_file_lies_over_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('mode = "test"\nissuer = "http://localhost:1"\n[server]\nport = 9000\n', encoding="utf-8")

    loaded = settings.load(path, overrides={"secrets": {"keys": [SECRET_KEY]}})

    assert (loaded.server.port, loaded.server.host) == (9000, "127.0.0.1")


def test_a_variable_lies_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[server]\nport = 9000\n", encoding="utf-8")
    monkeypatch.setenv("IDP_SERVER_PORT", "9001")
    monkeypatch.setenv("IDP_MAIL_HOST", "other.example.fi")

    loaded = settings.load(path, overrides={key: SAFE[key] for key in ("issuer", "secrets")})

    assert (loaded.server.port, loaded.mail.host) == (9001, "other.example.fi")


@pytest.mark.parametrize("variable", ["IDP_SERVER_PROT", "IDP_NONSENSE", "IDP_MAIL_HOTS"])
def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")

    assert variable in fault()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableSettings, match=re.escape("nowhere.toml")):
        settings.load(tmp_path / "nowhere.toml")


def test_every_setting_stands_commented_in_the_default_file() -> None:
    text = (project_folder("config") / "default.toml").read_text(encoding="utf-8")

    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            assert f"[{name}]" in text
            for key in section.model_fields:
                assert re.search(rf"^\[?({name}\.)?{key}\]?( =|$)", text, re.MULTILINE), f"{name}.{key}"


def test_a_theme_that_nobody_could_read_stops_the_start() -> None:
    from idp.web import theme

    pale = make_settings(site={"theme": _theme(colour="#9ecbff")})

    with pytest.raises(UnusableSettings, match=r"site\.theme\.colour: .* contrast"):
        theme.stylesheet(pale)


def test_a_readable_theme_becomes_a_stylesheet() -> None:
    from idp.web import theme

    text = theme.stylesheet(make_settings(site={"theme": _theme(colour="#5b1e7a")}))

    assert "--municipality-colour: #5b1e7a;" in text


def _theme(**chosen: str) -> dict[str, str]:
    names = (
        "colour",
        "colour_hover",
        "on_colour",
        "colour_dark",
        "colour_dark_hover",
        "on_colour_dark",
        "font",
    )
    return {name: chosen.get(name, "") for name in names}

"""An operator's own texts and statements: those that fit, those that no longer do, and those that stop the start."""

from pathlib import Path

import pytest
from flask import Flask

from idp import create_app
from idp.settings import UnusableSettings
from idp.web import overrides
from idp.web.overrides import Fit
from tests.conftest import make_settings

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


def write(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def translate(folder: Path, language: str, texts: dict[str, str]) -> None:
    """An own catalogue; `texts` are translations by their English."""
    body = "\n".join(f'msgid "{english}"\nmsgstr "{own}"\n' for english, own in texts.items())
    write(folder, f"translations/{language}/messages.po", HEAD + body)


def found(folder: Path) -> dict[str, Fit]:
    settings = make_settings(folders={"data": folder, "overrides": str(folder)})
    return {override.name: override.fit for override in overrides.found(settings)}


def start(folder: Path) -> Flask:
    return create_app(make_settings(folders={"data": folder, "overrides": str(folder)}))


def test_texts_and_statements_that_fit_are_listed_as_files(tmp_path: Path) -> None:
    translate(tmp_path, "sv", {"Log in": "Logga in här"})
    write(tmp_path, "terms/terms.fi.md", "")

    assert found(tmp_path) == {"translations/sv/messages.po": Fit.READ, "terms/terms.fi.md": Fit.READ}


def test_a_text_that_we_no_longer_have_is_told(tmp_path: Path) -> None:
    translate(tmp_path, "sv", {"Log in": "Logga in här", "Enter the portal": "Gå in"})

    assert found(tmp_path)['translations/sv/messages.po "Enter the portal"'] is Fit.NO_TEXT
    assert 'translations/sv/messages.po "Log in"' not in found(tmp_path)


def test_a_text_of_an_own_template_is_known(tmp_path: Path) -> None:
    translate(tmp_path, "sv", {"Enter the portal": "Gå in"})
    write(tmp_path, "templates/pages/login.html", "{{ _('Enter the portal') }}")

    assert 'translations/sv/messages.po "Enter the portal"' not in found(tmp_path)


@pytest.mark.parametrize("own", ["Logga in i %(name)s", "Logga in", "Logga in i %(service)", "%(service)s %"])
def test_a_text_that_fills_in_something_else_stops_the_start_in_one_line(tmp_path: Path, own: str) -> None:
    translate(tmp_path, "sv", {"Log in to %(service)s": own})

    assert found(tmp_path)['translations/sv/messages.po "Log in to %(service)s"'] is Fit.UNLIKE
    with pytest.raises(UnusableSettings, match="placeholders") as refused:
        start(tmp_path)
    assert "Log in to %(service)s" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_same_values_in_another_order_are_fine(tmp_path: Path) -> None:
    translate(tmp_path, "en", {"%(date)s at %(time)s": "%(time)s on %(date)s"})

    start(tmp_path)
    assert found(tmp_path) == {"translations/en/messages.po": Fit.READ}


def test_a_file_that_is_no_catalogue_stops_the_start(tmp_path: Path) -> None:
    write(tmp_path, "translations/fi/messages.po", "Kirjaudu = Log in\n")

    with pytest.raises(UnusableSettings, match=r"messages\.po: cannot be read as a catalogue"):
        start(tmp_path)


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("terms/term.fi.md", Fit.NO_DOCUMENT),
        ("terms/terms.de.md", Fit.NO_DOCUMENT),
        ("terms/fi/terms.fi.md", Fit.NO_DOCUMENT),
        ("translations/de/messages.po", Fit.NO_CATALOGUE),
        ("translations/fi/message.po", Fit.NO_CATALOGUE),
    ],
)
def test_a_file_that_nothing_reads_is_told(tmp_path: Path, name: str, fit: Fit) -> None:
    write(tmp_path, name, "")

    assert found(tmp_path) == {name: fit}

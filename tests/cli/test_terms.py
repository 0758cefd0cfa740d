"""Statements by the command: which are in force, who has accepted them, what they lack."""

import json
from pathlib import Path

import pytest

from idp import create_app
from idp.accounts.statements import DOCUMENTS
from idp.database import db
from idp.settings import TEXTS
from tests.cli.conftest import Idp
from tests.conftest import make_settings
from tests.support.people import People

LANGUAGES = ("fi", "sv", "en")


def write(folder: Path, document: str, language: str, body: str = "Teksti.", version: int = 2) -> None:
    head = f"---\ntitle: Otsikko\nversion: {version}\ndate: 2026-11-24\n---\n"
    path = folder / "terms" / f"{document}.{language}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + body, encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path, settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An overrides folder with a text of its own for each document and language."""
    folder = tmp_path / "own"
    for document in DOCUMENTS:
        for language in LANGUAGES:
            write(folder, document, language)
    monkeypatch.setenv("IDP_FOLDERS_OVERRIDES", str(folder))
    return folder


def test_the_list_tells_versions_hashes_and_how_many_have_accepted(idp: Idp, settings_file: Path) -> None:
    for name in ("maija", "matti"):
        idp(
            "account", "create", "--email", f"{name}@example.fi", "--activated", "--password-stdin",
            stdin="Kuusi;7puuta\n",
        )  # fmt: skip

    listed = {each["document"]: each["texts"] for each in json.loads(idp("terms", "list", "--json").output)}
    table = idp("terms", "list").output

    assert list(listed) == list(DOCUMENTS)
    assert [text["language"] for text in listed["terms"]] == list(LANGUAGES)
    assert {text["accepted"] for text in listed["terms"]} == {0}  # they accept at their first login
    assert {text["accepted"] for text in listed["cookies"]} == {None}
    assert all(text["sha256"][:12] in table for texts in listed.values() for text in texts)
    assert "placeholder" in table


def test_accounts_that_accepted_the_version_are_counted_once(
    idp: Idp, settings_file: Path, database_url: str, tmp_path: Path
) -> None:
    app = create_app(make_settings(database={"url": database_url}, folders={"data": tmp_path}))
    People(app).resident()
    with app.app_context():
        db.engine.dispose()

    listed = {each["document"]: each["texts"] for each in json.loads(idp("terms", "list", "--json").output)}

    assert {text["accepted"] for text in listed["terms"] + listed["privacy"]} == {1}


def test_the_check_names_placeholders(idp: Idp, settings_file: Path) -> None:
    checked = idp("terms", "check")

    assert checked.exit_code == 1
    assert "privacy.sv.md is still the placeholder text" in checked.output
    assert "cookies" not in checked.output


def test_own_texts_in_every_language_are_well(idp: Idp, own: Path) -> None:
    checked = idp("terms", "check")

    assert (checked.exit_code, checked.output) == (0, "Every text is there in every language.\n")
    assert (idp("terms", "check", "--json").output) == "[]\n"


def test_the_check_tells_everything_at_once(idp: Idp, own: Path, settings_file: Path) -> None:
    write(own, "terms", "sv", version=1)
    write(own, "privacy", "en", "Controller: [name of the municipality]. See [here](https://example.fi).")
    (own / "terms" / "help.fi.md").write_text("Pelkkä teksti", encoding="utf-8")
    texts = "{ " + ", ".join(f'{code} = "Kunta"' for code in (*LANGUAGES, "se")) + " }"
    site = "".join(f"{name} = {texts}\n" for name in TEXTS)
    with settings_file.open("a", encoding="utf-8") as file:
        file.write(f'[site]\nlanguages = ["fi", "sv", "en", "se"]\n{site}')

    told = json.loads(idp("terms", "check", "--json").output)

    found = {(each["document"], each["language"], each["flaw"]) for each in told}
    assert found == {
        ("terms", "sv", "versions"),
        ("privacy", "en", "gaps"),
        ("help", "fi", "head"),
        *((document, "se", "missing") for document in DOCUMENTS),
    }

"""The `idp` command, as an operator uses it the first time."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from tests.conftest import ISSUER, SECRET_KEY


@pytest.fixture
def run(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `idp` in a folder with a settings file for a fresh database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunnus.toml").write_text(
        f'mode = "test"\nissuer = "{ISSUER}"\n[secrets]\nkeys = ["{SECRET_KEY}"]\n'
        f'[database]\nurl = "{database_url}"\n[passwords]\nbcrypt_cost = 4\n[log]\nlevel = "error"\n',
        encoding="utf-8",
    )

    def idp(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)

    return idp


def test_init_writes_a_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["init", "--issuer", "https://tunnus.example.fi", "--name", "Esimerkkikunta"]
    arguments += ["--contact", "tuki@example.fi", "--smtp", "smtp.example.fi"]

    made, again = (CliRunner().invoke(main, arguments) for _ in range(2))

    path = tmp_path / "tunnus.toml"
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    assert "[folders]" not in path.read_text()


def test_init_names_the_folder_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "muualla"
    arguments = ["init", "--issuer", "https://tunnus.example.fi", "--name", "Esimerkkikunta"]
    arguments += ["--contact", "tuki@example.fi", "--smtp", "smtp.example.fi"]
    arguments += ["--data", str(data), "--admin", "maija@example.fi"]

    made = CliRunner().invoke(main, arguments)

    assert made.exit_code == 0, made.output
    assert (data / "tunnus.db").exists()
    assert not (tmp_path / "var").exists()


def test_a_fresh_database_is_migrated_and_then_healthy(run: Any) -> None:
    assert run("migrate").exit_code == 0

    report = run("doctor")

    assert report.exit_code == 0, report.output
    assert "of this version" in report.output


def test_the_doctor_finds_tables_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunnus.toml").write_text(
        f'mode = "test"\nissuer = "{ISSUER}"\n[secrets]\nkeys = ["{SECRET_KEY}"]\n', encoding="utf-8"
    )

    report = CliRunner().invoke(main, ["doctor"])

    assert report.exit_code == 1
    assert "idp migrate" in report.output


def test_serve_refuses_tables_of_an_older_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunnus.toml").write_text(
        f'mode = "test"\nissuer = "{ISSUER}"\n[secrets]\nkeys = ["{SECRET_KEY}"]\n', encoding="utf-8"
    )

    refused = CliRunner().invoke(main, ["serve"])

    assert refused.exit_code == 1
    assert "idp migrate" in refused.output


def test_impossible_settings_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunnus.toml").write_text('issuer = "nonsense"\n', encoding="utf-8")

    refused = CliRunner().invoke(main, ["doctor"])

    assert refused.exit_code == 1
    assert refused.output.strip().count("\n") == 0
    assert "issuer" in refused.output


def test_a_client_is_created_with_a_secret_that_is_shown_once(run: Any) -> None:
    made = run(
        "client", "create", "--name", "Asiointi", "--redirect-uri", "https://a.example.fi/cb", "--json"
    )

    created = json.loads(made.output)
    assert len(created["client_secret"]) == 43
    listed = run("client", "list").output
    assert created["client_id"] in listed.replace("\n", "").replace("│", "").replace(" ", "") or listed
    assert created["client_secret"] not in listed


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--redirect-uri", "https://a.example.fi/cb"], "client_name"),
        (["--name", "A"], "redirect_uris"),
        (["--name", "A", "--redirect-uri", "https://a.example.fi/cb#x"], "fragment"),
        (["--name", "A", "--redirect-uri", "javascript:alert(1)"], "not allowed"),
        (
            ["--name", "A", "--redirect-uri", "https://a.example.fi/cb", "--scope", "openid everything"],
            "scope",
        ),
    ],
)
def test_a_client_that_cannot_work_is_refused_with_the_reason(
    run: Any, arguments: list[str], names: str
) -> None:
    refused = run("client", "create", *arguments)

    assert refused.exit_code == 1
    assert names in refused.output


def test_an_account_is_created_with_a_password_from_standard_input(run: Any) -> None:
    arguments = [
        "account",
        "create",
        "--email",
        "maija@example.fi",
        "--activated",
        "--password-stdin",
        "--json",
    ]

    made = run(*arguments, stdin="Kuusi;7puuta\n")
    again = run(*arguments, stdin="Kuusi;7puuta\n")

    assert len(json.loads(made.output)["sub"]) == 22
    assert (again.exit_code, "there is an account" in again.output) == (1, True)


def test_a_weak_password_is_refused_for_operators_too(run: Any) -> None:
    arguments = ["account", "create", "--email", "maija@example.fi", "--activated", "--password-stdin"]

    assert run(*arguments, stdin="salasana\n").exit_code == 1


def test_an_authority_gets_a_name_of_its_own_form(run: Any) -> None:
    made = run(
        "account", "create", "--authority", "rak-tarkastaja", "--password-stdin", stdin="Kuusi;7puuta\n"
    )

    assert made.exit_code == 0, made.output


def test_keys_are_listed_and_rotated(run: Any) -> None:
    run("keys", "rotate")

    listed = run("keys", "list").output
    keys = json.loads(run("keys", "list", "--json").output)
    assert sorted(key["state"] for key in keys) == ["active"] * 2 + ["next"] * 2 + ["retired"] * 2
    assert set(keys[0]) == {"kid", "alg", "state", "created_at", "activated_at", "retired_at"}

    assert listed.count("active") == 2
    assert listed.count("next") == 2
    assert listed.count("retired") == 3  # two keys and the heading
    assert run("keys", "rotate", "--emergency").exit_code == 0
    assert run("keys", "list").output.count("withdrawn") == 2


def test_purge_runs_on_an_empty_installation(run: Any) -> None:
    assert run("purge").output.strip() == "Done."


def test_an_override_is_copied_and_the_doctor_tells_when_it_no_longer_fits(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_FOLDERS_OVERRIDES", str(tmp_path / "own"))
    run("overrides", "copy", "pages/login.html")
    assert "1 files of your own fit" in run("doctor").output.replace("\n", " ")
    copy = tmp_path / "own" / "templates" / "pages" / "login.html"

    copy.write_text("{#- based on 000000000000 -#}\n" + copy.read_text(encoding="utf-8").split("\n", 1)[1])

    assert "has changed since" in run("overrides", "list").output.replace("\n", " ")


def test_the_doctor_tells_of_texts_and_statements_that_nothing_reads(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_FOLDERS_OVERRIDES", str(tmp_path / "own"))
    (tmp_path / "own" / "terms").mkdir(parents=True)
    (tmp_path / "own" / "terms" / "term.fi.md").write_text("")
    (tmp_path / "own" / "translations" / "sv").mkdir(parents=True)
    catalogue = tmp_path / "own" / "translations" / "sv" / "messages.po"
    catalogue.write_text('msgid "Enter [the] portal"\nmsgstr "Gå in"\n', encoding="utf-8")
    run("migrate")

    for told in (run("doctor"), run("overrides", "list")):
        assert told.exit_code == 0, told.output
        assert "terms/term.fi.md" in told.output.replace("\n", "")
        assert "Enter [the] portal" in told.output.replace("\n", " ")

    catalogue.write_text('msgid "Log in to %(service)s"\nmsgstr "Logga in"\n', encoding="utf-8")
    refused = run("doctor")
    assert (refused.exit_code, refused.output.strip().count("\n")) == (1, 0)
    assert "Tunnus does not start with it" in run("overrides", "list").output.replace("\n", " ")

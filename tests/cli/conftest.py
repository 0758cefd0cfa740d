"""Runs `idp` in a folder of its own, without a terminal."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from idp.cli import main
from tests.conftest import ISSUER, SECRET_KEY

Idp = Callable[..., Result]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command sets logging up for its process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def idp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Idp:
    """The command, as a person in `tmp_path` runs it; an exception that nobody handles fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def settings_file(tmp_path: Path, database_url: str) -> Path:
    """Settings of a test installation whose tables are there; `idp` finds them by itself."""
    file = tmp_path / "tunnus.toml"
    file.write_text(
        f'mode = "test"\nissuer = "{ISSUER}"\n'
        f'[folders]\ndata = "{tmp_path}"\n'
        f'[secrets]\nkeys = ["{SECRET_KEY}"]\n'
        f'[database]\nurl = "{database_url}"\ntimeout_seconds = 1\n'
        '[mail]\nsecurity = "none"\n'
        "[passwords]\nbcrypt_cost = 4\n"
    )
    return file

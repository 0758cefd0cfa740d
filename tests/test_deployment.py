"""The examples of config/ for operators: they agree with the program and with docs/operators.md."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from idp import serving
from idp.cli import main

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "config" / "tunnus.service"
CONTAINERFILE = ROOT / "config" / "Containerfile"
NGINX = ROOT / "config" / "nginx.example.conf"
OPERATORS = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")


def directives(path: Path) -> dict[str, list[str]]:
    """Every `name=value` of a unit."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Containerfile, continued lines joined."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], " ".join(line.split(None, 1)[1].split())) for line in lines]


def documented(command: str) -> list[str]:
    """The lines of docs/operators.md that call a program, continued lines joined."""
    text = OPERATORS.replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith(f"{command} ")]


# -- systemd


def test_the_unit_runs_what_the_guide_has_installed() -> None:
    unit = directives(UNIT)
    [start] = unit["ExecStart"]
    program, *words = start.split()

    assert program == "/opt/tunnus/.venv/bin/idp"
    assert f"`idp` is `{program}`" in OPERATORS
    assert all(word in main.commands for word in words)
    [folder] = unit["WorkingDirectory"]
    assert f"{folder}/tunnus.toml" in OPERATORS
    for file in unit["EnvironmentFile"]:
        assert file.removeprefix("-") in OPERATORS
    assert any(line.endswith(f" {unit['User'][0]}") for line in documented("useradd"))
    assert any(f"/{UNIT.relative_to(ROOT)} " in line for line in documented("install"))


def test_the_unit_may_write_where_the_program_does() -> None:
    unit = directives(UNIT)
    [init] = [line for line in documented("idp") if line.startswith("idp init ")]
    words = init.split()

    assert Path(words[words.index("--data") + 1]) == Path("/var/lib") / unit["StateDirectory"][0]
    assert "Environment" not in unit  # a command at the shell would not know it
    assert unit["PrivateTmp"] == ["yes"]  # where workers share their numbers


def test_the_unit_leaves_time_to_stop() -> None:
    unit = directives(UNIT)
    defaults = tomllib.loads((ROOT / "config" / "default.toml").read_text(encoding="utf-8"))
    needed = defaults["server"]["stop_delay_seconds"] + serving.QUEUE_SECONDS + serving.KILL_SECONDS

    assert unit["KillMode"] == ["mixed"]
    assert int(unit["TimeoutStopSec"][0]) > needed
    assert any(
        int(found[1]) > needed
        for line in documented("podman run")
        if (found := re.search(r"-timeout (\d+)", line))
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="without systemd")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    program = directives(UNIT)["ExecStart"][0].split()[0]
    unit = tmp_path / "tunnus.service"
    unit.write_text(text.replace(program, "/bin/true"))

    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)

    assert [line for line in (done.stdout + done.stderr).splitlines() if "tunnus" in line] == []


# -- the container


def test_the_image_is_made_of_what_is_there_by_the_commands_of_the_guide() -> None:
    steps = instructions(CONTAINERFILE)
    copied = [
        source
        for name, words in steps
        if name == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    # All that the package is built of (pyproject.toml).
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], *project["project"]["license-files"]} <= set(copied)

    pip = [words.split("/pip ", 1)[1] for name, words in steps if name == "RUN" and "/pip " in words]
    guide = [line.split("/pip ", 1)[1] for line in documented(".venv/bin/pip")]
    assert pip == guide


def test_the_image_runs_as_nobody_and_answers_where_it_says() -> None:
    steps = instructions(CONTAINERFILE)
    last = dict(steps)  # of several stages, the last one counts
    user = last["USER"]
    assert not user.startswith(("0", "root"))
    assert any(user in words for name, words in steps if name == "RUN" and "chown" in words)
    assert (last["ENTRYPOINT"], last["CMD"]) == ('["idp"]', '["serve"]')
    port = last["EXPOSE"]
    defaults = tomllib.loads((ROOT / "config" / "default.toml").read_text(encoding="utf-8"))
    assert int(port) == defaults["server"]["port"]
    assert f":{port}/healthz" in last["HEALTHCHECK"]


def test_the_image_needs_to_write_only_where_the_guide_gives_it_room() -> None:
    [run] = [line for line in documented("podman run") if "--read-only" in line]
    environment = " ".join(words for name, words in instructions(CONTAINERFILE) if name == "ENV")

    assert "--tmpfs /tmp " in run
    data = re.search(r"IDP_FOLDERS_DATA=(\S+)", environment)
    settings = re.search(r"IDP_CONFIG=(\S+)/tunnus.toml", environment)
    assert data
    assert settings
    assert f":{data[1]} " in run
    assert f":{settings[1]}:ro " in run


# -- nginx


def test_nginx_has_tls_of_today_and_one_proxy() -> None:
    text = NGINX.read_text(encoding="utf-8")

    assert re.search(r"ssl_protocols\s+TLSv1\.2 TLSv1\.3;", text)
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "server.trusted_proxies = 1" in text

"""What README.md and docs/ name exists: links, files, tests, commands, settings, addresses; and the tutorial works."""

import ast
import importlib
import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from authlib.oauth2 import OAuth2Error
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from idp import create_app
from idp.cli import main
from idp.settings import Section, Settings
from tests.conftest import make_settings
from tests.support import journey
from tests.support.people import People
from tests.support.ports import free_port

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ARCHITECTURE, SECURITY, TUTORIAL = (
    ROOT / "docs" / f"{name}.md" for name in ("architecture", "security", "eservice")
)

# Rooms that the plan has and docs/architecture.md says so.
PLANNED: set[str] = set()

LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w/.<-])(?:idp|tests|templates|config|docs)/[\w./-]*(?![\w./<*-])")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def inline_code(page: Path) -> list[str]:
    return INLINE.findall(FENCED.sub("", text_of(page)))


def code(page: Path) -> str:
    """All code of a page, a piece or line each line: fenced, indented, inline. Continued lines are joined."""
    indented = [line for line in text_of(page).splitlines() if line.startswith("    ")]
    fenced = [body for _, body in FENCED.findall(text_of(page))]
    return "\n".join([*fenced, *indented, *inline_code(page)]).replace("\\\n", " ")


def expect_none(wrong: list[str], what: str) -> None:
    if wrong:
        pytest.fail(f"{what}:\n" + "\n".join(wrong), pytrace=False)


# -- links and files


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(text_of(page)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or not file.is_relative_to(ROOT) or (anchor and anchor not in anchors(file)):
            broken.append(target)
    expect_none(broken, "links that lead nowhere")


@every_page
def test_every_named_file_exists(page: Path) -> None:
    named = {path.rstrip(".") for path in PATH.findall(LINK.sub("]", text_of(page)))}
    expect_none(
        [path for path in sorted(named - PLANNED) if not (ROOT / path).exists()], "files that do not exist"
    )


def test_what_is_called_planned_does_not_exist() -> None:
    expect_none(
        [path for path in PLANNED if (ROOT / path).exists()], "no longer planned: mend docs/architecture.md"
    )


# -- tests


@cache
def names_of_tests() -> frozenset[str]:
    trees = (ast.parse(text_of(path)) for path in (ROOT / "tests").rglob("test_*.py"))
    return frozenset(
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    )


@every_page
def test_every_named_test_exists(page: Path) -> None:
    named = {piece for piece in inline_code(page) if re.fullmatch(r"test_\w+", piece)}
    expect_none(sorted(named - names_of_tests()), "tests that do not exist")


CERTIFICATION = ROOT / "docs" / "certification.md"


def test_what_each_module_of_the_certification_meets_is_held_by_a_test() -> None:
    rows = [line.split(" | ") for line in text_of(CERTIFICATION).splitlines() if line.startswith("| `oidcc-")]
    bare = [row[0] for row in rows if not re.search(r"`test_\w+`", row[-1])]
    modules = [name for row in rows for name in re.findall(r"`(oidcc-[\w-]+)`", row[0])]

    expect_none(bare, "modules without a test of ours")
    expect_none([name for name in set(modules) if modules.count(name) > 1], "modules that stand there twice")
    assert len(modules) > 70


# -- commands


def command_lines(page: Path) -> Iterator[str]:
    """What follows `idp` wherever it is called."""
    for line in code(page).splitlines():
        called = re.search(r"(?:^|[\s/])idp((?: +[^\s#|;]+)+)", line.split(" #")[0])
        if called and "/" not in called[1].split()[0]:
            yield called[1]


def fault_of(line: str) -> str | None:
    """What is wrong with an `idp` command line, if anything."""
    command: click.Command = main
    arguments = 0
    with click.Context(main) as context:
        words = iter(shlex.split(line))
        for word in words:
            parameters = command.get_params(context)
            options = {name: option for option in parameters for name in option.opts if name.startswith("-")}
            if word.startswith("-"):
                if word not in options:
                    return f"idp{line}: no option {word}"
                if not getattr(options[word], "is_flag", False):
                    next(words, None)
            elif isinstance(command, click.Group):
                if word not in command.commands:
                    return f"idp{line}: no command {word}"
                command = command.commands[word]
            else:
                arguments += 1
        if isinstance(command, click.Group) and command is not main and "--help" not in line:
            return f"idp{line}: which of its commands?"
        if arguments > sum(
            isinstance(parameter, click.Argument) for parameter in command.get_params(context)
        ):
            return f"idp{line}: too many words"
    return None


@every_page
def test_every_named_command_exists(page: Path) -> None:
    expect_none(
        [fault for line in command_lines(page) if (fault := fault_of(line))], "commands that do not work"
    )


@pytest.mark.parametrize(
    "line",
    [" clean", " client destroy", " demo --stronger", " doctor now", " client create --secret x", " keys"],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    assert fault_of(line)


def test_operators_read_of_every_command() -> None:
    def leaves(command: click.Command, name: str) -> Iterator[str]:
        if isinstance(command, click.Group):
            for word, each in command.commands.items():
                yield from leaves(each, f"{name} {word}")
        else:
            yield name

    page = text_of(ROOT / "docs" / "operators.md")
    expect_none([name for name in leaves(main, "idp") if name not in page], "commands that nobody reads of")


@every_page
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    expect_none(sorted(set(re.findall(r"\bmake ([a-z-]+)", code(page))) - targets), "make has no such target")


# -- settings


def settings_keys() -> dict[str, set[str]]:
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        name: set(section.model_fields)
        for name, section in sections.items()
        if isinstance(section, type) and issubclass(section, Section)
    }


@every_page
def test_every_named_setting_exists(page: Path) -> None:
    keys = settings_keys()
    named = re.findall(r"^([a-z]+)\.([a-z_]+)\b(?!\()", "\n".join(inline_code(page)), re.MULTILINE)
    wrong = [
        f"{section}.{key}"
        for section, key in named
        if section in keys and key not in keys[section] | {"py", "mjs"}
    ]
    variables = {f"IDP_{section}_{key}".upper() for section, names in keys.items() for key in names}
    variables |= {"IDP_CONFIG", "IDP_SECTION_KEY", "IDP_MODE", "IDP_ISSUER"}
    found = set(re.findall(r"\bIDP_[A-Z_]+[A-Z]", text_of(page)))
    wrong += [name for name in found - variables if not name.startswith("IDP_TEST_")]
    expect_none(wrong, "settings that do not exist")


# -- addresses


@cache
def addresses() -> frozenset[str]:
    app = create_app(make_settings(mode="demo"))
    return frozenset(rule.rule for rule in app.url_map.iter_rules())


@every_page
def test_every_named_address_exists(page: Path) -> None:
    elsewhere = (
        "/etc/",
        "/opt/",
        "/var/",
        "/backup/",
        "/assets/",
        *("/oidc/", "/own/", "/login-failed/"),
        "/metrics",  # there when a setting allows somebody to read it
    )  # folders, where static files are served, and addresses of relying parties
    named = {
        piece.split("?")[0]
        for piece in inline_code(page)
        if re.fullmatch(r"/[\w./?=-]*", piece) and not piece.startswith(elsewhere)
    }
    expect_none(sorted(named - addresses()), "addresses that do not exist")


# -- errors


def error_codes() -> set[str]:
    """What the protocol endpoints can answer as `error`: the classes that idp/oidc raises, and literal ones."""
    found = {"unsupported_grant_type"}  # raised by Authlib's server itself
    for path in (ROOT / "idp" / "oidc").glob("*.py"):
        module = importlib.import_module(f"idp.oidc.{path.stem}")
        classes = [thing for thing in vars(module).values() if isinstance(thing, type)]
        found |= {each.error for each in classes if issubclass(each, OAuth2Error) and each.error}
    answers = text_of(ROOT / "idp" / "web" / "errors.py")
    return found | set(re.findall(r'"((?:server|temporarily)_\w+)"', answers))


def test_the_page_for_developers_explains_every_error() -> None:
    section = text_of(TUTORIAL).split("\n## What went wrong", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    explained = {code for row in rows for code in INLINE.findall(row)}
    assert explained == error_codes()


# -- the contract for automation


def listed(title: str) -> set[str]:
    """The code pieces of the paragraph of docs/architecture.md that begins with a bold title."""
    paragraph = text_of(ARCHITECTURE).split(f"\n**{title}", 1)[1].split("\n\n", 1)[0]
    return set(INLINE.findall(paragraph.split("**", 1)[1]))


def in_templates(pattern: str) -> set[str]:
    return {
        found for path in (ROOT / "templates").rglob("*.html") for found in re.findall(pattern, text_of(path))
    }


def test_the_contract_lists_every_page_name() -> None:
    assert listed("`<main data-page") == in_templates(r"\{% set page_name = '([a-z-]+)' %\}")


def test_the_contract_lists_every_button() -> None:
    fixed = in_templates(r"\bbutton\(.*?\bid='([a-z-]+)'[,)]")
    numbered = {f"{name}1" for name in in_templates(r"\bbutton\(.*?\bid='([a-z-]+)' ~ loop\.index")}
    numbered |= {f"{name}1" for name in in_templates(r"id='([a-z-]+)' ~ loop\.index\) }}")}
    links = set(re.findall(r'^ +"([a-z-]+)",$', text_of(ROOT / "idp/pages/mailed_links.py"), re.MULTILINE))
    assert listed("Buttons") == fixed | numbered | links


def test_the_contract_lists_fields_that_forms_have() -> None:
    tree = ast.parse(text_of(ROOT / "idp/pages/forms.py"))
    fields = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert listed("Fields") <= fields | {"csrf_token"}


def test_the_contract_lists_the_members_of_demo_json_and_of_the_inbox() -> None:
    sources = [text_of(ROOT / "idp" / name) for name in ("cli/demo_data.py", "demo/inbox.py")]
    members = {piece for piece in listed("Demo.") if re.fullmatch(r"[a-z_]+", piece)}
    assert len(members) >= 16
    expect_none(
        [name for name in sorted(members) if f'"{name}":' not in "".join(sources)],
        "members that do not exist",
    )


# -- decisions and security


def test_every_decision_is_numbered_listed_and_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    assert sorted(LINK.findall(text_of(folder / "README.md"))) == [path.name for path in decisions]
    for path in decisions:
        assert text_of(path).startswith(f"# {path.name[:4]} ")
        assert all(
            re.search(rf"\b{part}\b", text_of(path)) for part in ("Context", "Decision", "Consequence")
        ), path


REQUIREMENTS = """
6.1:3 6.2:12 6.3:8 6.4:6 6.5:8 6.6:4 6.7:2 6.8:4
7.1:3 7.2:4 7.3:2 7.4:5 7.5:3 7.6:2
10.1:2 10.2:3 10.3:5 10.4:16 10.5:5 10.6:2 10.7:3
"""
"""Sections of ASVS 5.0 and how many requirements each has."""


def test_the_security_table_has_every_requirement_of_asvs_once() -> None:
    counts = (section.split(":") for section in REQUIREMENTS.split())
    wanted = [f"{section}.{number}" for section, count in counts for number in range(1, int(count) + 1)]
    assert re.findall(r"^\| (\d+\.\d+\.\d+) \|", text_of(SECURITY), re.MULTILINE) == wanted


# -- examples


@every_page
def test_every_example_can_be_parsed(page: Path) -> None:
    for language, body in FENCED.findall(text_of(page)):
        if language == "python":
            ast.parse(body)
        elif language == "json":
            json.loads(body)


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def served(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """A provider that answers over HTTP at its issuer."""
    port = free_port()
    app = make_app(issuer=f"http://localhost:{port}")
    server = make_server("localhost", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield app
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tutorial(served: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The e-service of docs/eservice.md, registered as the page says."""
    here = "http://localhost:5000"
    client = People(served).client(redirect_uris=[f"{here}/callback"], post_logout_redirect_uris=[f"{here}/"])
    issuer: str = served.extensions["settings"].issuer
    for name, value in {
        "ISSUER": issuer,
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": client.secret or "",
        "SECRET_KEY": "only for this test",
    }.items():
        monkeypatch.setenv(name, value)
    [source] = [body for language, body in FENCED.findall(text_of(TUTORIAL)) if language == "python"]
    names: dict[str, object] = {"__name__": "app"}
    exec(compile(source, str(TUTORIAL), "exec"), names)  # noqa: S102  our own page
    app = names["app"]
    assert isinstance(app, Flask)
    return app


def test_the_tutorials_e_service_logs_in_and_out(served: Flask, tutorial: Flask) -> None:
    person = People(served).resident()
    eservice, provider = tutorial.test_client(), served.test_client()
    issuer: str = served.extensions["settings"].issuer

    def here(browser: FlaskClient, path: str) -> str:
        answer = browser.get(path, base_url="http://localhost:5000")
        return answer.location or answer.get_data(as_text=True)

    login = provider.get(here(eservice, "/login").removeprefix(issuer))
    answer = journey.follow_to_client(provider, journey.log_in(provider, person, login.location))
    assert here(eservice, answer.location.removeprefix("http://localhost:5000")) == "/"
    assert "Hello, Maija Meikäläinen!" in here(eservice, "/")

    leaving = eservice.post("/logout", base_url="http://localhost:5000")
    back = provider.get(leaving.location.removeprefix(issuer))
    assert back.location.startswith("http://localhost:5000/")
    assert "Log in" in here(eservice, "/")
    assert provider.get("/account").location == "/login"

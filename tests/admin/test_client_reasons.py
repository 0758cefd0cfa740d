"""Why a client's metadata or its hosts are no good: each English sentence of the domain has words of its own."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import idp
from idp import outbound
from idp.accounts.roles import Role
from idp.admin import client_check
from idp.admin.client_reasons import about_in_words, in_words
from idp.clients.checking import Code, Finding, Level
from idp.clients.metadata import InvalidClientMetadata, validate
from tests.admin.client_steps import PAGE
from tests.support import journey
from tests.support.people import People

PACKAGE = Path(idp.__file__).parent
ERRORS = {
    *("InvalidClientMetadata", "InvalidRedirectUri", "UnusableKeys", "NotAColour"),
    *(each.__name__ for each in outbound.OutboundError.__subclasses__()),
}
VALUE = "7"  # in the place of every value; for a pattern it is a number, a name or a list of one
FOR_PROGRAMS = {"dynamic.py"}
FILES = sorted(
    path
    for path in (
        *PACKAGE.glob("clients/*.py"),
        PACKAGE / "admin/client_edit.py",
        PACKAGE / "outbound.py",
        PACKAGE / "policy/contrast.py",
    )
    if path.name not in FOR_PROGRAMS
)
IN_OPTIONS = {"options.py", "metadata.py"}
"""Where a ValueError becomes a reason."""


def _sample(node: ast.expr) -> str:
    """A text as an expression could make it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_sample(part) for part in parts)
        case ast.BinOp(left=left, right=right):
            return _sample(left) + _sample(right)
    return VALUE


def _sentences() -> Iterator[str]:
    for path in FILES:
        wanted = ERRORS | ({"ValueError"} if path.name in IN_OPTIONS else set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in wanted and node.args:
                sentence = _sample(node.args[0])
                if sentence.rpartition(": ")[2] != VALUE:  # else it only hands on another's
                    yield sentence


def test_the_sentences_are_found() -> None:
    found = set(_sentences())

    assert len(found) > 50
    assert {"7: must have no fragment", "must be at most 7, each once", "7: unknown name"} <= found


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_every_reason_has_words(app: Flask, language: str) -> None:
    with app.test_request_context(f"/?lang={language}"):
        words = {sentence: about_in_words(sentence) for sentence in _sentences()}

    assert [each for each, text in words.items() if text.endswith(each.rpartition(": ")[2])] == []


NO_ADDRESSES = (
    *(
        "https://[::1",
        "https://a:99999/",
        "https://a:x/",
        "https://[x]/",
        "https://a b/",
        "https://[1.2.3.4]/",
    ),
    *("https://a\N{FULLWIDTH SOLIDUS}b/", "https://a@b/", "https://-/", "ftp://a/", "x"),
)


def test_no_address_is_refused_in_english(app: Flask) -> None:
    for uri in NO_ADDRESSES:
        with pytest.raises(InvalidClientMetadata) as refused:
            validate({"client_name": "A", "redirect_uris": [uri]})
        with app.test_request_context("/"):
            assert about_in_words(str(refused.value)) != str(refused.value)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (
            "redirect_uris: at least one is needed",
            "Paluuosoitteet (redirect URI): Kirjoita vähintään yksi osoite.",
        ),
        ("scope: unknown name", "Mitä sovellus saa: Tällaista ei ole: name. Tarkista oikeinkirjoitus."),
        (
            "https://a.example.fi/jwks: a.example.fi: unknown name",
            "https://a.example.fi/jwks: Sen nimistä palvelinta ei ole.",
        ),
        ("something new", "something new"),
        ("https://a.example.fi/: something new", "https://a.example.fi/: something new"),
    ],
)
def test_what_a_finding_is_about(app: Flask, about: str, words: str) -> None:
    with app.test_request_context("/"):
        assert about_in_words(about) == words


def test_the_check_tells_why_in_words(
    at_desk: Callable[..., FlaskClient], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.client()
    found = [
        Finding(Level.ERROR, Code.KEYS_UNUSABLE, "RSA keys need at least 2048 bits and at most 8192"),
        Finding(Level.ERROR, Code.SECTOR, "sector_identifier_uri: cannot be fetched"),
        Finding(Level.WARNING, Code.LIFETIME_CUT, "session_max_age_seconds: 90000 > 86400"),
    ]
    monkeypatch.setattr(client_check.checking, "check", lambda *_: found)
    browser = at_desk(Role.CLIENTS)

    page = journey.soup(journey.submit(browser, f"{PAGE}/check"))

    told = [each.get_text() for each in page.select(".findings .more")]
    assert told[0] == "RSA-avaimessa on oltava 2048–8192 bittiä."
    assert told[1] == "Paluuosoitteiden luettelo: Osoite ei vastaa."
    assert told[2].endswith(": 90000 > 86400")
    assert "session_max_age_seconds" not in told[2]


def test_the_form_tells_it_too(app: Flask) -> None:
    with app.test_request_context("/"):
        assert in_words("for client_secret_jwt one of HS256, HS384") == (
            "Kun tapa on client_secret_jwt, valitse jokin näistä: HS256, HS384."
        )

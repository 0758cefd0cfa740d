"""Third-party-initiated login (OpenID Connect Core 4): where "Continue to ..." leads."""

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from idp.web.addresses import starting_login
from tests.conftest import ISSUER


@pytest.mark.parametrize(
    ("registered", "query"),
    [
        ("https://asiointi.example.fi/login", {}),
        ("https://asiointi.example.fi/login?", {}),
        ("https://asiointi.example.fi", {}),
        ("https://asiointi.example.fi/login?service=daycare", {"service": ["daycare"]}),
        ("https://asiointi.example.fi/login?service=daycare&", {"service": ["daycare"]}),
        ("https://asiointi.example.fi/?a=1&b=%C3%A4%26", {"a": ["1"], "b": ["ä&"]}),
        ("https://asiointi.example.fi/login?a=1#part?b", {"a": ["1"]}),
        ("https://asiointi.example.fi/#/login", {}),
    ],
)
def test_the_client_is_told_the_issuer_beside_what_it_registered(
    context: Flask, registered: str, query: dict[str, list[str]]
) -> None:
    address = urlsplit(starting_login(registered, login_hint="maija+1@example.fi"))

    assert parse_qs(address.query) == query | {"iss": [ISSUER], "login_hint": ["maija+1@example.fi"]}
    assert address._replace(query="").geturl() == urlsplit(registered)._replace(query="").geturl()


def test_nobody_is_named_unless_asked_to(context: Flask) -> None:
    assert "login_hint" not in starting_login("https://asiointi.example.fi/login")

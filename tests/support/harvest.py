"""Everything secret that passes between browsers and the provider, collected while a test uses them.

What a request or an answer carries counts as secret unless its name is on the list of what may be known: so a new
journey needs no list of its own secrets.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

# Names of parameters, fields, members and cookies whose values may be known.
_NAMES = """
    accept_terms acr acr_values active allow alg application_type at aud auth_time authorization_endpoint
    backchannel_logout_uri claims client_id client_id_issued_at client_name client_secret_expires_at client_uri
    code_challenge code_challenge_method confirm contacts default_max_age deny display error error_description error_uri
    expires_in exp grant_types grant_type iat id_token_signed_response_alg initiate_login_uri interval iss issuer
    jti jwks jwks_uri lang login_hint max_age nonce not_me policy_uri post_logout_redirect_uri post_logout_redirect_uris
    prompt redirect_uri redirect_uris registration_client_uri remember require_pushed_authorization_requests resource
    response_mode response_type response_types scope session_state sid state sub subject_type
    token_endpoint_auth_method token_type token_type_hint tos_uri ui_locales verification_uri
    client_assertion_type decision tunnus_language
    account_id actor event id kind level note outcome reference standing updated_at created_at username_kind
"""
PUBLIC = set(_NAMES.split())
_SECRET = """
    access_token refresh_token id_token client_secret registration_access_token device_code user_code
    verification_uri_complete request_uri logout_token code
"""
SECRET_MEMBERS = set(_SECRET.split())
_TOLD_TO_ALL = {"/oauth2/jwks", "/upstream/jwks.json"}
SHORTEST = 8  # shorter ones stand in times and numbers by chance


class Secrets:
    """`secrets`: what was collected, each with the name under which it was found."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def add(self, name: str, value: object) -> None:
        if isinstance(value, str) and name not in PUBLIC and len(value) >= SHORTEST:
            self.secrets.setdefault(value, name)

    def add_all(self, pairs: Iterable[tuple[str, object]]) -> None:
        for name, value in pairs:
            self.add(name, value)

    def take_text(self, text: str) -> None:
        """Collect from the addresses of a letter."""
        for address in re.findall(r"https?://\S+", text):
            self._take_address(address)

    def _take_address(self, address: str) -> None:
        try:
            parts = urlsplit(address)
        except ValueError:
            return
        self.add_all(parse_qsl(parts.query) + parse_qsl(parts.fragment))

    def told_in(self, text: str) -> set[str]:
        """The names of those that stand in a text, in whatever form."""
        return {name for value, name in self.secrets.items() if any(form in text for form in forms_of(value))}


def forms_of(secret: str) -> set[str]:
    """How it might be written: as it is, escaped in JSON, in base64, in an address."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        quote(secret, safe=""),
    }


class Harvest(Secrets):
    """Collects in the test's own process, from every test client of an app."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        harvest = self

        class Harvesting(FlaskClient):
            def open(self, *args: Any, **kwargs: Any) -> TestResponse:
                answer = super().open(*args, **kwargs)
                for response in (*answer.history, answer):
                    harvest.take(response)
                return answer

        app.test_client_class = Harvesting
        app.before_request_funcs.setdefault(None, []).insert(0, self._take_request)

    def _take_request(self) -> None:
        text = request.get_data(as_text=True)
        self.add_all(request.args.items(multi=True))
        self.add_all(request.form.items(multi=True))
        self.add_all(request.cookies.items())
        if scheme_and_value := request.headers.get("Authorization", "").split(" ", 1)[1:]:
            self.add("Authorization", scheme_and_value[0])
        self.add_all(_members(_json(text)))

    def take(self, answer: TestResponse) -> None:
        """Collect from an answer."""
        self.add_all(_members(_json(answer.get_data(as_text=True))))
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.split(";", 1)[0].partition("=")
            self.add(name, value)
        self._take_address(answer.location or "")
        for link in re.findall(r'(?:href|action|value)="([^"]+)"', answer.get_data(as_text=True)):
            self._take_address(link)


class Traffic(Secrets):
    """Collects what the test's own process sends to real servers by httpx, and what its browsers send."""

    @contextmanager
    def of_httpx(self) -> Iterator[None]:
        """Hears every request of this block."""
        send, traffic = httpx.Client.send, self

        def heard(client: httpx.Client, asked: httpx.Request, **options: Any) -> httpx.Response:
            answer = send(client, asked, **options)
            if not options.get("stream"):
                traffic.take(asked, answer)
            return answer

        httpx.Client.send = heard  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            httpx.Client.send = send  # type: ignore[method-assign]

    def take(self, asked: httpx.Request, answer: httpx.Response) -> None:
        self.take_request(str(asked.url), asked.headers, asked.content.decode(errors="replace"))
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.split(";", 1)[0].partition("=")
            self.add(name, value)
        self._take_address(answer.headers.get("location", ""))
        if asked.url.path not in _TOLD_TO_ALL and not asked.url.path.startswith("/demo/"):
            found = _members(_json(answer.text))
            self.add_all((name, value) for name, value in found if name in SECRET_MEMBERS)
        for link in re.findall(r'(?:href|action|value)="([^"]+)"', answer.text):
            self._take_address(unescape(link))

    def take_request(self, address: str, headers: Mapping[str, str], body: str) -> None:
        """Collect from what is sent; a form, or nothing."""
        self._take_address(address)
        if "=" in body and not body.startswith(("{", "[")):
            self.add_all(parse_qsl(body))
        for cookie in headers.get("cookie", "").split("; "):
            name, _, value = cookie.partition("=")
            self.add(name, value)
        scheme, _, value = headers.get("authorization", "").partition(" ")
        self.add("Authorization", value)
        if scheme == "Basic":
            self.add("client_secret", unquote(base64.b64decode(value).decode().partition(":")[2]))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _members(content: Any, name: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a JSON document with its name; what is below a public name is public."""
    if name in PUBLIC:
        return
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _members(value, key)
    elif isinstance(content, list):
        for value in content:
            yield from _members(value, name)
    else:
        yield name, content

"""The paths that are measured, each as what one user does again and again."""

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from idp.clients.metadata import DEVICE_CODE
from tests.bench.data import CLIENT_ID, SCOPE, Data
from tests.bench.load import Ask, User
from tests.bench.servers import ISSUER
from tests.support.journey import CHALLENGE, VERIFIER
from tests.support.people import PASSWORD, REDIRECT_URI

# What the proxy in front adds to each request.
_PROXY = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"

AUTHORIZATION = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": REDIRECT_URI,
    "scope": SCOPE,
    "state": "af0ifjsldkj",
    "nonce": "n-0S6_WzA2Mj",
    "prompt": "none",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}

_REFRESH_TOKEN = re.compile(rb'"refresh_token": ?"([^"]+)"')


def get(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: tunnus.example.fi\r\n{_PROXY}{headers}\r\n".encode()


def post(path: str, form: Mapping[str, str], headers: str = "") -> bytes:
    body = urlencode(form)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: tunnus.example.fi\r\n{_PROXY}{headers}"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def between(answer: bytes, before: bytes, after: bytes) -> str:
    """The text of an answer between two others."""
    return answer.split(before, 1)[1].split(after, 1)[0].decode()


def cookies_of(answer: bytes) -> dict[str, str]:
    """The cookies that an answer sets."""
    head = answer.split(b"\r\n\r\n", 1)[0].decode()
    lines = [line.partition(":") for line in head.split("\r\n")]
    set_ = [value.strip().split(";")[0] for name, _, value in lines if name.lower() == "set-cookie"]
    return dict(cookie.split("=", 1) for cookie in set_)


# -- users


def asking(name: str, requests: Iterable[bytes], status: bytes = b"200", pause: float = 0.0) -> User:
    """Sends one request after the other."""
    for request in requests:
        yield Ask(name, request, status, pause)


def logging_in(name: str, usernames: Iterable[str]) -> User:
    """A new browser each time: it opens the login page and sends the form with its cookie and its token."""
    for username in usernames:
        page = yield Ask("login page", get("/login"))
        browser = "; ".join(f"{key}={value}" for key, value in cookies_of(page).items())
        form = {
            "csrf_token": between(page, b'name="csrf_token" type="hidden" value="', b'"'),
            "username": username,
            "password": PASSWORD,
        }
        headers = f"Cookie: {browser}\r\nReferer: {ISSUER}/login\r\n"
        yield Ask(name, post("/login", form, headers), b"303")


def authorizing(session: str) -> User:
    """A live session: each request is answered with a code, without a page."""
    request = authorize_request(session)
    while True:
        yield Ask("authorize", request, b"303")


def authorizing_and_redeeming(session: str, basic: str) -> User:
    """The two requests of a silent login: a code, and the tokens for it."""
    request = authorize_request(session)
    while True:
        answer = yield Ask("authorize", request, b"303")
        code = between(answer, b"code=", b"&")
        yield Ask("code exchange", code_request(code, basic))


def refreshing(refresh_token: str, basic: str, pause: float = 0.0) -> User:
    """Each new refresh token is used next."""
    while True:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        answer = yield Ask("refresh", post("/oauth2/token", form, basic), pause=pause)
        refresh_token = _REFRESH_TOKEN.search(answer)[1].decode()  # type: ignore[index]


def authorize_request(session: str) -> bytes:
    return get(
        f"/oauth2/authorize?{urlencode(AUTHORIZATION)}", f"Cookie: __Host-tunnus_session={session}\r\n"
    )


def code_request(code: str, basic: str) -> bytes:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    return post("/oauth2/token", form, basic)


def userinfo_request(token: str) -> bytes:
    return get("/oauth2/userinfo", f"Authorization: Bearer {token}\r\n")


# -- paths


@dataclass(frozen=True)
class Path:
    """One row of the table: how its users are made, and how many of them ask at the same time."""

    name: str
    users: Callable[[Data, int, float], list[User]]  # from the data, their number and the seconds to fill
    at_once: int = 8
    peer: float | None = None  # requests/s of one core of node oidc-provider, see docs/performance.md
    counted_as: str = "request"  # the name of the Ask that counts


def basic(data: Data) -> str:
    """The client's Authorization header."""
    credentials = base64.b64encode(f"{CLIENT_ID}:{data.secret}".encode()).decode()
    return f"Authorization: Basic {credentials}\r\n"


def _same(request: bytes) -> Callable[[Data, int, float], list[User]]:
    def users(_data: Data, count: int, _seconds: float) -> list[User]:
        return [asking("request", itertools.repeat(request)) for _ in range(count)]

    return users


def _repeating(
    make: Callable[[Data], list[bytes]], status: bytes = b"200"
) -> Callable[[Data, int, float], list[User]]:
    """The same requests over and over, each user beginning elsewhere."""

    def users(data: Data, count: int, _seconds: float) -> list[User]:
        requests = make(data)
        return [
            asking("request", itertools.cycle(requests[n:] + requests[:n]), status)
            for n in range(0, count * 10, 10)
        ]

    return users


def _using_up(
    make: Callable[[Data, int], list[bytes]], per_second: int, status: bytes = b"200"
) -> Callable[[Data, int, float], list[User]]:
    """Each request once; as many as `per_second` for the time that is measured."""

    def users(data: Data, count: int, seconds: float) -> list[User]:
        requests = make(data, int(per_second * (seconds + 1)))
        return [asking("request", requests[n::count], status) for n in range(count)]

    return users


def _introspections(data: Data) -> list[bytes]:
    header = basic(data)
    return [post("/oauth2/introspect", {"token": token}, header) for token in data.access_tokens(200)]


def _revocations(data: Data, count: int) -> list[bytes]:
    header = basic(data)
    return [post("/oauth2/revoke", {"token": token}, header) for token in data.access_tokens(count)]


def _redemptions(data: Data, count: int) -> list[bytes]:
    header = basic(data)
    return [code_request(code, header) for code in data.codes(count)]


def _pushes(data: Data) -> list[bytes]:
    return [post("/oauth2/par", AUTHORIZATION, basic(data))]


def _polls(data: Data, count: int) -> list[bytes]:
    """Devices that wait for their people, each asking once."""
    header = basic(data)
    forms = ({"grant_type": DEVICE_CODE, "device_code": code} for code in data.device_codes(count))
    return [post("/oauth2/token", form, header) for form in forms]


def _registrations(_data: Data) -> list[bytes]:
    metadata = json.dumps({"client_name": "Asiointipalvelu", "redirect_uris": [REDIRECT_URI]})
    head = (
        f"POST /oauth2/register HTTP/1.1\r\nHost: tunnus.example.fi\r\n{_PROXY}"
        f"Content-Type: application/json\r\nContent-Length: {len(metadata)}\r\n\r\n"
    )
    return [(head + metadata).encode()]


def _logins(data: Data, count: int, _seconds: float) -> list[User]:
    names = data.usernames(400)
    return [logging_in("login", names[n::count]) for n in range(count)]


PATHS = (
    Path("discovery", _same(get("/.well-known/openid-configuration"))),
    Path("jwks", _same(get("/oauth2/jwks"))),
    Path("login", _logins, at_once=4, counted_as="login"),
    Path(
        "authorize",
        lambda data, count, _: [authorizing(session) for session in data.sessions(count)],
        counted_as="authorize",
    ),
    Path("code exchange", _using_up(_redemptions, 2500)),
    Path(
        "authorize + code exchange",
        lambda data, count, _: [
            authorizing_and_redeeming(session, basic(data)) for session in data.sessions(count)
        ],
        counted_as="code exchange",
        peer=760,
    ),
    Path(
        "refresh",
        lambda data, count, _: [refreshing(token, basic(data)) for token in data.refresh_tokens(count)],
        counted_as="refresh",
        peer=1900,
    ),
    Path(
        "userinfo",
        _repeating(lambda data: [userinfo_request(token) for token in data.access_tokens(200)]),
        peer=6200,
    ),
    Path(
        "userinfo, new token",
        _using_up(lambda data, count: [userinfo_request(t) for t in data.access_tokens(count)], 4500),
    ),
    Path("introspection", _repeating(_introspections), peer=4700),
    Path("revocation", _using_up(_revocations, 3500)),
    Path("pushed request", _repeating(_pushes, b"201")),
    Path("device polling", _using_up(_polls, 3500, b"400")),  # authorization_pending
    Path("dynamic registration", _repeating(_registrations, b"201"), at_once=4),
)

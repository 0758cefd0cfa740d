"""Outgoing requests, against a server that means us no good. The names that it has are told by a resolver of ours."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from idp.outbound import (
    AddressRefused,
    NotReached,
    NotTrusted,
    Outbound,
    OutboundError,
    Redirected,
    TooLarge,
    TooSlow,
    UnexpectedContent,
    is_public,
)
from idp.settings import UnusableSettings
from tests.conftest import AppFactory, make_settings
from tests.support.hostile import Authority, Handler, LocalServer, local_server
from tests.support.ports import LOOPBACK, free_port

SERVICE = "asiointi.example.fi"
Make = Callable[..., Outbound]


class Names:
    """A resolver: each host leads to the addresses given, one after the other."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 0, "", (a, port))
            for a in self.addresses
        ]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """An outbound door that may ask the server of the tests, unless a test says otherwise."""

    def made(resolver: Any = None, *, mode: str = "test", **section: Any) -> Outbound:
        usual = {"allowed_hosts": [LOOPBACK, SERVICE], "timeout_seconds": 5}
        settings = make_settings(
            mode=mode, outbound=usual | section, folders={"data": tmp_path}, **_safe(mode)
        )
        return Outbound(settings, *([resolver] if resolver else []))

    return made


def _safe(mode: str) -> dict[str, Any]:
    if mode != "production":
        return {}
    return {
        "issuer": "https://tunnus.example.fi",
        "mail": {"host": "smtp.example.fi"},
        "passwords": {"bcrypt_cost": 10},
    }


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as local:
        yield local


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# -- what works


def test_a_document_is_fetched(make: Make, server: LocalServer) -> None:
    server.answer = lambda h: h.say(200, b'{"keys": []}', "Application/JSON; charset=utf-8")

    answer = make().get(server.url(path="/jwks?v=1"), media_types=["application/json"])

    assert (answer.status, answer.media_type, answer.body) == (200, "application/json", b'{"keys": []}')
    assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/jwks?v=1")]
    assert server.asked[0].headers["Accept"] == "application/json"


def test_a_form_is_sent(make: Make, server: LocalServer) -> None:
    server.answer = lambda h: h.say(204)

    assert make().post_form(server.url(), {"logout_token": "a.b-c_d"}).status == 204

    (asked,) = server.asked
    assert (asked.method, asked.body) == ("POST", "logout_token=a.b-c_d")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_an_error_of_the_host_is_an_answer(make: Make, server: LocalServer) -> None:
    server.answer = lambda h: h.say(503, b"later", "text/html")

    answer = make().get(server.url(), media_types=["application/json"])

    assert (answer.status, answer.body) == (503, b"later")


def test_tls_asks_for_and_checks_the_name_of_the_url_whatever_the_address(
    make: Make, authority: Authority
) -> None:
    with local_server(tls=authority.identity(SERVICE)) as server:
        answer = make(Names(LOOPBACK), ca_bundle=str(authority.bundle)).get(server.url(SERVICE))

    assert answer.status == 200
    assert server.asked[0].server_name == SERVICE
    assert server.asked[0].headers["Host"] == f"{SERVICE}:{server.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(make: Make, server: LocalServer) -> None:
    names = Names("127.0.0.9", LOOPBACK)  # nobody listens at the first

    assert make(names).get(server.url(SERVICE)).status == 200


# -- addresses inside


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
        *("0.0.0.0", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),  # noqa: S104
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "ff0e::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1"),
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "193.166.3.2", "2a00:1450:4026:802::2004", "::ffff:193.166.3.2", "64:ff9b::c1a6:302"],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
        ),
        *("0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),  # noqa: S104
    ],
)
def test_no_way_of_writing_loopback_is_asked(make: Make, server: LocalServer, host: str) -> None:
    with pytest.raises((AddressRefused, NotReached)):
        make(allowed_hosts=[]).get(server.url(host))
    assert server.asked == []


def test_a_name_that_leads_inside_is_not_asked(make: Make, server: LocalServer) -> None:
    with pytest.raises(AddressRefused, match="has an address that is not public"):
        make(Names(LOOPBACK), allowed_hosts=[]).get(server.url("evil.example"))
    assert server.asked == []


def test_one_address_inside_among_others_is_enough_to_refuse(make: Make) -> None:
    with pytest.raises(AddressRefused):
        make(Names("193.166.3.2", "10.0.0.1"), allowed_hosts=[]).get("http://evil.example/")


def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(
    make: Make, server: LocalServer
) -> None:
    names = Names(LOOPBACK)

    make(names).get(server.url(SERVICE))

    assert names.asked == [SERVICE]


def test_a_setting_allows_a_host_by_its_name_only(make: Make, server: LocalServer) -> None:
    door = make(Names(LOOPBACK), allowed_hosts=["Asiointi.Example.fi."])

    assert door.get(server.url(SERVICE)).status == 200
    with pytest.raises(AddressRefused):
        door.get(server.url(f"other.{SERVICE}"))


# -- other addresses that are not asked


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://{host}/",
            "file:///etc/passwd",
            "gopher://{host}/",
            "data:,x",
            "//{host}/",
            "{host}",
            "",
            "http://",
        ),
        *(
            "http://maija@{host}/",
            "http://maija:salasana@{host}/",
            "http://{host}:x/",
            "http://[::1/",
            "http://:80/",
        ),
    ],
)
def test_only_plain_addresses_are_asked(make: Make, server: LocalServer, url: str) -> None:
    with pytest.raises(AddressRefused):
        make().get(url.format(host=f"{LOOPBACK}:{server.port}"))
    assert server.asked == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1\\@example.fi:{port}/", "http://example.fi#@127.0.0.1:{port}/"]
)
def test_an_address_that_parsers_read_differently_leads_nowhere(
    make: Make, server: LocalServer, url: str
) -> None:
    with pytest.raises(OutboundError):
        make(Names(LOOPBACK), allowed_hosts=[]).get(url.format(port=server.port))
    assert server.asked == []


def test_production_asks_by_https_only(make: Make, server: LocalServer) -> None:
    with pytest.raises(AddressRefused, match="not https"):
        make(Names(LOOPBACK), mode="production", allowed_hosts=["other.example.fi"]).get(server.url(SERVICE))
    assert server.asked == []


def test_production_asks_a_host_that_the_setting_names_without_https(make: Make, server: LocalServer) -> None:
    assert make(Names(LOOPBACK), mode="production").get(server.url(SERVICE)).status == 200


# -- answers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 300])
def test_a_redirect_is_not_followed(make: Make, server: LocalServer, status: int) -> None:
    server.answer = lambda h: h.say(status, Location=server.url(path="/inside"))

    with pytest.raises(Redirected):
        make().get(server.url())
    assert [asked.path for asked in server.asked] == ["/"]


def _too_much(handler: Handler) -> None:
    handler.say(200, b"x" * 5000)


def _endless(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    handler.drip(b"x" * 100, 0.001)


def _endless_chunks(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    handler.drip(b"64\r\n" + b"x" * 100 + b"\r\n", 0.001)


@pytest.mark.parametrize("answer", [_too_much, _endless, _endless_chunks])
def test_a_body_beyond_the_limit_is_not_read(make: Make, server: LocalServer, answer: Any) -> None:
    server.answer = answer

    with pytest.raises(TooLarge):
        make(max_response_bytes=4999).get(server.url())


def test_a_body_of_just_the_limit_is_read(make: Make, server: LocalServer) -> None:
    server.answer = _too_much

    assert len(make(max_response_bytes=5000).get(server.url()).body) == 5000


def _slow_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    handler.drip(b"x", 0.05)


def _slow_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    handler.drip(b"x", 0.05)


def _slow_hints(handler: Handler) -> None:
    handler.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05)


def _silence(handler: Handler) -> None:
    handler.local.stopping.wait()


@pytest.mark.parametrize("answer", [_slow_body, _slow_headers, _slow_hints, _silence])
def test_a_slow_drip_ends_at_the_deadline(make: Make, server: LocalServer, answer: Any) -> None:
    server.answer = answer
    began = time.monotonic()

    with pytest.raises(TooSlow):
        make(timeout_seconds=0.3).get(server.url())

    assert time.monotonic() - began < 1


def test_a_slow_drip_within_tls_ends_at_the_deadline(make: Make, authority: Authority) -> None:
    began = time.monotonic()
    with local_server(_slow_body, tls=authority.identity(LOOPBACK)) as server, pytest.raises(TooSlow):
        make(timeout_seconds=0.3, ca_bundle=str(authority.bundle)).get(server.url())

    assert time.monotonic() - began < 1


def test_a_tls_greeting_that_never_ends_ends_at_the_deadline(make: Make) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent, pytest.raises(TooSlow):
        make(timeout_seconds=0.3).get(f"https://{LOOPBACK}:{silent.getsockname()[1]}/")


def test_a_name_server_that_does_not_answer_ends_at_the_deadline(make: Make) -> None:
    def sleepy(host: str, port: int) -> list[Any]:
        time.sleep(1)
        return []

    with pytest.raises(TooSlow):
        make(sleepy, timeout_seconds=0.3).get(f"https://{SERVICE}/")


@pytest.mark.parametrize("media_type", ["text/html", "application/jsonp", ""])
def test_another_media_type_is_refused(make: Make, server: LocalServer, media_type: str) -> None:
    server.answer = lambda h: h.say(200, b"{}", media_type)

    with pytest.raises(UnexpectedContent):
        make().get(server.url(), media_types=["application/json"])


def test_a_compressed_answer_that_nobody_asked_for_is_refused(make: Make, server: LocalServer) -> None:
    server.answer = lambda h: h.say(200, b"\x1f\x8b", Content_Encoding="gzip")

    with pytest.raises(UnexpectedContent):
        make().get(server.url())
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "said",
    [
        *(
            b"",
            b"\x00\xff\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 xyz\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
        ),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
    ids=range(8),
)
def test_what_is_not_http_is_an_error_with_a_name(make: Make, server: LocalServer, said: bytes) -> None:
    server.answer = lambda h: h.wfile.write(said) and None

    with pytest.raises(NotReached):
        make().get(server.url())


def test_nobody_there_is_an_error_with_a_name(make: Make) -> None:
    with pytest.raises(NotReached):
        make().get(f"http://{LOOPBACK}:{free_port()}/")
    with pytest.raises(NotReached):
        make(Names()).get(f"https://{SERVICE}/")


# -- certificates


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    make: Make, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Somebody")
    with local_server(tls=stranger.identity(LOOPBACK)) as server:
        for bundle in (str(authority.bundle), ""):
            with pytest.raises(NotTrusted):
                make(ca_bundle=bundle).get(server.url())
        assert server.asked == []


@pytest.mark.parametrize(("names", "days"), [(["other.example.fi"], 30), ([SERVICE], -1)])
def test_a_wrong_or_expired_certificate_is_not_trusted(
    make: Make, authority: Authority, names: list[str], days: int
) -> None:
    with local_server(tls=authority.identity(*names, days=days)) as server:
        with pytest.raises(NotTrusted):
            make(Names(LOOPBACK), ca_bundle=str(authority.bundle)).get(server.url(SERVICE))
        assert server.asked == []


def test_a_host_that_speaks_no_tls_is_not_trusted(make: Make, server: LocalServer) -> None:
    with pytest.raises(NotTrusted):
        make().get(server.url().replace("http:", "https:"))


# -- the surroundings


def test_the_environment_changes_nothing(
    make: Make, server: LocalServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text(f"machine {LOOPBACK} login maija password salasana\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with local_server() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        make().get(server.url())

    assert proxy.asked == []
    assert "Authorization" not in server.asked[0].headers
    assert "Cookie" not in server.asked[0].headers

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(authority.bundle))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name)
    with local_server(tls=authority.identity(LOOPBACK)) as secure, pytest.raises(NotTrusted):
        make().get(secure.url())


def test_cookies_are_not_kept(make: Make, server: LocalServer) -> None:
    server.answer = lambda h: h.say(200, b"{}", Set_Cookie="a=b")
    door = make()
    door.get(server.url())
    door.get(server.url())

    assert "Cookie" not in server.asked[1].headers


# -- settings


@pytest.mark.parametrize("host", ["https://asiointi.example.fi", "asiointi.example.fi:8443", "a/b", "", "*"])
def test_a_setting_that_is_no_host_stops_the_start(host: str) -> None:
    with pytest.raises(UnusableSettings, match=r"outbound\.allowed_hosts"):
        make_settings(outbound={"allowed_hosts": [host]})


def test_hosts_of_the_setting_are_read_as_addresses_are(make: Make) -> None:
    section = make_settings(outbound={"allowed_hosts": ["[0:0::1]", "LOCALHOST.", "10.0.0.1"]}).outbound
    assert section.allowed_hosts == ["::1", "localhost", "10.0.0.1"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_stops_the_start(
    make_app: AppFactory, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(UnusableSettings, match=r"outbound\.ca_bundle"):
        make_app(outbound={"ca_bundle": str(bundle)})


def test_the_app_has_one_door(app: Flask) -> None:
    assert isinstance(app.extensions["outbound"], Outbound)

"""The configuration for nginx that operators are given, in front of a running provider."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.machines.conftest import PlaceFactory
from tests.support import nginx
from tests.support.hostile import Authority
from tests.support.ports import LOOPBACK

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

NAME = "tunnus.example.fi"


@contextmanager
def fronted(make_place: PlaceFactory, folder: Path) -> Iterator[tuple[nginx.Nginx, Authority]]:
    """A running provider behind nginx, and the authority that vouches for nginx."""
    machine = make_place(issuer=f"https://{NAME}", proxies=1).start()
    machine.wait_until_ready()
    authority = Authority(folder)
    provider = urlsplit(machine.address).port
    assert provider is not None
    with nginx.serving(authority.identity(NAME), provider) as front:
        yield front, authority


def ask(port: int, context: ssl.SSLContext, path: str) -> tuple[str | None, str]:
    """The version of TLS that both agreed on, and the whole answer."""
    with (
        socket.create_connection((LOOPBACK, port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return connection.version(), answer.decode(errors="replace")


def only(version: ssl.TLSVersion, bundle: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(bundle))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that an old version is allowed is what is meant
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # so that it is nginx who refuses
    return context


def test_logins_come_by_new_tls_alone(make_place: PlaceFactory, tmp_path: Path) -> None:
    with fronted(make_place, tmp_path) as (front, authority):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            agreed, answer = ask(
                front.port, only(version, authority.bundle), "/login?lang=fi&code=never-seen"
            )
            head = answer.partition("\r\n\r\n")[0].lower()
            assert agreed == name
            assert head.startswith("http/1.1 200")
            assert 'data-page="login"' in answer
            assert "strict-transport-security:" in head
            assert "__host-tunnus_browser=" in head
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            ask(front.port, only(ssl.TLSVersion.TLSv1_1, authority.bundle), "/login")

        with socket.create_connection((LOOPBACK, front.plain_port), timeout=30) as plain:
            plain.sendall(f"GET /login HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            moved = b"".join(iter(lambda: plain.recv(65536), b"")).decode()
        assert moved.startswith("HTTP/1.1 301")
        assert f"Location: https://{NAME}/login" in moved
        assert '"GET /login" 200' in front.access_log
        assert "never-seen" not in front.access_log


def test_a_machine_that_begins_logins_by_the_hundred_is_slowed_down(
    make_place: PlaceFactory, tmp_path: Path
) -> None:
    with fronted(make_place, tmp_path) as (front, authority):
        context = ssl.create_default_context(cafile=str(authority.bundle))
        # Refused by us, each of them (no client is called so), until nginx lets no more through.
        heads = [ask(front.port, context, "/oauth2/authorize?client_id=x")[1][:12] for _ in range(300)]
        others = [ask(front.port, context, path)[1][:12] for path in ("/login", "/oauth2/authorize/resume")]

    assert heads[:100] == ["HTTP/1.1 400"] * 100
    assert "HTTP/1.1 429" in heads
    assert others == ["HTTP/1.1 200", "HTTP/1.1 400"]

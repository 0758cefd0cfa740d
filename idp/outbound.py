"""Every outgoing HTTP request of the provider, to addresses that others have registered.

Such an address must not become a way into the municipality's own network (server-side request forgery) nor a way to
keep us busy: https only, the host name looked up once, every address that it has checked, the connection made to
exactly a checked one, no redirects, no proxies, a limit on time and size. Hosts inside are those
of the setting `outbound.allowed_hosts` alone.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import requests
import urllib3
from flask import Flask, current_app
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from idp.settings import Settings, UnusableSettings

CONNECT_SECONDS = 3.0  # for each address of a host
MAX_ADDRESSES = 4
MAX_NAMES = 20  # that are looked up at once
CHUNK = 16_384  # bytes

Resolver = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""Looks up a host and a port; answers as `socket.getaddrinfo` does."""


class OutboundError(Exception):
    """The request has no usable answer. The message is one line for the log, and names the host at most."""


class AddressRefused(OutboundError):
    """Not an address that we ask: not https, credentials in it, or a host inside."""


class NotReached(OutboundError):
    """The name is unknown, nobody listens there, or the answer is not HTTP."""


class NotTrusted(OutboundError):
    """The host did not prove by TLS who it is."""


class TooSlow(OutboundError):
    """No complete answer within `outbound.timeout_seconds`."""


class TooLarge(OutboundError):
    """More than `outbound.max_response_bytes`."""


class Redirected(OutboundError):
    """The answer is to be looked for elsewhere. We do not go there."""


class UnexpectedContent(OutboundError):
    """The answer has another media type than those asked for, or is encoded."""


@dataclass(frozen=True)
class Answer:
    """A whole answer, whatever its status. `media_type` is lower case, without parameters."""

    status: int
    media_type: str
    body: bytes


# Beside what the standard library knows: special-purpose blocks (IANA registries) and what carries IPv4 inside IPv6.
_SPECIAL = [
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not loopback, private, link-local, multicast or reserved.

    IPv4 in IPv6 (mapped, NAT64) counts as the IPv4 address; 6to4 and Teredo are never public.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in block for block in _SPECIAL)


def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Outbound:
    """Sends requests by the installation's settings."""

    def __init__(self, settings: Settings, resolver: Resolver = look_up) -> None:
        section = settings.outbound
        self._authorities = section.ca_bundle
        self._seconds = section.timeout_seconds
        self._max_bytes = section.max_response_bytes
        self._allowed = frozenset(section.allowed_hosts)
        self._plain_http = not settings.production
        self._resolver = resolver

    def get(self, url: str, *, media_types: Sequence[str] = ()) -> Answer:
        """Fetch a document, of one of `media_types` if any are given. Raises OutboundError."""
        headers = {"Accept": ", ".join(media_types) or "*/*"}
        answer = self._send(requests.Request("GET", url, headers=headers))
        if media_types and answer.status == 200 and answer.media_type not in media_types:
            raise UnexpectedContent(f"the answer is {answer.media_type[:60] or 'of no media type'}")
        return answer

    def post_form(self, url: str, fields: Mapping[str, str]) -> Answer:
        """Send a form (application/x-www-form-urlencoded). Raises OutboundError."""
        return self._send(requests.Request("POST", url, data=dict(fields)))

    def unknown(self, hosts: Iterable[str]) -> list[str]:
        """Those of the host names that are found nowhere, or not in time. At most MAX_NAMES are looked up, at once."""
        with _Deadline(self._seconds) as deadline:
            asked = [(host, self._ask(host, 443)) for host in list(dict.fromkeys(hosts))[:MAX_NAMES]]
            return [host for host, answer in asked if not _is_known(host, answer, deadline)]

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Who may vouch for a host. Raises OSError (ssl.SSLError is one) when the setting's file is no bundle."""
        return ssl.create_default_context(cafile=self._authorities or DEFAULT_CA_BUNDLE_PATH)

    def _send(self, wanted: requests.Request) -> Answer:
        with requests.Session() as session, _Deadline(self._seconds) as deadline:
            session.trust_env = False  # no proxies, no .netrc, no certificates by the environment
            session.headers.clear()
            session.headers.update(
                {"User-Agent": "Tunnus", "Accept-Encoding": "identity", "Connection": "close"}
            )
            adapter = _Adapter(self.tls, partial(self._connect, deadline))
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            try:
                answer = self._exchange(session, wanted)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if deadline.passed:
                    raise TooSlow("no answer in time") from error
                raise _named(error) from error
            if deadline.passed:  # hanging up looks like the end of an answer without a length
                raise TooSlow("no complete answer in time")
            return answer

    def _exchange(self, session: requests.Session, wanted: requests.Request) -> Answer:
        if "@" in urlsplit(wanted.url).netloc:
            raise AddressRefused("credentials in the address")
        prepared = session.prepare_request(wanted)
        seconds = (CONNECT_SECONDS, self._seconds)
        response = session.send(prepared, timeout=seconds, allow_redirects=False, stream=True)
        if response.is_redirect or 300 <= response.status_code < 400:
            raise Redirected(f"status {response.status_code}")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnexpectedContent("the answer is encoded, though we did not ask for that")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status_code, media_type, self._read(response))

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        while chunk := response.raw.read(min(CHUNK, self._max_bytes + 1), decode_content=False):
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge(f"more than {self._max_bytes} bytes")
        return bytes(body)

    def _connect(self, deadline: "_Deadline", host: str, port: int, *, tls: bool) -> socket.socket:
        """The one place where a connection is made. What it is refused by is judged here and nowhere earlier."""
        host = host.strip("[]").rstrip(".").lower()
        allowed = host in self._allowed
        if not (tls or allowed or self._plain_http):
            raise AddressRefused(f"{host}: not https")
        found = self._addresses(host, port, deadline)
        if not allowed and not all(is_public(str(address[0])) for *_, address in found):
            raise AddressRefused(f"{host}: has an address that is not public")
        for family, kind, protocol, _, address in found[:MAX_ADDRESSES]:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(max(min(CONNECT_SECONDS, deadline.left()), 0.001))
                connection.connect(address)
            except OSError:
                connection.close()
                continue
            deadline.watch(connection)
            return connection
        raise TooSlow(f"{host}: no answer in time") if deadline.passed else NotReached(f"{host}: not reached")

    def _addresses(self, host: str, port: int, deadline: "_Deadline") -> Sequence[tuple[Any, ...]]:
        return _told(host, self._ask(host, port), deadline)

    def _ask(self, host: str, port: int) -> "_Awaited":
        """Look the name up, in a thread: the resolver of the system knows no time-out."""
        found: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def look() -> None:
            try:
                found.put(self._resolver(host, port))
            except (OSError, UnicodeError) as error:
                found.put(error)

        threading.Thread(target=look, name="resolver", daemon=True).start()
        return found


_Awaited = queue.SimpleQueue[Any]
"""Where the answer of a resolver comes: addresses, or an exception."""


def _told(host: str, awaited: _Awaited, deadline: "_Deadline") -> Sequence[tuple[Any, ...]]:
    """What the resolver answers. Raises NotReached and TooSlow."""
    try:
        answer = awaited.get(timeout=max(deadline.left(), 0.001))
    except queue.Empty as error:
        raise TooSlow(f"{host}: the name was not found in time") from error
    if isinstance(answer, Exception) or not answer:
        raise NotReached(f"{host}: unknown name") from (answer or None)
    return cast("Sequence[tuple[Any, ...]]", answer)


def _is_known(host: str, awaited: _Awaited, deadline: "_Deadline") -> bool:
    try:
        return bool(_told(host, awaited, deadline))
    except OutboundError:
        return False


def _named(error: Exception) -> OutboundError:
    """The error of the library by our names."""
    if isinstance(error, requests.exceptions.SSLError | ssl.SSLError | urllib3.exceptions.SSLError):
        return NotTrusted("TLS failed: " + _reason(error))
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return TooSlow("no answer in time")
    if isinstance(error, ValueError):  # InvalidURL, MissingSchema, UnicodeError...
        return AddressRefused("not an address that can be asked")
    return NotReached(f"no HTTP answer: {type(error).__name__}")


def _reason(error: BaseException | None) -> str:
    """What OpenSSL says about a certificate, from deep inside the library's errors."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        inner = getattr(error, "reason", None)
        error = error.__cause__ or error.__context__ or (inner if isinstance(inner, Exception) else None)
    return "not the certificate of a known authority, or no TLS"


class _Deadline:
    """Ends a whole exchange: time-outs of sockets begin anew at each byte. Hangs up from a thread of its own."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._hung_up = False

    @property
    def passed(self) -> bool:
        return self._hung_up or self.left() <= 0

    def left(self) -> float:
        return self._end - time.monotonic()

    def watch(self, connection: socket.socket) -> None:
        """Hang this connection up when time is over, TLS or not: a duplicate of it serves for that."""
        with self._lock:
            self._line = connection.dup()
        if self._hung_up:
            self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            self._hung_up = True
            if self._line is not None:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None


class _Adapter(HTTPAdapter):
    """requests' way to urllib3, with connections made by `connect` and TLS judged by one ready context."""

    def __init__(self, tls: ssl.SSLContext, connect: Callable[..., socket.socket]) -> None:
        super().__init__(max_retries=0)
        self._tls, self._connect = tls, connect

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._tls} if host["scheme"] == "https" else {}

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _GuardedTls if pool.scheme == "https" else _Guarded
        cast("Any", pool).ConnectionCls = partial(kind, connect=self._connect)
        return pool

    def cert_verify(self, *_args: Any) -> None:
        """Nothing to prepare: `tls` demands and checks a certificate for the host's name."""


class _Guarded(HTTPConnection):
    def __init__(self, *args: Any, connect: Callable[..., socket.socket], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guarded_connect = connect

    def _new_conn(self) -> socket.socket:
        return self._guarded_connect(self.host, self.port, tls=False)


class _GuardedTls(HTTPSConnection):
    def __init__(self, *args: Any, connect: Callable[..., socket.socket], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guarded_connect = connect

    def _new_conn(self) -> socket.socket:
        return self._guarded_connect(self.host, self.port, tls=True)


def init_app(app: Flask, settings: Settings) -> None:
    """Raises UnusableSettings when the setting's certificates cannot be read."""
    made = app.extensions["outbound"] = Outbound(settings)
    if settings.outbound.ca_bundle:
        try:
            _ = made.tls
        except OSError as error:
            path = Path(settings.outbound.ca_bundle)
            raise UnusableSettings(f"outbound.ca_bundle: no certificates can be read from {path}") from error


def outbound() -> Outbound:
    """The outbound door of the running app."""
    return cast("Outbound", current_app.extensions["outbound"])

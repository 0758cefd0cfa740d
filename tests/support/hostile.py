"""A small HTTP server on the loopback interface that answers as it is told, well or badly; with TLS if asked to."""

import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.ports import LOOPBACK

Answering = Callable[["Handler"], None]


@dataclass
class Asked:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    server_name: str | None  # what TLS was asked for (SNI)


@dataclass
class LocalServer:
    """`answer` says what is done with a request; `asked` holds what arrived."""

    port: int = 0
    scheme: str = "http"
    answer: Answering = field(default=lambda handler: handler.say(200, b"{}"))
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def url(self, host: str = LOOPBACK, path: str = "/") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    local: LocalServer
    names: dict[int, str | None]

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length).decode()
        name = self.names.get(id(getattr(self.connection, "context", None)))
        self.local.asked.append(Asked(self.command, self.path, dict(self.headers), body, name))
        with suppress(OSError):  # the other end may hang up on us
            self.local.answer(self)

    do_POST = do_GET  # noqa: N815  named by http.server

    def say(
        self, status: int, body: bytes = b"", media_type: str = "application/json", **headers: str
    ) -> None:
        """A proper answer; in `headers` an underscore stands for a hyphen."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece: bytes, seconds: float) -> None:
        """Write `piece` again and again, with pauses, for ever."""
        while not self.local.stopping.wait(seconds):
            self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that does not trust us hangs up in the middle: expected here."""


@contextmanager
def local_server(
    answer: Answering | None = None, *, tls: "Identity | None" = None, port: int = 0
) -> Iterator[LocalServer]:
    """A running server; with `tls` it shows that certificate."""
    local = LocalServer()
    if answer is not None:
        local.answer = answer
    names: dict[int, str | None] = {}
    handler = type("LocalHandler", (Handler,), {"local": local, "names": names})
    server = _Server((LOOPBACK, port), handler)
    if tls is not None:
        local.scheme = "https"
        context = tls.context()
        context.sni_callback = lambda _socket, name, used: names.update({id(used): name})
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    local.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield local
    finally:
        local.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


# -- certificates


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, in one PEM file."""

    file: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


class Authority:
    """A certificate authority of the tests. `bundle` is the file to trust it by."""

    def __init__(self, folder: Path, name: str = "Authority of the tests") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _draft(self._name, self._name, self._key.public_key(), days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_may(sign_others=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def identity(self, *hosts: str, days: int = 30) -> Identity:
        """A certificate for host names and IP addresses; one that has expired with negative `days`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _draft(subject, self._name, key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_may(sign_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / f"{hosts[0]}{days}.pem"
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + certificate.public_bytes(pem))
        return Identity(file)


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _may(*, sign_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_others,
        key_cert_sign=sign_others,
        crl_sign=sign_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

"""From the outbox to a real SMTP server: with the server down and back, with two workers, in every language."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from structlog.testing import capture_logs

from idp import clock
from idp.accounts.rules import rules
from idp.database import db, writing
from idp.mail import delivery, outbox
from idp.mail.models import OutboxMessage
from idp.mail.outbox import Message
from tests.conftest import AppFactory
from tests.pages.steps import EMAIL, register
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.ports import free_port
from tests.support.smtp import SmtpServer, smtp_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as running:
        yield running


@pytest.fixture
def mailing(make_app: AppFactory, server: SmtpServer) -> Flask:
    """An app that delivers to `server`."""
    return make_app(mail=settings_of(server))


def settings_of(server: Any, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout_seconds": 2, **more}


def deliver(app: Flask) -> int:
    with app.app_context():
        return delivery.deliver_due(app, rules().vault, rules().settings)


def put(app: Flask, to: str = EMAIL, subject: str = "Aihe", text: str = "Teksti\n") -> None:
    message = Message(kind="test", to=to, subject=subject, text=text, html=f"<p>{text}</p>")
    with app.app_context(), writing() as session:
        outbox.put(session, rules().vault, message, clock.now())


def row(app: Flask) -> OutboxMessage:
    with app.app_context():
        return db.session.scalars(sa.select(OutboxMessage)).one()


# -- a good day


def test_a_message_arrives_as_plain_text_and_html(mailing: Flask, server: SmtpServer) -> None:
    register(mailing.test_client())

    assert deliver(mailing) == 1

    mail = server.messages[0]
    assert mail.recipients == (EMAIL,)
    assert mail.sender == "noreply@example.fi"
    assert mail.message["To"] == EMAIL
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "http://localhost:8400/activate?token=" in mail.text
    assert "http://localhost:8400/activate?token=" in mail.html
    assert "Linkki on voimassa 30 minuuttia." in mail.text


@SQLITE
@pytest.mark.parametrize(
    ("language", "words"),
    [("fi", "voimassa 30 minuuttia"), ("sv", "gäller i 30 minuter"), ("en", "valid for 30 minutes")],
)
def test_in_each_language_text_and_html_say_the_same(
    mailing: Flask, server: SmtpServer, language: str, words: str
) -> None:
    register(mailing.test_client(), f"/create-account?lang={language}")
    deliver(mailing)

    assert words in server.messages[0].text
    assert words in server.messages[0].html


def test_once_it_is_sent_it_is_not_sent_again_and_its_content_is_gone(
    mailing: Flask, server: SmtpServer
) -> None:
    put(mailing)
    assert row(mailing).sealed is not None

    assert [deliver(mailing), deliver(mailing)] == [1, 0]

    assert len(server.messages) == 1
    assert row(mailing).sealed is None
    assert row(mailing).sent_at is not None


def test_while_it_waits_nobody_reads_it_in_the_database(mailing: Flask) -> None:
    put(mailing, text="http://localhost:8400/activate?token=abcdefgh")

    with mailing.app_context():
        stored = repr(db.session.execute(sa.select(OutboxMessage.__table__)).all())
    assert not any(word in stored for word in (EMAIL, "abcdefgh", "Aihe"))


def test_what_is_composed_for_nobody_is_never_delivered(mailing: Flask, server: SmtpServer) -> None:
    message = Message(kind="test", to=outbox.NOBODY, subject="Aihe", text="Teksti", html="<p>Teksti</p>")
    with mailing.app_context(), writing() as session:
        outbox.put(session, rules().vault, message, clock.now(), discard=True)

    assert deliver(mailing) == 0
    assert server.messages == []


def test_a_message_whose_cause_fails_does_not_exist(mailing: Flask) -> None:
    def put_and_fail() -> None:
        with writing() as session:
            message = Message(kind="test", to=EMAIL, subject="Aihe", text="Teksti", html="")
            outbox.put(session, rules().vault, message, clock.now())
            session.flush()
            raise LookupError

    with mailing.app_context():
        with pytest.raises(LookupError):
            put_and_fail()
        assert db.session.scalars(sa.select(OutboxMessage)).all() == []


# -- addresses and subjects


@SQLITE
@pytest.mark.parametrize(
    ("to", "envelope"),
    [
        ("maija@äijä.fi", "maija@xn--ij-uiac.fi"),
        (
            "maija@straße.example",
            "maija@xn--strae-oqa.example",
        ),  # IDNA 2008; strasse.example is somebody else
        ("o'neill+kunta@example.fi", "o'neill+kunta@example.fi"),
    ],
)
def test_an_address_reaches_its_own_domain(
    mailing: Flask, server: SmtpServer, to: str, envelope: str
) -> None:
    put(mailing, to=to)

    assert deliver(mailing) == 1
    assert server.messages[0].recipients == (envelope,)


@SQLITE
@pytest.mark.parametrize("to", ["päivi@example.fi", "a@\N{GOTHIC LETTER AHSA}.fi", "ei osoite"])
def test_an_address_that_cannot_be_written_down_does_not_stop_the_others(
    mailing: Flask, server: SmtpServer, to: str
) -> None:
    put(mailing, to=to)
    put(mailing)

    deliver(mailing)
    deliver(mailing)

    assert (EMAIL,) in [mail.recipients for mail in server.messages]


@SQLITE
def test_subjects_and_texts_have_every_letter(mailing: Flask, server: SmtpServer) -> None:
    put(mailing, subject="Tervetuloa, Ульяна Öberg!", text="Hyvää päivää ☀\n.\nrivi\n")
    deliver(mailing)

    assert server.messages[0].subject == "Tervetuloa, Ульяна Öberg!"
    assert server.messages[0].text.splitlines() == ["Hyvää päivää ☀", ".", "rivi"]


# -- the server is down


def test_with_the_server_down_the_message_waits_and_arrives_once(
    moving_clock: MovableClock, mailing: Flask, server: SmtpServer
) -> None:
    with server.outage():
        assert register(mailing.test_client()).location == "/created"  # the page does not wait for it
        assert deliver(mailing) == 0
    assert deliver(mailing) == 0  # not yet
    moving_clock.move(seconds=16)

    assert [deliver(mailing), deliver(mailing)] == [1, 0]
    assert len(server.messages) == 1


def test_it_is_tried_again_with_growing_pauses_and_given_up_after_three_days(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    app = make_app(mail={"host": "127.0.0.1", "port": free_port(), "security": "none"})
    put(app)
    began = moving_clock()
    pauses = []
    while row(app).given_up_at is None:
        deliver(app)
        pauses.append(row(app).due_at - moving_clock())
        moving_clock.move(seconds=pauses[-1].total_seconds() - 1)
        before = row(app).attempts
        deliver(app)
        assert row(app).attempts == before  # a second too early
        moving_clock.move(seconds=1)

    assert [pause.total_seconds() for pause in pauses[:9]] == [15, 30, 60, 120, 240, 480, 960, 1920, 3600]
    assert timedelta(days=3) < row(app).given_up_at - began < timedelta(days=3, hours=2)  # type: ignore[operator]
    assert row(app).sealed is None
    assert "ConnectionRefusedError" in (row(app).last_error or "")


def test_a_passing_refusal_is_tried_again(
    moving_clock: MovableClock, mailing: Flask, server: SmtpServer
) -> None:
    server.refuse_with("451 4.3.0 try later", times=2)
    put(mailing)

    outcomes = []
    for _ in range(3):
        outcomes.append(deliver(mailing))
        moving_clock.move(minutes=1)

    assert outcomes == [0, 0, 1]
    assert len(server.messages) == 1


@SQLITE
def test_a_server_that_says_nothing_costs_its_time_out(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = make_app(
            mail={
                "host": "127.0.0.1",
                "port": silent.getsockname()[1],
                "security": "none",
                "timeout_seconds": 1,
            }
        )
        put(app)

        assert deliver(app) == 0

    assert row(app).due_at - moving_clock() == timedelta(seconds=15)


@SQLITE
def test_the_log_tells_of_a_failure_without_the_address(
    moving_clock: MovableClock, mailing: Flask, server: SmtpServer
) -> None:
    put(mailing)
    with server.outage(), capture_logs() as logs:
        deliver(mailing)

    assert [entry["event"] for entry in logs] == ["mail not delivered yet"]
    assert logs[0]["attempts"] == 1
    assert EMAIL not in repr(logs)


# -- servers with a will of their own


class Choosy(SmtpServer):
    """Refuses one recipient."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        super().__init__()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == EMAIL:
            return f"{self.reply} {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class Hasty(SmtpServer):
    """Takes messages, then hangs up instead of saying goodbye."""

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert server.transport is not None
        server.transport.abort()
        return "221 Bye"


@pytest.mark.parametrize(
    ("reply", "given_up", "reason"),
    [
        ("550 5.1.1 no such user", True, "550 5.1.1"),
        ("554 Relay access denied", True, "554"),
        ("450 4.2.1 mailbox busy", False, "450 4.2.1"),
    ],
)
def test_a_recipient_refused_for_good_is_given_up(
    moving_clock: MovableClock, make_app: AppFactory, reply: str, given_up: bool, reason: str
) -> None:
    server = Choosy(reply)
    try:
        app = make_app(mail=settings_of(server))
        put(app)
        with capture_logs() as logs:
            assert deliver(app) == 0
        assert EMAIL not in repr(logs)
        assert (row(app).given_up_at is not None) is given_up
        assert (row(app).sealed is None) is given_up
        assert row(app).last_error == logs[0]["reason"] == f"SMTPRecipientsRefused {reason}"
        put(app, to="maija@example.fi")
        assert deliver(app) == 1
    finally:
        server.stop()


def test_messages_that_a_server_refuses_are_counted_for_a_day(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    server = Choosy("554 5.7.1 Relay access denied")
    try:
        app = make_app(mail=settings_of(server))
        put(app)
        put(app, to="maija@example.fi")
        journey.submit(app.test_client(), "/forgot", email="tuntematon@example.fi")  # composed for nobody
        deliver(app)
    finally:
        server.stop()

    counts = []
    with app.app_context():
        assert outbox.backlog().count == 0
        for hours in (0, 23, 2):
            moving_clock.move(hours=hours)
            counts.append(outbox.undeliverable(clock.now()))
    assert counts == [1, 1, 0]


@SQLITE
def test_a_message_that_was_taken_is_sent_however_the_server_says_goodbye(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    server = Hasty()
    try:
        app = make_app(mail=settings_of(server))
        put(app)

        assert deliver(app) == 1
        moving_clock.move(hours=1)
        assert deliver(app) == 0
        assert len(server.messages) == 1
    finally:
        server.stop()


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


class Keeper:
    """Keeps the recipients of what it gets."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.kept += envelope.rcpt_tos
        return "250 kept"


@SQLITE
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_with_an_unknown_certificate_gets_nothing(
    moving_clock: MovableClock, make_app: AppFactory, self_signed: ssl.SSLContext, security: str
) -> None:
    keeper, port = Keeper(), free_port()
    encrypted: dict[str, Any] = (
        {"ssl_context": self_signed} if security == "tls" else {"tls_context": self_signed}
    )
    controller = Controller(keeper, hostname="localhost", port=port, **encrypted)
    controller.start()
    try:
        app = make_app(mail={"host": "localhost", "port": port, "security": security, "timeout_seconds": 5})
        put(app)
        assert deliver(app) == 0
    finally:
        controller.stop()

    assert keeper.kept == []
    assert "certificate" in (row(app).last_error or "").lower()


@SQLITE
def test_a_server_that_cannot_encrypt_gets_nothing_when_encryption_is_set(
    moving_clock: MovableClock, make_app: AppFactory, server: SmtpServer
) -> None:
    app = make_app(mail=settings_of(server, security="starttls"))
    put(app)

    assert deliver(app) == 0
    assert server.messages == []


@SQLITE
@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize(("password", "delivered"), [("smtp-secret", 1), ("wrong", 0)])
def test_a_server_that_asks_for_a_password_gets_it(
    moving_clock: MovableClock, make_app: AppFactory, password: str, delivered: int
) -> None:
    keeper, port = Keeper(), free_port()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data == LoginPassword(b"tunnus", b"smtp-secret")
        return AuthResult(success=good)

    controller = Controller(
        keeper,
        hostname="127.0.0.1",
        port=port,
        authenticator=check,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        app = make_app(
            mail={
                "host": "127.0.0.1",
                "port": port,
                "security": "none",
                "timeout_seconds": 1,
                "username": "tunnus",
                "password": password,
            }
        )
        put(app)
        assert deliver(app) == delivered
    finally:
        controller.stop()
    assert len(keeper.kept) == delivered
    assert "smtp-secret" not in (row(app).last_error or "")


# -- several workers


def test_two_workers_never_send_the_same_message(mailing: Flask, server: SmtpServer) -> None:
    for number in range(24):
        put(mailing, to=f"a{number}@example.fi")

    def work() -> None:
        while deliver(mailing):
            pass

    in_parallel([work] * 4)

    recipients = [mail.recipients[0] for mail in server.messages]
    assert sorted(recipients) == sorted({f"a{number}@example.fi" for number in range(24)})


def in_parallel(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_a_worker_died_over_is_left_to_others_after_five_minutes(
    moving_clock: MovableClock, mailing: Flask, server: SmtpServer
) -> None:
    put(mailing)
    with mailing.app_context():
        assert len(outbox.lease(rules().vault, clock.now())) == 1  # and then its process is killed

    moving_clock.move(minutes=4, seconds=59)
    assert deliver(mailing) == 0
    moving_clock.move(seconds=2)
    assert deliver(mailing) == 1


class Slow(SmtpServer):
    """Needs three minutes for each message."""

    def __init__(self, moving_clock: MovableClock) -> None:
        self._clock = moving_clock
        super().__init__()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._clock.move(minutes=3)
        return await super().handle_DATA(server, session, envelope)


@SQLITE
def test_a_worker_lets_go_of_what_it_has_held_too_long(
    moving_clock: MovableClock, make_app: AppFactory
) -> None:
    server = Slow(moving_clock)
    try:
        app = make_app(mail=settings_of(server))
        for number in range(4):
            put(app, to=f"a{number}@example.fi")

        assert deliver(app) == 2  # the others may be another worker's since
        assert [mail.recipients[0] for mail in server.messages] == ["a0@example.fi", "a1@example.fi"]
        assert deliver(app) == 2
    finally:
        server.stop()


def test_a_message_that_cannot_be_decrypted_does_not_stop_the_others(
    moving_clock: MovableClock, make_app: AppFactory, server: SmtpServer
) -> None:
    lost = make_app(secrets={"keys": ["bG9zdC1rZXktb2YtdHVubnVzLXRlc3RzLW9ubHktMDAx"]})
    put(lost)
    app = make_app(mail=settings_of(server))
    put(app, to="maija@example.fi")

    with capture_logs() as logs:
        assert deliver(app) == 1
    moving_clock.move(hours=1)
    assert deliver(app) == 0

    assert [mail.recipients for mail in server.messages] == [("maija@example.fi",)]
    assert "mail given up" in [entry["event"] for entry in logs]


@SQLITE
def test_the_worker_of_a_server_process_delivers_by_itself(mailing: Flask, server: SmtpServer) -> None:
    with mailing.app_context():
        worker = delivery.Worker(mailing, rules().vault, rules().settings)
    worker.start()
    try:
        put(mailing)
        assert server.wait_for(1)[0].recipients == (EMAIL,)
    finally:
        worker.stop()
        worker.join()


def test_who_stops_leaves_what_is_untried_to_others_at_once(
    moving_clock: MovableClock, make_app: AppFactory, mailing: Flask, server: SmtpServer
) -> None:
    for number in range(3):
        put(mailing, to=f"asukas{number}@example.fi")
    answers = iter([False, True])

    with mailing.app_context():
        assert delivery.deliver_due(mailing, rules().vault, rules().settings, lambda: next(answers)) == 1
    assert len(server.messages) == 1
    assert deliver(make_app(mail=settings_of(server))) == 2

    assert sorted(mail.recipients[0] for mail in server.messages) == [
        f"asukas{number}@example.fi" for number in range(3)
    ]
    with mailing.app_context():
        assert set(db.session.scalars(sa.select(OutboxMessage.attempts))) == {1}

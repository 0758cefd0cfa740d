"""A real SMTP server that keeps what it is given."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import LOOPBACK, free_port


@dataclass(frozen=True)
class Received:
    """One delivered message: its envelope and its content."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


class SmtpServer:
    """A running server. `messages` holds what was delivered, oldest first.

    `refuse_with("451 4.3.0 try later", times=2)` lets the next deliveries fail; `stop()` and `start()` make
    the server vanish and come back on the same port.
    """

    host = LOOPBACK

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[Received] = []
        self._changed = threading.Condition()
        self._refusals: list[str] = []
        self._held, self._somebody_waits = threading.Event(), threading.Event()
        self._held.set()
        self._controller: Controller | None = None
        self.start()

    def start(self) -> None:
        if self._controller is None:
            controller = Controller(self, hostname=self.host, port=self.port)
            controller.start()
            self._controller = controller

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @contextmanager
    def outage(self) -> Iterator[None]:
        """No server inside this block; it is back, on the same port, afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        """A slow server: who delivers inside this block gets the answer at its end."""
        self._held.clear()
        try:
            yield
        finally:
            self._held.set()

    def wait_until_somebody_waits(self, seconds: float = 30) -> None:
        """Until a message has come whose sender has got no answer yet."""
        if not self._somebody_waits.wait(seconds):
            raise TimeoutError(f"no message after {seconds} s")

    def refuse_with(self, reply: str, times: int = 1) -> None:
        """Answer the next messages with this reply instead of keeping them."""
        self._refusals += [reply] * times

    def wait_for(self, count: int = 1, seconds: float = 10) -> list[Received]:
        """All messages, as soon as there are `count`; TimeoutError otherwise."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, timeout=seconds):
                raise TimeoutError(f"{len(self.messages)} of {count} messages after {seconds} s")
            return list(self.messages)

    def clear(self) -> None:
        with self._changed:
            self.messages.clear()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        if not self._held.is_set():
            self._somebody_waits.set()
            await asyncio.to_thread(self._held.wait)
        if self._refusals:
            return self._refusals.pop(0)
        content = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(content, EmailMessage)
        with self._changed:
            self.messages.append(Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
            self._changed.notify_all()
        return "250 2.0.0 kept"


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    try:
        yield server
    finally:
        server.stop()

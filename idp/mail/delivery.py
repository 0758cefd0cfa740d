"""Delivering what waits in the outbox, over SMTP by Flask-Mail, or into the demo's inbox."""

import re
import smtplib
import ssl
from contextlib import suppress

import idna
import structlog
from flask import Flask
from flask_mail import BadHeaderError, Connection, Mail
from flask_mail import Message as SmtpMessage

from idp import clock, deliveries
from idp.crypto import Vault
from idp.mail import outbox
from idp.settings import Settings

log = structlog.get_logger(__name__)

_STATUS = re.compile(rb"[45]\.\d{1,3}\.\d{1,3}\b")


class SmtpConnection(Connection):
    """Flask-Mail's connection with a time-out and with certificates checked."""

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        mail = self.mail
        context = ssl.create_default_context()
        timeout = mail.state_timeout
        if mail.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(mail.server, mail.port, timeout=timeout, context=context)
        else:
            host = smtplib.SMTP(mail.server, mail.port, timeout=timeout)
        try:
            if mail.use_tls:
                host.starttls(context=context)
            if mail.username:
                host.login(mail.username, mail.password or "")
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *_exception: object) -> None:
        """Say goodbye; a message that the server has taken is delivered, whatever the answer to that is."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.quit()
            self.host.close()


def init_app(app: Flask, settings: Settings) -> None:
    mail = settings.mail
    app.config.update(
        MAIL_SERVER=mail.host,
        MAIL_PORT=mail.port,
        MAIL_USERNAME=mail.username or None,
        MAIL_PASSWORD=mail.password or None,
        MAIL_USE_TLS=mail.security == "starttls",
        MAIL_USE_SSL=mail.security == "tls",
        MAIL_DEFAULT_SENDER=mail.sender,
        MAIL_SUPPRESS_SEND=False,
    )
    Mail(app)
    app.extensions["mail"].state_timeout = mail.timeout_seconds


def check(app: Flask) -> None:
    """Connect to the SMTP server and log in, sending nothing. Raises OSError or smtplib.SMTPException."""
    host = SmtpConnection(app.extensions["mail"]).configure_host()
    host.noop()
    host.quit()


def deliver_due(
    app: Flask, vault: Vault, settings: Settings, stopping: deliveries.Stopping = deliveries.never
) -> int:
    """Deliver what is due now, once. Returns how many messages left; failures are noted for a later try.

    When it is `stopping`, the message under way is the last one.
    """
    waiting = outbox.lease(vault, clock.now())
    if not waiting:
        return 0
    if settings.mode == "demo" and not settings.mail.host:
        for item in waiting:
            outbox.sent(item.id, clock.now(), keep=True)
        return len(waiting)
    delivered = 0
    leased_until = clock.now() + deliveries.LEASE
    for number, item in enumerate(waiting):
        if clock.now() >= leased_until:
            break  # a slow server: another worker has taken the rest by now
        if stopping():
            outbox.release(waiting[number:], clock.now())
            break
        delivered += _deliver(app, item)
    return delivered


def _deliver(app: Flask, item: outbox.Waiting) -> int:
    try:
        message = _written_down(app, item.message)
        with SmtpConnection(app.extensions["mail"]) as connection:
            connection.send(message)
    except (smtplib.SMTPRecipientsRefused, BadHeaderError, UnicodeError) as error:
        # Permanent for this message: the address is refused or cannot be written down.
        permanent = not isinstance(error, smtplib.SMTPRecipientsRefused) or all(
            code >= 500 for code, _ in error.recipients.values()
        )
        outbox.failed(item, _reason(error), clock.now(), for_good=permanent)
        log.warning("mail refused", kind=item.message.kind, attempts=item.attempts, reason=_reason(error))
        return 0
    except (OSError, smtplib.SMTPException) as error:
        outbox.failed(item, _reason(error), clock.now())
        log.warning(
            "mail not delivered yet", kind=item.message.kind, attempts=item.attempts, reason=_reason(error)
        )
        return 0
    outbox.sent(item.id, clock.now())
    log.info("mail delivered", kind=item.message.kind, attempts=item.attempts)
    return 1


def _written_down(app: Flask, message: outbox.Message) -> SmtpMessage:
    return SmtpMessage(
        subject=message.subject,
        recipients=[_in_ascii(message.to)],
        body=message.text,
        html=message.html,
        sender=app.config["MAIL_DEFAULT_SENDER"],
        extra_headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )


def _in_ascii(address: str) -> str:
    """The address with its domain as DNS knows it, by the same rules as its comparison key: IDNA 2008.

    Flask-Mail would encode it by those of 2003, under which straße.example is another domain.
    """
    local_part, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local_part}@{idna.encode(domain, uts46=True).decode()}"


def _reason(error: Exception) -> str:
    """What went wrong, without addresses."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = dict.fromkeys(_code(*reply) for reply in error.recipients.values())
        return " ".join([type(error).__name__, *codes])
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return (
        type(error).__name__
        if isinstance(error, smtplib.SMTPException)
        else f"{type(error).__name__}: {error}"
    )


def _code(code: int, text: bytes) -> str:
    """A reply's code with its status (RFC 3463), which tells an unknown mailbox from a server that takes nothing."""
    status = _STATUS.match(text)
    return f"{code} {status[0].decode()}" if status else str(code)


class Worker(deliveries.Worker):
    """Delivers mail until it is stopped."""

    def __init__(self, app: Flask, vault: Vault, settings: Settings) -> None:
        super().__init__(app, "outbox", lambda stopping: deliver_due(app, vault, settings, stopping))

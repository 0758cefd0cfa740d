"""Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0): logout tokens and their delivery.

What is to be told stands in idp/grants/logout_notices.py, committed with the end of the session. Nothing here runs
within a request of a browser: a client that is down slows no page.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter

import structlog
from flask import Flask

from idp import clock
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.subjects import sid_of, subject_of
from idp.crypto import random_id
from idp.deliveries import Stopping, Worker, never
from idp.grants.logout_notices import EVERY_SESSION, waiting
from idp.grants.models import LogoutNotice
from idp.keys import keyring
from idp.oidc.encryption import encrypted
from idp.oidc.errors import UnusableClientKeys
from idp.outbound import OutboundError, outbound

log = structlog.get_logger(__name__)

LOGOUT_TOKEN_TYPE = "logout+jwt"  # noqa: S105
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS = 120  # at most, by section 2.4
BATCH = 50
CLIENTS_AT_ONCE = 8


def worker(app: Flask) -> Worker:
    """The thread that tells clients; start it in each server process."""
    return Worker(app, "logout notices", lambda stopping: deliver_due(app, stopping))


def deliver_due(app: Flask, stopping: Stopping = never) -> int:
    """Tell the clients what is due now, once. Returns how many notices were tried; failures are noted for later.

    When it is `stopping`, the notices under way are the last ones.
    """
    due = sorted(waiting.lease(clock.now(), BATCH), key=attrgetter("client_id", "id"))
    by_client = [list(notices) for _, notices in groupby(due, key=attrgetter("client_id"))]
    if by_client:
        with ThreadPoolExecutor(min(len(by_client), CLIENTS_AT_ONCE), "logout notices") as pool:
            list(pool.map(lambda notices: _tell(app, notices, stopping), by_client))
    return len(due)


def _tell(app: Flask, notices: Sequence[LogoutNotice], stopping: Stopping) -> None:
    """Deliver the notices of one client. Once it cannot be reached the others wait too: no time-out for each."""
    with app.app_context():
        client = registry.find(notices[0].client_id)
        away = ""
        for number, notice in enumerate(notices):
            if stopping():
                waiting.release([untried.id for untried in notices[number:]], clock.now())
                return
            if away:
                waiting.failed(notice, away, clock.now())
            else:
                away = _deliver(client, notice)


def _deliver(client: Client | None, notice: LogoutNotice) -> str:
    """Deliver one notice and note how it went. Returns why the client cannot be reached, if so."""
    if client is None or client.backchannel_logout_uri is None:
        _refused(notice, "the client is told no more")
        return ""
    try:
        token = logout_token(client, notice)
    except UnusableClientKeys as error:
        _failed(notice, error.description)
        return ""
    try:
        answer = outbound().post_form(client.backchannel_logout_uri, {"logout_token": token})
    except OutboundError as error:
        reason = f"{type(error).__name__}: {error}"
        _failed(notice, reason)
        return reason
    if answer.status in {200, 204}:  # section 2.8
        waiting.sent(notice.id, clock.now())
        log.info("logout told", client_id=notice.client_id, attempts=notice.attempts)
    elif answer.status == 400:
        _refused(
            notice, "status 400: the client says that the logout token is wrong, or that its logout failed"
        )
    else:
        _failed(notice, f"status {answer.status}")
    return ""


def _failed(notice: LogoutNotice, reason: str) -> None:
    waiting.failed(notice, reason, clock.now())
    log.warning("logout not told yet", client_id=notice.client_id, attempts=notice.attempts, reason=reason)


def _refused(notice: LogoutNotice, reason: str) -> None:
    waiting.failed(notice, reason, clock.now(), for_good=True)
    log.warning("logout not told", client_id=notice.client_id, attempts=notice.attempts, reason=reason)


def logout_token(client: Client, notice: LogoutNotice) -> str:
    """A logout token (section 2.4), signed and encrypted as the client's ID tokens are. Raises UnusableClientKeys.

    Made anew for each try: it is short-lived.
    """
    now = clock.timestamp()
    session = {"sid": sid_of(client, notice.sid)} if notice.sid != EVERY_SESSION else {}
    claims = {
        "iss": rules().settings.issuer,
        "sub": subject_of(client, notice.account_id),
        "aud": client.client_id,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": random_id(),
        **session,
        "events": {LOGOUT_EVENT: {}},
    }
    return encrypted(
        client, "id_token", keyring().signing(client.id_token_alg).sign(claims, LOGOUT_TOKEN_TYPE)
    )

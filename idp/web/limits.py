"""Rate limits by Flask-Limiter: per address, and per name where one is typed. Settings `[limits]` say how many.

Its hooks run for pages only: they cost as much as a whole bare request, and the protocol's hot paths need none.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

import structlog
from flask import Flask, current_app, has_app_context, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from idp import clock
from idp.accounts.rules import rules
from idp.crypto import keyed_hash
from idp.metrics import metrics
from idp.policy.usernames import comparison_key
from idp.sessions import browser
from idp.settings import Limits, Settings, UnusableSettings
from idp.web import visitors

log = structlog.get_logger(__name__)

limiter = Limiter(
    visitors.address, in_memory_fallback_enabled=True, strategy="moving-window", headers_enabled=False
)


class _CountFallbacks(logging.Handler):
    """Flask-Limiter tells only its log when it begins to count in this process."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING and has_app_context():
            metrics().limit_fallbacks.inc()


class TooManyErrors(Exception):
    """Too many failed protocol requests from one address; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many errors")
        self.retry_after = retry_after


def init_app(app: Flask, settings: Settings, *blueprints: str) -> None:
    """Open the counters' storage and limit the views of `blueprints`. Raises UnusableSettings."""
    _check(settings.limits)
    # A Redis that does not answer must not hold a login up: these are seconds.
    patience = (
        {"socket_connect_timeout": 1, "socket_timeout": 1}
        if settings.limits.storage.startswith("redis")
        else {}
    )
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.limits.storage,
        RATELIMIT_STORAGE_OPTIONS={"wrap_exceptions": True, **patience},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
    )
    limiter.init_app(app)
    limiter.logger.handlers[:] = [_CountFallbacks()]
    app.extensions["limits alone"] = MovingWindowRateLimiter(MemoryStorage())
    for hooks in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
        hook = hooks[None].pop()
        for blueprint in blueprints:
            cast("dict[str | None, list[Any]]", hooks).setdefault(blueprint, []).append(hook)


def _check(limits: Limits) -> None:
    """Flask-Limiter would leave out a limit that it cannot read."""
    for name, value in limits:
        if name != "storage":
            try:
                parse_many(value)
            except ValueError as error:
                message = f'"{value}" is not a limit such as "20/hour" or "60/hour;20/minute"'
                raise UnusableSettings(f"limits.{name}: {message}") from error


def setting(name: str) -> Callable[[], str]:
    """The value of `limits.<name>`, read at each request."""
    return lambda: cast("str", getattr(rules().settings.limits, name))


def typed_name(field: str) -> Callable[[], str]:
    """The key of a limit per typed name: keyed, so that the counters' storage holds no names.

    Who sends the field empty counts by address: they share a name with everybody who forgot it.
    """

    def key() -> str:
        name = request.form.get(field, "")
        return name_key(name) if comparison_key(name) else f"no name {visitors.address()}"

    return key


def name_key(name: str) -> str:
    return "name " + keyed_hash(rules().vault.derive("rate limits"), comparison_key(name))


def known_device(field: str) -> Callable[[], bool]:
    """Whether this browser has logged in as the typed name before: strangers' tries do not bind it."""

    def exempt() -> bool:
        key = comparison_key(request.form.get(field, ""))
        return browser.knows_device_by_name(visitors.visitor().device, key)

    return exempt


def retry_after(_error: RateLimitExceeded) -> int:
    """Seconds until the limit that was hit opens again."""
    current = limiter.current_limit
    return max(1, int(current.reset_at - clock.now().timestamp()) + 1) if current else 60


def count_error(name: str) -> None:
    """Count one failed protocol request against the setting `limits.<name>`. Raises TooManyErrors.

    Without Redis this worker counts by itself.
    """
    address = visitors.address()
    for item in parse_many(setting(name)()):
        try:
            _hit(limiter.limiter, item, name, address)
        except StorageError as error:
            log.warning("rate limits not shared", error=str(error))
            metrics().limit_fallbacks.inc()
            _hit(current_app.extensions["limits alone"], item, name, address)


def _hit(counters: RateLimiter, item: RateLimitItem, name: str, address: str) -> None:
    if not counters.hit(item, name, address):
        reset_at = counters.get_window_stats(item, name, address).reset_time
        raise TooManyErrors(max(1, int(reset_at - clock.now().timestamp()) + 1))

"""Rate limits by Flask-Limiter: per address, and per name where one is typed. Settings `[limits]` say how many.

Its hooks run for pages only: they cost as much as a whole bare request, and the protocol's hot paths need none.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from flask import Flask, Response, current_app, has_app_context, request
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

REST_SECONDS = 5.0  # in which nobody asks a storage that has failed; then one request tries

limiter = Limiter(
    visitors.network, in_memory_fallback_enabled=True, strategy="moving-window", headers_enabled=False
)


class _CountFallbacks(logging.Handler):
    """Flask-Limiter tells only its log when it begins to count in this process."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING and has_app_context():
            metrics().limit_fallbacks.inc()


class _Storage:
    """Whether the workers' common storage is worth asking: a Redis that is there and says nothing costs a second."""

    def __init__(self) -> None:
        self._resting_until = 0.0

    def is_worth_asking(self) -> bool:
        now = time.monotonic()
        if not self._resting_until:
            return True
        if now < self._resting_until:
            return False
        self._resting_until = now + REST_SECONDS  # the others wait for what this one finds
        return True

    def has_failed(self) -> None:
        self._resting_until = time.monotonic() + REST_SECONDS

    def has_answered(self) -> None:
        self._resting_until = 0.0


class TooMany(Exception):
    """A limit that the code counts by itself is spent; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many")
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
    app.extensions["limits shared"] = MovingWindowRateLimiter(limiter.storage)
    app.extensions["limits alone"] = MovingWindowRateLimiter(MemoryStorage())
    app.extensions["limits storage"] = _Storage()
    for hooks in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
        hook = hooks[None].pop()
        if hooks is app.after_request_funcs:
            hook = _never_in_the_way(cast("Callable[[Response], Response]", hook))
        for blueprint in blueprints:
            cast("dict[str | None, list[Any]]", hooks).setdefault(blueprint, []).append(hook)


def _never_in_the_way(hook: Callable[[Response], Response]) -> Callable[[Response], Response]:
    """What is counted after the answer: Redis may have gone meanwhile, the answer still goes out."""

    def after(response: Response) -> Response:
        try:
            return hook(response)
        except StorageError as error:
            _not_shared(error)
            return response

    return after


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


def failed(response: Response) -> bool:
    """Whether somebody did not get in: what a limit on logins counts, so that many people may share an address.

    Counted after the answer, by `deduct_when`. As many tries too many as there are request threads can slip in at once;
    guesses at one account are counted one by one by the lockout.
    """
    return response.status_code != 303


def typed_name(field: str) -> Callable[[], str]:
    """The key of a limit per typed name: keyed, so that the counters' storage holds no names.

    Who sends the field empty counts by address: they share a name with everybody who forgot it.
    """

    def key() -> str:
        name = request.form.get(field, "")
        return name_key(name) if comparison_key(name) else f"no name {visitors.network()}"

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
    """Count one failed protocol request against the setting `limits.<name>`. Raises TooMany."""
    count(name, visitors.network())


def count(name: str, key: str) -> None:
    """Count something that whom `key` names has done against the setting `limits.<name>`. Raises TooMany."""
    _judge(name, key, lambda counters: counters.hit)


def count_mail(door: str, name: str) -> None:
    """Count a message that is about to be sent to a typed name. Raises TooMany.

    Not each time that the form is sent: what has errors mails nothing. Each door counts by itself, lest strangers at
    one shut the owner out of the others.
    """
    count("mail_per_name", f"{door} {name_key(name)}")


def mail_is_spent(door: str, name: str) -> bool:
    """As `count_mail`, where the page must not tell. The browsers of who has logged in by that name are not bound."""
    known = browser.knows_device_by_name(visitors.visitor().device, comparison_key(name))
    try:
        count_mail(door, name)
    except TooMany:
        return not known
    return False


def refuse_if_spent(name: str) -> None:
    """Refuse, without counting, whoever has none left of the setting `limits.<name>`. Raises TooMany."""
    _judge(name, visitors.network(), lambda counters: counters.test)


def _judge(name: str, key: str, act: Callable[[RateLimiter], Callable[..., bool]]) -> None:
    """Without Redis this worker counts by itself."""
    storage: _Storage = current_app.extensions["limits storage"]
    for item in parse_many(setting(name)()):
        if storage.is_worth_asking():
            try:
                _refuse_unless(act, current_app.extensions["limits shared"], item, name, key)
            except StorageError as error:
                storage.has_failed()
                _not_shared(error)
            except TooMany:
                storage.has_answered()
                raise
            else:
                storage.has_answered()
                continue
        _refuse_unless(act, current_app.extensions["limits alone"], item, name, key)


def _not_shared(error: StorageError) -> None:
    log.warning("rate limits not shared", error=str(error))
    metrics().limit_fallbacks.inc()


def _refuse_unless(
    act: Callable[[RateLimiter], Callable[..., bool]],
    counters: RateLimiter,
    item: RateLimitItem,
    name: str,
    key: str,
) -> None:
    if not act(counters)(item, name, key):
        reset_at = counters.get_window_stats(item, name, key).reset_time
        raise TooMany(max(1, int(reset_at - clock.now().timestamp()) + 1))

"""/metrics: what Prometheus reads. Only for who has the token or comes from an allowed network; else it is not there.

Numbers of requests come from every worker of this server; those of the database (mail that waits, the age of keys) are
asked for at each reading and are the same on every machine.
"""

import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, abort, request
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, database, keys
from idp import metrics as counted
from idp.accounts.rules import rules
from idp.crypto import equal
from idp.database import DatabaseUnavailable
from idp.deliveries import Backlog
from idp.grants import logout_notices
from idp.mail import outbox
from idp.metrics import metrics
from idp.settings import Metrics, Settings
from idp.web import visitors
from idp.web.logs import TimedRequest

blueprint = Blueprint("metrics", __name__)

_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")


def init_app(app: Flask, settings: Settings) -> None:
    """Count requests and show the numbers, if anybody may see them."""
    app.register_blueprint(blueprint)
    wanted = settings.metrics
    if not wanted.token and not wanted.allowed_networks:
        return

    with app.app_context():
        numbers, spent = metrics(), database.spent

    @app.after_request
    def count(response: Response) -> Response:
        asked: TimedRequest = request._get_current_object()  # type: ignore[attr-defined]  # once, at the price of one
        rule = asked.url_rule
        endpoint = "none" if rule is None else rule.endpoint
        numbers.request(endpoint, response.status_code, time.perf_counter() - asked.began, spent.take())
        return response


@blueprint.get("/metrics")
def show() -> Response:
    wanted, trusted = rules().settings.metrics, rules().settings.server.trusted_proxies
    if not _has_token(wanted) and not _comes_from_allowed_network(wanted, trusted):
        if wanted.token:
            return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        abort(404)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(_Everything()), content_type=content_type, headers={"Cache-Control": "no-store"})


def _has_token(wanted: Metrics) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(wanted.token) and kind.lower() == "bearer" and equal(given.strip(), wanted.token)


def _comes_from_allowed_network(wanted: Metrics, trusted_proxies: int) -> bool:
    """A request that a proxy passed on comes from nowhere in particular unless the settings trust that proxy."""
    if not trusted_proxies and any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(visitors.address())
    except ValueError:
        return False
    return any(address in network for network in wanted.allowed_networks)


class _Everything(Collector):
    """What the workers have counted, and what the database knows."""

    def collect(self) -> Iterable[Metric]:
        yield from counted.collected(metrics()).collect()
        up = GaugeMetricFamily("tunnus_database_up", "Whether the database answers.")
        try:
            stored = list(_stored())
        except (DatabaseUnavailable, SQLAlchemyError):
            stored = []
        up.add_metric([], float(bool(stored)))
        yield from (up, *stored)


def _stored() -> Iterator[GaugeMetricFamily]:
    now = clock.now()
    waiting = GaugeMetricFamily("tunnus_waiting", "Deliveries that wait.", labels=("kind",))
    oldest = GaugeMetricFamily(
        "tunnus_waiting_oldest_seconds", "Age of the oldest delivery that waits; 0: none.", labels=("kind",)
    )
    backlogs: dict[str, Backlog] = {
        "mail": outbox.backlog(),
        "logout_notice": logout_notices.waiting.backlog(),
    }
    for kind, backlog in backlogs.items():
        waiting.add_metric([kind], backlog.count)
        age = (now - backlog.oldest).total_seconds() if backlog.oldest else 0.0
        oldest.add_metric([kind], age)
    yield from (waiting, oldest)
    undeliverable = GaugeMetricFamily(
        "tunnus_undeliverable", "Deliveries given up in the last 24 hours.", labels=("kind",)
    )
    undeliverable.add_metric(["mail"], outbox.undeliverable(now))
    undeliverable.add_metric(["logout_notice"], logout_notices.waiting.undeliverable(now))
    yield undeliverable
    age_of_keys = GaugeMetricFamily(
        "tunnus_signing_key_age_seconds", "Time that a key has been signing.", labels=("alg",)
    )
    for alg, since in keys.active_since().items():
        age_of_keys.add_metric([alg], (now - since).total_seconds())
    yield age_of_keys

"""The demo's broker of strong identification, really running, and a provider on a port that is its client.

Keys are made once for the whole test run: making RSA keys is what would take the time.
"""

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from flask import Flask
from joserfc.jwk import RSAKey

from idp import clock, upstream
from idp.accounts.rules import rules
from idp.crypto import random_id
from idp.database import writing
from idp.demo.broker import Broker, BrokerConfig, create_broker
from idp.demo.broker_clients import BrokerClient
from idp.demo.broker_faults import Fault
from idp.demo.broker_keys import BrokerKeys
from idp.settings import project_folder
from idp.upstream import identification, keys, tickets
from idp.upstream.identification import Outcome, Purpose
from idp.upstream.models import UpstreamKey
from idp.upstream.providers import UpstreamUnavailable
from idp.upstream.tickets import Identified
from tests.support.ports import free_port
from tests.support.relying_party import serving

CLIENT_ID = "tunnus-test"
LEVEL = "http://ftn.ficora.fi/2017/loatest2"
BROWSER = "value of the browser's cookie"


@functools.cache
def _our_keys() -> tuple[tuple[str, str, str], ...]:
    """use, state and private key of each key that a provider needs."""
    wanted = (("sig", "active"), ("sig", "next"), ("enc", "active"), ("entity", "active"))
    return tuple(
        (use, state, json.dumps(RSAKey.generate_key(2048).as_dict(private=True))) for use, state in wanted
    )


@functools.cache
def _brokers_keys() -> tuple[RSAKey, RSAKey]:
    made = BrokerKeys()
    return made.entity, made.signing


def give_keys(app: Flask) -> None:
    """Put keys into the app's database, instead of having it make them."""
    with app.app_context(), writing() as session:
        session.add_all(
            UpstreamKey(
                kid=random_id(),
                use=use,
                state=state,
                sealed_private_key=rules().vault.encrypt(private),
                created_at=clock.now(),
                activated_at=clock.now() if state == keys.ACTIVE else None,
            )
            for use, state, private in _our_keys()
        )


def upstream_settings(broker: str, **more: Any) -> dict[str, Any]:
    """The section of a provider that is a client of the broker."""
    return {"issuer": broker, "client_id": CLIENT_ID, "acr": LEVEL, **more}


def where_to() -> str | None:
    """The broker's authorization endpoint as the provider of the running app knows it; None while it does not."""
    try:
        return upstream.provider()._broker.metadata().authorization_endpoint  # type: ignore[attr-defined, no-any-return]
    except (UpstreamUnavailable, KeyError):
        return None


@contextmanager
def running_broker(provider: str, port: int, **config: Any) -> Iterator[Broker]:
    """The broker, at that port of this machine, with a provider as its client. `config` is laid over BrokerConfig."""
    templates = project_folder("templates")
    entity, signing = _brokers_keys()
    client = BrokerClient(
        CLIENT_ID, (f"{provider}/upstream/callback",), f"{provider}/upstream/entity-statement"
    )
    values: dict[str, Any] = {
        "issuer": f"http://localhost:{port}",
        "clients": {CLIENT_ID: client},
        "keys": BrokerKeys(entity, signing),
        "template_folder": templates,
        "asset_folder": templates / "assets",
    }
    app = create_broker(BrokerConfig(**(values | config)))
    broker: Broker = app.extensions["broker"]
    with serving(app, port):
        yield broker
        broker.config.slow.set()


@dataclass
class Bench:
    """A provider and its broker. What a browser does between them is done here, step by step."""

    app: Flask
    broker: Broker

    def begin(self, purpose: Purpose = Purpose.REGISTRATION, browser: str = BROWSER, **more: Any) -> str:
        """The address that the browser is sent to."""
        values: dict[str, Any] = {
            "language": "fi",
            "request_id": None,
            "client_id": None,
            "account_id": None,
            "service_name": "Asiointipalvelu",
            **more,
        }
        with self.app.app_context():
            return identification.begin(purpose, browser=browser, **values)

    def visit(self, address: str) -> httpx.Response:
        """The broker's page with the people."""
        return httpx.get(address, follow_redirects=True, trust_env=False)

    def choose(self, address: str, person: str = "maija", **form: str) -> dict[str, str]:
        """Be somebody at the broker; the parameters that the browser brings back."""
        page = self.visit(address)
        assert page.status_code == 200, page.headers.get("X-Broker-Error")
        return self.answer(page, person, **form)

    def answer(self, page: httpx.Response, person: str, **form: str) -> dict[str, str]:
        """Choose on the page with the people."""
        answer = httpx.post(page.url, data={"person": person, **form}, trust_env=False)
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["Location"])
        assert back.path == "/upstream/callback"
        return dict(parse_qsl(back.query))

    def finish(self, parameters: dict[str, str], browser: str | None = BROWSER) -> Outcome:
        with self.app.app_context():
            return identification.finish(parameters, browser=browser)

    def identify(
        self, person: str = "maija", fault: Fault | None = None, browser: str = BROWSER, **more: Any
    ) -> Outcome:
        """All of it."""
        self.broker.config.fault = fault
        try:
            return self.finish(self.choose(self.begin(browser=browser, **more), person), browser)
        finally:
            self.broker.config.fault = None

    def found(self, outcome: Outcome, browser: str = BROWSER) -> Identified:
        """Who an outcome's ticket is of."""
        with self.app.app_context():
            identified = tickets.find(outcome.ticket, browser=browser)
        assert identified is not None
        return identified

    def person(self, person: str = "maija") -> Identified:
        return self.found(self.identify(person))


@contextmanager
def bench(
    make_app: Any,
    *,
    upstream: dict[str, Any] | None = None,
    config: Any = None,
    port: int | None = None,
    **sections: Any,
) -> Iterator[Bench]:
    """A provider and its broker, each on a port; settings and configuration are laid over the usual ones."""
    provider, port = free_port(), port or free_port()
    issuer = f"http://localhost:{provider}"
    hosts = {"allowed_hosts": ["localhost"], "timeout_seconds": 5}
    app = make_app(
        issuer=issuer,
        upstream=upstream_settings(f"http://localhost:{port}", **(upstream or {})),
        outbound={**hosts, **sections.pop("outbound", {})},
        **sections,
    )
    give_keys(app)
    with serving(app, provider), running_broker(issuer, port, **(config or {})) as broker:
        yield Bench(app, broker)

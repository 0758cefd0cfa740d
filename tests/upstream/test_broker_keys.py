"""What we take from the broker's publications: only its own, only signed where that is wanted, and not for ever."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from idp.demo.broker import Broker
from idp.demo.broker_keys import BrokerKeys
from idp.settings import UnusableSettings
from idp.upstream.broker import Broker as Client
from idp.upstream.openid_connect import OpenIdConnect
from idp.upstream.providers import Refusal, Refused, UpstreamUnavailable
from tests.conftest import AppFactory
from tests.support.broker import Bench, bench, give_keys, running_broker, upstream_settings, where_to
from tests.support.moments import MovableClock
from tests.support.ports import free_port

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def file_of(folder: Path, *trusted: RSAKey) -> str:
    path = folder / "entity-keys.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in trusted]}))
    return str(path)


@pytest.fixture
def entity() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "entity"})


def test_keys_signed_with_a_trusted_entity_key_are_taken(
    make_app: AppFactory, tmp_path: Path, entity: RSAKey
) -> None:
    trusted = {"trusted_keys": file_of(tmp_path, entity)}
    with bench(make_app, upstream=trusted, config={"keys": BrokerKeys(entity)}) as place:
        assert place.person().family_name == "Meikäläinen"


def test_keys_signed_by_anybody_else_are_not(make_app: AppFactory, tmp_path: Path, entity: RSAKey) -> None:
    """Nor are the plain ones taken instead."""
    trusted = {"trusted_keys": file_of(tmp_path, entity)}
    impostor = RSAKey.generate_key(2048, {"kid": "entity"})
    with bench(make_app, upstream=trusted, config={"keys": BrokerKeys(impostor)}) as place:
        assert place.identify().refusal is Refusal.FAILED


@pytest.mark.parametrize(
    ("config", "upstream"),
    [
        ({"keys_type": "JWS", "keys_in_metadata": False}, {"signed_jwks_uri": "{broker}/jwks.jwt"}),  # OP
        ({"keys_type": None, "keys_in_metadata": False}, {"signed_jwks_uri": "{broker}/jwks.jwt"}),
        (
            {"keys_type": "JWT", "entity_id": "https://ftn.example.fi"},
            {"entity_id": "https://ftn.example.fi"},
        ),
        ({"keys_type": None, "keys_say_whose": False}, {}),
    ],
)
def test_signed_keys_are_read_as_real_brokers_publish_them(
    make_app: AppFactory, tmp_path: Path, entity: RSAKey, config: dict[str, Any], upstream: dict[str, str]
) -> None:
    port = free_port()
    told = {name: value.format(broker=f"http://localhost:{port}") for name, value in upstream.items()}
    with bench(
        make_app,
        upstream={"trusted_keys": file_of(tmp_path, entity), **told},
        config={"keys": BrokerKeys(entity), **config},
        port=port,
    ) as place:
        assert place.person().family_name == "Meikäläinen"


def test_a_signed_key_set_that_nobody_names_is_asked_for(
    make_app: AppFactory, tmp_path: Path, entity: RSAKey
) -> None:
    with (
        bench(
            make_app,
            upstream={"trusted_keys": file_of(tmp_path, entity)},
            config={"keys": BrokerKeys(entity), "keys_in_metadata": False},
        ) as place,
        capture_logs() as lines,
        pytest.raises(UpstreamUnavailable),
    ):
        place.begin()
    assert "upstream.signed_jwks_uri" in lines[0]["reason"]


@pytest.mark.parametrize("spoilt", ["issuer", "type", "expired"])
def test_a_signed_key_set_must_be_the_brokers_own_and_of_now(
    make_app: AppFactory, tmp_path: Path, entity: RSAKey, moving_clock: MovableClock, spoilt: str
) -> None:
    keys = BrokerKeys(entity)
    good = keys.signed_set
    kept: list[str] = []
    spoil: dict[str, Callable[[str], str]] = {
        "issuer": lambda _: good("https://another-broker.example.fi"),
        "type": lambda issuer: keys._by_entity(
            "entity-statement+jwt", {"iss": issuer, "sub": issuer, **keys.published()}
        ),
        "expired": lambda issuer: (kept or kept.append(good(issuer)) or kept)[0],  # type: ignore[func-returns-value]
    }
    keys.signed_set = lambda issuer, _typ: spoil[spoilt](issuer or "")  # type: ignore[method-assign]
    with bench(
        make_app, upstream={"trusted_keys": file_of(tmp_path, entity)}, config={"keys": keys}
    ) as place:
        if spoilt == "expired":
            assert place.identify().ticket is not None
            moving_clock.move(hours=25)
        assert place.identify().refusal is Refusal.FAILED


def test_an_unreadable_file_of_trusted_keys_stops_the_start(make_app: AppFactory, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")

    for name in ("keys.json", "missing.json"):
        section = upstream_settings("https://broker.example.fi", trusted_keys=str(tmp_path / name))
        with pytest.raises(UnusableSettings, match=r"upstream\.trusted_keys"):
            make_app(upstream=section)


def test_the_metadata_of_another_issuer_are_not_taken(make_app: AppFactory) -> None:
    """OpenID Connect Discovery 4.3, ASVS 10.5.3."""
    port = free_port()
    with running_broker("http://localhost:1", port, issuer=f"http://localhost:{port}/other"):
        app = make_app(
            upstream=upstream_settings(f"http://localhost:{port}"), outbound={"allowed_hosts": ["localhost"]}
        )
        give_keys(app)
        with app.app_context():
            assert where_to() is None


def test_a_broker_that_is_away_for_a_while_is_remembered_for_a_day(
    make_app: AppFactory, moving_clock: MovableClock
) -> None:
    with bench(make_app) as place:
        place.person()
        target = f"{place.broker.config.issuer}/authorize"
    with place.app.app_context():  # the broker is gone
        moving_clock.move(hours=23)
        assert where_to() == target
        moving_clock.move(hours=2)
        assert where_to() is None


def test_a_broker_that_is_away_is_not_asked_again_at_once(
    make_app: AppFactory, moving_clock: MovableClock
) -> None:
    port = free_port()
    app = make_app(
        upstream=upstream_settings(f"http://localhost:{port}"), outbound={"allowed_hosts": ["localhost"]}
    )
    give_keys(app)
    with app.app_context():
        assert where_to() is None
        with running_broker("http://localhost:1", port):
            assert where_to() is None
            moving_clock.move(seconds=11)
            assert where_to() == f"http://localhost:{port}/authorize"


def test_a_broker_that_wants_its_requests_pushed_must_say_where(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(self: Broker) -> dict[str, Any]:
        return {k: v for k, v in told(self).items() if k != "pushed_authorization_request_endpoint"}

    told = Broker.metadata
    monkeypatch.setattr(Broker, "metadata", silent)
    with (
        bench(make_app, upstream={"request": "pushed"}) as place,
        pytest.raises(UpstreamUnavailable, match="pushed"),
    ):
        place.begin()


def test_a_broker_that_names_itself_in_every_answer_must_do_so(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9207 2.4."""
    told = Broker.metadata
    naming = {"authorization_response_iss_parameter_supported": True}
    monkeypatch.setattr(Broker, "metadata", lambda self: told(self) | naming)
    with bench(make_app) as place:
        parameters = place.choose(place.begin())
        assert place.finish(parameters).refusal is Refusal.FAILED
        parameters = place.choose(place.begin())
        assert place.finish({**parameters, "iss": place.broker.config.issuer}).ticket is not None


def test_pkce_is_used_where_the_broker_takes_it(
    make_app: AppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Broker.metadata
    monkeypatch.setattr(
        Broker, "metadata", lambda self: told(self) | {"code_challenge_methods_supported": ["S256"]}
    )
    with bench(make_app) as place:
        assert place.identify().ticket is not None
        assert place.broker.last_request["code_challenge_method"] == "S256"


def test_production_does_not_talk_to_the_demos_broker(make_app: AppFactory, place: Bench) -> None:
    """However it is dressed up: it says what it is, and its levels and people are of tests."""
    settings = place.app.extensions["settings"]
    client = Client(settings.model_copy(update={"mode": "production"}))

    with place.app.app_context(), capture_logs() as lines, pytest.raises(UpstreamUnavailable):
        client.metadata()
    assert "the demo's broker" in lines[0]["reason"]


@pytest.mark.parametrize("code", ["010180-9004", "280453-111A", "310270-111A"])
def test_production_takes_no_code_that_no_person_can_have(place: Bench, code: str) -> None:
    """Artificial, with a wrong check character, of a day that no calendar has; test environments have such codes."""
    settings = place.app.extensions["settings"]
    production = OpenIdConnect(settings.model_copy(update={"mode": "production"}))

    with pytest.raises(Refused) as refused:
        production._identity_code(code)
    assert refused.value.refusal is Refusal.NO_IDENTITY_CODE
    assert code[:6] not in refused.value.reason
    assert OpenIdConnect(settings)._identity_code(code).value == code

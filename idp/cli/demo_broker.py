"""What `idp demo --strong` adds: a broker of strong identification, and the provider's settings for it."""

import json
from pathlib import Path

from idp.demo.broker import LEVELS
from idp.demo.broker_keys import BrokerKeys
from idp.settings import FAKE_BROKERS_CLIENT


def prepare(folder: Path, *, provider: str, broker: str) -> dict[str, str]:
    """Write what the broker reads at its start (broker.json), with an entity key that stays; the environment for the
    provider. Its trusted keys are a file, as with a real broker.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, trusted = folder / "broker.json", folder / "broker-entity-keys.json"
    if not path.is_file():
        entity = BrokerKeys().entity
        path.touch(mode=0o600)
        path.write_text(json.dumps({"entity_key": entity.as_dict(private=True)}) + "\n", encoding="utf-8")
        trusted.write_text(json.dumps({"keys": [entity.as_dict(private=False)]}) + "\n", encoding="utf-8")
    contents = json.loads(path.read_text(encoding="utf-8"))
    contents |= {"issuer": broker, "provider": provider, "client_id": FAKE_BROKERS_CLIENT}
    path.write_text(json.dumps(contents) + "\n", encoding="utf-8")
    return {
        "IDP_UPSTREAM_ISSUER": broker,
        "IDP_UPSTREAM_CLIENT_ID": FAKE_BROKERS_CLIENT,
        "IDP_UPSTREAM_ACR": LEVELS[0],
        "IDP_UPSTREAM_TRUSTED_KEYS": str(trusted),
        "IDP_ACCOUNTS_REGISTRATION_ASSURANCE": "strong",
    }

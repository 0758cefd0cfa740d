"""The demo's broker, as a process of its own: `python -m idp.demo.run_broker <broker.json>`."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from idp.demo.broker import BrokerConfig, create_broker
from idp.demo.broker_clients import BrokerClient
from idp.demo.broker_keys import BrokerKeys
from idp.demo.run_eservice import QuietHandler
from idp.settings import project_folder


def main() -> None:
    contents = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    provider, client_id = contents["provider"], contents["client_id"]
    client = BrokerClient(
        client_id, (f"{provider}/upstream/callback",), f"{provider}/upstream/entity-statement"
    )
    templates = project_folder("templates")
    address = urlsplit(contents["issuer"])
    elsewhere = f"http://127.0.0.1:{address.port}" if address.hostname == "localhost" else ""
    app = create_broker(
        BrokerConfig(
            issuer=contents["issuer"],
            clients={client_id: client},
            keys=BrokerKeys(RSAKey.import_key(contents["entity_key"])),
            template_folder=templates,
            asset_folder=templates / "assets",
            chooser=elsewhere,
        )
    )
    make_server(
        "127.0.0.1", address.port or 8402, app, threaded=True, request_handler=QuietHandler
    ).serve_forever()


if __name__ == "__main__":
    main()

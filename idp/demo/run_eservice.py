"""The demo e-service, as a process of its own: `python -m idp.demo.run_eservice <demo.json>`."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

from idp.demo.eservice import EserviceConfig, create_eservice
from idp.settings import project_folder


class QuietHandler(WSGIRequestHandler):
    """Requests of the demo are not worth a line each."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main() -> None:
    contents = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    client = contents["confidential_client"]
    templates = project_folder("templates")
    app = create_eservice(
        EserviceConfig(
            issuer=contents["issuer"],
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            base_url=contents["eservice"],
            secret_key=contents["eservice_secret_key"],
            template_folder=templates,
            asset_folder=templates / "assets",
        )
    )
    address = urlsplit(contents["eservice"])
    make_server(
        "127.0.0.1", address.port or 8401, app, threaded=True, request_handler=QuietHandler
    ).serve_forever()


if __name__ == "__main__":
    main()

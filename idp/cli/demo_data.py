"""Preparing a demo: a data folder with random secrets, a resident, clients. Written into demo.json for automation."""

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from idp import create_app, database, settings
from idp.accounts import creation, roles
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.clients import registration
from idp.crypto import random_token
from idp.database import writing
from idp.policy.usernames import EmailAddress

RESIDENT = "maija.meikalainen@example.fi"
ADMIN = "paakayttaja@example.fi"


class MadeForOtherAddresses(Exception):
    """The data folder belongs to a demo on other addresses, which are registered in it."""


@dataclass(frozen=True)
class Prepared:
    environment: dict[str, str]
    contents: dict[str, Any]


def forget(folder: Path) -> None:
    """Delete an earlier demo, if the folder is one."""
    if (folder / "demo.json").is_file():
        shutil.rmtree(folder)


def prepare(folder: Path, files: list[Path], *, provider: str, eservice: str) -> Prepared:
    """Make the demo's data, or take what an earlier start made. Raises MadeForOtherAddresses."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if known and (known["issuer"], known["eservice"]) != (provider, eservice):
        raise MadeForOtherAddresses(
            f"the demo in {folder} is one of {known['issuer']} and {known['eservice']}; "
            "--fresh starts over, --data chooses another folder"
        )
    key = known.get("secret_key") or random_token()
    environment = {
        "IDP_FOLDERS_DATA": str(folder),
        "IDP_SECRETS_KEYS": json.dumps([key]),
        "IDP_ISSUER": provider,
        "IDP_SERVER_PORT": str(urlsplit(provider).port or 8400),
    }
    os.environ.update(environment)
    app = create_app(settings.load(*files))
    with app.app_context():
        database.upgrade()
        contents = known or _populate(provider, eservice, key)
        if "admin" not in contents:  # of a version that had no administrators
            contents = {**contents, "admin": _admin()}
    if contents != known:
        path.touch(mode=0o600)
        path.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
    return Prepared(environment, contents)


def _populate(provider: str, eservice: str, key: str) -> dict[str, Any]:
    password = f"Demo-{secrets.token_hex(4)}-Aa1"
    subject = creation.create_resident(
        EmailAddress.parse(RESIDENT),
        password,
        given_name="Maija",
        family_name="Meikäläinen",
        language="fi",
        activated=True,
        terms_accepted=True,
        claims={},
        rules=rules(),
    )
    confidential, public = _eservice_metadata(eservice), _public_metadata()
    with writing() as session:
        client_id, client_secret = registration.create(
            session, confidential, client_id="demo-e-service", plain_http=True
        )
        public_id, _ = registration.create(session, public, client_id="demo-public", plain_http=True)
    return {
        "issuer": provider,
        "eservice": eservice,
        "inbox": f"{provider}/demo/inbox.json",
        "secret_key": key,
        "resident": {"username": RESIDENT, "password": password, "sub": subject},
        "admin": _admin(),
        "confidential_client": {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": confidential["redirect_uris"],
        },
        "public_client": {"client_id": public_id, "redirect_uris": public["redirect_uris"]},
        "eservice_secret_key": random_token(),
    }


def _admin() -> dict[str, str]:
    password = f"Demo-{secrets.token_hex(4)}-Aa1"
    subject = creation.create_resident(
        EmailAddress.parse(ADMIN),
        password,
        given_name="Paavo",
        family_name="Pääkäyttäjä",
        language="fi",
        activated=True,
        terms_accepted=True,
        claims={},
        rules=rules(),
    )
    roles.choose(subject, [Role.ADMIN], OPERATOR)
    return {"username": ADMIN, "password": password, "sub": subject}


def _eservice_metadata(eservice: str) -> dict[str, Any]:
    # Both names of this machine, each once: browsers take them for two sites.
    bases = dict.fromkeys((eservice, eservice.replace("localhost", "127.0.0.1")))
    return {
        "client_name": "Esimerkkikunnan asiointipalvelu",
        "client_name#sv": "Exempelkommunens e-tjänst",
        "client_name#en": "E-services of Example Municipality",
        "client_uri": f"{eservice}/",
        "initiate_login_uri": f"{eservice}/login",
        "backchannel_logout_uri": f"{eservice}/backchannel-logout",
        "backchannel_logout_session_required": True,
        "redirect_uris": [f"{base}/callback" for base in bases],
        "post_logout_redirect_uris": [f"{base}/logged-out" for base in bases],
        "scope": "openid profile email address phone offline_access",
        "grant_types": ["authorization_code", "refresh_token"],
        "contacts": ["asiointi@example.fi"],
    }


def _public_metadata() -> dict[str, Any]:
    return {
        "client_name": "Esimerkkisovellus",
        "client_name#sv": "Exempelappen",
        "client_name#en": "Example app",
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "post_logout_redirect_uris": ["http://127.0.0.1/logged-out"],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile email offline_access",
        "grant_types": ["authorization_code", "refresh_token"],
    }

"""A program at the administrators' REST API, with a token of its own."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from idp.accounts.roles import OPERATOR
from idp.clients import management
from idp.clients.managed import ADMIN_API
from idp.clients.management import Wanted
from tests.support.people import App

SCOPES = ("admin:clients", "admin:accounts", "admin:audit")
MERGE_PATCH = "application/merge-patch+json"


def machine_metadata(name: str, *scopes: str) -> dict[str, Any]:
    return {"client_name": name, "grant_types": ["client_credentials"], "scope": " ".join(scopes)}


class Machine:
    """Calls the API as a client that has `scopes`."""

    def __init__(self, app: Flask, *scopes: str, client_id: str = "") -> None:
        self.app = app
        client_id = client_id or "-".join(["machine", *(scope.partition(":")[2] for scope in scopes)])
        with app.app_context():
            wanted = Wanted(machine_metadata("Machine", *scopes))
            made, secret = management.create(wanted, OPERATOR, client_id=client_id)
        self.client = App(made.client_id, secret, "")
        self.token = self.new_token()

    @property
    def name(self) -> str:
        """In the audit log."""
        return f"client:{self.client.client_id}"

    def new_token(self, **parameters: str) -> str:
        fields = {"grant_type": "client_credentials", **parameters}
        answer = self.app.test_client().post("/oauth2/token", data=fields, auth=self.client.basic)
        return str(answer.get_json()["access_token"])

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """`options` are those of Werkzeug's test client; `if_match` and `token` are short for headers."""
        headers = {"Authorization": f"Bearer {options.pop('token', self.token)}"}
        if (etag := options.pop("if_match", None)) is not None:
            headers["If-Match"] = etag
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        if method == "PATCH":
            options.setdefault("content_type", MERGE_PATCH)
        browser = self.app.test_client(use_cookies=False)
        return browser.open(ADMIN_API + path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        """What stands there."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()


def problem(answer: TestResponse) -> tuple[int, str]:
    """Status and name of the problem that an answer tells."""
    assert answer.content_type == "application/problem+json", answer.get_data(as_text=True)
    content = answer.get_json()
    assert content["status"] == answer.status_code
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, content["type"].removeprefix("urn:tunnus:problem:")


def faults(answer: TestResponse) -> list[str]:
    """Where the faults of an invalid request are."""
    assert problem(answer) == (422, "invalid")
    return [fault.get("pointer") or fault["parameter"] for fault in answer.get_json()["errors"]]

"""The document of the administrators' API and its answers agree, for requests that Schemathesis makes of it."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import schemathesis
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from idp import clock, create_app
from idp.accounts import invitations
from idp.accounts.details import Details
from idp.accounts.models import ACTIVE, CLOSING, DISABLED, Account
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.admin.api.operations import PICTURES
from idp.clients.managed import ADMIN_API
from idp.clients.models import ClientApp
from idp.crypto import hash_token
from idp.database import writing
from idp.policy.usernames import EmailAddress
from idp.upstream.models import StrongIdentity
from tests.admin.machine import SCOPES, Machine
from tests.conftest import make_settings
from tests.support.people import People

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
]
EXAMPLES = int(os.environ.get("IDP_TEST_EXAMPLES", "8"))
"""The same ones each time, so that a run can be repeated. More, chosen by chance, find more in a run of their own."""

CONFIG = schemathesis.Config.from_dict(
    {"checks": {"missing_required_header": {"expected-statuses": [401, 422, 428]}}}  # 428: RFC 6585
)
for media_type in PICTURES:  # which no schema describes
    schemathesis.openapi.media_type(
        media_type, st.sampled_from([b"\x89PNG\r\n\x1a\n and so on", b"no picture"])
    )
schemathesis.openapi.media_type(
    "text/csv",
    st.sampled_from(
        [b"email,given_name,family_name\nmatti@example.fi,Matti,Virtanen\n", b"no,table\n1,2\n", b"\xff"]
    ),
)


@pytest.fixture
def database_url(sqlite_with_keys: Path, tmp_path: Path) -> str:
    """One engine is enough: what differs between them is below the API."""
    shutil.copy(sqlite_with_keys, tmp_path / "tunnus.db")
    return f"sqlite:///{tmp_path / 'tunnus.db'}"


@pytest.fixture
def machine(app: Flask) -> Machine:
    return Machine(app, *SCOPES)


schema = schemathesis.openapi.from_wsgi(
    f"{ADMIN_API}/openapi.json", create_app(make_settings()), config=CONFIG
)


class World:
    """A client app, an account and a registration that are there however often they are deleted."""

    STATUS: ClassVar = {"enable": DISABLED, "keep": CLOSING}

    def __init__(self, app: Flask, machine: Machine, people: People) -> None:
        self.app, self.machine, self.people = app, machine, people
        self.account = people.resident("maija@example.fi").id
        with app.app_context():
            email, details = (
                EmailAddress.parse("uusi@example.fi"),
                Details("Uusi", "Asukas", None, None, None, None),
            )
            self.invited = invitations.create_resident(email, details, OPERATOR, "fi", rules())
        self.answered: set[int] = set()

    def lead_somewhere(self, case: schemathesis.Case) -> None:
        """Let a request be about something that is there, and its condition hold, unless these are what is wrong."""
        if not _is_wrong(case, ParameterLocation.PATH):
            for name in case.path_parameters:
                case.path_parameters[name] = getattr(self, name)(case)
        if "If-Match" in case.headers and not _is_wrong(case, ParameterLocation.HEADER):
            case.headers["If-Match"] = self.machine.call("GET", case.formatted_path).headers.get(
                "ETag", '"-"'
            )

    def client_id(self, case: schemathesis.Case) -> str:
        if self.machine.call("GET", "/clients/invoices").status_code == 404:
            self.people.client("invoices")
        with self.app.app_context(), writing() as session:
            client = session.get_one(ClientApp, "invoices")
            client.enabled = not case.path.endswith("/enable")
            client.registration_token_hash = hash_token("a token")
            client.previous_secret_until = clock.now() + timedelta(hours=1)
        return "invoices"

    def account_id(self, case: schemathesis.Case) -> str:
        status = self.STATUS.get(case.path.rpartition("/")[2], ACTIVE)
        with self.app.app_context(), writing() as session:
            session.execute(sa.update(Account).values(status=status, erase_at=None))
            session.merge(
                StrongIdentity(
                    account_id=self.account,
                    person_key="0" * 64,
                    key_number=1,
                    given_names="Maija Kaarina",
                    family_name="Meikäläinen",
                    broker="https://broker.example.fi",
                    acr="http://ftn.ficora.fi/2017/loa2",
                    identified_at=clock.now(),
                )
            )
        return self.invited if case.path.endswith("/invite") else self.account

    def registration_id(self, _case: schemathesis.Case) -> str:
        found = self.machine.get("/accounts?q=odottaja")["items"]
        if not found:
            self.people.applicant("odottaja@example.fi")
            found = self.machine.get("/accounts?q=odottaja")["items"]
        return str(found[0]["id"])


def _is_wrong(case: schemathesis.Case, where: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(where)


@pytest.fixture
def world(app: Flask, machine: Machine, people: People) -> Iterator[World]:
    made = World(app, machine, people)
    yield made
    assert made.answered & {200, 201, 204}, "no request did what the operation is for"


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize="IDP_TEST_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_the_document_says(
    case: schemathesis.Case, app: Flask, machine: Machine, world: World
) -> None:
    world.lead_somewhere(case)
    answer = case.call_and_validate(
        app=app, headers={"Authorization": f"Bearer {machine.token}"}, checks=CHECKS
    )
    world.answered.add(answer.status_code)

"""What goes wrong at the API, as problem documents: its own refusals, and the named errors of the domain."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flask import Response

from idp.accounts.creation import CannotCreate
from idp.accounts.helping import NoAddress, NotNow, OwnAccount
from idp.accounts.roles import LastAdmin, NoSuchAccount, NotAllowed
from idp.accounts.searching import TooShort
from idp.admin.api import api
from idp.clients.managed import NoSuchClient
from idp.clients.management import ClientChangedMeanwhile, ClientExists, NoSecret, WrongState
from idp.policy.searching import SHORTEST
from idp.web import problems

OF_DOMAIN: Mapping[type[Exception], str] = {
    NoSuchClient: "not-found",
    NoSuchAccount: "not-found",
    NotAllowed: "not-allowed",
    ClientExists: "client-exists",
    ClientChangedMeanwhile: "changed-meanwhile",
    NoSecret: "no-secret",
    CannotCreate: "account-exists",
    NotNow: "wrong-state",
    WrongState: "wrong-state",
    OwnAccount: "wrong-state",
    LastAdmin: "last-admin",
    NoAddress: "no-address",
}


class Problem(Exception):
    """The request is refused; `name` is one of idp/web/problems.py."""

    def __init__(
        self,
        name: str,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.name, self.detail, self.errors, self.headers = name, detail, errors, headers or {}


def pointer(*path: str | int) -> str:
    """Where something is in the body: a JSON pointer as a URI fragment (RFC 6901 section 6)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join(f"/{quote(step, safe='~')}" for step in steps)


def at(detail: str, *path: str | int) -> dict[str, str]:
    """A fault of the body."""
    return {"detail": detail, "pointer": pointer(*path)}


def of_parameter(detail: str, name: str) -> dict[str, str]:
    """A fault of a query parameter."""
    return {"detail": detail, "parameter": name}


@api.errorhandler(Problem)
def refused(problem: Problem) -> Response:
    response = problems.answer(problem.name, problem.detail, problem.errors)
    response.headers.update(problem.headers)
    return response


@api.errorhandler(TooShort)
def too_short(_error: Any) -> Response:
    return problems.answer("invalid", errors=[of_parameter(f"at least {SHORTEST} characters", "q")])


def _of_domain(error: Exception) -> Response:
    response = problems.answer(OF_DOMAIN[type(error)])
    if isinstance(error, NotAllowed):
        response.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
    return response


for _error in OF_DOMAIN:
    api.register_error_handler(_error, _of_domain)

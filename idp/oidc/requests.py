"""HTTP requests as Authlib wants them, with the issuer's address instead of the Host header's."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from flask import request
from werkzeug.datastructures import MultiDict

from idp.accounts.rules import rules


class Payload(OAuth2Payload):
    """The parameters of a request; each has one value, which is checked before."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data

    @property
    def data(self) -> Mapping[str, str]:
        return self._data

    @property
    def datalist(self) -> "defaultdict[str, list[str]]":
        return defaultdict(list, {key: [value] for key, value in self._data.items()})


class ProviderRequest(OAuth2Request):
    """One request to a protocol endpoint. `parameters` may also come from a stored authorization request."""

    def __init__(self, parameters: Mapping[str, str], method: str | None = None) -> None:
        # Authlib's constructor is not called: it would judge the scheme by the Host header.
        self.method = method or request.method
        self.uri = rules().settings.issuer + request.path
        self.headers = request.headers
        self.payload = Payload(with_value(parameters))
        self._body = None
        self._scope: str | None = None
        self.client: Any = None
        self.auth_method: str | None = None
        self.user: Any = None
        self.authorization_code: Any = None
        self.refresh_token: Any = None
        self.credential: Any = None

    @property
    def args(self) -> Mapping[str, str]:
        return request.args

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data if self.method == "POST" else {}


def with_value(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters but those without a value, which count as omitted (RFC 6749 3.1, 3.2).

    Several values of `resource` (RFC 8707) become one, with spaces between, which no URI holds.
    """
    found = {name: value for name, value in parameters.items() if value}
    if "resource" in parameters and isinstance(parameters, MultiDict):
        resources = " ".join(filter(None, parameters.getlist("resource")))
        found |= {"resource": resources} if resources else {}
    return found


def repeated(values: "MultiDict[str, str]") -> list[str]:
    """Names of parameters that are given more than once (RFC 6749 3.1, 3.2); only `resource` may be."""
    return [name for name, found in values.lists() if len(found) > 1 and name != "resource"]

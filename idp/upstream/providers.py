"""The seam to whoever identifies people: a broker over OpenID Connect today; one over SAML would be a second class.

What a provider has to prove is judged wholly by its class, which knows the protocol; whom that makes known here, and
which browser may use it, is judged once for all of them in identification.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from idp.policy.identity_code import IdentityCode


class Refusal(StrEnum):
    """Why there is no identification, as far as the person is told. The exact reason is in the log."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    NOT_THIS_BROWSER = "not_this_browser"  # unknown, used, or begun in another browser
    EXPIRED = "expired"
    OTHER_LEVEL = "other_level"
    NO_IDENTITY_CODE = "no_identity_code"
    STALE = "stale"


class UpstreamUnavailable(Exception):
    """The broker cannot be asked now, or there is none. The message is for the log."""


class Refused(Exception):
    """The broker's answer is not one to build upon. `reason` is for log and audit, and never names a person."""

    def __init__(self, refusal: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.refusal, self.reason = refusal, reason


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a provider. `state` comes back with the answer, `nonce` inside what it signs."""

    state: str
    nonce: str
    language: str
    service_name: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must fit."""

    state: str
    nonce_hash: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """Who somebody is, as a provider has just found out. Empty names: it did not tell them apart, or at all."""

    code: IdentityCode
    given_names: str
    family_name: str
    full_name: str
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    broker: str

    def __repr__(self) -> str:
        return "<Evidence>"


class UpstreamProvider(Protocol):
    """Identifies whoever sits before a browser."""

    def check(self) -> str:
        """Ask the provider for what it publishes; a sentence for whoever runs this. Raises UpstreamUnavailable."""
        ...

    def begin(self, question: Question) -> str:
        """The address to send the browser to. Raises UpstreamUnavailable."""
        ...

    def finish(self, parameters: Mapping[str, str], expected: Expected) -> Evidence:
        """What the answer that the browser brought proves. Raises Refused and UpstreamUnavailable."""
        ...

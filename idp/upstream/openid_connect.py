"""The provider that speaks OpenID Connect, by the profile of the Finnish Trust Network (Traficom 213/2023 S).

The code flow alone: requests are signed by us, we prove who we are with a key, ID tokens are encrypted and signed.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.lasting import lasting_secret
from idp.outbound import Answer, OutboundError, outbound
from idp.policy.identity_code import IdentityCode, InvalidIdentityCode
from idp.settings import Settings
from idp.upstream import CALLBACK_PATH, dialects, id_tokens, signing
from idp.upstream.broker import Broker, Metadata, one_of_few
from idp.upstream.keys import upstream_keys
from idp.upstream.providers import Evidence, Expected, Question, Refusal, Refused, UpstreamUnavailable

log = structlog.get_logger(__name__)

SERVICE_NAME_LENGTH = 40
CANCELLED = ("access_denied", "cancel")  # Telia and the standard, OP
MAX_CODE = 4000  # characters


class OpenIdConnect:
    """An UpstreamProvider, by the settings. Nothing is fetched before the first use."""

    def __init__(self, settings: Settings) -> None:
        self._section = settings.upstream
        self._broker = Broker(settings)
        self._redirect_uri = settings.issuer + CALLBACK_PATH
        self._tolerant = not settings.production

    def check(self) -> str:
        """Read the broker's metadata and keys. Raises UpstreamUnavailable."""
        at, keys = self._broker.metadata(), self._broker.keys(None)
        if self._section.request == "pushed" and at.pushed_request_endpoint is None:
            raise UpstreamUnavailable("it takes no pushed requests; set upstream.request to signed")
        trust = (
            "signed by its entity key"
            if self._section.trusted_keys
            else "trusted by the certificate of its host"
        )
        return f"It signs with {len(list(keys))} published keys, {trust}."

    # -- the question

    def begin(self, question: Question) -> str:
        """The address of the broker, with our request. Raises UpstreamUnavailable."""
        section, at = self._section, self._broker.metadata()
        parameters: dict[str, Any] = {
            "response_type": "code",
            "scope": dialects.scope(section),
            "redirect_uri": self._redirect_uri,
            "state": question.state,
            "nonce": question.nonce,
            "acr_values": section.acr,
            "prompt": "login",
            "max_age": 0,
            "ui_locales": question.language,
            "ftn_spname": self._service_name(question),
        }
        if at.takes_pkce:
            challenge = create_s256_code_challenge(_verifier(question.state))
            parameters |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        signed = signing.request_object(section.client_id, section.issuer, parameters)
        visible = {"client_id": section.client_id}
        if section.request == "pushed":
            visible["request_uri"] = self._pushed(at, signed)
        else:
            visible["request"] = signed
        return str(add_params_to_uri(at.authorization_endpoint, list(visible.items())))

    def _service_name(self, question: Question) -> str:
        own = self._section.service_name.get(question.language)
        return " ".join((own or question.service_name).split())[:SERVICE_NAME_LENGTH].rstrip()

    def _pushed(self, at: Metadata, signed: str) -> str:
        """Hand the request to the broker (RFC 9126 2.1, 3); what the browser brings instead."""
        if at.pushed_request_endpoint is None:
            raise UpstreamUnavailable("the broker takes no pushed requests; set upstream.request to signed")
        answer = self._post(
            at.pushed_request_endpoint, {"request": signed}, audience=at.pushed_request_endpoint
        )
        uri = _object(answer).get("request_uri")
        if answer.status not in (200, 201) or not isinstance(uri, str) or not uri:
            raise UpstreamUnavailable(f"the pushed request was not taken: {_error(answer)}")
        return uri

    # -- the answer

    def finish(self, parameters: Mapping[str, str], expected: Expected) -> Evidence:
        """What the broker's answer proves. Raises Refused and UpstreamUnavailable."""
        at = self._broker.metadata()
        named = parameters.get("iss")
        if (named is None and at.names_itself) or named not in (None, self._section.issuer):
            raise Refused(Refusal.FAILED, "the answer is of another issuer")  # RFC 9207 2.4
        if "error" in parameters:
            refusal = Refusal.CANCELLED if parameters["error"] in CANCELLED else Refusal.FAILED
            raise Refused(refusal, f"error: {_word(parameters['error'])}")
        code = parameters.get("code")
        if not code or len(code) > MAX_CODE:
            raise Refused(Refusal.FAILED, "no code")
        claims = id_tokens.opened(
            self._redeemed(at, code, expected), upstream_keys().current().decrypting, self._broker.keys
        )
        section = self._section
        found = id_tokens.judged(
            claims, expected, issuer=section.issuer, client_id=section.client_id, acr=section.acr
        )
        try:
            told = dialects.read(claims, section)
        except dialects.Unreadable as error:
            raise Refused(Refusal.FAILED, str(error)) from error
        person = self._identity_code(told.identity_code)
        if None not in (told.birth_date, person.birth_date) and told.birth_date != person.birth_date:
            raise Refused(Refusal.FAILED, "born on another day than the code says")
        return Evidence(
            code=person,
            given_names=told.given_names,
            family_name=told.family_name,
            full_name=told.name,
            acr=found.acr,
            amr=told.methods,
            auth_time=found.auth_time,
            broker=section.issuer,
        )

    def _redeemed(self, at: Metadata, code: str, expected: Expected) -> object:
        """The ID token for a code, which is passed on as it came."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri}
        if at.takes_pkce:
            form["code_verifier"] = _verifier(expected.state)
        answer = self._post(at.token_endpoint, form, audience=at.token_endpoint)
        if answer.status != 200:
            raise Refused(Refusal.FAILED, f"token endpoint: {_error(answer)}")
        return _object(answer).get("id_token")

    def _post(self, url: str, form: dict[str, str], *, audience: str) -> Answer:
        section = self._section
        named = section.issuer if section.assertion_audience == "issuer" else audience
        proof = signing.client_assertion(section.client_id, named)
        try:
            with one_of_few():
                return outbound().post_form(url, {**form, **proof})
        except OutboundError as error:
            raise UpstreamUnavailable(str(error)) from error

    def _identity_code(self, text: str) -> IdentityCode:
        """Production takes only what a person can have been given; test environments have codes of nobody."""
        if not text:
            raise Refused(Refusal.NO_IDENTITY_CODE, "no personal identity code")
        try:
            code = IdentityCode.parse(text, tolerant=self._tolerant)
        except InvalidIdentityCode as error:
            raise Refused(Refusal.NO_IDENTITY_CODE, f"the code {error}") from error
        if code.is_artificial and not self._tolerant:
            raise Refused(Refusal.NO_IDENTITY_CODE, "the code is an artificial one")
        return code


def _verifier(state: str) -> str:
    """The PKCE verifier of a state (RFC 7636 4.1): made anew when it is needed, so that it is stored nowhere."""
    digest = hmac.new(lasting_secret("upstream verifier"), state.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _object(answer: Answer) -> dict[str, Any]:
    content: object = None
    with suppress(ValueError, RecursionError):
        content = json.loads(answer.body)
    return content if isinstance(content, dict) else {}


def _error(answer: Answer) -> str:
    return f"status {answer.status} {_word(_object(answer).get('error'))}".rstrip()


def _word(text: object) -> str:
    """An error code for the log; anything else that somebody sends in its place is not repeated."""
    simple = isinstance(text, str) and len(text) <= 40 and text.replace("_", "").isalpha() and text.isascii()
    return str(text) if simple else "unknown error"

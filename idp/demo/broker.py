"""A broker of the Finnish Trust Network that identifies nobody: for tests, and for `idp demo --strong`.

It speaks the profile as strictly as a real one (broker_clients.py), lets people choose who they are (broker_people.py)
and does on request what a real one must never do (broker_faults.py). It knows the provider only by what that publishes.
"""

import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, render_template, request, url_for

from idp import clock
from idp.demo.broker_clients import BrokerClient, Clients, Rejected
from idp.demo.broker_faults import Fault, spoil
from idp.demo.broker_keys import ALGORITHM, BrokerKeys
from idp.demo.broker_people import NAMES, PEOPLE, claims_of
from idp.demo.broker_texts import LANGUAGES, words
from idp.demo.eservice_store import BoundedStore

LEVELS = ("http://ftn.ficora.fi/2017/loatest2", "http://ftn.ficora.fi/2017/loatest3")
REQUEST_SECONDS = 900
CODE_SECONDS = 60
TOKEN_SECONDS = 300


@dataclass
class BrokerConfig:
    """`issuer` has no slash at the end. `levels` can be asked for. Tests change `fault` and others while it runs."""

    issuer: str
    clients: dict[str, BrokerClient]
    keys: BrokerKeys
    template_folder: Path
    asset_folder: Path
    levels: tuple[str, ...] = LEVELS
    dialect: str = "ftn"
    keys_type: str | None = "jwk-set+jwt"  # `typ` of the signed key set; None: it has none
    keys_in_metadata: bool = (
        True  # else the entity statement alone names the signed key set, as with OP and Telia
    )
    chooser: str = (
        ""  # another address of this program at which people choose, as brokers send them to their banks
    )
    entity_id: str = ""  # whose the signed key set is; empty: of the issuer
    keys_say_whose: bool = True
    encryption: tuple[str, str] = ("RSA-OAEP", "A128CBC-HS256")
    fault: Fault | None = None
    # Slow answers: released once at each of them; set when they need not wait any longer.
    being_slow: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    slow: threading.Event = field(default_factory=threading.Event)


def create_broker(config: BrokerConfig) -> Flask:
    app = Flask(
        __name__,
        template_folder=config.template_folder,
        static_folder=config.asset_folder,
        static_url_path="/assets",
    )
    broker = Broker(config)
    app.extensions["broker"] = broker
    for rule, view, methods in (
        ("/.well-known/openid-configuration", broker.configuration, ["GET"]),
        ("/.well-known/openid-federation", broker.entity_statement, ["GET"]),
        ("/jwks.json", broker.key_set, ["GET"]),
        ("/jwks.jwt", broker.signed_key_set, ["GET"]),
        ("/authorize", broker.authorize, ["GET"]),
        ("/par", broker.push, ["POST"]),
        ("/choose/<key>", broker.choose, ["GET", "POST"]),
        ("/token", broker.token, ["POST"]),
    ):
        app.add_url_rule(rule, view.__name__, view, methods=methods)
    app.register_error_handler(Rejected, broker.rejected)
    app.after_request(_headers)
    return app


class Broker:
    """The endpoints, and what waits between them."""

    def __init__(self, config: BrokerConfig) -> None:
        self.config = config
        self.last_request: dict[str, Any] = {}  # the latest that was taken, for whoever looks on
        self.last_address = ""
        self._clients = Clients(config.issuer, config.clients)
        self._pushed = BoundedStore[dict[str, Any]](limit=1000, seconds=CODE_SECONDS)
        self._asked = BoundedStore[dict[str, Any]](limit=1000, seconds=REQUEST_SECONDS)
        self._codes = BoundedStore[dict[str, Any]](limit=1000, seconds=CODE_SECONDS)

    def forget_keys(self) -> None:
        """Fetch the clients' keys anew at their next request."""
        self._clients.forget_keys()

    # -- what it publishes

    def metadata(self) -> dict[str, Any]:
        base = self.config.issuer
        signed = {"signed_jwks_uri": f"{base}/jwks.jwt"} if self.config.keys_in_metadata else {}
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "pushed_authorization_request_endpoint": f"{base}/par",
            "jwks_uri": f"{base}/jwks.json",
            **signed,
            "response_types_supported": ["code"],
            "subject_types_supported": ["transient"],
            "acr_values_supported": list(self.config.levels),
            "request_parameter_supported": True,
            "request_object_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "id_token_encryption_alg_values_supported": ["RSA-OAEP", "RSA-OAEP-256"],
            "id_token_encryption_enc_values_supported": ["A128CBC-HS256", "A128GCM"],
            "ui_locales_supported": list(LANGUAGES),
            "tunnus_fake_broker": True,
        }

    def configuration(self) -> dict[str, Any]:
        return self.metadata()

    def key_set(self) -> dict[str, Any]:
        return self.config.keys.published()

    def signed_key_set(self) -> Response:
        whose = (self.config.entity_id or self.config.issuer) if self.config.keys_say_whose else None
        text = self.config.keys.signed_set(whose, self.config.keys_type)
        return Response(text, mimetype="application/jwk-set+jwt")

    def entity_statement(self) -> Response:
        metadata = {**self.metadata(), "signed_jwks_uri": f"{self.config.issuer}/jwks.jwt"}
        text = self.config.keys.entity_statement(self.config.entity_id or self.config.issuer, metadata)
        return Response(text, mimetype="application/entity-statement+jwt")

    # -- a request

    def push(self) -> tuple[dict[str, Any], int]:
        """RFC 9126."""
        client = self._clients.authenticate(request.form, f"{self.config.issuer}/par")
        uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe()}"
        self._pushed.set(uri, self._clients.request(client, request.form.get("request")))
        return {"request_uri": uri, "expires_in": CODE_SECONDS}, 201

    def authorize(self) -> Response:
        """What stands beside the signed request is ignored, as the profile has it."""
        client = self._clients.get(request.args.get("client_id"))
        self.last_address = request.url
        uri = request.args.get("request_uri")
        if uri is not None:
            asked = self._pushed.get(uri)
            self._pushed.delete(uri)
            if asked is None or asked["client_id"] != client.client_id:
                raise Rejected("invalid_request_uri", "unknown or used")
        else:
            asked = self._clients.request(client, request.args.get("request"))
        if asked["acr_values"] not in self.config.levels:
            raise Rejected("invalid_request_object", "acr_values is a level that is not offered here")
        self.last_request = asked
        key = secrets.token_urlsafe()
        self._asked.set(key, asked)
        return _seen_other(self.config.chooser + url_for("choose", key=key))

    def choose(self, key: str) -> Response:
        """The person says who they are, or goes back."""
        asked = self._asked.get(key)
        if asked is None:
            return self._over(400)
        if request.method == "GET":
            return self._people(key, asked)
        self._asked.delete(key)
        return _seen_other(f"{asked['redirect_uri']}?{urlencode(self._answer(asked))}")

    def _answer(self, asked: dict[str, Any]) -> dict[str, str]:
        """The parameters that the browser takes back."""
        fault, state = self._fault(), {"state": asked["state"]}
        if fault is Fault.WRONG_STATE:
            state = {"state": secrets.token_urlsafe(32)}
        if fault is Fault.OTHER_ISSUER_ANSWERS:
            state["iss"] = "https://another-broker.example.fi"
        if request.form.get("decision") == "cancel":
            return {"error": "access_denied", "error_description": "user cancel", **state}
        if fault is Fault.CANCEL_OP:
            return {"error": "cancel", "error_description": "user cancel", **state}
        if fault is Fault.ERROR:
            return {"error": "server_error", "error_description": "something is <b>wrong</b>", **state}
        if fault is Fault.NO_CODE:
            return state
        person = PEOPLE.get(request.form.get("person", ""), next(iter(PEOPLE.values())))
        if fault is Fault.SAME_PERSON:
            person = next(iter(PEOPLE.values()))
        code = secrets.token_urlsafe()
        self._codes.set(code, {**asked, "person": person, "fault": fault, "auth_time": clock.timestamp()})
        return {"code": code, **state}

    def _fault(self) -> Fault | None:
        chosen = request.form.get("fault")
        return Fault(chosen) if chosen in list(Fault) else self.config.fault

    # -- its answer

    def token(self) -> Response | tuple[dict[str, Any], int]:
        client = self._clients.authenticate(request.form, f"{self.config.issuer}/token")
        code = request.form.get("code", "")
        found = self._codes.get(code)
        self._codes.delete(code)
        if request.form.get("grant_type") != "authorization_code":
            raise Rejected("unsupported_grant_type", "only authorization_code")
        if (
            found is None
            or found["client_id"] != client.client_id
            or request.form.get("redirect_uri") != found["redirect_uri"]
            or found["fault"] is Fault.CODE_REFUSED
        ):
            raise Rejected("invalid_grant", "unknown or used code")
        match found["fault"]:
            case Fault.TOKEN_ERROR:
                return {"error": "server_error"}, 500
            case Fault.TOKEN_NOT_JSON:
                return Response("<p>busy</p>", mimetype="text/html")
            case Fault.TOKEN_SLOW:
                self.config.being_slow.release()
                self.config.slow.wait(30)
            case _:
                pass
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 60}
        if found["fault"] is not Fault.NO_ID_TOKEN:
            answer["id_token"] = self._id_token(client, found)
        return answer, 200

    def _id_token(self, client: BrokerClient, asked: dict[str, Any]) -> str:
        now, fault = clock.timestamp(), asked["fault"]
        claims = {
            "iss": self.config.issuer,
            "aud": client.client_id,
            "sub": secrets.token_urlsafe(),  # transient, as in the Finnish Trust Network
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": asked["nonce"],
            "acr": asked["acr_values"],
            "amr": ["https://tunnistus.example.fi/ac/oidc.examplebank.1"],
            "auth_time": asked["auth_time"],
            **claims_of(asked["person"], self.config.dialect, asked["scope"].split()),
        }
        spoil(claims, fault, NAMES[self.config.dialect])
        recipient = self._clients.encryption_key(client)
        return self.config.keys.id_token(claims, recipient, self.config.encryption, fault)

    # -- pages

    def _people(self, key: str, asked: dict[str, Any]) -> Response:
        language = request.args.get("lang") or str(asked.get("ui_locales", "fi"))
        language = language if language in LANGUAGES else "fi"
        page = render_template(
            "demo/broker.html",
            **_frame(language, url_for("choose", key=key)),
            service=asked["ftn_spname"],
            people=list(PEOPLE.values()),
            faults=list(Fault),
            fault=self.config.fault,
        )
        response = Response(page)
        back = asked["redirect_uri"].split("/upstream/")[0]
        response.headers["Content-Security-Policy"] = f"{_CSP}; form-action 'self' {back}"
        return response

    def _over(self, status: int) -> Response:
        return Response(render_template("demo/broker_over.html", **_frame("fi", None)), status)

    def rejected(self, error: Rejected) -> Response | tuple[dict[str, Any], int]:
        """For programs in JSON; the page for people does not repeat what is in a request."""
        if request.path == "/authorize":
            response = self._over(400)
            response.headers["X-Broker-Error"] = str(error)[:200].encode("ascii", "replace").decode()
            return response
        return {
            "error": error.code,
            "error_description": error.why,
        }, 401 if error.code == "invalid_client" else 400


_CSP = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _CSP)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _frame(language: str, here: str | None) -> dict[str, Any]:
    links = [
        SimpleNamespace(code=code, label=label, url=f"{here}?lang={code}", current=code == language)
        for code, label in LANGUAGES.items()
        if here is not None
    ]
    asset = SimpleNamespace(
        css=url_for("static", filename="demo.css"), icon=url_for("static", filename="demo.svg")
    )
    return {"locale": language, "t": SimpleNamespace(**words(language)), "languages": links, "asset": asset}


def _seen_other(address: str) -> Response:
    response = Response(status=303)
    response.headers["Location"] = address
    return response

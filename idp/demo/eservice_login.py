"""Logging in and out at the OpenID provider: the part of the demo e-service to copy into your own.

``log_in`` sends the browser to the provider, ``callback`` takes the answer, ``log_out`` and ``logged_out``
end both sessions. No page of the e-service is here (``eservice_pages.py``).
"""

import enum
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuthError
from flask import Blueprint, current_app, g, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFProtect
from joserfc.errors import JoseError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from idp.demo.eservice_store import BoundedStore
from idp.demo.eservice_texts import texts

PENDING_LOGINS_PER_BROWSER = 10
LOGIN_SECONDS = 8 * 60 * 60
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")

bp = Blueprint("login", __name__)
csrf = CSRFProtect()


@dataclass(frozen=True)
class EserviceConfig:
    """What the e-service must be told. ``client_secret`` is None for a public client."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    base_url: str
    """Where this e-service is, as people and the provider see it; no slash at the end."""
    secret_key: str = field(repr=False)
    template_folder: Path
    asset_folder: Path
    account_url: str = ""
    """Where a person sees and changes their own details; ``<issuer>/account`` when empty."""
    timeout_seconds: float = 5.0
    """How long to wait for the provider before the person is told that login does not work now."""


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in here. ``sub`` is the key to store with your own data: it never changes."""

    sub: str
    name: str
    email: str | None
    id_token: str = field(repr=False)
    sid: str | None = None
    """The session at the provider, which it names when it tells us that it has ended."""


@dataclass(frozen=True)
class Eservice:
    """The parts that every request uses: the configuration, Authlib's client and who is logged in."""

    config: EserviceConfig
    client: Any
    people: BoundedStore[Person]
    logout_tokens: BoundedStore[bool]
    """Identifiers of the logout tokens that were seen, so that each counts once."""
    keys_refetched: BoundedStore[bool]
    """Whether the provider's keys were fetched again lately for a key that was unknown."""


class Problem(enum.Enum):
    """Why a login did not succeed: name of the texts shown, and HTTP status."""

    CANCELLED = ("cancelled", 403)
    START_AGAIN = ("start_again", 400)
    FAILED = ("failed", 502)
    UNAVAILABLE = ("unavailable", 503)
    UNKNOWN_PROVIDER = ("unknown_provider", 400)


class ProviderUnavailableError(Exception):
    """The provider did not answer, or did not answer as an OpenID provider with our issuer."""


def eservice() -> Eservice:
    """The parts of the running e-service."""
    return cast(Eservice, current_app.extensions["eservice"])


def current_person() -> Person | None:
    """Who is logged in in this browser. The cookie holds only a random key, so logging out really ends it."""
    if "person" not in g:
        g.person = eservice().people.get(session.get("login", ""))
    return cast(Person | None, g.person)


# --- log in -------------------------------------------------------------------------------------------------


@bp.route("/login", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]
def log_in() -> Response | tuple[str, int, dict[str, str]]:
    """Send the browser to the provider.

    Our own pages link here with ``return_to``. It is also our ``initiate_login_uri`` (OpenID Connect Core,
    section 4: login started by another party), which the provider uses when somebody has activated their
    account in another browser. It then sends ``iss``, ``login_hint`` and ``target_link_uri``, by GET or POST.
    A login always starts anew here: nothing of an earlier one is resumed.
    """
    if request.method == "POST":  # from another site, so without our cookie: come back by GET
        known = ("iss", "login_hint", "target_link_uri", "return_to", "lang")
        values: dict[str, Any] = {k: request.form[k] for k in known if k in request.form}
        return redirect(url_for(".log_in", **values), 303)

    config, client = eservice().config, eservice().client
    if request.args.get("iss", config.issuer) != config.issuer:
        return show_problem(Problem.UNKNOWN_PROVIDER)
    return_to = local_target(request.args.get("target_link_uri") or request.args.get("return_to"))
    wishes = {"ui_locales": g.language}
    if login_hint := request.args.get("login_hint"):
        wishes["login_hint"] = login_hint[:254]
    try:
        load_provider_metadata()
        # Usually one line: `return client.authorize_redirect(redirect_uri)`. We take it in three, to remember
        # `return_to` with this very login: a person may have two of them open in two tabs.
        redirect_uri = f"{config.base_url}/callback"
        authorization = client.create_authorization_url(redirect_uri, **wishes)
        forget_old_pending_logins()
        client.save_authorize_data(redirect_uri=redirect_uri, return_to=return_to, **authorization)
    except (ProviderUnavailableError, requests.RequestException):
        return show_problem(Problem.UNAVAILABLE, return_to)
    return redirect(authorization["url"])


@bp.get("/callback")
def callback() -> Response | tuple[str, int, dict[str, str]]:
    """The provider sends the browser back here (our redirect URI), with a code or with an error."""
    config, client = eservice().config, eservice().client

    # 1. Is this the answer to a login that this browser started, and did not finish yet?
    state = request.args.get("state", "")
    pending = client.framework.get_state_data(session, state)
    if pending is None:
        if current_person():  # the answer was used already: back button, or a second click
            return redirect(url_for("pages.front"))
        return show_problem(Problem.START_AGAIN)
    return_to = local_target(pending.get("return_to"))

    try:
        # 2. Does it come from our provider, and not from another one that somebody mixed in? (RFC 9207)
        metadata = load_provider_metadata()
        iss = request.args.get("iss")
        if iss != config.issuer and (iss or metadata.get("authorization_response_iss_parameter_supported")):
            client.framework.clear_state_data(session, state)
            return show_problem(Problem.START_AGAIN, return_to, "answer from another issuer")

        # 3. Is it an error? Its description is never shown: anyone could write an address with one.
        if error := request.args.get("error"):
            client.framework.clear_state_data(session, state)
            return show_problem(problem_of(error), return_to, error)

        # 4. Redeem the code. Authlib sends the PKCE verifier and checks the ID token: its signature with the
        #    provider's published keys, exp, iat, nonce, at_hash, and the values we give: issuer, audience.
        token = client.authorize_access_token(
            claims_options={
                "iss": {"essential": True, "value": config.issuer},
                "aud": {"essential": True, "value": config.client_id},
            }
        )
        claims = token.get("userinfo")
        if not claims:
            return show_problem(Problem.FAILED, return_to, "no ID token")

        # 5. Ask for the details. They must be about the same person (OpenID Connect Core, section 5.3.2).
        details = client.userinfo(token=token)
        if details.get("sub") != claims["sub"]:
            return show_problem(Problem.FAILED, return_to, "userinfo about somebody else")
    except (ProviderUnavailableError, requests.RequestException) as error:
        return show_problem(Problem.UNAVAILABLE, return_to, type(error).__name__)
    except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
        return show_problem(Problem.FAILED, return_to, repr(error))

    # 6. Logged in, under a new random key. Go back to the page where "Log in" was pressed.
    forget_person()
    session["login"] = secrets.token_urlsafe(32)
    name, email, sid = displayed_name(details), as_text(details.get("email")), as_text(claims.get("sid"))
    person = Person(claims["sub"], name, email, token["id_token"], sid)
    eservice().people.set(session["login"], person)
    return redirect(return_to)


def problem_of(error: str) -> Problem:
    """What the provider's error code means to a person (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6)."""
    match error:
        case "access_denied":
            return Problem.CANCELLED
        case "login_required" | "interaction_required" | "account_selection_required" | "consent_required":
            return Problem.START_AGAIN
        case "server_error" | "temporarily_unavailable":
            return Problem.UNAVAILABLE
        case _:
            return Problem.FAILED


def displayed_name(details: dict[str, Any]) -> str:
    """The name shown in the top right corner; authorities' accounts may have a username only."""
    full_name = " ".join(
        filter(None, (as_text(details.get("given_name")), as_text(details.get("family_name"))))
    )
    candidates = (details.get("name"), full_name, details.get("preferred_username"), details.get("email"))
    return next(filter(None, map(as_text, candidates)), None) or str(details["sub"])


def as_text(value: object) -> str | None:
    """A claim that should be text, or None when it is missing or something else."""
    return value.strip() or None if isinstance(value, str) else None


def load_provider_metadata() -> dict[str, Any]:
    """The provider's discovery document, fetched once. Raises ProviderUnavailableError."""
    client = eservice().client
    try:
        metadata: dict[str, Any] = client.load_server_metadata()
    except (requests.RequestException, ValueError, TypeError) as error:
        raise ProviderUnavailableError("no discovery document") from error
    # OpenID Connect Discovery, section 4.3: the document must be about the issuer that we asked for.
    if metadata.get("issuer") != eservice().config.issuer or not all(map(metadata.get, ENDPOINTS)):
        metadata.pop("_loaded_at", None)  # fetch it again next time
        raise ProviderUnavailableError("discovery document of another issuer, or an incomplete one")
    return metadata


def forget_old_pending_logins() -> None:
    """Keep the cookie small when logins are started again and again without being finished."""
    pending = [key for key in session if key.startswith("_state_tunnus_")]
    for key in sorted(pending, key=lambda key: float(session[key]["exp"]))[: -PENDING_LOGINS_PER_BROWSER + 1]:
        session.pop(key)


# --- log out ------------------------------------------------------------------------------------------------


@bp.post("/logout")
def log_out() -> Response | str | tuple[str, int, dict[str, str]]:
    """End the session here first, then at the provider (OpenID Connect RP-Initiated Logout).

    Also when the session here has ended already: a second press of the button cancels the first one's way to the
    provider. Without an ID token the provider asks before it ends its session.
    """
    config, client = eservice().config, eservice().client
    person = forget_person()
    try:
        load_provider_metadata()
        answer: Response = client.logout_redirect(
            post_logout_redirect_uri=f"{config.base_url}/logged-out",
            id_token_hint=person.id_token if person else None,
            client_id=config.client_id,
            ui_locales=g.language,
        )  # Authlib adds and remembers a state
        return answer
    except (ProviderUnavailableError, RuntimeError):  # RuntimeError: the provider has no end_session_endpoint
        current_app.logger.warning("logged out here only: the provider did not answer")
        return render_template("demo/logged_out.html", provider_too=False)


@bp.get("/logged-out")
def logged_out() -> Response | str:
    """The provider sends the browser back here (our post-logout redirect URI)."""
    try:
        eservice().client.validate_logout_response()
    except OAuthError:  # not the answer to our logout: nothing to tell
        return redirect(url_for("pages.front"))
    return render_template("demo/logged_out.html", provider_too=True)


def forget_person() -> Person | None:
    """End the session of this browser and return who it was."""
    person = current_person()
    eservice().people.delete(session.pop("login", ""))
    g.person = None
    return person


# --- shared -------------------------------------------------------------------------------------------------


def local_target(target: str | None) -> str:
    """``target`` when it is one of our own pages, else the front page: no way to send people elsewhere."""
    front: str = url_for("pages.front")
    own = urlsplit(eservice().config.base_url)
    try:
        parts = urlsplit(target or front)
        path = parts.path or "/"
        endpoint, _ = current_app.url_map.bind("", url_scheme=own.scheme).match(path, method="GET")
    except (ValueError, HTTPException):  # not an address, or not a page of ours
        return front
    is_here = (parts.scheme, parts.netloc) in (("", ""), (own.scheme, own.netloc))
    if not is_here or not path.startswith("/") or path.startswith("//") or not endpoint.startswith("pages."):
        return front
    return urlunsplit(("", "", path, parts.query, ""))


def login_url(return_to: str) -> str:
    """Where "Log in" leads. Absolute: the cookie must be set on the host that gets the answer."""
    return f"{eservice().config.base_url}{url_for('login.log_in')}?{urlencode({'return_to': return_to})}"


def show_problem(problem: Problem, return_to: str = "/", reason: str = "") -> tuple[str, int, dict[str, str]]:
    """A page that says what happened and offers to start again. The reason goes to the log only."""
    name, status = problem.value
    current_app.logger.warning(
        "login: %s (%.200s)", name, reason.encode("ascii", "backslashreplace").decode()
    )
    words = texts(g.language)
    page = render_template(
        "demo/problem.html",
        title=words[f"{name}_title"],
        text=words[f"{name}_text"],
        restart_url=login_url(return_to),
    )
    return page, status, {"Retry-After": "30"} if status == 503 else {}

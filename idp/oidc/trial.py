"""A login on trial: an administrator runs one as a client would, and sees what the client gets, decoded.

The provider plays the client's part: its own address stands in for the redirect URI, for the browser in which the
administrator has begun the trial and for no other. The code is redeemed here, without the client's secret, which
nobody knows; what came of it is revoked before it is shown, and only its contents are shown.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    g,
    make_response,
    render_template,
    request,
    session,
)
from flask_babel import gettext as _
from wtforms import BooleanField

from idp import clock
from idp.accounts import roles
from idp.accounts.claims import claims_of
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.clients.subjects import subject_of
from idp.crypto import equal, random_token
from idp.grants import access, access_tokens, claims_request, codes
from idp.grants.access_tokens import InvalidToken
from idp.grants.codes import Grant
from idp.keys import NotOurToken
from idp.oidc import tokens
from idp.oidc.errors import UnusableClientKeys
from idp.texts import language
from idp.web import languages, visitors
from idp.web.errors import error_page
from idp.web.fields import lazy
from idp.web.forms import Form, form_page
from idp.web.returning import first, see_other

PATH = "/oauth2/trial"
KEPT = "trial"  # in the browser's signed cookie

blueprint = Blueprint("trial", __name__)
languages.follow_choices(blueprint)


def redirect_uri() -> str:
    return f"{rules().settings.issuer}{PATH}/callback"


# -- at the authorization endpoint


def as_tried(client: Client | None, wanted: str | None) -> Client | None:
    """The client; with our own address among its redirect URIs while this browser tries it out."""
    if client is None or wanted != redirect_uri():
        return client
    begun = session.get(KEPT) or {}
    if begun.get("client_id") != client.client_id or _person() is None:
        return client
    own = {**client.registration, "redirect_uris": [*client.redirect_uris, redirect_uri()]}
    g.tried_client = replace(client, registration=own)
    return cast("Client", g.tried_client)


def tried(client_id: str) -> Client | None:
    """The client of `as_tried` in this very request, for Authlib, which looks it up by itself."""
    client = cast("Client | None", g.get("tried_client"))
    return client if client is not None and client.client_id == client_id else None


# -- the pages


class TrialForm(Form):
    fresh = BooleanField(lazy("Ask for the password, as for somebody who is not logged in"))


@blueprint.route(PATH, methods=["GET", "POST"])
def trial() -> Response:
    """Say what will happen; the button begins it."""
    if visitors.current_session() is None:
        return first("/login", then=f"{PATH}?{urlencode({'client_id': request.args.get('client_id', '')})}")
    if _person() is None:
        abort(404)
    client = registry.find(request.args.get("client_id"))
    if client is None:
        abort(404)
    form, obstacle = TrialForm(), _obstacle(client)
    if form.validate_on_submit() and obstacle is None:
        return see_other(_begin(client, fresh=bool(form.fresh.data)))
    page = render_template("oidc/trial.html", form=form, tried=client, name=_name(client), obstacle=obstacle)
    return form_page(page, form)


def _begin(client: Client, *, fresh: bool) -> str:
    """Keep what the answer must fit; the address of an authorization request as the client would make it."""
    verifier, state, nonce = random_token(), random_token(), random_token()
    session[KEPT] = {"client_id": client.client_id, "state": state, "nonce": nonce, "verifier": verifier}
    response_type = _response_type(client)
    digest = hashlib.sha256(verifier.encode()).digest()
    parameters = {
        "client_id": client.client_id,
        "redirect_uri": redirect_uri(),
        "response_type": response_type,
        "scope": " ".join(sorted(client.scopes)),
        "state": state,
        "nonce": nonce,
    }
    if "code" in response_type.split():
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        parameters |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    if response_type != "code":
        parameters["response_mode"] = "form_post"
    if fresh:
        parameters["prompt"] = "login"
    return f"/oauth2/authorize?{urlencode(parameters)}"


def _response_type(client: Client) -> str:
    return "code" if "code" in client.response_types else min(client.response_types, key=len)


def _obstacle(client: Client) -> str | None:
    """Why there is no trial of this client, in words; None if there is one."""
    if not client.response_types:
        return _("Nobody logs in to this client app: it acts in its own name, or on a device.")
    if client.registration.get("require_signed_request_object"):
        return _("This client app signs its requests, with a key that only it has.")
    if client.registration.get("require_pushed_authorization_requests") or (
        rules().settings.clients.require_pushed_requests
    ):
        return _("This client app pushes its requests, and proves with its secret that they are its own.")
    return None


# -- the answer


@dataclass(frozen=True)
class Part:
    """Something that the client gets. `text` is JSON, ready to be read."""

    title: str
    hint: str
    text: str


@blueprint.route(f"{PATH}/callback", methods=["GET", "POST"])
def callback() -> Response:
    """The client's part of the answer. It needs the browser that began the trial, and a person of that role."""
    given = request.values.to_dict()
    begun = session.pop(KEPT, None)
    client = registry.find(begun["client_id"]) if begun else None
    if begun is None or client is None or not equal(begun["state"], given.get("state", "")):
        abort(404)
    if _person() is None:
        return error_page(
            403, _("The trial cannot be shown"), _("Log in as somebody who looks after client apps.")
        )
    parts = [] if "error" in given else _parts(client, begun["nonce"], given)
    page = render_template(
        "oidc/trial_result.html",
        tried=client,
        name=_name(client),
        error=given.get("error"),
        error_description=given.get("error_description"),
        parts=parts,
        without_id_token=not any(part.title.startswith("ID token") for part in parts),
    )
    return make_response(page)


def _parts(client: Client, nonce: str, given: Mapping[str, str]) -> list[Part]:
    """What the client gets: by the code, and beside it. Empty when the answer is not what was asked for."""
    now = clock.now()
    if "code" not in given:
        return _by_the_browser(nonce, given, now)
    found = codes.find(given["code"], now)
    if (
        found is None
        or not found.live
        or (found.grant.client_id, found.grant.nonce) != (client.client_id, nonce)
    ):
        return []
    codes.spend(found.grant, None, now)
    try:
        return _of_grant(client, found.grant)
    except UnusableClientKeys as error:
        return [
            Part("ID token", _("It cannot be encrypted for the client app."), error.get_error_description())
        ]
    finally:
        codes.revoke(found.grant.id, now)


def _by_the_browser(nonce: str, given: Mapping[str, str], now: datetime) -> list[Part]:
    """What came without a code. A signed ID token is checked as the client would check it (Core 3.2.2.11)."""
    parts = []
    if "access_token" in given:
        with suppress(InvalidToken):
            codes.revoke(access_tokens.verified(given["access_token"])["grant"], now)
            parts += _decoded("access_token", given["access_token"])
    id_token = given.get("id_token", "")
    with suppress(NotOurToken):
        if id_token.count(".") == 4 or tokens.claims_of_hint(id_token).get("nonce") == nonce:
            parts += _decoded("id_token", id_token)
    return parts


def _of_grant(client: Client, grant: Grant) -> list[Part]:
    access_token = tokens.access_token(client, grant, grant.scope, (grant.resource or "").split())
    parts = []
    if "openid" in grant.scope.split():
        id_token = tokens.id_token(client, grant, access_token, with_nonce=True)
        parts += _decoded("id_token", id_token)
    parts += _decoded("access_token", access_token)
    person = access.person(grant.account_id)
    if person and "openid" in grant.scope.split():
        asked = claims_request.parse(grant.claims).userinfo if grant.claims else ()
        requested = claims_request.permitted(asked, client, person.id) if asked else ()
        claims = {"sub": subject_of(client, grant.account_id)}
        claims |= claims_of(person, grant.scope.split(), requested)
        parts.append(Part(_("Answer of the userinfo endpoint"), "", _pretty(claims)))
    return parts


def _decoded(kind: str, token: str) -> list[Part]:
    """Header and contents of a signed token; of an encrypted one only the header can be read."""
    title = "ID token" if kind == "id_token" else "Access token"
    header, *rest = token.split(".")
    if len(rest) != 2:
        hint = _("It is encrypted: only the client app can read it. This is its header.")
        return [Part(title, hint, _pretty(_read(header)))]
    return [
        Part(_("%(token)s: header", token=title), "", _pretty(_read(header))),
        Part(_("%(token)s: contents", token=title), "", _pretty(_read(rest[0]))),
    ]


def _read(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _name(client: Client) -> str:
    return client.text("client_name", language()) or client.client_id


def _person() -> Actor | None:
    """Whoever is logged in here, if they look after client apps."""
    current = visitors.current_session()
    if current is None or current.terms_due:
        return None
    actor = Actor(current.account_id, roles.of(current.account_id), visitors.address())
    return actor if actor.has(Role.CLIENTS) else None


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)

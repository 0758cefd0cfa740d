"""Who calls: a client with an access token of ours in its own name (RFC 6750, RFC 9068), and nobody else."""

import hashlib
from collections.abc import Collection

from flask import request

from idp.accounts.roles import Actor, Role
from idp.admin.api.problems import Problem
from idp.admin.api.rights import RIGHTS
from idp.clients import registry
from idp.clients.managed import ADMIN_SCOPES
from idp.clients.targets import admin_api
from idp.grants import access, access_tokens
from idp.grants.access_tokens import InvalidToken, is_for
from idp.web import limits, visitors

_LONGEST_NAME = 60  # of an actor in the audit log


def actor_for(operation: str) -> Actor:
    """Who calls an operation. Raises Problem, and TooMany."""
    right = RIGHTS.get(operation)
    if right is None or not right.scopes:  # what is for everybody asks nobody who they are
        raise Problem("not-found")
    scopes = right.scopes
    token = _bearer_token(scopes[0])
    try:
        claims = access_tokens.verified(token)
    except InvalidToken:
        raise _refusal(
            "invalid-token", scopes[0], "It is expired, or not an access token of this issuer."
        ) from None
    if "grant" in claims:
        detail = "Use a token of the grant client_credentials."
        raise Problem("delegated-token", detail, headers=_challenge("insufficient_scope", scopes[0]))
    if not is_for(claims, admin_api()):  # one for the issuer is seen by whoever takes the issuer's tokens
        raise _refusal("invalid-token", scopes[0], "It is meant for another resource (aud).")
    client = registry.find(claims["client_id"])
    if client is None or access.is_revoked(claims["jti"]):
        raise _refusal("invalid-token", scopes[0], "It has been revoked, or its client is gone.")
    held = client.api_scopes & ADMIN_SCOPES.keys() & set(claims.get("scope", "").split())
    if held.isdisjoint(scopes):
        detail = f"This needs {' or '.join(scopes)}."
        raise Problem("insufficient-scope", detail, headers=_challenge("insufficient_scope", scopes[0]))
    return Actor(name_of(client.client_id), _roles(held), visitors.address())


def _roles(scopes: Collection[str]) -> frozenset[Role]:
    return frozenset(ADMIN_SCOPES[scope] for scope in scopes)


def name_of(client_id: str) -> str:
    """A client as an actor in the audit log; of a long client_id its beginning, and what tells it from others."""
    name = f"client:{client_id}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"client#{client_id[:36]}~{hashlib.sha256(client_id.encode()).hexdigest()[:16]}"


def _bearer_token(scope: str) -> str:
    """The token of the header (RFC 6750 2.1), from nowhere else."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _refusal("unauthenticated", scope, "Send it as Authorization: Bearer ...")
    return token.strip()


def _refusal(name: str, scope: str, detail: str) -> Problem:
    """A failed authentication counts against the caller's address. Raises TooMany."""
    limits.count_error("token_errors_per_address")
    return Problem(
        name, detail, headers=_challenge("invalid_token" if name == "invalid-token" else "", scope)
    )


def _challenge(error: str, scope: str) -> dict[str, str]:
    """RFC 6750 section 3: without an error where no token came."""
    told = f'error="{error}", ' if error else ""
    return {"WWW-Authenticate": f'Bearer {told}scope="{scope}"'}

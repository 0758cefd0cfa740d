"""Our keys for the broker of strong identification, as we publish them: plain, signed, and the entity statement.

Nothing is here where there is no broker.
"""

import json

from flask import Blueprint, Response, abort

from idp import upstream
from idp.accounts.rules import rules
from idp.upstream import signing

CACHE_SECONDS = 300


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/upstream/jwks.json", "upstream_jwks", key_set)
    blueprint.add_url_rule("/upstream/jwks.jwt", "upstream_signed_jwks", signed_key_set)
    blueprint.add_url_rule("/upstream/entity-statement", "upstream_entity_statement", entity_statement)


def key_set() -> Response:
    """A JWK Set (RFC 7517 8.5)."""
    _there()
    return _published(json.dumps(signing.key_set()), "application/jwk-set+json")


def signed_key_set() -> Response:
    """The same, signed with the entity key (OpenID Federation 5.2.1)."""
    _there()
    return _published(signing.signed_key_set(rules().settings.issuer), "application/jwk-set+jwt")


def entity_statement() -> Response:
    """Who we are, signed with the entity key (OpenID Federation 3)."""
    _there()
    return _published(signing.own_entity_statement(rules().settings), "application/entity-statement+jwt")


def _there() -> None:
    if not upstream.is_configured():
        abort(404)


def _published(content: str, media_type: str) -> Response:
    headers = {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
    return Response(content, mimetype=media_type, headers=headers)

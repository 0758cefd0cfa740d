"""The userinfo endpoint (OpenID Connect Core 5.3), protected by RFC 6750 bearer tokens."""

from typing import Any, cast

from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749 import TokenValidator
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from flask import Blueprint, Response, current_app, request

from idp.accounts.claims import claims_of
from idp.accounts.rules import rules
from idp.clients import registry
from idp.grants import access
from idp.oidc import cors
from idp.oidc.answers import json_answer
from idp.oidc.tokens import AccessTokenCache, InvalidToken


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/userinfo", "userinfo", userinfo, methods=["GET", "POST", "OPTIONS"])


class BearerValidator(TokenValidator):
    """Access tokens that name the issuer as audience and hold the scope `openid`."""

    TOKEN_TYPE = "bearer"  # noqa: S105

    def authenticate_token(self, token_string: str) -> dict[str, Any] | None:
        cache = cast("AccessTokenCache", current_app.extensions["access_tokens"])
        try:
            return dict(cache.verify(token_string))
        except InvalidToken:
            return None

    def validate_token(self, token: dict[str, Any] | None, scopes: list[str], _request: Any) -> None:
        if token is None or token["aud"] != rules().settings.issuer:
            raise InvalidTokenError
        if registry.find(token["client_id"]) is None:  # disabled since
            raise InvalidTokenError
        if self.scope_insufficient(token["scope"], scopes):
            raise InsufficientScopeError


protector = ResourceProtector()
protector.register_token_validator(BearerValidator())


@cors.allowed
def userinfo() -> Response:
    try:
        token = _authenticate()
        claims = _claims(token)
    except OAuth2Error as error:
        return _refused(error)
    return json_answer(claims)


def _authenticate() -> dict[str, Any]:
    """The verified token of the header or of the form body (RFC 6750 2.1, 2.2), never of the query."""
    in_body = request.form.get("access_token") if request.method == "POST" else None
    if in_body is None:
        return cast("dict[str, Any]", protector.validate_request(["openid"], request))
    if "Authorization" in request.headers:
        raise InvalidRequestError("The token is sent in more than one way.")
    validator = protector.get_token_validator(BearerValidator.TOKEN_TYPE)
    token = validator.authenticate_token(in_body)
    validator.validate_token(token, ["openid"], request)
    return cast("dict[str, Any]", token)


def _claims(token: dict[str, Any]) -> dict[str, Any]:
    found = access.person_of(token["grant"], token["jti"])
    if found is None:
        raise InvalidTokenError
    person, _requested = found
    return {"sub": token["sub"], **claims_of(person, token["scope"].split())}


def _refused(error: OAuth2Error) -> Response:
    """RFC 6750 3: without credentials a bare challenge; else the error in header and body."""
    if error.error in {"missing_authorization", "unsupported_token_type"}:
        return Response(status=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
    status = error.status_code
    challenge = f'Bearer error="{error.error}", error_description="{error.get_error_description()}"'
    if status == 403:
        challenge += ', scope="openid"'
    return json_answer(dict(error.get_body()), status, ("WWW-Authenticate", challenge))

"""The userinfo endpoint (OpenID Connect Core 5.3), protected by RFC 6750 bearer tokens."""

from typing import Any, cast

from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749 import TokenValidator
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from flask import Blueprint, Response, request

from idp.accounts import assurance
from idp.accounts.claims import IDENTITY_CODE_CLAIM, claims_of
from idp.accounts.rules import rules
from idp.clients import registry
from idp.clients.registry import Client
from idp.grants import access, access_tokens, claims_request
from idp.grants.access_tokens import InvalidToken, is_for
from idp.keys import keyring
from idp.oidc import cors
from idp.oidc.answers import NOT_KEPT, encode, json_answer
from idp.oidc.encryption import encrypted

USERINFO_TYPE = "JWT"  # what libraries expect; no ID token, since it has no `exp`


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/oauth2/userinfo", "userinfo", userinfo, methods=["GET", "POST", "OPTIONS"])


class BearerValidator(TokenValidator):
    """Access tokens that name the issuer as audience and hold the scope `openid`."""

    TOKEN_TYPE = "bearer"  # noqa: S105

    def authenticate_token(self, token_string: str) -> dict[str, Any] | None:
        try:
            return dict(access_tokens.verified(token_string))
        except InvalidToken:
            return None

    def validate_token(self, token: dict[str, Any] | None, scopes: list[str], _request: Any) -> None:
        if token is None or not is_for(token, rules().settings.issuer) or "grant" not in token:
            raise InvalidTokenError
        if registry.find(token["client_id"]) is None:  # disabled since
            raise InvalidTokenError
        if self.scope_insufficient(token.get("scope", ""), scopes):
            raise InsufficientScopeError


protector = ResourceProtector()
protector.register_token_validator(BearerValidator())


@cors.allowed
def userinfo() -> Response:
    try:
        token = _authenticate()
        return _answer(cast("Client", registry.find(token["client_id"])), token)
    except OAuth2Error as error:
        return _refused(error)


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


def _claims(client: Client, token: dict[str, Any]) -> dict[str, Any]:
    """What the scopes of the token and the `claims` parameter of its grant ask for (Core 5.4, 5.5)."""
    found = access.person_of(token["grant"], token["jti"])
    if found is None:
        raise InvalidTokenError
    person, parameter = found
    asked = claims_request.parse(parameter).userinfo if parameter else ()
    requested = claims_request.permitted(asked, client, person.id) if asked else ()
    claims = {"sub": token["sub"], **claims_of(person, token["scope"].split(), requested)}
    if (
        assurance.may_get_identity_codes(client)
        and claims_request.identity_code_permitted(client, person.id)
        and (code := assurance.identity_code_for(client, person.id, token["acr"]))
    ):
        claims[IDENTITY_CODE_CLAIM] = code
    return claims


def _answer(client: Client, token: dict[str, Any]) -> Response:
    """JSON, or a JWT that is signed, encrypted or both, as the client registered (Core 5.3.2)."""
    claims = _claims(client, token)
    alg = client.registration.get("userinfo_signed_response_alg")
    if alg is None and "userinfo_encrypted_response_alg" not in client.registration:
        return json_answer(claims)
    claims |= {"iss": rules().settings.issuer, "aud": client.client_id}
    content = keyring().signing(alg).sign(claims, USERINFO_TYPE) if alg else encode(claims)
    content = encrypted(client, "userinfo", content, signed=alg is not None)
    return Response(content, content_type="application/jwt", headers=NOT_KEPT)


def _refused(error: OAuth2Error) -> Response:
    """RFC 6750 3: without credentials a bare challenge; else the error in header and body."""
    if error.error in {"missing_authorization", "unsupported_token_type"}:
        return Response(status=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
    status = error.status_code
    challenge = f'Bearer error="{error.error}", error_description="{error.get_error_description()}"'
    if status == 403:
        challenge += ', scope="openid"'
    return json_answer(dict(error.get_body()), status, ("WWW-Authenticate", challenge))

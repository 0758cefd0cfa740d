"""OpenID Connect and OAuth 2.0, by Authlib: one module per endpoint, one per grant, wired in server.py."""

from flask import Blueprint, Flask

from idp.oidc import (
    authorize,
    discovery,
    introspection,
    logout,
    revocation,
    server,
    token,
    userinfo,
)

MODULES = (authorize, discovery, introspection, logout, revocation, token, userinfo)


def init_app(app: Flask) -> None:
    """Wire Authlib and add every endpoint."""
    blueprint = Blueprint("oidc", __name__)
    server.init_app(app)
    for module in MODULES:
        module.add_to(blueprint)
    app.register_blueprint(blueprint)

"""OpenID Connect and OAuth 2.0, by Authlib: one module per endpoint, one per grant, wired in server.py."""

from flask import Blueprint, Flask

from idp.oidc import (
    authorize,
    client_registration,
    cors,
    device,
    discovery,
    introspection,
    logout,
    pushed,
    revocation,
    server,
    session_management,
    token,
    trial,
    upstream_keys,
    userinfo,
)

MODULES = (
    authorize,
    client_registration,
    device,
    discovery,
    introspection,
    logout,
    pushed,
    revocation,
    session_management,
    token,
    upstream_keys,
    userinfo,
)


def init_app(app: Flask) -> None:
    """Wire Authlib and add every endpoint."""
    blueprint = Blueprint("oidc", __name__)
    server.init_app(app)
    cors.init_app(blueprint)
    for module in MODULES:
        module.add_to(blueprint)
    app.register_blueprint(blueprint)
    trial.init_app(app)

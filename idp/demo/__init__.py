"""A demo e-service (relying party) and a mail inbox, for trying the whole thing on one machine."""

from flask import Flask

from idp.demo.inbox import inbox


def init_app(app: Flask) -> None:
    """Add the mail inbox to the provider."""
    app.register_blueprint(inbox)

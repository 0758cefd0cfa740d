"""X-Forwarded-For and -Proto, from as many proxies as the settings trust and from nobody else."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from idp.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    trusted = settings.server.trusted_proxies
    if trusted:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=0)  # type: ignore[method-assign]

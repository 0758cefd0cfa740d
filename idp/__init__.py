"""Tunnus: an OpenID Connect identity provider for the e-services of a municipality."""

from flask import Flask

from idp import database, demo, keys, lasting, metrics, oidc, outbound, texts, upstream
from idp.accounts import accepted, hashing, rules, statements
from idp.admin import admin
from idp.admin.api import api as admin_api
from idp.clients import keys as client_keys
from idp.clients import registry, resources
from idp.clients.managed import ADMIN_API
from idp.grants import access_tokens
from idp.mail import delivery
from idp.pages import journey, pages
from idp.settings import Settings, project_folder
from idp.web import (
    client_theme,
    context,
    cookies,
    errors,
    guide,
    headers,
    health,
    limits,
    logs,
    overrides,
    proxies,
    theme,
)
from idp.web import metrics as numbers
from idp.web import tracing as traces


def create_app(settings: Settings, *, workers: int = 1, for_people: bool = True) -> Flask:
    """Wire the rooms together. `workers` says how many processes share this machine's cores.

    `for_people`: somebody will see its pages; the command needs none, and sets up what they need.
    Nothing connects and no thread starts here; `idp.serving` does that. Raises UnusableSettings.
    """
    app = Flask(
        "idp",
        template_folder=str(project_folder("templates")),
        static_folder=str(project_folder("templates") / "assets"),
        static_url_path="/assets",
    )
    app.extensions["settings"] = settings
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = settings.server.max_body_bytes

    # ground
    metrics.init_app(app)
    database.init_app(app, settings)
    texts.init_app(app, settings)
    outbound.init_app(app, settings)

    # rules and domain
    installed = rules.init_app(app, settings)
    statements.init_app(app, settings)
    accepted.init_app(app)
    if for_people:
        statements.refuse_placeholders(app.extensions["statements"], settings)
    hashing.init_app(app, settings, workers)
    registry.init_app(app)
    client_keys.init_app(app)
    resources.init_app(app)
    keys.init_app(app, installed.vault, installed.lifetimes.retired_key_published)
    access_tokens.init_app(app)
    lasting.init_app(app, installed.vault)
    upstream.init_app(app, settings, installed.vault)
    delivery.init_app(app, settings)

    # what the faces share
    proxies.init_app(app, settings)
    cookies.init_app(app, settings, installed.vault)
    logs.init_app(app, settings)
    numbers.init_app(app, settings)
    traces.init_app(app, settings)
    headers.init_app(app, settings)
    overrides.init_app(app, settings)
    theme.init_app(app, settings)
    client_theme.init_app(app)
    guide.init_app(app, settings)
    context.init_app(app)
    errors.init_app(app)
    health.init_app(app)

    # faces
    journey.init_app(app)
    app.register_blueprint(pages)
    app.register_blueprint(admin, url_prefix="/admin")
    app.register_blueprint(admin_api, url_prefix=ADMIN_API)
    limits.init_app(app, settings, pages.name, admin.name)
    oidc.init_app(app)
    if settings.mode == "demo":
        demo.init_app(app)
    return app

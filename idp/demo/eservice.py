"""A demo e-service, built here: the example of how an e-service delegates its login to Tunnus with Authlib.

Read this file first (how the client is registered with Authlib), then ``eservice_login.py`` (log in, answer,
log out: all that OpenID Connect asks of a relying party) and ``eservice_backchannel.py`` (told by the provider
that somebody has logged out elsewhere). The pages are in ``eservice_pages.py``, their words
in ``eservice_texts.py``, what is kept in memory in ``eservice_store.py``. The e-service is a party of its
own: it imports nothing of the provider and knows no more of it than its issuer.

At the provider, register a client with these addresses:

==============================  ================================
``redirect_uris``               ``<base_url>/callback``
``post_logout_redirect_uris``   ``<base_url>/logged-out``
``initiate_login_uri``          ``<base_url>/login``
``backchannel_logout_uri``      ``<base_url>/backchannel-logout``
``client_uri``                  ``<base_url>/``
==============================  ================================
"""

from urllib.parse import urlsplit

from authlib.integrations.flask_client import OAuth
from flask import Flask, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from idp.demo import eservice_backchannel, eservice_login, eservice_pages
from idp.demo.eservice_login import LOGIN_SECONDS, Eservice, EserviceConfig, Person, csrf, eservice
from idp.demo.eservice_store import BoundedStore

__all__ = ["EserviceConfig", "create_eservice"]

PENDING_LOGIN_SECONDS = 60 * 60
LOGOUT_TOKEN_SECONDS = 60 * 60  # far longer than one of them is valid


def create_eservice(config: EserviceConfig) -> Flask:
    """Build the e-service. Nothing is asked from the provider yet: it may start later than we do."""
    app = Flask(
        __name__,
        template_folder=config.template_folder,
        static_folder=config.asset_folder,
        static_url_path="/assets",
    )
    app.config.update(
        SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME="demo_session",
        SESSION_COOKIE_HTTPONLY=True,
        # Lax, not Strict: the provider sends the browser back from another site, and we must know it again.
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.base_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=LOGIN_SECONDS,
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=64 * 1024,
    )

    # With a cache, Authlib keeps state, nonce and PKCE verifier here and only a short mark in the cookie.
    oauth = OAuth(app, cache=BoundedStore[str](limit=10_000, seconds=PENDING_LOGIN_SECONDS))
    client = oauth.register(
        "tunnus",
        client_id=config.client_id,
        client_secret=config.client_secret,
        # Discovery: endpoints and keys are read from here at the first login, never typed by hand.
        server_metadata_url=f"{config.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",  # PKCE; Authlib makes state and nonce by itself
            "default_timeout": config.timeout_seconds,
        },
    )
    people = BoundedStore[Person](limit=10_000, seconds=LOGIN_SECONDS)
    app.extensions["eservice"] = Eservice(
        config,
        client,
        people,
        logout_tokens=BoundedStore[bool](limit=100_000, seconds=LOGOUT_TOKEN_SECONDS),
        keys_refetched=BoundedStore[bool](limit=1, seconds=60),
    )

    app.before_request(eservice_pages.choose_language)  # first: a refusal, too, is told in a language
    csrf.init_app(app)
    app.register_blueprint(eservice_login.bp)
    app.register_blueprint(eservice_backchannel.bp)
    app.register_blueprint(eservice_pages.bp)
    app.context_processor(template_context)
    app.after_request(add_security_headers)
    app.register_error_handler(HTTPException, eservice_pages.show_http_error)
    app.jinja_env.undefined = StrictUndefined
    return app


def template_context() -> dict[str, object]:
    """What every template may use."""
    config = eservice().config
    here = eservice_login.local_target(request.full_path if request.method == "GET" else None)
    return {
        **eservice_pages.language_context(here),
        "person": eservice_login.current_person(),
        "account_url": config.account_url or f"{config.issuer.rstrip('/')}/account",
        "login_url": eservice_login.login_url(eservice_pages.without_lang(here)),
        "asset": lambda name: url_for("static", filename=name),
    }


def add_security_headers(response: Response) -> Response:
    """No script, no third party, no frame. ``form-action`` names the provider: "Log out" leads there."""
    issuer = urlsplit(eservice().config.issuer)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {issuer.scheme}://{issuer.netloc}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    eservice_pages.remember_language(response, secure=eservice().config.base_url.startswith("https://"))
    return response

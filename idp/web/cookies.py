"""Cookies: names, attributes, lifetimes. All are HttpOnly, SameSite=Lax, and with an https issuer Secure and __Host-.

`tunnus_browser` (Flask's signed session) binds pending requests and form tokens to this browser, `tunnus_session` is a
login, `tunnus_device` a known device, `tunnus_language` a chosen language. Cookies ignore ports, hence the prefix.
"""

from datetime import timedelta

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from idp.crypto import Vault
from idp.settings import Settings
from idp.texts import LANGUAGE_COOKIE

SESSION = "tunnus_session"
DEVICE = "tunnus_device"
BROWSER = "tunnus_browser"
DEVICE_LIFETIME = timedelta(days=395)
LANGUAGE_LIFETIME = timedelta(days=395)


class BrowserCookie(SecureCookieSessionInterface):
    """Flask's signed session, at less cost: what signs it is made once, and nothing is looked for without cookies."""

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:  # as of every program
            return self.session_class()
        return super().open_session(app, request)


def init_app(app: Flask, settings: Settings, vault: Vault) -> None:
    app.session_interface = BrowserCookie()
    current, *older = (key.hex() for key in vault.derive_all("cookies"))
    app.config.update(
        SECRET_KEY=current,
        SECRET_KEY_FALLBACKS=older,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the browser's cookie
        SESSION_COOKIE_NAME=_name(BROWSER, settings),
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def _name(name: str, settings: Settings) -> str:
    return f"__Host-{name}" if settings.https else name


def read(name: str, settings: Settings) -> str | None:
    """The value of one of our cookies in this request."""
    return request.cookies.get(_name(name, settings)) or None


def write(
    response: Response, name: str, value: str, settings: Settings, lifetime: timedelta | None = None
) -> None:
    """Set one of our cookies; without a lifetime it ends with the browser session."""
    response.set_cookie(
        name if name == LANGUAGE_COOKIE else _name(name, settings),
        value,
        max_age=lifetime,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="Lax",
    )


def erase(response: Response, name: str, settings: Settings) -> None:
    response.delete_cookie(
        _name(name, settings), path="/", secure=settings.https, httponly=True, samesite="Lax"
    )

"""Cookies: names, attributes, lifetimes. With an https issuer Secure and __Host-; all but one HttpOnly, SameSite=Lax.

`tunnus_browser` (Flask's signed session) binds pending requests and form tokens to this browser; what people typed is
sealed in it (keepsakes.py). `tunnus_session` is a login, `tunnus_device` a known device, `tunnus_language` a chosen
language. Cookies ignore ports, hence the prefix.
`tunnus_state` tells scripts of ours whether the login is still the same one (OpenID Connect Session Management 3.1): a
hash that opens nothing. E-services have that script in a frame, so it is readable there.
"""

from datetime import timedelta

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from idp.crypto import Vault, hash_token
from idp.settings import Settings
from idp.texts import LANGUAGE_COOKIE

SESSION = "tunnus_session"
DEVICE = "tunnus_device"
BROWSER = "tunnus_browser"
DEVICE_LIFETIME = timedelta(days=395)
LANGUAGE_LIFETIME = timedelta(days=395)
STATE = "tunnus_state"


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
        SESSION_COOKIE_NAME=full_name(BROWSER, settings),
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def full_name(name: str, settings: Settings) -> str:
    """The name in the browser."""
    return f"__Host-{name}" if settings.https else name


def read(name: str, settings: Settings) -> str | None:
    """The value of one of our cookies in this request."""
    return request.cookies.get(full_name(name, settings)) or None


def write(
    response: Response, name: str, value: str, settings: Settings, lifetime: timedelta | None = None
) -> None:
    """Set one of our cookies; without a lifetime it ends with the browser session."""
    response.set_cookie(
        name if name == LANGUAGE_COOKIE else full_name(name, settings),
        value,
        max_age=lifetime,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="Lax",
    )


def erase(response: Response, name: str, settings: Settings) -> None:
    response.delete_cookie(
        full_name(name, settings), path="/", secure=settings.https, httponly=True, samesite="Lax"
    )


# -- a login


def write_session(response: Response, token: str, settings: Settings, lifetime: timedelta | None) -> None:
    """Set the cookies of a new session."""
    write(response, SESSION, token, settings, lifetime)
    write_state(response, browser_state(hash_token(token)), settings, lifetime)


def erase_session(response: Response, settings: Settings) -> None:
    """Erase the cookies of a session."""
    erase(response, SESSION, settings)
    erase_state(response, settings)


def browser_state(id_hash: str) -> str:
    """What scripts may know of a session: another one at each login, and nothing to find the session by."""
    return hash_token("browser state " + id_hash)


def write_state(response: Response, state: str, settings: Settings, lifetime: timedelta | None) -> None:
    response.set_cookie(
        full_name(STATE, settings),
        state,
        max_age=lifetime,
        path="/",
        secure=settings.https,
        httponly=False,
        samesite="None" if settings.https else "Lax",  # browsers take None from https only
    )


def erase_state(response: Response, settings: Settings) -> None:
    """Forget the state, unless this response sets another one."""
    name = full_name(STATE, settings)
    if any(header.startswith(f"{name}=") for header in response.headers.getlist("Set-Cookie")):
        return
    same_site = "None" if settings.https else "Lax"
    response.delete_cookie(name, path="/", secure=settings.https, httponly=False, samesite=same_site)

"""Security headers of pages: a strict content policy, no framing, no referrer, nothing cached.

`allow_form_target` lets a page's form end at the pending request's redirect URI, since Chromium applies `form-action`
to redirects too.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, g

from idp.settings import Settings

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self';"
    " base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def allow_form_target(uri: str) -> None:
    """Let forms of this page's response be redirected to the origin (or private scheme) of `uri`."""
    parts = urlsplit(uri)
    g.form_target = (
        f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
    )


def secure_page(response: Response) -> Response:
    """Set the headers of a page."""
    target = g.get("form_target")
    headers = response.headers
    headers.setdefault("Content-Security-Policy", f"{_POLICY} {target}" if target else _POLICY)
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    headers.setdefault("Cache-Control", "no-store")
    return response


def init_app(app: Flask, settings: Settings) -> None:
    always = [("X-Content-Type-Options", "nosniff")]
    if settings.https:
        always.append(("Strict-Transport-Security", "max-age=63072000; includeSubDomains"))

    @app.after_request
    def every_response(response: Response) -> Response:
        response.headers.extend(always)
        if response.mimetype == "text/html":
            secure_page(response)
        return response

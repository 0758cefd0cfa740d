"""Security headers of pages: a strict content policy, no framing, no referrer, nothing cached.

`allow_form_target` lets a page's form end at the pending request's redirect URI, since Chromium applies `form-action`
to redirects too. `keep_opener` lets a page be in a popup of an e-service that waits for its answer. `allow_image` lets
a page show the e-service's logo. `allow_frames` lets a page have others in frames, `allow_framing` lets others have it
in theirs.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Response, g

from idp import leaving
from idp.accounts.rules import rules
from idp.settings import Settings

_IMAGES = "img-src 'self' data:"
_POLICY = (
    f"default-src 'none'; style-src 'self'; script-src 'self'; {_IMAGES}; font-src 'self';"
    " base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_POLICY_IN_FRAMES = (
    "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
)


def allow_form_target(uri: str) -> None:
    """Let forms of this page's response be redirected to the origin (or private scheme) of `uri`."""
    parts = urlsplit(uri)
    g.form_target = (
        f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
    )


def allow_image(uri: str) -> None:
    """Let this page's response show images of the origin of `uri`: the logo of the e-service, wherever it lives."""
    g.image_source = _origin(uri)


def keep_opener() -> None:
    """Let a popup that shows this response still reach the window that opened it, once it is back at the e-service.

    A policy of its own, even on a redirect, would cut the two apart for good. What it keeps away elsewhere is the hold
    that other sites have on a window they opened: they can count its frames, which a login has none of, and lead it to
    another address, which is seen. They read nothing either way, and framing is denied.
    """
    g.keeps_opener = True


def allow_frames(origins: Collection[str]) -> None:
    """Let this page's response have frames of these origins, and of no others."""
    g.frame_sources = origins


def allow_framing() -> None:
    """Let others frame this response: a page that shows nothing and takes nothing."""
    g.framable = True


def _policy() -> str:
    if g.get("framable"):
        return _POLICY_IN_FRAMES
    target, sources = g.get("form_target"), g.get("frame_sources")
    policy = f"{_POLICY} {target}" if target else _POLICY
    images = {_origin(rules().settings.site.logo_url), g.get("image_source", "")} - {""}
    if images:
        policy = policy.replace(_IMAGES, " ".join([_IMAGES, *sorted(images)]))
    return f"{policy}; frame-src {' '.join(sources)}" if sources else policy


def _origin(uri: str) -> str:
    """Of an absolute address; empty for a path of ours."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def secure_page(response: Response) -> Response:
    """Set the headers of a page."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    if not g.get("framable"):
        headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "unsafe-none" if g.get("keeps_opener") else "same-origin"
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
        if leaving.has_begun():
            response.headers["Connection"] = "close"
        if response.mimetype == "text/html":
            secure_page(response)
        return response

"""A span for each request, around all that the application does for it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from idp import database, tracing
from idp.settings import Settings
from idp.web import logs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def init_app(app: Flask, settings: Settings) -> None:
    """Raises UnusableSettings."""
    tracing.check(settings)
    if not settings.tracing.endpoint:
        return
    inner = app.wsgi_app

    def traced(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with tracing.span("request") as span:
            environ["idp.span"] = span
            return inner(environ, start_response)

    app.wsgi_app = traced  # type: ignore[method-assign]

    @app.before_request
    def begin() -> None:
        g.database_seconds = database.spent.seconds

    @app.after_request
    def describe(response: Response) -> Response:
        span: Any = request.environ.get("idp.span")
        if span is not None:
            endpoint = request.endpoint or "none"
            span.update_name(endpoint)
            span.set_attribute("http.request.method", request.method if request.url_rule else "none")
            span.set_attribute("http.route", request.url_rule.rule if request.url_rule else "none")
            span.set_attribute("http.response.status_code", response.status_code)
            span.set_attribute("tunnus.reference", logs.reference())
            spent = database.spent.seconds - g.get("database_seconds", database.spent.seconds)
            span.set_attribute("tunnus.database_seconds", max(0.0, spent))
        return response

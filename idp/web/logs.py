"""Structured logs by structlog, and one line per request that is worth one.

Every line of a request carries its reference, which error pages show ("Viite tukipyyntöä varten"). Query strings,
form values, cookies and headers never get into the log.
"""

import logging
import secrets
import sys
import time
from typing import TYPE_CHECKING, cast

import structlog
from flask import Flask, Request, Response, g, has_request_context, request

from idp.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = structlog.get_logger("idp.requests")

# Letters and digits that nobody confuses when reading them over the telephone.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def configure(settings: Settings) -> None:
    """Set up logging for this process."""
    json = settings.log.format == "json"
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_reference,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if json else structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        # Its own way of showing a stack trace prints the local variables, passwords among them.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    level = getattr(logging, settings.log.level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _with_reference(
    _logger: object, _method: str, entry: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Every line of a request tells which one, also those of libraries."""
    if has_request_context():
        entry.setdefault("reference", reference())
    return entry


def reference() -> str:
    """The support reference of this request: eight characters, made when first needed."""
    if "reference" not in g:
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        g.reference = f"{letters[:4]}-{letters[4:]}"
    return cast("str", g.reference)


class TimedRequest(Request):
    """A request that knows when it came."""

    def __init__(self, environ: "WSGIEnvironment") -> None:
        super().__init__(environ)
        self.began = time.perf_counter()


def init_app(app: Flask, settings: Settings) -> None:
    wanted = settings.log.requests
    app.request_class = TimedRequest

    @app.after_request
    def finish(response: Response) -> Response:
        status = response.status_code
        quiet = status < 400 and request.blueprint in {"oidc", "health", None}
        if status >= 500 or wanted == "all" or (wanted == "pages" and not quiet):
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=status,
                ms=round((time.perf_counter() - cast("TimedRequest", request).began) * 1000, 1),
                reference=reference(),
            )
        return response

"""Optional traces by OpenTelemetry: what a request spent its time on. Nothing of it is loaded unless it is set.

A span tells endpoint, status and the log's reference; never an address, a query, a name or a client's own text. Headers
of visitors (`traceparent`) are not believed: every trace begins here.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from idp.settings import Settings, UnusableSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_NOTHING: AbstractContextManager[Any] = nullcontext()
_begin: Callable[[str], AbstractContextManager[Any]] | None = None


def span(name: str) -> AbstractContextManager[Any]:
    """Times what is inside, as a part of the request's span. Gives the span, or None when there are no traces."""
    return _begin(name) if _begin is not None else _NOTHING


def check(settings: Settings) -> None:
    """Raises UnusableSettings when traces are wanted and cannot be made."""
    if settings.tracing.endpoint and not (find_spec("opentelemetry") and find_spec("opentelemetry.sdk")):
        raise UnusableSettings("tracing.endpoint: needs the extra `tracing` (pip install 'tunnus[tracing]')")


class Traces:
    """Collects the spans of this process and sends them to the collector, from a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.tracing
        self._provider: TracerProvider | None = None

    def start(self) -> None:
        """In the worker: threads do not live through a fork."""
        global _begin  # noqa: PLW0603  one tracer in a process, as its library has it
        if not self._wanted.endpoint:
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(self._wanted.ratio),
            resource=Resource({"service.name": "tunnus"}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(self._wanted.endpoint, timeout=5))
        )
        _begin = self._provider.get_tracer("idp").start_as_current_span

    def stop(self) -> None:
        """Send what is left."""
        global _begin  # noqa: PLW0603
        _begin = None
        if self._provider is not None:
            self._provider.shutdown()

    def join(self, seconds: float | None = None) -> None:
        """`stop` has waited."""

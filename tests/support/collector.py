"""A collector of traces on the loopback interface, which keeps what it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.ports import LOOPBACK


@dataclass
class Collector:
    """Takes traces as an OpenTelemetry collector does."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[dict[str, object]]:
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    values = {pair.key: _value(pair.value) for pair in span.attributes}
                    ids = {"id": span.span_id, "parent": span.parent_span_id, "trace": span.trace_id}
                    found.append({"name": span.name, **ids, **values})
        return found

    def named(self, name: str) -> dict[str, object]:
        return next(span for span in self.spans if span["name"] == name)


def _value(value: object) -> object:
    return getattr(value, value.WhichOneof("value"))  # type: ignore[attr-defined]


@contextmanager
def listening() -> Iterator[Collector]:
    """A running one."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://{LOOPBACK}:{server.server_port}/v1/traces"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()

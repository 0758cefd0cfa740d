"""A lean load generator: one thread, one connection per user, requests that are bytes already.

A user is a Python generator: it yields an Ask and is sent the answer. So a chain (a code, then its tokens, then a
refresh) reads from top to bottom, and what the user thinks costs the generator's core, never the server's.
"""

import heapq
import select
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it is counted as, its bytes, the status it must be answered with."""

    name: str
    request: bytes
    status: bytes = b"200"
    pause: float = 0.0  # seconds to wait before it is sent


User = Generator[Ask, bytes, None]


@dataclass
class Run:
    """What was measured after the warm-up."""

    seconds: float
    cpu_seconds: float
    latencies: dict[str, list[float]] = field(default_factory=dict)  # seconds, by name
    refused: int = 0

    def count(self, name: str) -> int:
        return len(self.latencies.get(name, ()))

    def rate(self, name: str) -> float:
        """Per second."""
        return self.count(name) / self.seconds

    def cpu(self, name: str) -> float:
        """Seconds of the server's processor time per request of that name, with whatever went along with it."""
        return self.cpu_seconds / max(1, self.count(name))

    def percentile(self, name: str, share: float) -> float:
        found = sorted(self.latencies.get(name, [float("nan")]))
        return found[min(len(found) - 1, int(len(found) * share))]


class UnexpectedAnswer(Exception):
    """The server did not answer what the user expected: nothing is measured."""


class _Line:
    """The connection of one user."""

    __slots__ = ("ask", "received", "sent_at", "socket", "user")

    def __init__(self, port: int, user: User) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.user = user
        self.received = b""
        self.sent_at = 0.0
        self.ask = next(user)

    def send(self) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.ask.request)


def run(
    port: int,
    users: Sequence[User],
    seconds: float,
    *,
    cpu: Callable[[], float] = lambda: 0.0,
    warm_up: float = WARM_UP_SECONDS,
    tolerate_busy: bool = False,
) -> Run:
    """Let the users ask until time is up or all of them have finished. `cpu` tells the server's processor time.

    A wrong status raises UnexpectedAnswer; with `tolerate_busy` a 503 is counted as refused and asked again.
    """
    lines: dict[int, _Line] = {}
    waiting: list[tuple[float, int]] = []  # (when to send, file descriptor)
    latencies: dict[str, list[float]] = defaultdict(list)
    refused = 0
    poll = select.epoll()
    for user in users:
        line = _Line(port, user)
        lines[line.socket.fileno()] = line
        poll.register(line.socket, select.EPOLLIN)
    started = time.perf_counter()
    begins, ends = started + warm_up, started + warm_up + seconds
    for number, line in lines.items():
        _send_or_wait(line, number, waiting)
    cpu_before: float | None = None
    while lines and (now := time.perf_counter()) < ends:
        if cpu_before is None and now >= begins:
            cpu_before, begins = cpu(), now
        while waiting and waiting[0][0] <= now:
            lines[heapq.heappop(waiting)[1]].send()
        patience = min(waiting[0][0] if waiting else ends, ends) - now
        for number, _event in poll.poll(max(0.0, patience)):
            line = lines[number]
            line.received += line.socket.recv(1 << 18)
            answer = line.received
            if not answer:
                raise UnexpectedAnswer(f"{line.ask.name}: the connection was closed")
            if not _complete(answer):
                continue
            line.received = b""
            if answer[9:12] == line.ask.status:
                if cpu_before is not None:
                    latencies[line.ask.name].append(time.perf_counter() - line.sent_at)
                try:
                    line.ask = line.user.send(answer)
                except StopIteration:
                    poll.unregister(number)
                    lines.pop(number).socket.close()
                    continue
            elif tolerate_busy and answer[9:12] == b"503":
                refused += 1
                line.ask = Ask(line.ask.name, line.ask.request, line.ask.status, pause=0.2)
            else:
                raise UnexpectedAnswer(f"{line.ask.name}: {answer[:2000].decode(errors='replace')}")
            _send_or_wait(line, number, waiting)
    finished = time.perf_counter()
    used = cpu() - (cpu_before or 0.0)
    for line in lines.values():
        line.socket.close()
    poll.close()
    return Run(finished - begins, used, dict(latencies), refused)


def _send_or_wait(line: _Line, number: int, waiting: list[tuple[float, int]]) -> None:
    if line.ask.pause:
        heapq.heappush(waiting, (time.perf_counter() + line.ask.pause, number))
    else:
        line.send()


def _complete(answer: bytes) -> bool:
    """Whether a whole HTTP/1.1 answer is there."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = head[at + 17 :].split(b"\r\n", 1)[0]
        return len(answer) >= end + 4 + int(length)
    if b"\r\ntransfer-encoding: chunked" in head:
        return answer.endswith(b"0\r\n\r\n")
    return answer[9:12] in {b"204", b"304"}

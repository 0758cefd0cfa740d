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
BUSY_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it is counted as, its bytes, the status it must be answered with."""

    name: str
    request: bytes
    status: bytes = b"200"
    pause: float = 0.0  # seconds to wait before it is sent


User = Generator[Ask, bytes, None]


@dataclass(frozen=True)
class Reading:
    """Seconds of processor time so far: of the server's processes, and of its cores whoever used them."""

    server: float = 0.0
    cores: float = 0.0


@dataclass
class Run:
    """What was measured after the warm-up."""

    seconds: float
    server_seconds: float
    others_seconds: float  # that other programs took from the server's cores
    latencies: dict[str, list[float]] = field(default_factory=dict)  # seconds, by name
    refused: int = 0

    def count(self, name: str) -> int:
        return len(self.latencies.get(name, ()))

    def rate(self, name: str) -> float:
        """Per second."""
        return self.count(name) / self.seconds

    def cpu(self, name: str) -> float:
        """Seconds of the server's processor time per request of that name, with whatever went along with it."""
        return self.server_seconds / max(1, self.count(name))

    def percentile(self, name: str, share: float) -> float:
        """Seconds."""
        found = sorted(self.latencies.get(name, [float("nan")]))
        return found[min(len(found) - 1, int(len(found) * share))]

    @property
    def disturbance(self) -> float:
        """The share of a core that other programs took."""
        return max(0.0, self.others_seconds) / self.seconds


class UnexpectedAnswer(Exception):
    """The server did not answer what the user expected: nothing is measured."""


def run(
    port: int,
    users: Sequence[User],
    seconds: float,
    *,
    read: Callable[[], Reading] = Reading,
    warm_up: float = WARM_UP_SECONDS,
    tolerate_busy: bool = False,
) -> Run:
    """Let the users ask until time is up or all of them have finished. `read` tells processor times.

    A wrong status raises UnexpectedAnswer; with `tolerate_busy` a 503 is counted as refused and asked again.
    """
    crowd = _Crowd(port, users, tolerate_busy)
    try:
        crowd.go_on_for(warm_up)
        crowd.latencies.clear()
        crowd.refused = 0
        started, before = time.perf_counter(), read()
        crowd.go_on_for(seconds)
        passed, after = time.perf_counter() - started, read()
    finally:
        crowd.close()
    server = after.server - before.server
    others = after.cores - before.cores - server
    return Run(passed, server, others, dict(crowd.latencies), crowd.refused)


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


class _Crowd:
    """All users at once."""

    def __init__(self, port: int, users: Sequence[User], tolerate_busy: bool) -> None:
        self.latencies: defaultdict[str, list[float]] = defaultdict(list)
        self.refused = 0
        self._tolerate_busy = tolerate_busy
        self._lines: dict[int, _Line] = {}  # by file descriptor
        self._later: list[tuple[float, int]] = []  # when to send, and whose
        self._poll = select.epoll()
        for user in users:
            line = _Line(port, user)
            self._lines[line.socket.fileno()] = line
            self._poll.register(line.socket, select.EPOLLIN)
        for number in self._lines:
            self._send_or_wait(number)

    def close(self) -> None:
        for line in self._lines.values():
            line.socket.close()
        self._poll.close()

    def go_on_for(self, seconds: float) -> None:
        ends = time.perf_counter() + seconds
        while self._lines and (now := time.perf_counter()) < ends:
            while self._later and self._later[0][0] <= now:
                self._send(heapq.heappop(self._later)[1])
            wake = min(self._later[0][0], ends) if self._later else ends
            for number, _ in self._poll.poll(max(0.0, wake - now)):
                self._receive(number)

    def _receive(self, number: int) -> None:
        line = self._lines[number]
        answer = line.received = line.received + line.socket.recv(1 << 18)
        if not answer:
            raise UnexpectedAnswer(f"{line.ask.name}: the connection was closed")
        if not _complete(answer):
            return
        line.received = b""
        if answer[9:12] == line.ask.status:
            self.latencies[line.ask.name].append(time.perf_counter() - line.sent_at)
            try:
                line.ask = line.user.send(answer)
            except StopIteration:
                self._poll.unregister(number)
                self._lines.pop(number).socket.close()
                return
        elif self._tolerate_busy and answer[9:12] == b"503":
            self.refused += 1
            line.ask = Ask(line.ask.name, line.ask.request, line.ask.status, BUSY_PAUSE_SECONDS)
        else:
            raise UnexpectedAnswer(f"{line.ask.name}: {answer[:2000].decode(errors='replace')}")
        self._send_or_wait(number)

    def _send_or_wait(self, number: int) -> None:
        pause = self._lines[number].ask.pause
        if pause:
            heapq.heappush(self._later, (time.perf_counter() + pause, number))
        else:
            self._send(number)

    def _send(self, number: int) -> None:
        line = self._lines[number]
        line.sent_at = time.perf_counter()
        line.socket.sendall(line.ask.request)


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

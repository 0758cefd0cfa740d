"""The sockets on which the workers of this server listen, held by its main process.

Each worker has one of its own (SO_REUSEPORT), so that the kernel spreads connections evenly. Since the main process has
it too, connections that wait there outlive a worker that dies; and when the server stops, none is thrown away:
`refuse` lets those that have begun through while new ones stay outside, until every queue is empty.
"""

import ctypes
import socket
import struct
import time
from contextlib import suppress

BACKLOG = 1024

# A classic BPF program on the packet, which begins with the TCP header: drop what has the flag SYN, pass the rest.
_SYN, _FLAGS = 0x02, 13
_PROGRAM = (
    (0x30, 0, 0, _FLAGS),  # load the byte of the flags
    (0x45, 0, 1, _SYN),  # any of these bits?
    (0x06, 0, 0, 0),  # then nothing of the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else all of it
)
_SO_ATTACH_FILTER = 26
_ACCEPT_QUEUE = 24  # where struct tcp_info tells a listening socket's queue (tcpi_unacked)


class Listeners:
    """`count` listening sockets of one address. Raises OSError when it cannot be had."""

    def __init__(self, host: str, port: int, count: int) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self.sockets: list[socket.socket] = []
        for _number in range(count):
            listener = socket.socket(family, socket.SOCK_STREAM)
            self.sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # Accepted connections inherit it; without it an answer in two packets waits 40 ms between them.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            address = listener.getsockname()  # port 0 was any: the same one for all
            listener.setblocking(False)
        for listener in self.sockets:
            listener.listen(BACKLOG)

    def refuse(self, at_least: float, at_most: float) -> None:
        """Let no new connection begin; return when none waits to be accepted any more.

        Waits `at_least` so many seconds, in which handshakes under way come to their end, and `at_most` so many.
        """
        for listener in self.sockets:
            _attach(listener)
        began = time.monotonic()
        while (waited := time.monotonic() - began) < at_most:
            if waited >= at_least and not any(map(_waiting, self.sockets)):
                return
            time.sleep(0.01)

    def keep_only(self, number: int) -> None:
        """In a worker process: leave one to the server, which closes it, and the others to the other workers."""
        for other, listener in enumerate(self.sockets):
            if other == number:
                listener.detach()
            else:
                listener.close()

    def close(self) -> None:
        """In the main process. A socket ends with its last holder: once its worker takes no more connections."""
        for listener in self.sockets:
            listener.close()


def _attach(listener: socket.socket) -> None:
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
    memory = ctypes.create_string_buffer(instructions)
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(memory))
    with suppress(OSError):  # a kernel that forbids it: then it is as without
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _waiting(listener: socket.socket) -> int:
    """How many connections wait to be accepted."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACCEPT_QUEUE + 4)
    return int.from_bytes(info[_ACCEPT_QUEUE:], "little" if struct.pack("=H", 1)[0] else "big")

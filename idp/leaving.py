"""Whether this server is about to stop: one byte that its main process shares with the workers it has forked.

And the signal by which a worker is asked to: `heed` takes it in a thread that does nothing else.
"""

import mmap
import signal
import threading
import time

_byte = mmap.mmap(-1, 1)  # anonymous memory, which forked processes have in common


def begin() -> None:
    """From now on answers end their connections, and load balancers hear that this server is not ready."""
    _byte[0] = 1


def end() -> None:
    _byte[0] = 0


def has_begun() -> bool:
    return bool(_byte[0])


_BLOCKED = {signal.SIGTERM, signal.SIGINT}


def heed() -> None:
    """In a worker, before its server starts: hand the signal to stop on to the server, once that heeds signals.

    Python runs handlers in the main thread, which does not wake when a signal comes the moment before it begins to
    wait, or to another thread; and until the server has set its own handler, a worker has that of the main process.
    Only the first is handed on: granian's worker would wait for ever at a second one. Ctrl-C reaches the workers too,
    and means the main process, which asks them in its time.
    """
    of_the_main_process = signal.getsignal(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    threading.Thread(target=_hand_on, args=(of_the_main_process,), name="signals", daemon=True).start()


def _hand_on(of_the_main_process: object) -> None:
    number = signal.sigwait({signal.SIGTERM})
    while (handler := signal.getsignal(signal.SIGTERM)) is of_the_main_process:
        time.sleep(0.05)
    if callable(handler):
        handler(number, None)

"""Threads that work beside the requests until the server stops."""

import threading
from abc import ABC, abstractmethod


class Background(ABC):
    """One thread. What is left of it when the process ends does not hold that up."""

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; `join` waits for what is under way."""
        self._stop.set()

    def join(self, seconds: float | None = None) -> None:
        self._thread.join(seconds)

    @abstractmethod
    def _run(self) -> None:
        """Work until `_stop` is set."""

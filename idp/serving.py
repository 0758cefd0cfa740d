"""Running the provider: the application of one worker process, and the server that starts the workers."""

import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from flask import Flask

from idp import (
    create_app,
    housekeeping,
    leaving,
    listeners,
    metrics,
    schedule,
    settings,
    tracing,
    versions,
)
from idp.accounts.rules import rules
from idp.listeners import Listeners
from idp.mail import delivery
from idp.oidc import backchannel
from idp.schedule import Job
from idp.settings import Server, Settings
from idp.web import logs

STOP_SECONDS = 20.0  # that a worker waits for a letter or a job under way, once the last request is answered
QUEUE_SECONDS = 5  # that connections on their way may wait to be taken
KILL_SECONDS = 40  # after which a worker that does not end is killed

# How the serving process tells its workers which files and how many they are.
FILES, WORKERS = "IDP_SERVING_FILES", "IDP_SERVING_WORKERS"


def worker() -> Flask:
    """The application of one worker, with its outbox, its logout notices and its watcher of changes."""
    files = [Path(name) for name in os.environ.get(FILES, "").split(os.pathsep) if name]
    installed = settings.load(*files)
    logs.configure(installed)
    metrics.share()
    app = create_app(installed, workers=int(os.environ.get(WORKERS, "1")))
    with app.app_context():
        mail, numbers = delivery.Worker(app, rules().vault, installed), metrics.Flusher(metrics.metrics())
    parts: list[Part] = [
        mail,
        backchannel.worker(app),
        versions.watcher(app),
        schedule.Scheduler(app, jobs(installed)),
        numbers,
        tracing.Traces(installed),
    ]
    for part in parts:
        part.start()
    threading.Thread(target=_stop_at_the_end, args=(parts,), name="stop").start()
    return app


class Part(Protocol):
    """What a worker does beside answering requests."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def join(self, seconds: float | None = None) -> None: ...


def _stop_at_the_end(parts: Sequence[Part]) -> None:
    """When the server has answered its last request, let each part end what it is at.

    The process waits for this thread, though not for the parts.
    """
    threading.main_thread().join()
    for part in parts:
        part.stop()
    deadline = time.monotonic() + STOP_SECONDS
    for part in parts:
        part.join(max(0.0, deadline - time.monotonic()))


def jobs(installed: Settings) -> list[Job]:
    """What is done from time to time, by one worker of all."""
    found = [
        Job("purge", timedelta(hours=1), housekeeping.purge),
        Job("reseal", timedelta(days=1), housekeeping.reseal),
    ]
    if installed.tokens.signing_key_days:
        age = timedelta(days=installed.tokens.signing_key_days)
        found.append(Job("keys", timedelta(hours=1), lambda: housekeeping.rotate_keys(age)))
    if installed.upstream.on and installed.upstream.key_days:
        days = timedelta(days=installed.upstream.key_days)
        found.append(
            Job("upstream keys", timedelta(hours=1), lambda: housekeeping.rotate_upstream_keys(days))
        )
    return found


def worker_count(installed: Settings) -> int:
    return installed.server.workers or len(os.sched_getaffinity(0))


def serve(installed: Settings, files: list[Path]) -> None:
    """Start the workers and wait until they are stopped."""
    workers = worker_count(installed)
    os.environ[FILES] = os.pathsep.join(str(path.resolve()) for path in files)
    os.environ[WORKERS] = str(workers)
    with TemporaryDirectory(prefix="tunnus-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[metrics.FOLDER] = folder  # in memory or on disk, as the system's folder for such files is
        run("idp.serving:worker", installed.server, workers)


def run(factory: str, at: Server, workers: int) -> None:
    """Serve the application that `factory` (module:function) makes in each of `workers` processes."""
    from granian._granian import SocketHolder
    from granian.constants import Interfaces
    from granian.server.mp import MPServer

    base: Any = MPServer
    listening: Any = SocketHolder

    class Granian(base):
        """Granian, with sockets that it keeps when a worker dies, and a way to stop that drops no request."""

        def _init_shared_socket(self) -> None:
            leaving.end()
            self._listeners = Listeners(at.host, at.port, workers)

        def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
            def load() -> Any:
                leaving.heed()
                self._listeners.keep_only(idx)
                return callback_loader()

            # In the place of a socket that granian makes in the worker.
            own = self._listeners.sockets[idx].fileno()
            self._ssp, self._shd, self._sso = None, listening(own, False, listeners.BACKLOG), None
            return super()._spawn_worker(idx, target, load)

        def shutdown(self, exit_code: int = 0) -> None:
            if not exit_code and not self.interrupt_children:
                leaving.begin()
                time.sleep(at.stop_delay_seconds)
                self._listeners.refuse(at_least=0.2, at_most=QUEUE_SECONDS)
            super().shutdown(exit_code)

        def _stop_workers(self) -> None:
            self._listeners.close()
            give_up = time.monotonic() + KILL_SECONDS
            while (at_work := [one for one in self.wrks if one.is_alive()]) and time.monotonic() < give_up:
                for one in at_work:  # also once more: who is being forked does not hear it
                    one.terminate()
                at_work[0].join(1)
            self.workers_kill_timeout = 1
            super()._stop_workers()  # kills whoever is left

    # The workers inherit their sockets, and the byte of idp.leaving.
    multiprocessing.set_start_method("fork", force=True)
    Granian(
        target=factory,
        factory=True,
        address=at.host,
        port=at.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=at.threads,
        backlog=listeners.BACKLOG,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        websockets=False,
    ).serve()

"""Running the provider: the application of one worker process, and the server that starts the workers."""

import os
from datetime import timedelta
from pathlib import Path

from flask import Flask

from idp import create_app, housekeeping, keys, schedule, settings, versions
from idp.accounts.rules import rules
from idp.mail import delivery
from idp.oidc import backchannel
from idp.schedule import Job
from idp.settings import Server, Settings
from idp.web import logs

# How the serving process tells its workers which files and how many they are.
FILES, WORKERS = "IDP_SERVING_FILES", "IDP_SERVING_WORKERS"


def worker() -> Flask:
    """The application of one worker, with its outbox, its logout notices and its watcher of changes."""
    files = [Path(name) for name in os.environ.get(FILES, "").split(os.pathsep) if name]
    installed = settings.load(*files)
    logs.configure(installed)
    app = create_app(installed, workers=int(os.environ.get(WORKERS, "1")))
    with app.app_context():
        delivery.Worker(app, rules().vault, installed).start()
    backchannel.worker(app).start()
    versions.watcher(app).start()
    schedule.Scheduler(app, jobs(installed)).start()
    return app


def jobs(installed: Settings) -> list[Job]:
    """What is done from time to time, by one worker of all."""
    found = [
        Job("purge", timedelta(hours=1), housekeeping.purge),
        Job("reseal", timedelta(days=1), housekeeping.reseal),
    ]
    if installed.tokens.signing_key_days:
        age = timedelta(days=installed.tokens.signing_key_days)
        found.append(Job("keys", timedelta(hours=1), lambda: keys.rotate_if_due(rules().vault, age)))
    return found


def worker_count(installed: Settings) -> int:
    return installed.server.workers or len(os.sched_getaffinity(0))


def serve(installed: Settings, files: list[Path]) -> None:
    """Start the workers and wait until they are stopped."""
    workers = worker_count(installed)
    os.environ[FILES] = os.pathsep.join(str(path.resolve()) for path in files)
    os.environ[WORKERS] = str(workers)
    run("idp.serving:worker", installed.server, workers)


def run(factory: str, at: Server, workers: int) -> None:
    """Serve the application that `factory` (module:function) makes in each of `workers` processes."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        target=factory,
        factory=True,
        address=at.host,
        port=at.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=at.threads,
        backlog=1024,
        log_enabled=False,
        respawn_failed_workers=True,
        websockets=False,
    ).serve()

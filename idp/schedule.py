"""Work that is due from time to time, done by one worker of all: the one that moves the job's row first.

A job that fails or dies in the middle is tried again after its usual time. What the jobs do is not here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from idp import clock
from idp.background import Background
from idp.crypto import Undecryptable
from idp.database import DatabaseUnavailable, Instant, Model, Statement, insert_if_absent, instant, writing

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0


class ScheduledJob(Model):
    __tablename__ = "scheduled_jobs"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True)
class Job:
    """`work` runs within the app's context, once in `every` among all workers; at the first start at once."""

    name: str
    every: timedelta
    work: Callable[[], object]


_DUE_TIMES = Statement("SELECT name, due_at FROM scheduled_jobs")
_TAKE = Statement(
    "UPDATE scheduled_jobs SET due_at = :next WHERE name = :name AND due_at <= :now RETURNING name"
)


class Scheduler(Background):
    """A thread that runs what is due. Every server process has one."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        super().__init__("schedule")
        self._app, self._jobs = app, jobs

    def run_due(self) -> list[str]:
        """Run what is due now and nobody else has taken; returns the names. Needs an app context."""
        now = clock.now()
        due_at = {str(name): instant(moment) for name, moment in _DUE_TIMES.all()}
        done = []
        for job in self._jobs:
            if self._stop.is_set():
                break
            if job.name not in due_at:
                with writing() as session:
                    insert_if_absent(session, ScheduledJob, name=job.name, due_at=now)
            elif due_at[job.name] > now:
                continue
            if _TAKE.one(name=job.name, now=now, next=now + job.every) is not None:
                job.work()
                done.append(job.name)
        return done

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._app.app_context():
                    for name in self.run_due():
                        log.info("scheduled work done", job=name)
            except (DatabaseUnavailable, SQLAlchemyError, Undecryptable) as error:
                log.warning("scheduled work failed", error=type(error).__name__)
            self._stop.wait(POLL_SECONDS)

"""Server programs that never outlive the test run, even when it is killed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# The shell keeps the program until its own standard input ends. The other end of that pipe is held by the
# test run: it ends with `stop()`, or with the test run itself, however that goes.
_LIFELINE = """
signal=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill -s "$signal" "$program"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$program"; outcome=$?
kill "$watcher" 2>/dev/null
exit "$outcome"
"""


class Program:
    """One running server program.

    `user` is a numeric user id for programs that refuse to run as root; `stop_signal` a name such as "TERM".
    What the program prints goes to `log`.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        stop_signal: str = "TERM",
        user: int | None = None,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        with log.open("ab") as output:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _LIFELINE, "sh", stop_signal, *self.command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                cwd=folder,
                env=environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The first process of a session of its own, to which the program and what it starts belong."""
        return self._shell.pid

    @property
    def running(self) -> bool:
        return self._shell.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._shell.poll()

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Return once `ready()` is true; RuntimeError with the log when the program ends or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                state = "is not ready" if self.running else "has ended"
                self.stop()
                raise RuntimeError(
                    f"{Path(self.command[0]).name} {state}:\n{self.log.read_text(errors='replace')[-4000:]}"
                )
            time.sleep(0.02)

    def stop(self, seconds: float = 20) -> None:
        """Send the stop signal and wait for the end. Stopping twice is no error."""
        if self._shell.stdin is not None and not self._shell.stdin.closed:
            self._shell.stdin.close()
        self._shell.wait(timeout=seconds)


@contextmanager
def short_temporary_folder(prefix: str, owner: int | None = None) -> Iterator[Path]:
    """A private folder whose path is short enough for a Unix socket (about 100 bytes); removed at the end."""
    parent = tempfile.gettempdir()
    if len(parent) > 50:
        parent = "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        if owner is not None:
            os.chown(folder, owner, owner)
            folder.chmod(0o711)  # the tests themselves go through it to the socket
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""The machine as Linux tells it: cores to be pinned to, processor time and memory of a program's processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds


def cores() -> list[int]:
    """The cores that this program may use."""
    return sorted(_ALL)


_ALL = os.sched_getaffinity(0)


@contextmanager
def pinned(*chosen: int) -> Iterator[None]:
    """Keep this thread, and whatever it starts meanwhile, on the chosen cores; on all when none is named."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen or _ALL)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def processes_of(session: int) -> list[int]:
    """The process ids of a program that was started in a session of its own."""
    return [pid for pid in _all_processes() if (fields := _stat(pid)) and int(fields[3]) == session]


def threads_of(process: int) -> int:
    """How many threads it has."""
    return int(_stat(process)[17])


def cpu_seconds(processes: list[int]) -> float:
    """Processor time that they have used, in user and in system mode."""
    return sum((int(fields[11]) + int(fields[12])) * TICK for pid in processes if (fields := _stat(pid)))


def busy_seconds(chosen: list[int]) -> float:
    """Processor time that these cores have worked, for whomever (also for other machines of the same host)."""
    total = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in chosen:
            user, nice, system, _idle, _waiting, *others = map(int, times[:8])  # others: interrupts, stolen
            total += (user + nice + system + sum(others)) * TICK
    return total


def proportional_bytes(process: int) -> int:
    """Memory of one process, with its share of what several map (PSS)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no PSS of process {process}")


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, `state` first; none when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

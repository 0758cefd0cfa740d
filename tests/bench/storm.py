"""A login storm: far more logins than the hashing pool can do, and what becomes of tokens meanwhile."""

import itertools
from dataclasses import dataclass

from tests.bench import load, machine, paths
from tests.bench.data import Data
from tests.bench.load import Run, User
from tests.bench.servers import Installation, tunnus

VISITORS = 40  # who log in again and again
PAUSE = 0.02  # seconds between the requests of one e-service


@dataclass(frozen=True)
class Storm:
    calm: Run
    storm: Run


def measure(installation: Installation, data: Data, seconds: float) -> Storm:
    """Userinfo and refreshes of a few e-services, without and with the storm, on all cores."""
    workers = len(machine.cores())
    settings_file = installation.write(workers=workers, waiting=16)
    with tunnus(settings_file, installation.port, machine.cores()) as server, machine.pinned():
        calm = load.run(server.port, _eservices(data), seconds)
        names = data.usernames(VISITORS * 50)
        visitors = [paths.logging_in("login", itertools.cycle(names[n::VISITORS])) for n in range(VISITORS)]
        storm = load.run(server.port, [*visitors, *_eservices(data)], seconds, warm_up=3, tolerate_busy=True)
    return Storm(calm, storm)


def _eservices(data: Data) -> list[User]:
    header = paths.basic(data)
    requests = [paths.userinfo_request(token) for token in data.access_tokens(100)]
    asking = [paths.asking("userinfo", itertools.cycle(requests[n:]), pause=PAUSE) for n in range(2)]
    return asking + [paths.refreshing(token, header, PAUSE) for token in data.refresh_tokens(2)]

"""`python -m tests.bench.growth`: what do a thousand times as many accounts cost?

Two databases of the same engine, a small one and a large one, each with a server on the same core. The paths are asked
in turn at the one and at the other, so that whatever else the machine does falls on both. Read the ratio of the
server's processor time: 1.0 is flat.
"""

import argparse
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from idp.cli.progress import progress_bar
from idp.clients.managed import ADMIN_API
from tests.admin.machine import SCOPES, Machine
from tests.bench import load, machine, servers
from tests.bench.__main__ import DATABASES, LOAD_CORE, SERVER_CORE, installed
from tests.bench.data import Data
from tests.bench.load import Run, User
from tests.bench.paths import PATHS, asking, get
from tests.bench.paths import Path as Measured
from tests.bench.servers import Server

ROUNDS = 3


@dataclass(frozen=True)
class Place:
    """One database with its server."""

    accounts: int
    data: Data
    server: Server
    program: Machine
    """A program at the administrators' API."""
    administrator: str
    """The session of a person at the administrators' pages."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--small", type=int, default=1_000, help="accounts (default: 1000)")
    parser.add_argument("--large", type=int, default=1_000_000, help="accounts (default: 1000000)")
    parser.add_argument("--databases", default=",".join(DATABASES), type=lambda text: text.split(","))
    parser.add_argument("--seconds", type=float, default=2, help="that a path is measured, three times each")
    options = parser.parse_args()
    print(f"| database | path | {options.small} accounts, CPU µs | {options.large} | ratio | p99 ratio |")
    print("|---|---|--:|--:|--:|--:|")
    with TemporaryDirectory(prefix="tunnus-growth-") as name, machine.pinned(LOAD_CORE):
        for engine in options.databases:
            with ExitStack() as stack:
                small, large = (
                    stack.enter_context(_place(Path(name), engine, accounts))
                    for accounts in (options.small, options.large)
                )
                for path in _paths():
                    print(_line(engine, path, small, large, options.seconds), flush=True)


@contextmanager
def _place(folder: Path, engine: str, accounts: int) -> Iterator[Place]:
    with installed(folder / f"{engine}-{accounts}", engine) as installation:
        settings = installation.write()
        data = Data(settings)
        with progress_bar(f"{engine}, {accounts} accounts") as progress:
            data.fill(accounts, progress)
        data.analyse()
        program = Machine(data.app, *SCOPES, client_id="growth")
        with servers.tunnus(settings, installation.port, [SERVER_CORE]) as server:
            yield Place(accounts, data, server, program, data.administrator())
        data.close()


def _line(engine: str, path: Measured | str, small: Place, large: Place, seconds: float) -> str:
    """A row of the table: the calmest of the rounds of each counts."""
    runs: dict[int, list[Run]] = {small.accounts: [], large.accounts: []}
    for _ in range(ROUNDS):
        for place in (small, large):
            runs[place.accounts].append(_run(path, place, seconds))
    name, counted = (path, "request") if isinstance(path, str) else (path.name, path.counted_as)
    one, other = (min(found, key=lambda run: run.cpu(counted)) for found in runs.values())
    ratio = other.cpu(counted) / one.cpu(counted)
    late = other.percentile(counted, 0.99) / one.percentile(counted, 0.99)
    return (
        f"| {engine} | {name} | {one.cpu(counted) * 1e6:.0f} | {other.cpu(counted) * 1e6:.0f} "
        f"| {ratio:.2f} | {late:.2f} |"
    )


def _run(path: Measured | str, place: Place, seconds: float) -> Run:
    users = (
        _administering(path, place)
        if isinstance(path, str)
        else path.users(place.data, path.at_once, seconds)
    )
    return load.run(place.server.port, users, seconds, read=place.server.read)


def _paths() -> list[Measured | str]:
    wanted = ("login", "authorize", "code exchange", "refresh", "userinfo", "introspection")
    return [*(path for path in PATHS if path.name in wanted), *_ADMINISTERING]


_ADMINISTERING = (
    "search by address",
    "search by last name",
    "search by first name",
    "look at an account",
    "newest events",
    "events of an account",
    "events of a client app",
    "events of a kind, an old page",
    "events that went wrong",
    "events of a kind of a client app",
    "dashboard",
    "terms",
)
_PAGES = {"dashboard": "/admin/", "terms": "/admin/terms"}
"""What an administrator opens; the others are asked by a program."""


def _administering(name: str, place: Place) -> list[User]:
    """A program that asks the administrators' API, about somebody else each time; pages, an administrator."""
    if name in _PAGES:
        page = get(_PAGES[name], f"Cookie: __Host-tunnus_session={place.administrator}\r\n")
        return [asking("request", itertools.repeat(page)) for _ in range(4)]
    ids = place.data.account_ids
    step = max(1, len(ids) // 100)
    numbers = range(0, len(ids), step)

    def address(number: int) -> str:
        match name:
            case "search by address":
                return f"/accounts?{urlencode({'q': f'asukas-{number}@'})}"
            case "search by last name":
                return f"/accounts?{urlencode({'q': f'Meikäläinen {number // 1000} Maija {number % 1000}'})}"
            case "search by first name":
                return f"/accounts?{urlencode({'q': f'Maija {number % 1000}'})}"
            case "look at an account":
                return f"/accounts/{ids[number]}"
            case "events of an account":
                return f"/audit?account={ids[number]}"
            case "events of a client app":
                return "/audit?client=asiointi"
            case "events that went wrong":
                return "/audit?outcome=failure"
            case "events of a kind of a client app":
                return "/audit?client=asiointi&event=consent.given"
            case "events of a kind, an old page":
                return "/audit?event=login&until=" + place.data.moment_of(number).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                )
        return "/audit"

    authorization = (
        f"Authorization: Bearer {place.program.new_token()}\r\n"  # lives for minutes, the large run does not
    )
    requests = [get(ADMIN_API + address(number), authorization) for number in numbers]
    return [asking("request", itertools.cycle(requests[n::4] or requests)) for n in range(4)]


if __name__ == "__main__":
    main()

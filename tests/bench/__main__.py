"""`python -m tests.bench`: measures what is chosen and prints it as one table (Markdown)."""

import argparse
import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import load, machine, paths, raw, servers, storm
from tests.bench.data import Data
from tests.bench.load import Run
from tests.bench.report import NOTICEABLE, Baseline, Report, Row
from tests.bench.servers import Installation, Server
from tests.support.postgresql import private_postgresql

DATABASES = ("sqlite", "postgresql")
SERVER_CORE, LOAD_CORE = machine.cores()[0], machine.cores()[-1]


def main() -> None:
    options = _options()
    report = Report()
    with TemporaryDirectory(prefix="tunnus-bench-") as name, machine.pinned(LOAD_CORE):
        folder = Path(name)
        baseline = report.baseline = _baseline(folder, options.seconds)
        print(baseline.line(), flush=True)
        for engine in options.databases:
            with installed(folder / engine, engine) as installation:
                data = _data(installation, options.accounts)
                _measure_paths(engine, installation, data, options, report)
                if options.storm:
                    report.storms[engine] = storm.measure(installation, data, options.storm)
                    print(report.storm_line(engine), flush=True)
                if options.footprint:
                    report.footprints[engine] = _footprint(installation, data)
                data.close()
    print(report.text(), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = ",".join(path.name.replace(", ", "-") for path in paths.PATHS)
    parser.add_argument("--paths", default="all", help=f"comma-separated: {names}; none: no path")
    parser.add_argument("--databases", default=",".join(DATABASES), type=lambda text: text.split(","))
    parser.add_argument("--seconds", type=float, default=3, help="that each path is measured (default: 3)")
    parser.add_argument("--accounts", type=int, default=1000, help="in the database (default: 1000)")
    parser.add_argument(
        "--at-once", type=int, default=0, help="connections, instead of each path's own number"
    )
    parser.add_argument("--storm", type=float, default=8, help="seconds of the login storm; 0: none")
    parser.add_argument(
        "--no-footprint", dest="footprint", action="store_false", help="no start time and memory"
    )
    parser.add_argument("--server", choices=("granian", "gunicorn"), default="granian")
    parser.add_argument("--tries", type=int, default=2, help="of a path, while other programs disturb it")
    parser.add_argument("--threads", type=int, default=servers.THREADS, help="of the server")
    return parser.parse_args()


def _chosen(wanted: str) -> list[paths.Path]:
    if wanted == "all":
        return list(paths.PATHS)
    names = set(wanted.split(","))
    return [path for path in paths.PATHS if path.name.replace(", ", "-") in names]


def _baseline(folder: Path, seconds: float) -> Baseline:
    """Raw work and a bare route, on the core that the server will have."""
    with servers.bare_flask(folder, [SERVER_CORE]) as bare:
        users = [paths.asking("request", _forever(paths.get("/"))) for _ in range(8)]
        run = load.run(bare.port, users, seconds, read=bare.read)
    return Baseline(
        bare=run,
        bcrypt_one_core=raw.bcrypt_rate(seconds, SERVER_CORE),
        bcrypt_all_cores=raw.bcrypt_rate(seconds),
        signing=raw.signing_rates(1, SERVER_CORE),
    )


def _forever(request: bytes) -> Iterator[bytes]:
    while True:
        yield request


@contextmanager
def installed(folder: Path, engine: str) -> Iterator[Installation]:
    """Empty tables in a database of that engine, durable as in production."""
    folder.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'tunnus.db'}"
        if engine == "postgresql":
            postgresql = stack.enter_context(
                private_postgresql(durable=True)
            )  # on the load's core, as we are
            url = postgresql.url(postgresql.create_database())
        installation = Installation(folder, url)
        installation.migrate()
        yield installation


def _data(installation: Installation, accounts: int) -> Data:
    data = Data(installation.write())
    data.fill(accounts)
    gc.freeze()  # the rows that were made must not slow the load's garbage collection
    return data


def _measure_paths(
    engine: str, installation: Installation, data: Data, options: argparse.Namespace, report: Report
) -> None:
    start = servers.tunnus if options.server == "granian" else servers.tunnus_by_gunicorn
    chosen = _chosen(options.paths)
    if not chosen:
        return
    with start(installation.write(threads=options.threads), installation.port, [SERVER_CORE]) as server:
        for path in chosen:
            row = _measure(engine, path, server, data, options)
            report.rows.append(row)
            print(report.row_line(row), flush=True)


def _measure(engine: str, path: paths.Path, server: Server, data: Data, options: argparse.Namespace) -> Row:
    """One path; again when other programs took more than a little of the server's core, the calmest try counts."""
    tries: list[Run] = []
    while not tries or (tries[-1].disturbance > NOTICEABLE and len(tries) < options.tries):
        users = path.users(data, options.at_once or path.at_once, options.seconds)
        tries.append(load.run(server.port, users, options.seconds, read=server.read))
    return Row(engine, path, min(tries, key=lambda run: run.disturbance))


def _footprint(installation: Installation, data: Data) -> tuple[float, int]:
    """Seconds until two workers are ready, and the memory of the larger one after some work."""
    with servers.tunnus(installation.write(workers=2), installation.port, machine.cores()) as server:
        for path in paths.PATHS:
            load.run(server.port, path.users(data, 4, 0.1), 0.1, warm_up=0.1)
        return server.start_seconds, max(server.worker_bytes())


if __name__ == "__main__":
    main()

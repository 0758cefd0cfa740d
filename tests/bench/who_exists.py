"""`python -m tests.bench.who_exists`: do answers about unknown addresses come as late as those about known ones?

Not a test: a busy machine is never as even as a clock. What is behind the times is tested by counting it, in
tests/pages/test_who_exists.py. Here a stranger asks at each door about an address with an account and one without, in
turn and in random order, at the production cost of bcrypt. AUC is the chance that a known one took longer than an
unknown one: 0.5 is none to tell them apart, and with 100 rounds anything from 0.42 to 0.58 is chance.
"""

import argparse
import random
import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from idp import create_app
from tests.conftest import make_settings, migrate
from tests.pages.steps import register
from tests.support import journey
from tests.support.people import People, Person

COST = 12
WRONG = "Väärä-1salasana"

Door = Callable[[Flask, str], None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.who_exists", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="at each door (default: 100)")
    rounds = parser.parse_args().rounds
    with TemporaryDirectory(prefix="tunnus-bench-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'tunnus.db'}"
        migrate(url, folder)
        app = create_app(
            make_settings(database={"url": url}, folders={"data": folder}, passwords={"bcrypt_cost": COST})
        )
        print("| door | known, median ms | unknown, median ms | AUC |\n|---|---|---|---|")
        for door in (login, registration, recovery):
            known, unknown = times(app, door, rounds)
            medians = (f"{statistics.median(each) * 1000:.1f}" for each in (known, unknown))
            print(f"| {door.__name__} | {' | '.join(medians)} | {auc(known, unknown):.2f} |", flush=True)


def login(app: Flask, address: str) -> None:
    journey.log_in(app.test_client(), Person("", address, WRONG))


def registration(app: Flask, address: str) -> None:
    register(app.test_client(), email=address)


def recovery(app: Flask, address: str) -> None:
    journey.submit(app.test_client(), "/forgot", email=address)


def times(app: Flask, door: Door, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of `rounds` known and as many unknown addresses, each new to the door."""
    people, taken = People(app), {True: list[float](), False: list[float]()}
    for _ in range(rounds):
        addresses = {known: f"asukas-{secrets.token_hex(4)}@example.fi" for known in taken}
        people.resident(addresses[True])
        for known in random.sample(list(taken), 2):
            began = time.perf_counter()
            door(app, addresses[known])
            taken[known].append(time.perf_counter() - began)
    return taken[True], taken[False]


def auc(higher: list[float], lower: list[float]) -> float:
    """The chance that one of the first list exceeds one of the second."""
    wins = sum((a > b) + (a == b) / 2 for a in higher for b in lower)
    return wins / (len(higher) * len(lower))


if __name__ == "__main__":
    main()

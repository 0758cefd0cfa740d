"""Parts of the machine that some tests need and a fresh one may lack.

A test says with a marker what it needs (`@pytest.mark.browser`). When the part is missing the test is left
out, and one line at the end of the run tells how to install it. With `IDP_TEST_ALL=1` a missing part is a
failure.

`tests/conftest.py` takes the two hooks at the end of this module:
`from tests.support.parts import pytest_runtest_setup, pytest_terminal_summary`.
"""

import functools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support import apache, browser, guide, nginx, postgresql, redis

ENVIRONMENT_VARIABLE = "IDP_TEST_ALL"
_REASON = "left out, needs "


@dataclass(frozen=True)
class Part:
    """One part: the marker of the tests that need it, its name, its Debian packages, whether it is there."""

    marker: str
    name: str
    packages: tuple[str, ...]
    found: Callable[[], bool]


PARTS = (
    Part("redis", "redis-server", ("redis-server",), lambda: redis.find_binary() is not None),
    Part("browser", "Chromium", ("chromium",), lambda: browser.find_chromium() is not None),
    Part("interop", "Node.js with npm", ("nodejs", "npm"), lambda: all(map(shutil.which, ("node", "npm")))),
    Part("apache", "Apache with mod_auth_openidc", apache.PACKAGES, apache.available),
    Part("nginx", "nginx", nginx.PACKAGES, lambda: nginx.find_binary() is not None),
    Part("guide", "WeasyPrint's libraries", guide.PACKAGES, guide.can_be_written),
    Part("postgresql", "PostgreSQL", ("postgresql",), postgresql.available),
)


@functools.cache
def is_there(part: Part) -> bool:
    return part.found()


def missing_part(item: pytest.Item) -> Part | None:
    """The first part that a test needs and this machine lacks."""
    return next((part for part in PARTS if item.get_closest_marker(part.marker) and not is_there(part)), None)


def all_are_demanded() -> bool:
    return os.environ.get(ENVIRONMENT_VARIABLE, "") not in ("", "0")


def summary_line(left_out: Counter[str]) -> str:
    """`left_out`: how many tests each missing part cost, by its name."""
    parts = [part for part in PARTS if left_out[part.name]]
    tests = ", ".join(f"{part.name} {left_out[part.name]}" for part in parts)
    packages = " ".join(package for part in parts for package in part.packages)
    return f"Tests left out, by what they need: {tests}. To run them too: apt-get install {packages}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    part = missing_part(item)
    if part is None:
        return
    if all_are_demanded():
        install = f"apt-get install {' '.join(part.packages)}"
        pytest.fail(
            f"needs {part.name} ({install}); {ENVIRONMENT_VARIABLE}=1 leaves nothing out", pytrace=False
        )
    pytest.skip(f"{_REASON}{part.name}")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        # (file, line, reason) of a skipped test
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if _REASON in reason:
            left_out[reason.split(_REASON, 1)[1]] += 1
    if left_out:
        terminalreporter.write_line(summary_line(left_out), yellow=True)

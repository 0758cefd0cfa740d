"""A running provider for the relying parties, a resident with a browser, and the packages of Node.js."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.browser import Browser
from tests.support.installation import Installation, installation
from tests.support.people import Person

NODE = Path(__file__).parent / "node"
SETTINGS = """
[clients]
dynamic_registration = "open"
[tokens]
device_poll_seconds = 1
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("interop"), settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def resident(place: Installation) -> Person:
    return place.people.resident("interop@example.fi")


@pytest.fixture
def browser(place: Installation) -> Iterator[Browser]:
    visitor = Browser(place.provider)
    yield visitor
    visitor.close()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The locked packages, kept in the virtual environment for the next run. Another worker may do the same."""
    lock = (NODE / "package-lock.json").read_bytes()
    kept = Path(sys.prefix) / "interop" / hashlib.sha256(lock).hexdigest()[:12]
    if not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NODE / name, folder)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True)
            made = Path(folder) / "whole"
            made.mkdir()
            (Path(folder) / "node_modules").rename(made / "node_modules")
            with contextlib.suppress(OSError):  # another worker was faster
                made.rename(kept)
    return kept / "node_modules"


@pytest.fixture
def node_folder(node_modules: Path, tmp_path: Path) -> Path:
    """A folder in which a script finds the packages."""
    (tmp_path / "node_modules").symlink_to(node_modules)
    return tmp_path

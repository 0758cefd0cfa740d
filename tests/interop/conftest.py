"""A running provider for the relying parties, a resident, and the browser of the resident."""

from collections.abc import Iterator

import pytest

from tests.interop.browser import Browser
from tests.support.installation import Installation, installation
from tests.support.people import Person


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("interop")) as running:
        yield running


@pytest.fixture(scope="module")
def resident(place: Installation) -> Person:
    return place.people.resident("interop@example.fi")


@pytest.fixture
def browser(place: Installation) -> Iterator[Browser]:
    visitor = Browser(place.provider)
    yield visitor
    visitor.close()

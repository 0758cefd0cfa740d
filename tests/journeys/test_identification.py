"""To a broker and back in a real browser: by way of another host of the broker's, with scripts and without.

The demo's broker lets people choose who they are at 127.0.0.1, while its authorization endpoint is at localhost.
"""

from urllib.parse import urlsplit

import pytest

from tests.journeys.conftest import VisitorFactory
from tests.support.installation import Installation

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_account_is_created_after_an_identification_elsewhere(
    visit: VisitorFactory, strong_place: Installation, scripts: bool
) -> None:
    visitor = visit(strong_place, javascript=scripts)
    visitor.open("/create-account")
    visitor.should_be_on("identify")
    visitor.page.click("#identify")
    visitor.should_be_on("demo-broker")
    assert urlsplit(visitor.page.url).hostname == "127.0.0.1"
    visitor.page.click("#person-maija")
    visitor.should_be_on("create-account")
    assert visitor.page.input_value("#family_name") == "Meikäläinen"


def test_whoever_would_rather_not_is_led_back_to_the_eservice(
    visit: VisitorFactory, strong_place: Installation
) -> None:
    """The policy of the page lets its form lead to the e-service, too."""
    visitor = visit(strong_place)
    person = strong_place.people.resident(visitor.email)
    visitor.start_login()
    visitor.enter(person.username, person.password)
    visitor.should_be_on("identify")
    visitor.page.click("#decline")
    visitor.should_be_on("demo-login-problem")

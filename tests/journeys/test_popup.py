"""An e-service whose page stays where it is: the login is in a popup, whose last page tells its opener."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from playwright.sync_api import expect
from werkzeug.wrappers import Response

from tests.journeys.conftest import VisitorFactory
from tests.support import browser, journey
from tests.support.installation import Installation
from tests.support.people import App
from tests.support.ports import free_port
from tests.support.relying_party import serving

pytestmark = pytest.mark.browser

FRONT = """<!DOCTYPE html><html lang="en"><head><title>Front</title><link rel="icon" href="data:,"></head><body>
<h1>Front</h1><button id="log-in">Log in</button><p id="answer">none</p><script>
document.getElementById("log-in").onclick = () => window.open("%s", "login", "popup,width=480,height=700");
window.onmessage = (event) => {
  if (event.origin === location.origin) document.getElementById("answer").textContent = event.data;
};
</script></body></html>"""

CALLBACK = """<!DOCTYPE html><html lang="en"><head><title>Callback</title><link rel="icon" href="data:,"></head><body>
<h1>Callback</h1><script>
window.opener.postMessage(new URLSearchParams(location.search).has("code") ? "code" : "nothing", location.origin);
window.close();
</script></body></html>"""


@pytest.fixture
def service(place: Installation) -> Iterator[App]:
    """An e-service at another site than the provider's, which asks for consent."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    registered = place.people.client(
        f"ponnahdus-{secrets.token_hex(4)}", first_party=False, redirect_uris=[f"{address}/callback"]
    )
    asking = f"{place.provider}{journey.authorize_url(registered)}"
    app = Flask(registered.client_id)
    app.add_url_rule("/", "front", lambda: Response(FRONT % asking, mimetype="text/html"))
    app.add_url_rule("/callback", "callback", lambda: Response(CALLBACK, mimetype="text/html"))
    with serving(app, port, host="127.0.0.1"):
        yield registered


def test_the_callback_in_a_popup_reaches_the_page_that_opened_it(visit: VisitorFactory, service: App) -> None:
    visitor = visit().with_account()
    front = visitor.page
    front.goto(service.redirect_uri.removesuffix("callback"))

    with front.expect_popup() as opened:
        front.click("#log-in")
    popup = replace(visitor, page=opened.value, problems=browser.watch(opened.value))
    popup.should_be_on("login")
    popup.enter()
    popup.should_be_on("consent")
    with popup.page.expect_event("close"):
        popup.page.click("#allow")

    expect(front.locator("#answer")).to_have_text("code")
    assert popup.problems == []

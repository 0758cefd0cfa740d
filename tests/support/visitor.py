"""Somebody at a browser: what a resident does, one method a step, in any of the languages.

Pages are told apart by `data-page` of their main part, fields and buttons by their ids: both are promised to
automation and hold in every language.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.support.installation import Installation
from tests.support.journey import random_email
from tests.support.people import PASSWORD

PATIENCE_SECONDS = 20  # with everything; a machine may be busy
expect.set_options(timeout=PATIENCE_SECONDS * 1000)

LOCALES = {"fi": "fi-FI", "sv": "sv-FI", "en": "en-GB"}

OPTIONAL_DETAILS = {
    "phone": "040 123 4567",
    "street_address": "Esimerkkikatu 1 A 2",
    "postal_code": "45100",
    "locality": "Esimerkkilä",
}


@dataclass
class Visitor:
    page: Page
    place: Installation
    problems: list[str]
    """What a healthy page never has; see `tests.support.browser.watch`."""
    language: str = "fi"
    email: str = field(default_factory=random_email)
    password: str = PASSWORD
    name: str = "Maija Meikäläinen"

    # -- where we are

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    @property
    def page_name(self) -> str:
        return self.main.get_attribute("data-page") or ""

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def should_be_on(self, name: str) -> None:
        """Waits for the page of that name."""
        expect(self.page.locator(f"main[data-page='{name}']")).to_be_attached()

    def should_see(self, text: str | re.Pattern[str]) -> None:
        expect(self.main).to_contain_text(text)

    def should_be_at(self, address: str) -> None:
        """At the provider or at the e-service."""
        parts = urlsplit(self.page.url)
        assert f"{parts.scheme}://{parts.netloc}" == address

    def press(self, selector: str) -> None:
        """Click a link or button that leads to another page, and wait until that page is there whole."""
        with self.page.expect_navigation():
            self.page.click(selector)

    # -- at the e-service

    def open_eservice(self, path: str = "/") -> None:
        self.page.goto(f"{self.place.eservice}{path}{'&' if '?' in path else '?'}lang={self.language}")

    def start_login(self) -> None:
        """From the e-service's front page to the provider's login page."""
        self.open_eservice()
        self.press("#log-in")
        self.should_be_on("login")

    def should_be_logged_in_at_the_eservice(self) -> None:
        self.should_be_at(self.place.eservice)
        expect(self.page.locator("#own-details")).to_contain_text(self.name)

    def should_be_logged_out_everywhere(self) -> None:
        self.open_eservice()
        expect(self.page.locator("#log-in")).to_be_visible()
        self.open("/account")
        self.should_be_on("login")

    # -- at the provider

    def open(self, path: str) -> None:
        self.page.goto(f"{self.place.provider}{path}")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"#{name}", value)

    def fill_registration(self, **changed: str) -> None:
        given_name, family_name = self.name.split(" ", 1)
        values = {
            "email": self.email,
            "email_confirm": self.email,
            "new_password": self.password,
            "new_password_confirm": self.password,
            "given_name": given_name,
            "family_name": family_name,
        }
        self.fill(**(values | changed))
        self.page.check("#accept_terms")

    def register(self, **more: str) -> None:
        """From the login page to the page that waits for the activation."""
        self.press("main a[href*='create-account'] >> nth=0")
        self.should_be_on("create-account")
        self.fill_registration(**more)
        self.press("#create-account")
        self.should_be_on("created")

    def open_mailed_link(self) -> None:
        self.page.goto(self.place.link_mailed_to(self.email))

    def activate(self) -> None:
        """By the mailed link, in this browser."""
        self.open_mailed_link()
        self.should_be_on("activate")
        self.press("#activate")
        self.should_be_on("activated")

    def enter(self, username: str | None = None, password: str | None = None) -> None:
        """Fill the login form and send it."""
        self.fill(username=username or self.email, password=password or self.password)
        self.press("#log-in")

    def log_in(self, *, remember: bool = False) -> None:
        """From the e-service's front page to its front page, logged in."""
        self.start_login()
        if remember:
            self.page.check("#remember")
        self.enter()
        self.should_be_on("demo-front")
        self.should_be_logged_in_at_the_eservice()

    def with_account(self) -> "Visitor":
        """Give this visitor an activated account."""
        self.place.people.resident(self.email, self.password)
        return self

    def error_summary(self) -> list[str]:
        return self.page.locator(".error-summary li").all_inner_texts()

"""People with browsers of their own who use several machines: each step asks a machine, and says what came of it."""

import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from tests.support.people import LINK, PASSWORD
from tests.support.smtp import SmtpServer

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
PAGE = re.compile(r'<main[^>]*data-page="([^"]+)"')
GONE = (httpx.TransportError, AssertionError)


def page_name(answer: httpx.Response) -> str:
    found = PAGE.search(answer.text)
    return found[1] if found else ""


class Browser:
    """A browser with cookies, whose requests go to one machine after the other, by a connection each."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self.cookies = httpx.Cookies()
        self._turn = secrets.randbelow(2)

    def ask(self, method: str, path: str, *, at: str | None = None, **form: str) -> httpx.Response:
        """Raises httpx.TransportError without an answer."""
        self._turn += 1
        address = at or self.addresses[self._turn % len(self.addresses)]
        with httpx.Client(base_url=address, cookies=self.cookies, trust_env=False, timeout=60) as client:
            answer = client.request(method, path, data=form or None)
            self.cookies = client.cookies
        return answer

    def submit(
        self, path: str, *, at: str | None = None, then: str | None = None, **fields: str
    ) -> httpx.Response:
        """Open a page at one machine and send its form, to `then` another one."""
        page = self.ask("GET", path, at=at)
        token = TOKEN.search(page.text)
        assert token, (page.status_code, path, page_name(page))
        return self.ask("POST", path, at=then or at, csrf_token=token[1], **fields)

    def log_in(
        self, username: str, password: str, *, at: str | None = None, then: str | None = None
    ) -> httpx.Response:
        return self.submit("/login", at=at, then=then, username=username, password=password)


@dataclass
class Resident:
    """Registers, activates and changes the password; each of these is noted only once it has been acknowledged."""

    browser: Browser
    mail: SmtpServer
    email: str = field(default_factory=lambda: f"asukas-{secrets.token_hex(6)}@example.fi")
    password: str = PASSWORD
    registered: bool = False
    activated: bool = False
    possible: set[str] = field(default_factory=set)
    """Passwords that may hold since nobody knows what became of the last change."""

    def register(self) -> None:
        answer = self.browser.submit(
            "/create-account",
            email=self.email,
            email_confirm=self.email,
            new_password=self.password,
            new_password_confirm=self.password,
            given_name="Maija",
            family_name="Meikäläinen",
            accept_terms="y",
        )
        assert answer.status_code == 303, answer.status_code
        self.registered = True

    @property
    def link(self) -> str | None:
        """The newest activation link that has come by mail."""
        found = [mail for mail in list(self.mail.messages) if self.email in mail.recipients]
        link = LINK.search(found[-1].text) if found else None
        return "{0.path}?{0.query}".format(urlsplit(link[0])) if link else None

    def activate(self) -> None:
        assert self.link
        answer = self.browser.submit(self.link)
        assert answer.headers.get("location") == "/activated", (answer.status_code, page_name(answer))
        self.activated = True

    def change_password(self) -> None:
        answer = self.browser.log_in(self.email, self.password)
        assert answer.status_code == 303, answer.status_code
        new = f"Talvi-{secrets.token_hex(4)}-8Yö"
        self.possible.add(new)
        answer = self.browser.submit(
            "/account/password", current_password=self.password, new_password=new, new_password_confirm=new
        )
        assert answer.status_code == 303, answer.status_code
        self.password = new
        self.possible.clear()

    def can_log_in(self) -> bool:
        """With the acknowledged password, or with one whose change was cut short."""
        return any(
            Browser(self.browser.addresses).log_in(self.email, password).status_code == 303
            for password in (self.password, *self.possible)
        )


class Crowd:
    """People who come one after the other on several threads, until they are told to stop."""

    def __init__(self, addresses: Sequence[str], mail: SmtpServer, threads: int = 4) -> None:
        self.residents: list[Resident] = []
        self._addresses, self._mail = addresses, mail
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come) for _ in range(threads)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _come(self) -> None:
        waiting: list[Resident] = []
        while not self._stop.is_set():
            resident = Resident(Browser(self._addresses), self._mail)
            self.residents.append(resident)
            if self._try(resident.register):
                waiting.append(resident)
            for known in list(waiting):
                if known.activated or (known.link and self._try(known.activate)):
                    waiting.remove(known)
                    self._try(known.change_password)

    def _try(self, step: Callable[[], None]) -> bool:
        """Whether it was acknowledged. Whatever else comes, an error or no answer, somebody would try again."""
        try:
            step()
        except GONE:
            self._stop.wait(0.1)
            return False
        return True

    @property
    def registered(self) -> list[Resident]:
        return [resident for resident in self.residents if resident.registered]

    @property
    def activated(self) -> list[Resident]:
        return [resident for resident in self.residents if resident.activated]

    @property
    def changed(self) -> list[Resident]:
        """Whose password is not that of the registration any more."""
        return [resident for resident in self.residents if resident.password != PASSWORD]

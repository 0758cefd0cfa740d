"""A browser without a screen: follows redirects, keeps cookies, fills in the login form, presses buttons."""

from urllib.parse import urljoin

import httpx
from bs4 import BeautifulSoup

from tests.support.people import Person


class Browser:
    """`go` and `log_in` stop in front of the addresses of relying parties, `visit` and `press` go there too."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._http = httpx.Client(trust_env=False, timeout=20)

    def close(self) -> None:
        self._http.close()

    def go(self, address: str) -> httpx.Response | str:
        """Open an address of the provider; the page that comes, or the address of elsewhere that it leads to."""
        return self._follow(self._http.get(address))

    def log_in(self, address: str, person: Person) -> str:
        """Open an authorization request, log in, allow what is asked; the address at the relying party."""
        answer = self._as_person(self.go(address), person)
        if isinstance(answer, str):
            return answer
        raise AssertionError("no way back to the relying party")

    def come_back(self, address: str, person: Person) -> httpx.Response:
        """As `log_in`, for an answer that is a page: one that posts itself (Form Post Response Mode), or an error."""
        answer = self._as_person(self.go(address), person)
        assert isinstance(answer, httpx.Response)
        return answer

    def visit(self, address: str, person: Person | None = None) -> httpx.Response:
        """Open an address of a running relying party, and log in as that person when asked; where it ends."""
        page = self._follow_everywhere(self._http.get(address))
        for _page in range(3):
            if person is None or not str(page.url).startswith(self._provider):
                break
            page = self._follow_everywhere(self._post(page, "main form", self._answers(person)))
        return page

    def press(self, page: httpx.Response, form: str = "form", **fields: str) -> httpx.Response:
        """Send a form of a page (a CSS selector); where it ends."""
        return self._follow_everywhere(self._post(page, form, fields))

    def log_out(self) -> httpx.Response:
        """At the provider itself; the page that comes, which may have frames."""
        page = self.press(self.visit(f"{self._provider}/logout"), "main form")
        assert not self.is_logged_in()
        return page

    def is_logged_in(self) -> bool:
        """Whether the provider knows who sits here."""
        answer = self._http.get(f"{self._provider}/account")
        return answer.status_code == 200

    def _as_person(self, answer: httpx.Response | str, person: Person) -> httpx.Response | str:
        for _page in range(3):
            if isinstance(answer, str) or not self._asks(answer):
                break
            answer = self._follow(self._post(answer, "main form", self._answers(person)))
        return answer

    @staticmethod
    def _asks(page: httpx.Response) -> bool:
        main = BeautifulSoup(page.text, "html.parser").select_one("main[data-page]")
        return main is not None and main["data-page"] in {"login", "consent"}

    @staticmethod
    def _answers(person: Person) -> dict[str, str]:
        return {"username": person.username, "password": person.password, "decision": "allow"}

    def _post(self, page: httpx.Response, selector: str, fields: dict[str, str]) -> httpx.Response:
        form = BeautifulSoup(page.text, "html.parser").select_one(selector)
        assert form is not None, page.text
        hidden = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[type=hidden]")}
        address = urljoin(str(page.url), str(form.get("action") or page.url))
        return self._http.post(address, data={**fields, **hidden}, headers={"Origin": _origin(page.url)})

    def _follow(self, answer: httpx.Response) -> httpx.Response | str:
        while answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if not address.startswith(self._provider):
                return address
            answer = self._http.get(address)
        assert answer.status_code == 200, f"{answer.status_code} {answer.url}\n{answer.text}"
        return answer

    def _follow_everywhere(self, answer: httpx.Response) -> httpx.Response:
        for _redirect in range(20):
            onwards = answer.headers["location"] if answer.is_redirect else _refresh(answer)
            if onwards is None:
                return answer
            answer = self._http.get(urljoin(str(answer.url), onwards))
        raise AssertionError(f"redirects without an end: {answer.url}")


def _refresh(page: httpx.Response) -> str | None:
    """Where a page leads to at once."""
    tag = BeautifulSoup(page.text, "html.parser").select_one("head > meta[http-equiv=refresh]")
    pause, _, address = str(tag["content"]).partition("; url=") if tag else ("", "", "")
    return address if pause == "0" else None


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"

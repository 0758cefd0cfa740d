"""A browser without a screen: follows redirects, keeps cookies, fills in the login form."""

from urllib.parse import urljoin

import httpx
from bs4 import BeautifulSoup

from tests.support.people import Person


class Browser:
    """Stops in front of the addresses of the relying party, which nobody serves here."""

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
        answer = self.go(address)
        for _page in range(3):
            if isinstance(answer, str):
                return answer
            answer = self._submit(answer, person)
        raise AssertionError("no way back to the relying party")

    def _submit(self, page: httpx.Response, person: Person) -> httpx.Response | str:
        form = BeautifulSoup(page.text, "html.parser").select_one("main form")
        assert form is not None, page.text
        fields = {"username": person.username, "password": person.password, "decision": "allow"}
        hidden = {tag["name"]: tag.get("value", "") for tag in form.select("input[type=hidden]")}
        return self._follow(self._http.post(page.url, data={**fields, **hidden}))

    def _follow(self, answer: httpx.Response) -> httpx.Response | str:
        while answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if not address.startswith(self._provider):
                return address
            answer = self._http.get(address)
        assert answer.status_code == 200, f"{answer.status_code} {answer.url}\n{answer.text}"
        return answer

"""An installed Chromium, driven by Playwright."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ENVIRONMENT_VARIABLE = "IDP_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# --no-sandbox: Chromium's own sandbox refuses to run as root and in most containers; the tests open our own
# pages only.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@functools.cache
def find_chromium() -> str | None:
    """The browser that `IDP_TEST_CHROMIUM` names, else the first that really starts: on the PATH, or Playwright's."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        candidates = [shutil.which(named)]
    else:
        downloads = Path(
            os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
        )
        candidates = [*map(shutil.which, NAMES), *map(str, downloads.glob("chromium-*/chrome-linux*/chrome"))]
    return next((path for path in candidates if path and _starts(path)), None)


def _starts(path: str) -> bool:
    # Some distributions install a script of that name which only tells how to get the browser.
    return subprocess.run([path, "--version", "--no-sandbox"], capture_output=True).returncode == 0


@contextmanager
def chromium(*, headless: bool = True) -> Iterator[Browser]:
    """A running browser, to be shared by many tests; RuntimeError when none is installed."""
    path = find_chromium()
    if path is None:
        raise RuntimeError("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=headless, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(
    browser: Browser,
    *,
    javascript: bool = True,
    locale: str = "fi-FI",
    size: tuple[int, int] = (1280, 900),
    mobile: bool = False,
    dark: bool = False,
    reduced_motion: bool = False,
    patience: float = 10,
) -> Iterator[Page]:
    """A page with a profile of its own (no cookies).

    `size` is in CSS pixels; `patience`, for every wait, in seconds.
    """
    context = browser.new_context(
        java_script_enabled=javascript,
        locale=locale,
        viewport={"width": size[0], "height": size[1]},
        is_mobile=mobile,
        has_touch=mobile,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if reduced_motion else "no-preference",
        timezone_id="Europe/Helsinki",
    )
    context.set_default_timeout(patience * 1000)
    try:
        yield context.new_page()
    finally:
        context.close()


def watch(page: Page, own_hosts: Sequence[str] = ("localhost", "127.0.0.1")) -> list[str]:
    """A list that grows by everything a healthy page never has. Call it before the first `page.goto`.

    That is script errors, console errors (a violated content security policy among them) and requests to
    other hosts.
    """
    problems: list[str] = []
    pages: set[str] = set()

    def look_at_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname not in own_hosts:
            problems.append(f"request to {request.url}")
        if request.is_navigation_request():
            pages.add(request.url)

    def look_at_console(entry: ConsoleMessage) -> None:
        # A page with status 4xx is an answer like others; the browser notes it as a resource that failed.
        answered = entry.text.startswith("Failed to load resource: the server responded") and (
            entry.location["url"] in pages
        )
        if entry.type == "error" and not answered:
            problems.append(f"console: {entry.text} ({entry.location['url']})")

    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", look_at_console)
    page.on("request", look_at_request)
    return problems

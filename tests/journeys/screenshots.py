"""Pictures of the pages, from a running demo: `make screenshots`.

Without options the few that the documents show go to docs/pictures. With a folder, every page goes there, in
each language, wide and narrow, light and dark, to be looked at.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from tests.support import browser
from tests.support.gallery import tour
from tests.support.installation import Installation, installation
from tests.support.visitor import LOCALES, Visitor

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, NARROW, PHONE, PAPER = (1280, 900), (320, 640), (390, 844), (1080, 800)


@contextmanager
def somebody(
    chromium: Browser, place: Installation, language: str = "fi", size: tuple[int, int] = WIDE
) -> Iterator[Visitor]:
    with browser.new_page(chromium, locale=LOCALES[language], size=size, reduced_motion=True) as page:
        yield Visitor(page, place, [], language=language, email="maija.meikalainen@example.fi")


def pictures_of_the_documents(chromium: Browser, place: Installation) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)

    def save(visitor: Visitor, name: str) -> None:
        visitor.page.evaluate("document.activeElement.blur()")
        visitor.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    with somebody(chromium, place, size=PAPER) as visitor:
        visitor.open_eservice()
        save(visitor, "e-service")
        visitor.start_login()
        save(visitor, "login")
        visitor.press("main a[href*='create-account'] >> nth=0")
        visitor.should_be_on("create-account")
        save(visitor, "create-account")
        visitor.email = "matti.meikalainen@example.fi"
        visitor.fill_registration()
        visitor.press("#create-account")
        visitor.should_be_on("created")
        save(visitor, "created")
    with somebody(chromium, place, size=PHONE) as visitor:
        visitor.start_login()
        save(visitor, "login-phone")


def pictures_of_everything(chromium: Browser, place: Installation, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for language in LOCALES:
        with somebody(chromium, place, language) as visitor:
            visitor.email = f"maija.{language}@example.fi"
            for number, name in enumerate(tour(visitor)):
                for size in (WIDE, NARROW):
                    visitor.page.set_viewport_size({"width": size[0], "height": size[1]})
                    for scheme in ("light", "dark"):
                        visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                        file = f"{language}-{number:02} {name} {size[0]} {scheme}.png"
                        visitor.page.screenshot(path=folder / file, full_page=True)
                visitor.page.emulate_media(color_scheme="light")
                visitor.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, help="for pictures of every page")
    folder = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory() as data,
        installation(Path(data)) as place,
        browser.chromium() as chromium,
    ):
        if folder:
            pictures_of_everything(chromium, place, folder)
        else:
            pictures_of_the_documents(chromium, place)


if __name__ == "__main__":
    main()

"""`idp demo --strong`: real programs, and the way to an account leads through the broker."""

from pathlib import Path

from tests.interop.browser import Browser
from tests.support.installation import installation


def test_an_account_of_the_strong_demo_begins_at_the_broker(tmp_path: Path) -> None:
    with installation(tmp_path, strong=True) as place:
        browser = Browser(place.provider)
        page = browser.visit(f"{place.provider}/create-account")
        assert str(page.url).startswith(f"{place.provider}/identify/new")

        chooser = browser.press(page, "main form")
        assert 'data-page="demo-broker"' in chooser.text
        form = browser.press(chooser, "main form", person="asa")

        assert str(form.url).startswith(f"{place.provider}/create-account")
        assert "Ström-Åberg" in form.text
        assert "311299" not in form.text
        assert "311299" not in (tmp_path / "log").read_text(encoding="utf-8")
        browser.close()

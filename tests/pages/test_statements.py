"""Terms, privacy notice and the other statements: per language, the municipality's own where it has them."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import create_app
from idp.accounts.statements import DOCUMENTS
from idp.settings import UnusableSettings, project_folder
from tests.conftest import make_settings
from tests.pages.steps import text
from tests.support import journey

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TITLES = {
    "terms": ("Käyttöehdot", "Användarvillkor", "Terms of use"),
    "privacy": ("Tietosuojaseloste", "Dataskyddsbeskrivning", "Privacy notice"),
    "accessibility": ("Saavutettavuusseloste", "Tillgänglighetsutlåtande", "Accessibility statement"),
    "cookies": ("Tietoa evästeistä", "Om kakor", "About cookies"),
}


@SQLITE
@pytest.mark.parametrize("document", TITLES)
def test_each_statement_in_each_language(client: FlaskClient, document: str) -> None:
    for language, title in zip(("fi", "sv", "en"), TITLES[document], strict=True):
        page = client.get(f"/{document}?lang={language}")

        assert page.status_code == 200
        assert journey.soup(page).h1.get_text(strip=True) == title  # type: ignore[union-attr]
        assert len(text(page)) > 300


@SQLITE
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_page_leads_to_the_statements(client: FlaskClient, document: str) -> None:
    links = {link.get("href") for link in journey.soup(client.get("/login")).find_all("a")}

    assert f"/{document}" in links


def own(folder: Path, document: str, content: str) -> Flask:
    """An app of a municipality with its own text in Finnish."""
    (folder / "terms").mkdir()
    (folder / "terms" / f"{document}.fi.md").write_text(content, encoding="utf-8")
    return create_app(make_settings(folders={"data": folder, "overrides": str(folder)}))


def test_the_municipalitys_own_text_comes_before_ours(tmp_path: Path) -> None:
    head = "---\ntitle: Omat ehdot\nversion: 7\ndate: 2026-11-24\n---\n"
    browser = own(tmp_path, "terms", f"{head}\n## Yleistä\n\nNoudata *näitä*.\n").test_client()

    page = browser.get("/terms")

    assert "Omat ehdot" in text(page)
    assert "Versio 7, 24. marraskuuta 2026" in text(page)
    assert journey.soup(page).select_one(".prose h2").get_text() == "Yleistä"  # type: ignore[union-attr]
    assert "Användarvillkor" in text(browser.get("/terms?lang=sv"))


def test_markup_in_a_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    head = "---\ntitle: <b>Ehdot</b>\nversion: 1\ndate: 2026-11-24\n---\n"
    browser = own(
        tmp_path, "terms", head + "<script>alert(1)</script> [x](javascript:alert(1))"
    ).test_client()

    page = journey.soup(browser.get("/terms"))

    assert page.select("main script") == []
    assert not any(str(link.get("href")).startswith("javascript") for link in page.find_all("a"))
    assert page.h1.get_text(strip=True) == "<b>Ehdot</b>"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content",
    [
        "Pelkkä teksti",
        "---\ntitle: Ehdot\n---\n",
        "---\ntitle: Ehdot\nversion: 1\ndate: 24.11.2026\n---\n",
        "---\ntitle\n---\n",
        "",
    ],
)
def test_a_text_without_its_head_stops_the_start(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnusableSettings, match=r"terms: terms\.fi\.md must begin with"):
        own(tmp_path, "terms", content)


def test_ours_are_marked_as_placeholders() -> None:
    for document in ("terms", "privacy", "accessibility"):
        for language in ("fi", "sv", "en"):
            file = project_folder("config") / "terms" / f"{document}.{language}.md"
            assert "placeholder: true" in file.read_text(encoding="utf-8")

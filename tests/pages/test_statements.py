"""Terms, privacy notice and the other statements: per language, the municipality's own where it has them."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import create_app
from idp.accounts.statements import DOCUMENTS
from idp.policy.lifetimes import Lifetimes
from idp.settings import UnusableSettings, project_folder
from idp.web import cookies
from tests.conftest import AppFactory, make_settings
from tests.pages.steps import text
from tests.support import journey
from tests.support.people import People

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
def test_the_times_that_guide_and_cookies_name_are_those_of_the_settings(make_app: AppFactory) -> None:
    browser = make_app(
        links={"activation_minutes": 45}, lockout={"hours": 1}, sessions={"remembered_days": 7}
    ).test_client()

    told = {code: text(browser.get(f"/help?lang={code}")) for code in ("fi", "sv", "en")}

    assert "voimassa 45 min." in told["fi"]
    assert "lukitus kestää 1 tunti" in told["fi"]
    assert "gäller i 45 minuter" in told["sv"]
    assert "låses kontot i 1 timme" in told["sv"]
    assert "valid for 45 minutes" in told["en"]
    assert "locked for 1 hour." in told["en"]
    for code, days in {"fi": "7 päivää", "sv": "7 dagar", "en": "7 days"}.items():
        assert days in text(browser.get(f"/cookies?lang={code}"))


@SQLITE
def test_a_guide_made_for_other_times_is_not_shown(make_app: AppFactory) -> None:
    assert make_app().test_client().get("/help/guide.fi.pdf").status_code == 200

    shorter = make_app(links={"activation_minutes": 15}).test_client()
    assert shorter.get("/help/guide.fi.pdf").status_code == 404


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


PRIVACY_TOLD = {
    "fi": ("ei ole vahvaa sähköistä tunnistamista", "omaa lokia", "[24] kuukauden", "[30] päivän"),
    "sv": ("inte stark autentisering", "en egen logg", "[24] månader", "[30] dagar"),
    "en": ("not strong electronic identification", "its own log", "[24] months", "[30] days"),
}


@pytest.mark.parametrize("language", PRIVACY_TOLD)
def test_our_privacy_notice_tells_what_is_kept_and_how_long(language: str) -> None:
    """The template's numbers are those of the default settings; what may be chosen stands in brackets."""
    notice = (project_folder("config") / "terms" / f"privacy.{language}.md").read_text(encoding="utf-8")
    lifetimes, settings = Lifetimes(), make_settings()

    assert [told for told in PRIVACY_TOLD[language] if told not in notice] == []
    assert "617/2009" in notice
    assert f" {lifetimes.cancel_deletion.days} " in notice
    assert f" {cookies.DEVICE_LIFETIME.days // 30} " in notice
    assert settings.accounts.inactive_months == settings.audit.kept_months
    assert notice.count(f"[{settings.audit.kept_months}] ") == 2
    assert f"[{settings.accounts.unactivated_days}] " in notice


def cookies_told(browser: FlaskClient, language: str) -> dict[str, str]:
    """The lifetimes that the page tells, by the cookies' names."""
    page = journey.soup(browser.get(f"/cookies?lang={language}"))
    rows = [[cell.get_text() for cell in row.select("td")] for row in page.select(".prose tbody tr")]
    return {name: lifetime for name, _, lifetime in rows}


@SQLITE
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_about_cookies_tells_those_that_we_set(app: Flask, people: People, language: str) -> None:
    named = {v for v in vars(cookies).values() if isinstance(v, str) and v.startswith("tunnus_")}
    browser = app.test_client()
    browser.get(f"/login?lang={language}")
    response = journey.log_in(browser, people.resident(), remember="y")
    page = browser.get("/account")

    set_here = {name for name in named if browser.get_cookie(name)}
    told = cookies_told(browser, language)
    assert (response.status_code, page.status_code) == (303, 200)
    assert set(told) == named == set_here
    months = [lifetime for name, lifetime in told.items() if name in ("tunnus_device", "tunnus_language")]
    assert all(f" {cookies.DEVICE_LIFETIME.days // 30} " in lifetime for lifetime in months)
    assert cookies.LANGUAGE_LIFETIME == cookies.DEVICE_LIFETIME
    assert "30" in told["tunnus_session"]


def test_cookies_are_set_in_one_place_alone() -> None:
    package = project_folder("idp")
    setting = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if ".set_cookie(" in path.read_text(encoding="utf-8") and path.parent.name != "demo"
    ]

    assert setting == ["web/cookies.py"]

"""The login guide as a PDF: what it holds, how it is made, where it is linked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import statements
from tests.conftest import SECRET_KEY, AppFactory, make_settings
from tests.support import guide, journey
from tests.support.guide import Guide

LANGUAGES = ("fi", "sv", "en")
LINKS = {
    "fi": ("Katso ohje sisäänkirjautumiseen (pdf)", "Ohje verkkosivuna"),
    "sv": ("Se anvisningen för inloggning (pdf)", "Anvisningen som webbsida"),
    "en": ("See the login guide (PDF)", "The guide as a web page"),
}
# Showing the guide has nothing to do with the database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
in_every_language = pytest.mark.parametrize("language", LANGUAGES)

# A municipality of its own.
KUUSAMO = {
    "name": {"fi": "Kuusamon kaupunki", "sv": "Kuusamo stad", "en": "City of Kuusamo"},
    "contact_email": "neuvonta@kuusamo.example",
    "contact_phone": "040 123 4567",
}


def committed(language: str) -> Path:
    return guide.COMMITTED / f"guide.{language}.pdf"


def help_page(language: str) -> tuple[statements.Statement, BeautifulSoup]:
    text = statements.load(make_settings())["help", language]
    return text, BeautifulSoup(text.html, "html.parser")


def links(page: BeautifulSoup) -> dict[str, str]:
    return {link.get_text(strip=True): str(link["href"]) for link in page.select("main a")}


# ---------------------------------------------------------------- what it holds


@in_every_language
def test_the_guide_holds_the_text_of_the_help_page(language: str) -> None:
    text, page = help_page(language)
    found = Guide(committed(language)).text()
    assert guide.squeezed(page.get_text()) in found
    assert guide.squeezed(text.title) in found
    assert "tuki@example.fi" in found


@in_every_language
def test_the_guide_is_tagged_for_screen_readers(language: str) -> None:
    """What PDF/UA-1 (ISO 14289-1) asks of every document: marked, tagged, with language and title."""
    found = Guide(committed(language))
    text, _page = help_page(language)
    assert found.catalogue["/Lang"] == language
    assert found.catalogue["/MarkInfo"]["/Marked"] == True  # noqa: E712  an object of pypdf
    assert found.catalogue["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert found.reader.metadata.title.startswith(f"{text.title} – ")
    assert b'pdfuaid:part="1"' in found.catalogue["/Metadata"].get_data()
    assert all(page["/Tabs"] == "/S" for page in found.reader.pages if "/Annots" in page)


@in_every_language
def test_the_tags_of_the_guide_are_those_of_the_help_page(language: str) -> None:
    found = Guide(committed(language))
    text, page = help_page(language)
    headings = page.find_all(re.compile("^h[1-6]$"))
    tags = found.tags()
    assert found.headings() == [text.title, *(heading.get_text() for heading in headings)]
    assert [tag for tag in tags if re.fullmatch("H[1-6]", tag)] == [
        "H1",
        *(heading.name.upper() for heading in headings),
    ]
    assert tags.count("L") == len(page.find_all(["ol", "ul"]))
    assert tags.count("LI") == len(page.find_all("li"))
    assert "Link" in tags


@in_every_language
def test_the_guide_is_small_and_brings_its_fonts(language: str) -> None:
    path = committed(language)
    assert path.stat().st_size < 150_000
    for page in Guide(path).reader.pages:
        for font in page["/Resources"]["/Font"].values():
            (descendant,) = font.get_object()["/DescendantFonts"]
            assert "/FontFile2" in descendant.get_object()["/FontDescriptor"]


# ---------------------------------------------------------------- how it is made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the guides made anew."""
    folder = tmp_path_factory.mktemp("guides")
    result = guide.write("--output", str(folder))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.guide
@in_every_language
def test_making_the_guide_anew_gives_the_committed_text(made: Path, language: str) -> None:
    new, old = Guide(made / f"guide.{language}.pdf"), Guide(committed(language))
    assert new.text() == old.text(), "run `make guide` and commit what it writes"
    assert new.tags() == old.tags()
    assert new.reader.metadata == old.reader.metadata


@pytest.mark.guide
def test_the_guide_is_the_same_to_the_byte_when_made_twice(made: Path, tmp_path: Path) -> None:
    guide.write("--output", str(tmp_path), check=True)
    for language in LANGUAGES:
        one, two = (folder / f"guide.{language}.pdf" for folder in (made, tmp_path))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.guide
@on_sqlite
def test_a_municipality_makes_and_shows_a_guide_of_its_own(tmp_path: Path, make_app: AppFactory) -> None:
    folder = tmp_path / "own"
    (folder / "terms").mkdir(parents=True)
    (folder / "terms" / "help.fi.md").write_text(
        "---\ntitle: Näin kirjaudut\nversion: 7\ndate: 2026-12-01\n---\n## Aloitus\n\nKirjaudu <tästä>.\n",
        encoding="utf-8",
    )
    config = tmp_path / "tunnus.toml"
    config.write_text(
        f'[folders]\noverrides = "{folder}"\n[site]\ncontact_email = "{KUUSAMO["contact_email"]}"\n'
        f'contact_phone = "{KUUSAMO["contact_phone"]}"\n'
        'name = { fi = "Kuusamon kaupunki", sv = "Kuusamo stad", en = "City of Kuusamo" }\n',
        encoding="utf-8",
    )
    made = guide.write("--config", str(config))
    assert made.returncode == 0, made.stderr
    app = make_app(site=KUUSAMO, folders={"data": tmp_path, "overrides": str(folder)})
    shown = app.test_client().get("/help/guide.fi.pdf").data
    assert shown == (folder / "guide" / "guide.fi.pdf").read_bytes()
    text = Guide(folder / "guide" / "guide.fi.pdf").text()
    for piece in ("Näin kirjaudut", "Versio 7", "Kirjaudu <tästä>.", "Kuusamon kaupunki", "040 123 4567"):
        assert guide.squeezed(piece) in text


@pytest.mark.guide
def test_without_a_folder_the_tool_asks_for_one(tmp_path: Path) -> None:
    config = tmp_path / "tunnus.toml"
    config.write_text("", encoding="utf-8")
    made = guide.write("--config", str(config))
    assert made.returncode != 0
    assert "--output" in made.stderr


# ---------------------------------------------------------------- where it is linked


@in_every_language
@on_sqlite
def test_the_login_page_leads_to_the_guide_of_its_language(client: FlaskClient, language: str) -> None:
    found = links(journey.soup(client.get(f"/login?lang={language}")))
    as_pdf, as_page = LINKS[language]
    assert found[as_pdf] == f"/help/guide.{language}.pdf"
    assert found[as_page] == "/help"
    assert client.get(found[as_pdf]).data == committed(language).read_bytes()


@on_sqlite
def test_the_help_page_offers_the_same_as_a_pdf(client: FlaskClient) -> None:
    found = links(journey.soup(client.get("/help?lang=fi")))
    assert found["Tämä ohje tulostettavana tiedostona (pdf)"] == "/help/guide.fi.pdf"


@on_sqlite
def test_the_guide_opens_in_the_browser_and_may_be_cached(client: FlaskClient) -> None:
    response = client.get("/help/guide.sv.pdf")
    assert response.content_type == "application/pdf"
    assert response.headers["Content-Disposition"].startswith("inline")
    assert response.headers["Content-Language"] == "sv"
    assert response.cache_control.public
    assert response.cache_control.max_age == 3600
    assert "Set-Cookie" not in response.headers
    again = client.get("/help/guide.sv.pdf", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("language", ["de", "", "..%2Fguide"])
@on_sqlite
def test_there_is_no_guide_in_other_languages(client: FlaskClient, language: str) -> None:
    assert client.get(f"/help/guide.{language}.pdf").status_code == 404


@pytest.mark.parametrize("changed", ["name", "contact_email", "contact_phone"])
@on_sqlite
def test_a_guide_of_another_municipality_is_not_shown(make_app: AppFactory, changed: str) -> None:
    """The guide that comes with Tunnus names its example municipality: the help page takes its place."""
    client = make_app(site={changed: KUUSAMO[changed]}).test_client()
    found = links(journey.soup(client.get("/login?lang=fi")))
    assert found["Katso ohje sisäänkirjautumiseen"] == "/help"
    assert not [text for text in found if "pdf" in text]
    assert not [text for text in links(journey.soup(client.get("/help?lang=fi"))) if "pdf" in text]
    assert client.get("/help/guide.fi.pdf").status_code == 404


@on_sqlite
def test_a_guide_of_an_older_text_is_not_shown(make_app: AppFactory, tmp_path: Path) -> None:
    (tmp_path / "terms").mkdir()
    changed = (guide.COMMITTED.parents[1] / "config" / "terms" / "help.sv.md").read_text(encoding="utf-8")
    (tmp_path / "terms" / "help.sv.md").write_text(f"{changed}\nNytt.\n", encoding="utf-8")
    client = make_app(folders={"data": tmp_path, "overrides": str(tmp_path)}).test_client()
    assert client.get("/help/guide.sv.pdf").status_code == 404
    assert client.get("/help/guide.fi.pdf").status_code == 200


@on_sqlite
def test_the_guide_in_the_overrides_folder_comes_first(make_app: AppFactory, tmp_path: Path) -> None:
    """Also when the text is ours and only the look is theirs."""
    (tmp_path / "guide").mkdir()
    own = committed("fi").read_bytes() + b"% another look\n"
    (tmp_path / "guide" / "guide.fi.pdf").write_bytes(own)
    client = make_app(folders={"data": tmp_path, "overrides": str(tmp_path)}).test_client()
    assert client.get("/help/guide.fi.pdf").data == own
    assert client.get("/help/guide.sv.pdf").data == committed("sv").read_bytes()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("https://kunta.example/ohje.pdf?v=2", "Katso ohje sisäänkirjautumiseen (pdf)"),
        ("https://kunta.example/ohje", "Katso ohje sisäänkirjautumiseen"),
    ],
)
@on_sqlite
def test_the_municipality_may_link_a_guide_of_its_own(make_app: AppFactory, address: str, text: str) -> None:
    app: Flask = make_app(site={"help_url": {"fi": address, "sv": "", "en": ""}})
    found = links(journey.soup(app.test_client().get("/login?lang=fi")))
    assert found[text] == address
    assert not {"/help", "/help/guide.fi.pdf"} & set(found.values())
    in_swedish = links(journey.soup(app.test_client().get("/login?lang=sv")))
    assert in_swedish[LINKS["sv"][0]] == "/help/guide.sv.pdf"


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("tuki@example.fi", "as a page and as a PDF, in every language"),
        ("neuvonta@kuusamo.example", "in fi, sv, en, so /help alone is offered: `make guide`"),
    ],
)
def test_the_doctor_tells_that_the_guide_must_be_made(tmp_path: Path, email: str, said: str) -> None:
    config = tmp_path / "tunnus.toml"
    config.write_text(
        f'mode = "test"\nissuer = "http://localhost:8400"\n[folders]\ndata = "{tmp_path}"\n'
        f'[secrets]\nkeys = ["{SECRET_KEY}"]\n[site]\ncontact_email = "{email}"\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-c", "from idp.cli import main; main()", "--config", str(config), "doctor"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    (line,) = (line for line in shown.splitlines() if "login guide" in line)
    assert line.endswith(said)

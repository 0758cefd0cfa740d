"""What the templates, their stylesheet and the statements must hold, read from the files.

The demo e-service is an app of its own with texts of its own: its folder is left out.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
TERMS = ROOT / "config" / "terms"
LANGUAGES = ("fi", "sv", "en")
DOCUMENTS = ("terms", "privacy", "accessibility", "cookies", "help")
SHOWN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "aria-description", "data-show", "data-hide"}
TRANSLATES = {"_", "gettext", "ngettext", "pgettext"}
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
LETTERS = re.compile(r"[^\W\d_]{2,}")


def templates(*folders: str, ending: str = "*") -> list[Path]:
    found = [TEMPLATES / "layout.html"] if "" in folders else []
    for folder in folders:
        if folder:
            found += sorted((TEMPLATES / folder).rglob(ending))
    return found


def name(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


OURS = [*templates("", "components", "pages", "admin", "mail"), *templates("guide", ending="*.html")]
HOSTED = [path for path in templates("", "components", "pages", "admin") if not path.name.startswith("mail.")]
PAGES = templates("pages", ending="*.html")
ADMIN_PAGES = templates("admin", ending="*.html")


class VisibleText(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        if LETTERS.search(data):
            self.found.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value for key, value in attrs if key in SHOWN_ATTRIBUTES and LETTERS.search(value or "")
        ]


def untranslated_strings(source: str) -> Iterator[str]:
    """String literals in Jinja code that look like a sentence or a title and are no message id."""
    calls: list[str] = []  # the names of the calls that are open, innermost last
    before = ""
    for _line, kind, value in Environment(autoescape=True).lex(source):
        if kind == "operator" and value == "(":
            calls.append(before)
        elif kind == "operator" and value == ")":
            calls.pop()
        elif kind == "string" and not TRANSLATES & set(calls[-1:]):
            text = value[1:-1]
            if re.match(r"[A-ZÅÄÖ][a-zåäö]", text) or re.search(r"[a-zåäö]{2,} [a-zåäö]{2,}.*[.?!]", text):
                yield text
        if kind != "whitespace":
            before = value


@pytest.mark.parametrize("path", OURS, ids=name)
def test_every_visible_text_is_translated(path: Path) -> None:
    source = COMMENT.sub("", path.read_text(encoding="utf-8"))
    parser = VisibleText()
    parser.feed(CODE.sub("", source))
    assert [*parser.found, *untranslated_strings(source)] == []


@pytest.mark.parametrize("path", HOSTED, ids=name)
def test_pages_hold_no_inline_script_or_style(path: Path) -> None:
    source = COMMENT.sub("", path.read_text(encoding="utf-8"))
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", source)


@pytest.mark.parametrize("path", HOSTED, ids=name)
def test_pages_load_nothing_from_elsewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", source)


@pytest.mark.parametrize("file", ["tunnus.css", "admin.css", "tunnus.js", "logo.svg", "favicon.svg"])
def test_assets_load_nothing_from_elsewhere(file: str) -> None:
    source = (
        (TEMPLATES / "assets" / file).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    )
    assert not re.search(r"@import|https?://|innerHTML|\beval\b", source)


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != "form_post.html"], ids=name)
def test_forms_work_without_scripts_and_speak_by_the_error_summary(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form.*?</form>", source, re.DOTALL):
        assert re.match(r'<form method="post" action="[^"]*" novalidate>\s*\{\{ hidden\(\w+\) \}\}', form)
        assert "button(" in form


@pytest.mark.parametrize("path", ADMIN_PAGES, ids=name)
def test_forms_of_administrators_search_or_carry_their_token(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form.*?</form>", source, re.DOTALL):
        searches = re.match(r'<form method="get" action="[^"]*" role="search" novalidate', form)
        acts = re.match(
            r'<form method="post" action="" novalidate( enctype="multipart/form-data")?>\s*\{\{ hidden\(form\) \}\}',
            form,
        )
        assert searches or acts


@pytest.mark.parametrize("path", [*PAGES, *ADMIN_PAGES], ids=name)
def test_each_page_has_one_heading_of_the_first_level_and_names_itself(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("<h1>") == 1
    assert "{% set page_title = " in source
    assert "{% set page_name = " in source


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_to_a_new_tab_give_the_other_page_no_handle(path: Path) -> None:
    for link in re.findall(r'<a [^>]*target="_blank"[^>]*>', path.read_text(encoding="utf-8")):
        assert 'rel="noopener"' in link


def test_each_mail_has_a_subject_a_text_and_an_html_form() -> None:
    files = {path.name for path in (TEMPLATES / "mail").iterdir()}
    names = {file.split(".")[0] for file in files}
    assert files == {f"{mail}{ending}" for mail in names for ending in (".subject.txt", ".txt", ".html")}


# ---------------------------------------------------------------- statements


def front_matter_and_text(document: str, language: str) -> tuple[dict[str, str], str]:
    _before, head, text = (TERMS / f"{document}.{language}.md").read_text(encoding="utf-8").split("---\n", 2)
    pairs = (line.split(":", 1) for line in head.strip().splitlines())
    return {key.strip(): value.strip() for key, value in pairs}, text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_statement_is_the_same_document_in_every_language(document: str) -> None:
    found = [front_matter_and_text(document, language) for language in LANGUAGES]
    assert all({"title", "version", "date"} <= set(fields) for fields, _ in found)
    assert len({fields["version"] for fields, _ in found}) == 1
    assert len({fields.get("placeholder") for fields, _ in found}) == 1
    assert len({fields["title"] for fields, _ in found}) == len(LANGUAGES)
    outlines = {tuple(re.findall(r"^(#+|-|\d+\.|\|)", text, re.MULTILINE)) for _, text in found}
    assert len(outlines) == 1


@pytest.mark.parametrize("document", ["terms", "privacy", "accessibility"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_legal_text_that_the_municipality_must_write_says_so(document: str, language: str) -> None:
    fields, text = front_matter_and_text(document, language)
    assert (fields.get("placeholder") == "true") == bool(re.search(r"\[[^\]]+\](?!\()", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_accessibility_statement_has_its_five_parts_and_names_the_supervisor(language: str) -> None:
    _, text = front_matter_and_text("accessibility", language)
    assert len(re.findall(r"^## \d\.", text, re.MULTILINE)) == 5
    assert "Traficom" in text
    assert "luehallintovirasto" not in text
    assert "egionförvaltningsverk" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cookie_page_lists_our_cookies(language: str) -> None:
    _, text = front_matter_and_text("cookies", language)
    cookies = set(re.findall(r"`(tunnus_\w+)`", text))
    assert cookies == {f"tunnus_{name}" for name in ("session", "state", "browser", "language", "device")}

"""Terms of use, privacy notice and the other statements: Markdown per language, versioned and hashed.

Files are config/terms/<document>.<language>.md, or the same name in the operator's overrides folder, and begin with
`title`, `version`, `date` (and `placeholder: true` while the municipality has not written its own). The guide and the
cookies may name times that settings choose, as `{lock}`: see `times`. What people accept is kept as it is written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import cast

from babel.units import format_unit
from flask import Flask, current_app
from markdown_it import MarkdownIt

from idp.settings import Settings, UnusableSettings, project_folder

TERMS, PRIVACY = "terms", "privacy"
DOCUMENTS = (TERMS, PRIVACY, "accessibility", "cookies", "help")
ACCEPTED = (TERMS, PRIVACY)  # what a registration accepts or acknowledges


@dataclass(frozen=True)
class Statement:
    document: str
    language: str
    title: str
    version: str
    date: str
    placeholder: bool
    markdown: str
    sha256: str  # of the whole file, times filled in

    @cached_property
    def html(self) -> str:
        """The text as HTML; raw HTML inside the Markdown is shown, not obeyed."""
        return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(self.markdown))


def load(settings: Settings) -> dict[tuple[str, str], Statement]:
    """Every statement by (document, language). Raises UnusableSettings when one is missing or may not be used."""
    folders = [project_folder("config") / "terms"]
    if settings.folders.overrides:
        folders.insert(0, Path(settings.folders.overrides) / "terms")
    found = {}
    for document in DOCUMENTS:
        for language in settings.site.languages:
            path = next((p for f in folders if (p := f / f"{document}.{language}.md").is_file()), None)
            if path is None:
                raise UnusableSettings(f"terms: there is no {document}.{language}.md")
            statement = _parse(
                document, language, path, {} if document in ACCEPTED else times(settings, language)
            )
            if statement.placeholder and settings.mode == "production":
                raise UnusableSettings(f"terms: {document}.{language}.md is still the placeholder text")
            found[document, language] = statement
    return found


def times(settings: Settings, language: str) -> dict[str, str]:
    """What stands in a text for a time of the settings: the number alone, and in words of the language."""
    links, lockout, sessions = settings.links, settings.lockout, settings.sessions
    return {
        "{activation_minutes}": str(links.activation_minutes),
        "{activation}": format_unit(links.activation_minutes, "duration-minute", locale=language),
        "{lock_hours}": str(lockout.hours),
        "{lock}": format_unit(lockout.hours, "duration-hour", locale=language),
        "{remembered_days}": str(sessions.remembered_days),
    }


def _parse(document: str, language: str, path: Path, filled: Mapping[str, str]) -> Statement:
    text = path.read_text(encoding="utf-8")
    for name, value in filled.items():
        text = text.replace(name, value)
    try:
        _, head, body = text.split("---\n", 2)
        fields = dict(line.split(":", 1) for line in head.strip().splitlines())
        values = {key.strip(): value.strip() for key, value in fields.items()}
        return Statement(
            document=document,
            language=language,
            title=values["title"],
            version=values["version"],
            date=date.fromisoformat(values["date"]).isoformat(),
            placeholder=values.get("placeholder") == "true",
            markdown=body,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
    except (ValueError, KeyError) as error:
        message = "must begin with title, version and date (2026-11-24) between two lines of ---"
        raise UnusableSettings(f"terms: {path.name} {message}") from error


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions["statements"] = load(settings)


def statement(document: str, language: str) -> Statement:
    return cast("dict[tuple[str, str], Statement]", current_app.extensions["statements"])[document, language]


def accepted_now(language: str) -> list[dict[str, str]]:
    """What somebody who ticks the box now accepts, as it is kept with the registration (R-23)."""
    return [
        {"document": s.document, "version": s.version, "language": s.language, "sha256": s.sha256}
        for s in (statement(document, language) for document in ACCEPTED)
    ]

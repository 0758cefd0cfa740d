"""Terms of use, privacy notice and the other statements: Markdown per language, versioned and hashed.

Files are config/terms/<document>.<language>.md, or the same name in the operator's overrides folder, and begin with
`title`, `version`, `date` (and `placeholder: true` while the municipality has not written its own). The guide and the
cookies may name times that settings choose, as `{lock}`: see `times`. What people accept is kept as it is written.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
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
_GAP = re.compile(r"\[[^\]\n]+\](?![(\[:])")  # "[name]", but no link


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


class Flaw(Enum):
    """What is the matter with a text."""

    MISSING = "is missing"
    HEAD = "must begin with title, version and date (2026-11-24) between two lines of ---"
    PLACEHOLDER = "is still the placeholder text; production does not start with it"
    GAPS = "has places to fill in, such as [name]"
    VERSIONS = "has another version than in another language"


@dataclass(frozen=True)
class Finding:
    document: str
    language: str
    flaw: Flaw

    @property
    def file(self) -> str:
        return f"{self.document}.{self.language}.md"


def load(settings: Settings) -> dict[tuple[str, str], Statement]:
    """Every statement by (document, language). Raises UnusableSettings when one is missing or cannot be read."""
    found, findings = _look(settings)
    for finding in findings:
        if finding.flaw in (Flaw.MISSING, Flaw.HEAD):
            raise UnusableSettings(f"terms: {finding.file} {finding.flaw.value}")
    return found


def check(settings: Settings) -> list[Finding]:
    """Whatever stops a start in production, and what looks unfinished. Nothing is needed but the settings."""
    found, findings = _look(settings)
    for (document, language), text in found.items():
        first = next(s for (d, _), s in found.items() if d == document)
        if text.version != first.version:
            findings.append(Finding(document, language, Flaw.VERSIONS))
        if not text.placeholder and _GAP.search(text.markdown):
            findings.append(Finding(document, language, Flaw.GAPS))
    return findings


def _look(settings: Settings) -> tuple[dict[tuple[str, str], Statement], list[Finding]]:
    folders = [project_folder("config") / "terms"]
    if settings.folders.overrides:
        folders.insert(0, Path(settings.folders.overrides) / "terms")
    found, findings = {}, []
    for document in DOCUMENTS:
        for language in settings.site.languages:
            path = next((p for f in folders if (p := f / f"{document}.{language}.md").is_file()), None)
            text = _read(document, language, path, settings) if path else Flaw.MISSING
            if isinstance(text, Flaw):
                findings.append(Finding(document, language, text))
                continue
            found[document, language] = text
            if text.placeholder:
                findings.append(Finding(document, language, Flaw.PLACEHOLDER))
    return found, findings


def refuse_placeholders(found: Mapping[tuple[str, str], Statement], settings: Settings) -> None:
    """Nobody in production is shown a text that the municipality has not written. Raises UnusableSettings."""
    for (document, language), statement in found.items():
        if statement.placeholder and settings.production:
            raise UnusableSettings(f"terms: {document}.{language}.md is still the placeholder text")


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


def _read(document: str, language: str, path: Path, settings: Settings) -> Statement | Flaw:
    text = path.read_text(encoding="utf-8")
    if document not in ACCEPTED:
        for name, value in times(settings, language).items():
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
    except (ValueError, KeyError):
        return Flaw.HEAD


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

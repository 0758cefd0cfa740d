"""An operator's own templates, texts and statements: what the overrides folder holds comes before ours.

A copy made by `idp overrides copy` begins with the fingerprint of the template that it was made from, so that
`idp doctor` can tell which ones no longer fit after an upgrade. Texts (idp/texts.py) are known by their English,
statements (idp/accounts/statements.py) by the names of their files.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

from idp import texts
from idp.accounts.statements import DOCUMENTS
from idp.settings import Settings, project_folder

_MARK = re.compile(r"\{#-? based on ([0-9a-f]{12}) -?#\}")


class Fit(Enum):
    GOOD = "made from the template of this version"
    CHANGED = "our template has changed since it was copied: compare them"
    UNMARKED = "does not say what it was made from: copy it with `idp overrides copy`"
    UNKNOWN = "there is no such template any more"
    READ = "is read"
    NO_TEXT = "there is no such text any more"
    UNLIKE = "must have the same placeholders as in English; Tunnus does not start with it"
    NO_DOCUMENT = "belongs to no document in a language of site.languages: it is not read"
    NO_CATALOGUE = "belongs to no language of site.languages: it is not read"


@dataclass(frozen=True)
class Override:
    """A template, by its name; a file of texts or statements, or one of the texts in it."""

    name: str
    fit: Fit

    @property
    def fits(self) -> bool:
        return self.fit in (Fit.GOOD, Fit.READ)


def init_app(app: Flask, settings: Settings) -> None:
    folders = [str(project_folder("templates"))]
    if settings.folders.overrides:
        folders.insert(0, str(_folder(settings)))
    app.jinja_loader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])


def _folder(settings: Settings) -> Path:
    return Path(settings.folders.overrides) / "templates"


def found(settings: Settings) -> list[Override]:
    """Every override and whether it still fits. Raises UnusableSettings."""
    if not settings.folders.overrides:
        return []
    return [*_templates(settings), *_texts(settings), *_statements(settings)]


def _templates(settings: Settings) -> list[Override]:
    folder = _folder(settings)
    return [
        Override(name, _fit(folder / name, project_folder("templates") / name)) for name in _names(folder)
    ]


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _texts(settings: Settings) -> list[Override]:
    """Each file, and the texts in it that do not fit."""
    folder, languages = Path(settings.folders.overrides) / "translations", settings.site.languages
    read = {f"{code}/{name}" for code in languages for name in ("messages.po", "LC_MESSAGES/messages.po")}
    files = [
        Override(f"translations/{name}", Fit.READ if name in read else Fit.NO_CATALOGUE)
        for name in _names(folder)
    ]
    known = texts.known_texts() | _own_texts(settings) if files else set()
    misfits = []
    for path, message in texts.own_messages(folder, languages):
        key = texts.key_of(message)
        name = f'translations/{path.relative_to(folder).as_posix()} "{key[1]}"'
        if not texts.fills_in_the_same(message):
            misfits.append(Override(name, Fit.UNLIKE))
        elif key not in known:
            misfits.append(Override(name, Fit.NO_TEXT))
    return files + misfits


def _own_texts(settings: Settings) -> set[texts.Key]:
    """The texts of the operator's own templates."""
    methods = [("**.html", "jinja2"), ("**.txt", "jinja2")]
    found = extract_from_dir(_folder(settings), methods, keywords=DEFAULT_KEYWORDS)
    return {(context, ids[0] if isinstance(ids, tuple) else ids) for _, _, ids, _, context in found}


def _statements(settings: Settings) -> list[Override]:
    read = {f"{document}.{code}.md" for document in DOCUMENTS for code in settings.site.languages}
    return [
        Override(f"terms/{name}", Fit.READ if name in read else Fit.NO_DOCUMENT)
        for name in _names(Path(settings.folders.overrides) / "terms")
    ]


def _fit(override: Path, original: Path) -> Fit:
    if not original.is_file():
        return Fit.UNKNOWN
    mark = _MARK.search(override.read_text(encoding="utf-8"))
    if mark is None:
        return Fit.UNMARKED
    return Fit.GOOD if mark[1] == _fingerprint(original) else Fit.CHANGED


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def copy(settings: Settings, name: str) -> Path:
    """Copy one of our templates into the overrides folder, marked. Raises FileNotFoundError and FileExistsError."""
    original = project_folder("templates") / name
    target = _folder(settings) / name
    if not original.is_file():
        raise FileNotFoundError(name)
    if target.exists():
        raise FileExistsError(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{{#- based on {_fingerprint(original)} -#}}\n"
    target.write_text(mark + original.read_text(encoding="utf-8"), encoding="utf-8")
    return target

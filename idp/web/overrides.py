"""An operator's own templates: files in the overrides folder are found before ours.

A copy made by `idp overrides copy` begins with the fingerprint of the template that it was made from, so that
`idp doctor` can tell which ones no longer fit after an upgrade.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

from idp.settings import Settings, project_folder

_MARK = re.compile(r"\{#-? based on ([0-9a-f]{12}) -?#\}")


class Fit(Enum):
    GOOD = "made from the template of this version"
    CHANGED = "our template has changed since it was copied: compare them"
    UNMARKED = "does not say what it was made from: copy it with `idp overrides copy`"
    UNKNOWN = "there is no such template any more"


@dataclass(frozen=True)
class Override:
    name: str
    fit: Fit


def init_app(app: Flask, settings: Settings) -> None:
    folders = [str(project_folder("templates"))]
    if settings.folders.overrides:
        folders.insert(0, str(_folder(settings)))
    app.jinja_loader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])


def _folder(settings: Settings) -> Path:
    return Path(settings.folders.overrides) / "templates"


def found(settings: Settings) -> list[Override]:
    """Every override and whether it still fits."""
    if not settings.folders.overrides:
        return []
    folder = _folder(settings)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [Override(name, _fit(folder / name, project_folder("templates") / name)) for name in names]


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

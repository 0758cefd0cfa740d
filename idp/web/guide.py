"""The login guide as a PDF, beside the page /help and from the same text.

`make guide` (templates/guide/write.py) makes guide.<language>.pdf; the operator's own are in the overrides folder's
guide/. A guide carries the fingerprint of its text and of what it tells about the municipality: one that was made
for another municipality, or from another version of the text, is not shown.
"""

import hashlib
import json
from pathlib import Path
from typing import cast

from flask import Flask, current_app

from idp.accounts.statements import Statement, statement
from idp.settings import Settings, project_folder


def file_name(language: str) -> str:
    return f"guide.{language}.pdf"


def fingerprint(settings: Settings, text: Statement) -> str:
    """What the guide's PDF has as its identifier."""
    site = settings.site
    told = [text.sha256, site.name[text.language], site.contact_email, site.contact_phone]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def init_app(app: Flask, settings: Settings) -> None:
    with app.app_context():
        found = {
            language: _read(settings, statement("help", language)) for language in settings.site.languages
        }
    app.extensions["guides"] = {language: pdf for language, pdf in found.items() if pdf}


def _read(settings: Settings, text: Statement) -> bytes | None:
    folders = [project_folder("templates") / "guide"]
    if settings.folders.overrides:
        folders.insert(0, Path(settings.folders.overrides) / "guide")
    mark = fingerprint(settings, text).encode()
    for folder in folders:
        path = folder / file_name(text.language)
        if path.is_file() and mark in (pdf := path.read_bytes()):
            return pdf
    return None


def pdf(language: str) -> bytes | None:
    """The guide in that language; None where there is none for this text and municipality."""
    return cast("dict[str, bytes]", current_app.extensions["guides"]).get(language)


def address(language: str) -> str | None:
    """Where it is shown."""
    return f"/help/{file_name(language)}" if pdf(language) else None

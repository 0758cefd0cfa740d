"""Languages: catalogues, the language of a request, texts of the settings in that language.

Messages are written in English in the code; idp/translations/ holds the others as .po files, read once at start.
An operator's overrides folder may hold translations/<language>/messages.po too, also for English. A text of theirs that
fills in other values than ours would fail when it is shown, so it stops the start.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import cast

from babel.dates import get_timezone
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import Translations
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, get_locale

from idp.settings import Localized, Settings, UnusableSettings

LANGUAGE_COOKIE = "tunnus_language"
LANGUAGE_NAMES = {"fi": "Suomeksi", "sv": "På svenska", "en": "In English"}


def init_app(app: Flask, settings: Settings) -> None:
    """Load the catalogues and let each request choose its language. Raises UnusableSettings."""
    try:
        get_timezone(settings.site.timezone)
    except LookupError as error:
        raise UnusableSettings(f"site.timezone: there is no {settings.site.timezone}") from error
    languages = settings.site.languages
    babel = Babel()
    babel.init_app(
        app,
        default_locale=languages[0],
        default_domain="messages",
        default_timezone=settings.site.timezone,
        locale_selector=language,
    )
    own = own_folder(settings)
    _refuse_unlike(own, languages)
    folders = [_OURS, *([own] if own else [])]
    with app.app_context():
        cache = babel.domain_instance.cache
    for code in languages:
        cache[code, "messages"] = _merged(code, folders)


def _merged(code: str, folders: list[Path]) -> Translations:
    merged = Translations()
    for folder in folders:
        for path in _files(folder, code):
            catalogue = Translations(BytesIO(_compiled(path, code, path.stat().st_mtime_ns)))
            merged.merge(catalogue)
            merged.plural = catalogue.plural
    return merged


@lru_cache
def _compiled(path: Path, code: str, _as_of: int) -> bytes:
    """A catalogue in the form in which texts are looked up: a process that makes several apps reads it once."""
    compiled = BytesIO()
    write_mo(compiled, read(path, code))
    return compiled.getvalue()


# -- catalogues

_OURS = Path(__file__).parent / "translations"
_PLACEHOLDER = re.compile(r"%\(\w*\)[a-zA-Z]?|%%|%")

Key = tuple[str | None, str]
"""A text in code and templates: its context and its English."""


def own_folder(settings: Settings) -> Path | None:
    """The operator's own catalogues; the folder need not be there."""
    return Path(settings.folders.overrides) / "translations" if settings.folders.overrides else None


def _files(folder: Path, code: str) -> list[Path]:
    """The catalogues of a language, the one that wins last."""
    paths = (folder / code / "LC_MESSAGES" / "messages.po", folder / code / "messages.po")
    return [path for path in paths if path.is_file()]


def read(path: Path, code: str) -> Catalog:
    """A catalogue. Raises UnusableSettings."""
    try:
        with path.open("rb") as source:
            return read_po(source, locale=code, ignore_obsolete=True, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise UnusableSettings(f"{path}: cannot be read as a catalogue: {error}") from error


def own_messages(folder: Path, languages: list[str]) -> Iterator[tuple[Path, Message]]:
    """What the operator's own catalogues say, each with its file. Raises UnusableSettings."""
    for code in languages:
        for path in _files(folder, code):
            yield from ((path, message) for message in read(path, code) if message.id and message.string)


def key_of(message: Message) -> Key:
    return message.context, _parts(message.id)[0]


def known_texts() -> set[Key]:
    """Every text that our code and templates have."""
    found = (path for folder in _OURS.iterdir() for path in _files(_OURS, folder.name))
    return {key_of(message) for path in found for message in read(path, path.parts[-3]) if message.id}


def fills_in_the_same(message: Message) -> bool:
    """Whether a translation has the placeholders of its English, in each of its plural forms."""
    wanted = [_placeholders(text) for text in _parts(message.id)]
    return all(_placeholders(text) in wanted for text in _parts(message.string) if text)


def _parts(text: object) -> list[str]:
    return [str(part) for part in text] if isinstance(text, tuple | list) else [str(text)]


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDER.findall(text))


def _refuse_unlike(folder: Path | None, languages: list[str]) -> None:
    """Raises UnusableSettings."""
    for path, message in own_messages(folder, languages) if folder else ():
        if not fills_in_the_same(message):
            text = key_of(message)[1]
            told = "must have the same placeholders as in English (`idp overrides list` shows all such texts)"
            raise UnusableSettings(f'{path}: the translation of "{text}" {told}')


# -- the language of a request


def language() -> str:
    """The language of this request: asked for in the address, by the e-service, the cookie, the browser, the default.

    `?lang=` is the language links, `ui_locales` the e-service's wish (OpenID Connect Core 3.1.2.1).
    """
    languages = cast("list[str]", current_app.extensions["settings"].site.languages)
    if not has_request_context():
        return languages[0]
    chosen = g.get("language")
    if chosen is None:
        chosen = g.language = _choose(languages)
    return cast("str", chosen)


def _choose(languages: list[str]) -> str:
    wishes = [request.args.get("lang", "")]
    wishes += [tag.split("-")[0] for tag in g.get("ui_locales", "").split()]
    wishes.append(request.cookies.get(LANGUAGE_COOKIE, ""))
    for wish in wishes:
        if wish in languages:
            return wish
    return request.accept_languages.best_match(languages) or languages[0]


def wish(ui_locales: str | None) -> None:
    """Remember the e-service's wish for this request, before any text was made."""
    if ui_locales:
        g.ui_locales = ui_locales
        g.pop("language", None)


def localized(texts: Localized, code: str | None = None) -> str:
    """The text in the current language (or `code`), else in the default one."""
    wanted = code or str(get_locale() or language())
    languages = cast("list[str]", current_app.extensions["settings"].site.languages)
    return texts.get(wanted) or texts.get(languages[0]) or next(iter(texts.values()), "")

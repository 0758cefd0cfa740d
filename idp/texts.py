"""Languages: catalogues, the language of a request, texts of the settings in that language.

Messages are written in English in the code; idp/translations/ holds the others as .po files, read once at start.
An operator's overrides folder may hold translations/<language>/messages.po too, also for English.
"""

from io import BytesIO
from pathlib import Path
from typing import cast

from babel.dates import get_timezone
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
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
    folders = [Path(__file__).parent / "translations"]
    if settings.folders.overrides:
        folders.append(Path(settings.folders.overrides) / "translations")
    with app.app_context():
        cache = babel.domain_instance.cache
    for code in languages:
        cache[code, "messages"] = _catalogue(code, folders)


def _catalogue(code: str, folders: list[Path]) -> Translations:
    merged = Translations()
    for folder in folders:
        for path in (folder / code / "LC_MESSAGES" / "messages.po", folder / code / "messages.po"):
            if path.is_file():
                compiled = BytesIO()
                with path.open("rb") as source:
                    write_mo(compiled, read_po(source, locale=code))
                compiled.seek(0)
                catalogue = Translations(compiled)
                merged.merge(catalogue)
                merged.plural = catalogue.plural
    return merged


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

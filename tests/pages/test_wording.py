"""The three languages are equal: no text is missing, left in English or differs in what it fills in.

The message ids are the English texts; `idp/translations/babel.cfg` tells how the catalogues are updated.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "lazy": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
}
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
TRANSLATED = ("fi", "sv")
# The same word in two languages.
ALIKE = {"Version %(version)s, %(date)s"}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%(?!\()\S?")

Key = tuple[str | None, str]

# Sentences of the source document, by their English text: kept to the letter.
SEED = {
    "Log in to the e-service": "Kirjautuminen asiointipalveluun",
    "If you do not have an account yet, choose %(create_link)s.": (
        "Jos sinulla ei vielä ole tunnusta, klikkaa %(create_link)s."
    ),
    "Create a new account": "Luo uusi käyttäjätunnus",
    "Your email address is your username.": "Käyttäjätunnuksena toimii sähköpostiosoitteesi.",
    "Authorities' usernames have their own format.": "Viranomaisten tunnukset ovat omaa muotoaan.",
    "Note that this service has its own account. Your %(other)s account does not work here.": (
        "Huomaa, että palvelu käyttää omaa käyttäjätunnusta, ei %(other)s-tunnusta."
    ),
    "Trouble logging in?": "Ongelmia sisäänkirjautumisessa?",
    "See the login guide (PDF)": "Katso ohje sisäänkirjautumiseen (pdf)",
    "%(create_link)s if you do not have one yet.": (
        "%(create_link)s jos sinulla ei vielä ole omaa käyttäjätunnusta."
    ),
    "Log in": "Kirjaudu sisään",
    "Forgot your username or password?": "Unohtuiko käyttäjätunnus tai salasana?",
    "Fields marked with an asterisk (*) are required.": "Tähdellä (*) merkityt kentät ovat pakollisia.",
    "The email address must be in use.": "Sähköpostiosoitteen tulee olla toimiva.",
    "We will send activation instructions to the address you enter.": (
        "Ohje tunnuksen aktivoimiseksi lähetetään syötettyyn osoitteeseen."
    ),
    "I accept the %(terms)sterms of use%(end)s and the %(privacy)sprivacy notice%(end)s of the service": (
        "Hyväksyn palvelun %(terms)sKäyttöehdot%(end)s ja %(privacy)sTietosuojaselosteen%(end)s"
    ),
    "Create account": "Luo käyttäjätunnus",
    "Your account has been created. Activate it by following the instructions sent to your email.": (
        "Käyttäjätunnus on luotu. Aktivoi käyttäjätunnuksesi sähköpostiisi lähetettyjen ohjeiden mukaan."
    ),
    "Check your spam folder too.": "Tarkista tarvittaessa myös roskaposti-kansio.",
}


def texts_of(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, (tuple, list)) else [message.string]


def ids_of(message: Message) -> list[str]:
    return list(message.id) if isinstance(message.id, (tuple, list)) else [message.id]


def placeholders(text: str) -> set[str]:
    return {match.group() for match in PLACEHOLDER.finditer(text)}


def catalogue(language: str) -> Catalog:
    path = ROOT / "idp" / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


@pytest.fixture(scope="module")
def catalogues() -> dict[str, Catalog]:
    return {language: catalogue(language) for language in TRANSLATED}


@pytest.fixture(scope="module")
def used() -> dict[Key, str]:
    """Every message that the code and the templates use, with the file where it stands."""
    found: dict[Key, str] = {}
    for folder in ("idp", "templates"):
        for file, _line, ids, _comments, context in extract_from_dir(
            ROOT / folder, METHODS, keywords=KEYWORDS, strip_comment_tags=True
        ):
            found[context, ids[0] if isinstance(ids, tuple) else ids] = f"{folder}/{file}"
    return found


def messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def test_the_code_and_the_templates_were_read(used: dict[Key, str]) -> None:
    assert (None, "Create a new account") in used
    assert any(file.startswith("idp/") for file in used.values())
    assert any(file.startswith("templates/mail/") for file in used.values())


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(
    language: str, used: dict[Key, str], catalogues: dict[str, Catalog]
) -> None:
    lacking = []
    for (context, text), file in used.items():
        message = catalogues[language].get(text, context)
        if message is None or not all(part.strip() for part in texts_of(message)):
            lacking.append(f"{file}: {text}")
    assert not lacking


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_only_a_guess(language: str, catalogues: dict[str, Catalog]) -> None:
    assert not [message.id for message in messages(catalogues[language]) if message.fuzzy]


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_holds_only_messages_in_use(
    language: str, used: dict[Key, str], catalogues: dict[str, Catalog]
) -> None:
    left_over = [
        message.id
        for message in messages(catalogues[language])
        if (message.context, ids_of(message)[0]) not in used
    ]
    assert not left_over


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_is_left_in_english(language: str, catalogues: dict[str, Catalog]) -> None:
    alike = [
        text
        for message in messages(catalogues[language])
        for text in ids_of(message)
        if text in texts_of(message) and text not in ALIKE
    ]
    assert not alike


def test_swedish_is_not_finnish(catalogues: dict[str, Catalog]) -> None:
    alike = []
    for message in messages(catalogues["fi"]):
        if (message.context or "").endswith(" pattern"):  # dates and times are written alike
            continue
        swedish = catalogues["sv"].get(ids_of(message)[0], message.context)
        if swedish and set(texts_of(swedish)) & set(texts_of(message)):
            alike.append(message.id)
    assert not alike


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_language_fills_in_the_same_values(language: str, catalogues: dict[str, Catalog]) -> None:
    differing = [
        (message.id, text)
        for message in messages(catalogues[language])
        for text in texts_of(message)
        if placeholders(text) != placeholders(ids_of(message)[-1])
    ]
    assert not differing


@pytest.mark.parametrize("language", TRANSLATED)
def test_one_and_many_are_told_apart(language: str, catalogues: dict[str, Catalog]) -> None:
    catalog = catalogues[language]
    assert catalog.num_plurals == 2
    assert all(len(texts_of(message)) == 2 for message in messages(catalog) if message.pluralizable)


@pytest.mark.parametrize(("english", "finnish"), SEED.items(), ids=list(SEED))
def test_finnish_sentences_of_the_source_document_are_kept_to_the_letter(
    english: str, finnish: str, used: dict[Key, str], catalogues: dict[str, Catalog]
) -> None:
    assert (None, english) in used
    assert catalogues["fi"].get(english).string == finnish  # type: ignore[union-attr]


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_shows_a_raw_key(language: str, catalogues: dict[str, Catalog]) -> None:
    key = re.compile(r"^[a-z]+([._][a-z_]+)+$|^[A-Z][a-z]+([A-Z][a-z]+)+$|^(FI|SV|EN):")
    assert not [
        text for message in messages(catalogues[language]) for text in texts_of(message) if key.search(text)
    ]


@pytest.mark.parametrize("language", TRANSLATED)
def test_texts_neither_beg_nor_blame(language: str, catalogues: dict[str, Catalog]) -> None:
    words = {
        "fi": r"\b(ole hyvä|pahoittelemme|virheellinen|kelvoton|vahva salasana)\b",
        "sv": r"\b(vänligen|tyvärr|ogiltig\w*|felaktigt ifyll\w*)\b",
    }[language]
    assert not [
        text
        for message in messages(catalogues[language])
        for text in texts_of(message)
        if re.search(words, text, re.IGNORECASE)
    ]

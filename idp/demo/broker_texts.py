"""The words of the demo's broker, each in Finnish, Swedish and English."""

from idp.demo.eservice_texts import LANGUAGES, ORDER

TEXTS: dict[str, tuple[str, str, str]] = {
    "site": ("Esimerkkitunnistus", "Exempelidentifiering", "Example identification"),
    "skip": ("Siirry suoraan sisältöön", "Gå direkt till innehållet", "Skip to main content"),
    "language": ("Kieli", "Språk", "Language"),
    "title": ("Valitse, kuka olet", "Välj vem du är", "Choose who you are"),
    "asks": (
        "Palvelu, joka pyytää tunnistautumista:",
        "Tjänst som begär identifiering:",
        "The service that asks for identification:",
    ),
    "explained": (
        "Tämä tunnistuspalvelu on tehty kokeilua varten. Se ei tunnista ketään: henkilöt ovat keksittyjä.",
        "Den här identifieringstjänsten är till för test. Den identifierar ingen: personerna är påhittade.",
        "This identification service is made for trying out. It identifies nobody: the people are made up.",
    ),
    "born": ("Syntynyt", "Född", "Born"),
    "code": ("Henkilötunnus", "Personbeteckning", "Personal identity code"),
    "no_code": (
        "Ei suomalaista henkilötunnusta",
        "Ingen finländsk personbeteckning",
        "No Finnish personal identity code",
    ),
    "choose": ("Tunnistaudu", "Identifiera dig", "Identify yourself"),
    "cancel": ("Peruuta", "Avbryt", "Cancel"),
    "faults": ("Vika kokeilua varten", "Fel för test", "Fault for testing"),
    "no_fault": ("Ei vikaa", "Inget fel", "No fault"),
    "over_title": (
        "Tunnistaminen ei voi jatkua",
        "Identifieringen kan inte fortsätta",
        "The identification cannot go on",
    ),
    "over": (
        "Pyyntö on jo käytetty, liian vanha tai virheellinen. Palaa palveluun ja aloita alusta.",
        "Begäran är redan använd, för gammal eller felaktig. Gå tillbaka till tjänsten och börja om.",
        "The request was used already, is too old, or is faulty. Go back to the service and start again.",
    ),
}

__all__ = ["LANGUAGES", "TEXTS", "words"]


def words(language: str) -> dict[str, str]:
    """Every text in that language."""
    place = ORDER.index(language) if language in ORDER else 0
    return {name: texts[place] for name, texts in TEXTS.items()}

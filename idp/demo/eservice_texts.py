"""The words of the demo e-service: each text in Finnish, Swedish and English. The municipality is made up."""

LANGUAGES = {"fi": "Suomeksi", "sv": "På svenska", "en": "In English"}
ORDER = tuple(LANGUAGES)

TEXTS: dict[str, tuple[str, str, str]] = {
    "site": ("Esimerkkikunnan asiointipalvelu", "Exempelkommuns e-tjänst", "Esimerkkikunta e-service"),
    "site_subtitle": ("Kartat, tontit ja luvat", "Kartor, tomter och tillstånd", "Maps, plots and permits"),
    "skip": ("Siirry suoraan sisältöön", "Gå direkt till innehållet", "Skip to main content"),
    "language": ("Kieli", "Språk", "Language"),
    "navigation": ("Päävalikko", "Huvudmeny", "Main menu"),
    "log_in": ("Kirjaudu sisään", "Logga in", "Log in"),
    "log_out": ("Kirjaudu ulos", "Logga ut", "Log out"),
    "own_details": ("Omat tiedot", "Mina uppgifter", "My details"),
    "front": ("Etusivu", "Startsida", "Front page"),
    "permits": ("Omat lupani", "Mina tillstånd", "My permits"),
    "hero_title": (
        "Kartat ja luvat yhdessä paikassa",
        "Kartor och tillstånd på samma ställe",
        "Maps and permits in one place",
    ),
    "hero_text": (
        (
            "Katso kunnan karttoja ilman kirjautumista. Kun kirjaudut sisään, voit hakea lupia, varata "
            "tontin ja seurata asiasi etenemistä."
        ),
        (
            "Se på kommunens kartor utan att logga in. När du loggar in kan du söka tillstånd, reservera "
            "en tomt och följa ditt ärende."
        ),
        (
            "Look at the maps of the municipality without logging in. Once logged in, you can apply for "
            "permits, reserve a plot and follow your case."
        ),
    ),
    "services": ("Palvelut", "Tjänster", "Services"),
    "current": ("Ajankohtaista", "Aktuellt", "News"),
    "news_plots": (
        "Koivurannan uudet omakotitontit ovat haettavissa 31.12. asti.",
        "De nya egnahemstomterna i Björkstranden kan sökas till 31.12.",
        "New house plots in Koivuranta can be applied for until 31 December.",
    ),
    "news_maps": (
        "Kantakartta on päivitetty syksyn ilmakuvista.",
        "Baskartan har uppdaterats utifrån höstens flygbilder.",
        "The base map has been updated from this autumn's aerial photographs.",
    ),
    "help": ("Neuvonta", "Rådgivning", "Advice"),
    "help_text": (
        "Kartat ja luvat, arkisin klo 9.00–15.00",
        "Kartor och tillstånd, vardagar kl. 9.00–15.00",
        "Maps and permits, weekdays 9:00–15:00",
    ),
    "map_alt": (
        "Piirretty kartta: järvi, joki, teitä ja tontteja",
        "Ritad karta: en sjö, en å, vägar och tomter",
        "A drawn map: a lake, a river, roads and plots",
    ),
    "service_login": (
        "Hakemuksen tekeminen edellyttää kirjautumista.",
        "För att göra en ansökan behöver du logga in.",
        "You need to log in to make an application.",
    ),
    "service_logged_in": (
        "Olet kirjautunut sisään. Hakemuksesi löydät sivulta Omat lupani.",
        "Du har loggat in. Dina ansökningar finns på sidan Mina tillstånd.",
        "You are logged in. You will find your applications on the page My permits.",
    ),
    "permits_text": (
        "Tällä sivulla näet hakemuksesi ja niiden vaiheen.",
        "På den här sidan ser du dina ansökningar och hur de framskrider.",
        "This page shows your applications and their progress.",
    ),
    "logged_in_as": ("Olet kirjautunut nimellä", "Du är inloggad som", "You are logged in as"),
    "email": ("Sähköposti", "E-post", "Email"),
    "change_details": ("Muuta tietojasi", "Ändra dina uppgifter", "Change your details"),
    "number": ("Asianumero", "Ärendenummer", "Case number"),
    "stage": ("Vaihe", "Skede", "Stage"),
    "case_sauna": (
        "Rantasaunan rakennuslupa, Mäntytie 4",
        "Bygglov för strandbastu, Tallvägen 4",
        "Building permit for a lakeside sauna, Mäntytie 4",
    ),
    "case_road": (
        "Kaivulupa, Rantapolku",
        "Grävningstillstånd, Strandstigen",
        "Excavation permit, Rantapolku",
    ),
    "case_plot": (
        "Tontinvaraus, Koivuranta 12",
        "Tomtreservation, Björkstranden 12",
        "Plot reservation, Koivuranta 12",
    ),
    "stage_handling": ("Käsittelyssä", "Under behandling", "Being processed"),
    "stage_granted": ("Myönnetty", "Beviljat", "Granted"),
    "stage_waiting": ("Odottaa lisätietoja", "Väntar på uppgifter", "Waiting for information"),
    "logged_out": ("Olet kirjautunut ulos", "Du har loggat ut", "You have logged out"),
    "logged_out_text": (
        "Istuntosi on päättynyt tässä palvelussa ja kirjautumispalvelussa.",
        "Din session har avslutats i den här tjänsten och i inloggningstjänsten.",
        "Your session has ended in this service and in the login service.",
    ),
    "logged_out_here": (
        (
            "Istuntosi on päättynyt tässä palvelussa. Kirjautumispalvelu ei vastannut, joten voit olla "
            "siellä vielä kirjautuneena. Sulje selain, jos käytät yhteistä laitetta."
        ),
        (
            "Din session har avslutats i den här tjänsten. Inloggningstjänsten svarade inte, så du kan "
            "ännu vara inloggad där. Stäng webbläsaren om du använder en gemensam enhet."
        ),
        (
            "Your session has ended in this service. The login service did not answer, so you may still "
            "be logged in there. Close the browser if you are using a shared device."
        ),
    ),
    "to_front": ("Siirry etusivulle", "Gå till startsidan", "Go to the front page"),
    "start_again": ("Aloita kirjautuminen uudelleen", "Börja inloggningen på nytt", "Start logging in again"),
    "cancelled_title": ("Kirjautuminen keskeytyi", "Inloggningen avbröts", "Login was interrupted"),
    "cancelled_text": (
        (
            "Sinua ei kirjattu sisään, koska kirjautuminen peruttiin tai palvelulle ei annettu lupaa "
            "tietoihisi."
        ),
        (
            "Du loggades inte in eftersom inloggningen avbröts eller tjänsten inte fick tillstånd till "
            "dina uppgifter."
        ),
        (
            "You were not logged in because login was cancelled or the service was not allowed to use "
            "your details."
        ),
    ),
    "start_again_title": (
        "Kirjautumista ei voi jatkaa tästä",
        "Inloggningen kan inte fortsätta härifrån",
        "Login cannot continue from here",
    ),
    "start_again_text": (
        (
            "Kirjautuminen on vanhentunut, aloitettu toisessa selaimessa tai jo käytetty. Tietojasi ei "
            "ole kadonnut."
        ),
        (
            "Inloggningen har gått ut, börjats i en annan webbläsare eller redan använts. Inga uppgifter "
            "har gått förlorade."
        ),
        (
            "The login has expired, was started in another browser or has already been used. Nothing has "
            "been lost."
        ),
    ),
    "failed_title": ("Kirjautuminen ei onnistunut", "Inloggningen lyckades inte", "Login did not succeed"),
    "failed_text": (
        (
            "Saimme kirjautumispalvelulta vastauksen, jota emme voi hyväksyä. Jos sama toistuu, ota "
            "yhteyttä neuvontaan."
        ),
        (
            "Vi fick ett svar från inloggningstjänsten som vi inte kan godkänna. Om det upprepas, "
            "kontakta rådgivningen."
        ),
        (
            "We received an answer from the login service that we cannot accept. If this happens again, "
            "contact us."
        ),
    ),
    "unavailable_title": (
        "Kirjautuminen ei ole juuri nyt käytettävissä",
        "Inloggningen är inte tillgänglig just nu",
        "Login is not available right now",
    ),
    "unavailable_text": (
        (
            "Kirjautumispalvelu ei vastaa. Yritä hetken kuluttua uudelleen. Karttoja voit katsella "
            "kirjautumatta."
        ),
        "Inloggningstjänsten svarar inte. Försök på nytt om en stund. Kartorna kan du se utan att logga in.",
        (
            "The login service is not responding. Try again in a moment. You can look at the maps "
            "without logging in."
        ),
    ),
    "unknown_provider_title": (
        "Tuntematon kirjautumispalvelu",
        "Okänd inloggningstjänst",
        "Unknown login service",
    ),
    "unknown_provider_text": (
        "Linkki, josta tulit, kuuluu toiseen kirjautumispalveluun. Voit kirjautua sisään tästä.",
        "Länken som du följde hör till en annan inloggningstjänst. Du kan logga in här.",
        "The link you followed belongs to another login service. You can log in here.",
    ),
    "not_found_title": ("Sivua ei löytynyt", "Sidan hittades inte", "Page not found"),
    "not_found_text": (
        "Tarkista osoite tai aloita etusivulta.",
        "Kontrollera adressen eller börja från startsidan.",
        "Check the address or start from the front page.",
    ),
    "error_title": ("Toiminto ei onnistunut", "Åtgärden lyckades inte", "That did not work"),
    "error_text": (
        "Palaa etusivulle ja yritä uudelleen.",
        "Gå tillbaka till startsidan och försök på nytt.",
        "Go back to the front page and try again.",
    ),
    "demo_note": (
        "Tämä on esittelypalvelu. Kuntaa, lupia ja tontteja ei ole olemassa.",
        "Det här är en demonstrationstjänst. Kommunen, tillstånden och tomterna finns inte på riktigt.",
        "This is a demonstration. The municipality, the permits and the plots do not exist.",
    ),
    "map_service": ("Karttapalvelu", "Karttjänst", "Map service"),
    "map_service_summary": (
        "Opaskartta, kaavat ja ilmakuvat",
        "Guidekarta, planer och flygbilder",
        "Guide map, plans and aerial photographs",
    ),
    "map_service_text": (
        (
            "Kartalta näet tontit, kaavat, kevyen liikenteen reitit ja kunnan palvelut. Kartta on avoin "
            "kaikille."
        ),
        (
            "På kartan ser du tomter, planer, gång- och cykelleder samt kommunens tjänster. Kartan är "
            "öppen för alla."
        ),
        (
            "The map shows plots, plans, walking and cycling routes and the services of the "
            "municipality. It is open to everyone."
        ),
    ),
    "building": ("Rakennuslupa", "Bygglov", "Building permit"),
    "building_summary": (
        "Hae lupaa uudelle rakennukselle tai muutokselle",
        "Ansök om lov för en ny byggnad eller en ändring",
        "Apply for a new building or an alteration",
    ),
    "building_text": (
        "Liitä hakemukseen pääpiirustukset ja selvitys rakennuspaikasta. Päätöksen saat tähän palveluun.",
        "Bifoga huvudritningar och en utredning om byggplatsen. Beslutet får du i den här tjänsten.",
        (
            "Attach the main drawings and a statement of the building site. You will receive the "
            "decision in this service."
        ),
    ),
    "plots": ("Tontinvaraus", "Tomtreservation", "Plot reservation"),
    "plots_summary": (
        "Vapaat omakotitontit ja yritystontit",
        "Lediga egnahemstomter och företagstomter",
        "Available plots for houses and businesses",
    ),
    "plots_text": (
        (
            "Valitse tontti kartalta ja varaa se kolmeksi kuukaudeksi. Varaus ei sido sinua vuokraamaan "
            "tonttia."
        ),
        (
            "Välj en tomt på kartan och reservera den för tre månader. Reservationen förbinder dig inte "
            "att arrendera."
        ),
        "Choose a plot on the map and reserve it for three months. You are not bound to rent it.",
    ),
    "excavation": ("Kaivulupa", "Grävningstillstånd", "Excavation permit"),
    "excavation_summary": (
        "Työt kaduilla ja yleisillä alueilla",
        "Arbeten på gator och allmänna områden",
        "Work in streets and public areas",
    ),
    "excavation_text": (
        "Tee ilmoitus viimeistään viikkoa ennen töiden alkua ja merkitse työmaa kartalle.",
        "Gör anmälan senast en vecka innan arbetet börjar och märk ut arbetsplatsen på kartan.",
        "Give notice at least a week before the work begins and mark the site on the map.",
    ),
    "property": ("Kiinteistötiedot", "Fastighetsuppgifter", "Property information"),
    "property_summary": (
        "Oman kiinteistösi tiedot ja otteet",
        "Uppgifter och utdrag om din fastighet",
        "Information and extracts on your property",
    ),
    "property_text": (
        "Tilaa karttaote tai kaavaote kiinteistötunnuksella. Otteen saat sähköisenä.",
        "Beställ ett kartutdrag eller planutdrag med fastighetsbeteckningen. Du får utdraget elektroniskt.",
        "Order a map or plan extract by the property identifier. The extract is delivered electronically.",
    ),
    "feedback": ("Palaute ja vikailmoitus", "Respons och felanmälan", "Feedback and fault report"),
    "feedback_summary": (
        "Kerro kuopasta kadulla tai sammuneesta valosta",
        "Berätta om en grop i gatan eller en släckt lampa",
        "Report a pothole or a street light that is out",
    ),
    "feedback_text": (
        "Merkitse paikka kartalle ja kuvaile vika. Voit seurata korjausta, kun olet kirjautunut sisään.",
        "Märk ut platsen på kartan och beskriv felet. Du kan följa reparationen när du har loggat in.",
        (
            "Mark the place on the map and describe the fault. You can follow the repair when you are "
            "logged in."
        ),
    ),
}

SERVICES = {
    "map": "map_service",
    "building-permit": "building",
    "plots": "plots",
    "excavation": "excavation",
    "property": "property",
    "feedback": "feedback",
}
"""Address of a service's page, and the name its texts begin with."""


def texts(language: str) -> dict[str, str]:
    """All texts in ``language`` (fi, sv or en)."""
    place = ORDER.index(language)
    return {name: versions[place] for name, versions in TEXTS.items()}

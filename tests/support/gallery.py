"""A tour of every page there is, in one language, error states included: for whatever must hold on all of them.

`tour` is a generator: it brings the visitor's browser to a page, yields the page's name, and goes on. The
browser may be resized and recoloured in between, but must not leave the page.
"""

import secrets
from collections.abc import Iterator

from playwright.sync_api import expect

from idp.accounts import invitations, support
from idp.accounts.details import Details
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.admin.client_fields import GROUPS
from idp.admin.client_forms import wanted
from idp.clients import managed, management
from idp.clients.metadata import DEVICE_CODE
from idp.clients.models import ClientApp
from idp.clients.presets import Kind
from idp.crypto import hash_token, random_token
from idp.database import writing
from idp.policy.usernames import EmailAddress
from tests.support.installation import minutes_ago
from tests.support.people import PASSWORD, App
from tests.support.visitor import OPTIONAL_DETAILS, Visitor

WRONG = "Jokin;muu1"
_BLANK = '<!DOCTYPE html><html lang="en"><head><title>-</title><link rel="icon" href="data:,"></head></html>'


def tour(visitor: Visitor) -> Iterator[str]:
    """Every page. The visitor begins with a fresh browser and no account."""
    yield from _eservice(visitor)
    yield from _statements(visitor)
    yield from _registration(visitor)
    yield from _login_troubles(visitor)
    yield from _links(visitor)
    yield from _forgotten(visitor)
    yield from _errors(visitor)
    yield from _feedback(visitor)
    yield from _new_terms(visitor)
    yield from _logged_in(visitor)
    yield from _demo_inbox(visitor)
    yield from administration(visitor)


def strong_tour(visitor: Visitor) -> Iterator[str]:
    """The pages of strong authentication, and the demo's broker: at an installation that has one.

    The visitor begins with a fresh browser and no account.
    """
    page, people = visitor.page, visitor.place.people
    # A person has one account, and the tour is taken in each language.
    newcomer, resident = {"fi": ("matti", "onni"), "sv": ("asa", "aino"), "en": ("paavo", "veeti")}[
        visitor.language
    ]
    visitor.open("/create-account")
    visitor.should_be_on("identify")
    yield "identify, before an account"
    yield from _at_the_broker(visitor, "cancel")
    visitor.should_be_on("identify")
    yield "identify, interrupted"
    yield from _at_the_broker(visitor, f"person-{newcomer}")
    visitor.should_be_on("create-account")
    yield "create-account, identified"
    visitor.press("#create-account")
    yield "create-account, identified, with errors"
    visitor.fill(email=visitor.email, email_confirm=visitor.email)
    visitor.fill(new_password=visitor.password, new_password_confirm=visitor.password)
    page.check("#accept_terms")
    visitor.press("#create-account")
    visitor.should_be_on("created")
    visitor.open_mailed_link()
    visitor.press("#activate")
    page.context.clear_cookies()
    visitor.page.goto(f"{visitor.place.provider}/identify/new?lang={visitor.language}")
    yield from _at_the_broker(visitor, f"person-{newcomer}")
    visitor.should_be_on("identify-known")
    yield "identify-known"
    page.goto(f"{visitor.place.provider}/identify/again?lang={visitor.language}")
    yield "identify-again"
    page.context.clear_cookies()
    other = _address()
    people.resident(other, given_name="Onni", family_name="Entinen", language=visitor.language)
    visitor.start_login()
    visitor.enter(other)
    visitor.should_be_on("identify")
    yield "identify, of a login"
    yield from _at_the_broker(visitor, f"person-{resident}")
    visitor.should_be_on("identify-confirm")
    yield "identify-confirm"
    page.click("#confirm")
    visitor.should_be_on("demo-front")


def _at_the_broker(visitor: Visitor, choice: str) -> Iterator[str]:
    visitor.page.click("#identify")
    visitor.should_be_on("demo-broker")
    yield "demo-broker"
    visitor.page.click(f"#{choice}")


def _eservice(visitor: Visitor) -> Iterator[str]:
    visitor.open_eservice()
    yield "demo-front"
    visitor.open_eservice("/services/map")
    yield "demo-service-map"
    visitor.open_eservice("/services/plots")
    yield "demo-service"
    visitor.open_eservice("/callback?state=unknown")
    yield "demo-login-problem"
    visitor.open_eservice("/nothing-here")
    yield "demo-error"


def _statements(visitor: Visitor) -> Iterator[str]:
    for name in ("terms", "privacy", "accessibility", "cookies", "help"):
        visitor.open(f"/{name}")
        yield name


def _registration(visitor: Visitor) -> Iterator[str]:
    visitor.start_login()
    yield "login"
    visitor.press("main a[href*='create-account'] >> nth=0")
    visitor.should_be_on("create-account")
    yield "create-account"
    visitor.press("#create-account")
    yield "create-account, empty"
    visitor.fill_registration(
        email_confirm="toinen@example.fi", new_password="abc", postal_code="12/3", phone="x"
    )
    visitor.press("#create-account")
    yield "create-account, with errors"
    visitor.fill_registration(**OPTIONAL_DETAILS)
    visitor.press("#create-account")
    visitor.should_be_on("created")
    yield "created"
    visitor.press("#resend")
    yield "created, sent again"
    visitor.start_login()
    visitor.enter()
    yield "login, not activated"
    visitor.open_mailed_link()
    visitor.should_be_on("activate")
    yield "activate"
    visitor.press("#activate")
    visitor.should_be_on("activated")
    yield "activated"
    visitor.open_mailed_link()
    visitor.should_be_on("link-used")
    yield "link-used"


def _login_troubles(visitor: Visitor) -> Iterator[str]:
    visitor.open("/login")
    yield "login, without an e-service"
    visitor.press("#log-in")
    yield "login, empty"
    someone = _address()
    visitor.place.people.resident(someone)
    for _ in range(4):
        visitor.enter(someone, WRONG)
    yield "login, wrong password"
    visitor.enter(someone, WRONG)
    visitor.should_be_on("locked")
    yield "locked"


def _links(visitor: Visitor) -> Iterator[str]:
    people, page = visitor.place.people, visitor.page
    waiting = _address()
    older = people.applicant(waiting)
    visitor.open(older)
    visitor.should_be_on("activate")
    yield "activate, another browser"
    page.fill("#password", WRONG)
    visitor.press("#activate")
    yield "activate, wrong password"
    visitor.press("#choose-password")
    visitor.should_be_on("reset")
    yield "activate, another password"
    people.applicant(waiting)
    visitor.open(older)
    visitor.should_be_on("link-expired")
    yield "link-expired, replaced"
    visitor.open(people.applicant(_address()))
    visitor.press("#not-me")
    yield "activate, disowned"
    with minutes_ago(31):
        expired = people.applicant(_address())
    visitor.open(expired)
    visitor.should_be_on("link-expired")
    yield "link-expired, activation"
    visitor.open("/activate?token=broken")
    visitor.should_be_on("link-broken")
    yield "link-broken"


def _forgotten(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    visitor.open("/forgot")
    yield "forgot"
    visitor.press("#send-reset-link")
    yield "forgot, empty"
    page.fill("#email", visitor.email)
    visitor.press("#send-reset-link")
    visitor.should_be_on("forgot-sent")
    yield "forgot-sent"
    visitor.open_mailed_link()
    visitor.should_be_on("reset")
    yield "reset"
    with minutes_ago(31):
        expired = visitor.place.people.forgetful(visitor.email)
    visitor.open(expired)
    visitor.should_be_on("link-expired")
    yield "link-expired, reset"
    visitor.open(visitor.place.people.forgetful(visitor.email))
    visitor.should_be_on("reset")
    visitor.fill(new_password="abc", new_password_confirm="abcd")
    visitor.press("#set-password")
    yield "reset, with errors"
    visitor.password = "Aivan;toinen8"
    visitor.fill(new_password=visitor.password, new_password_confirm=visitor.password)
    visitor.press("#set-password")
    visitor.should_be_on("reset-done")
    yield "reset-done"
    visitor.open_mailed_link()
    visitor.should_be_on("link-action")
    yield "not me"


def _errors(visitor: Visitor) -> Iterator[str]:
    page, place = visitor.page, visitor.place
    language = visitor.language
    page.goto(place.request_of("unknown", f"{place.eservice}/callback", ui_locales=language))
    yield "error, unknown service"
    known = place.demo["confidential_client"]["client_id"]
    page.goto(place.request_of(known, "http://127.0.0.1:9/elsewhere", ui_locales=language))
    yield "error, return address"
    visitor.open("/nothing-here")
    yield "error, not found"
    visitor.open("/create-account")
    name = _address()
    visitor.fill_registration(email=name, email_confirm=name)
    visitor.press("#create-account")
    for _ in range(8):
        visitor.press("#resend")
        if visitor.page_name == "too-many":
            break
    visitor.should_be_on("too-many")
    yield "too-many"


def _logged_in(visitor: Visitor) -> Iterator[str]:
    page, place = visitor.page, visitor.place
    asking = place.people.client(
        f"lintulauta-{secrets.token_hex(4)}",
        first_party=False,
        **{
            "client_name": "Lintulauta",
            "client_name#sv": "Fågelbordet",
            "client_name#en": "The Bird Table",
            "policy_uri": "https://lintulauta.example.fi/privacy",
            "tos_uri": "https://lintulauta.example.fi/terms",
        },
    )
    visitor.log_in()
    yield "demo-front, logged in"
    visitor.open_eservice("/permits")
    yield "demo-permits"
    page.goto(_request(visitor, asking, scope="openid profile email phone address offline_access"))
    visitor.should_be_on("consent")
    yield "consent"
    page.goto(_request(visitor, asking, prompt="select_account"))
    visitor.should_be_on("select-account")
    yield "select-account"
    yield from _device(visitor)
    yield from _own_details(visitor)
    page.context.clear_cookies()  # the deletion has logged out everywhere, or is about to
    visitor.log_in()
    visitor.press("#log-out")
    visitor.should_be_on("demo-logged-out")
    yield "demo-logged-out"
    visitor.open("/login")
    visitor.enter()
    visitor.should_be_on("account")
    visitor.open("/logout")
    visitor.should_be_on("log-out")
    yield "log-out"
    visitor.press("#log-out")
    visitor.should_be_on("logged-out")
    yield "logged-out"
    yield from _logging_out(visitor)


def _logging_out(visitor: Visitor) -> Iterator[str]:
    """The page that goes on by itself, without the script that makes it."""
    page, place = visitor.page, visitor.place
    framed = place.people.client(
        f"kartta-{secrets.token_hex(4)}",
        redirect_uris=[f"{place.eservice}/callback"],
        frontchannel_logout_uri=f"{place.eservice}/forget",
        **{
            "client_name": "Karttapalvelu",
            "client_name#sv": "Karttjänsten",
            "client_name#en": "The map service",
        },
    )
    visitor.open("/login?username=")
    visitor.enter()
    page.route("**/callback?*", lambda route: route.fulfill(content_type="text/html", body=_BLANK))
    page.route("**/forget?*", lambda route: route.fulfill(content_type="text/html", body=_BLANK))
    page.route("**/logging_out.js*", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto(_request(visitor, framed))
    visitor.open(f"/logout?lang={visitor.language}")
    visitor.press("#log-out")
    visitor.should_be_on("logging-out")
    yield "logging-out"
    page.unroute_all()


def _device(visitor: Visitor) -> Iterator[str]:
    television = visitor.place.people.client(
        f"tv-{secrets.token_hex(4)}",
        token_endpoint_auth_method="none",
        grant_types=[DEVICE_CODE],
        **{
            "client_name": "Kaupungin televisio",
            "client_name#sv": "Stadens tv",
            "client_name#en": "The city's television",
        },
    )
    visitor.open("/device")
    yield "device"
    visitor.press("#continue")
    yield "device, empty"
    visitor.fill(user_code="BCDF-GHJK")
    visitor.press("#continue")
    yield "device, wrong code"
    for decision in ("deny", "allow"):
        visitor.fill(user_code=visitor.place.user_code(television))
        visitor.press("#continue")
        visitor.should_be_on("device-allow")
        if decision == "allow":
            yield "device-allow"
        visitor.press(f"#{decision}")
        visitor.should_be_on("device-done")
        yield f"device-done, {decision}"
        visitor.open("/device")


def _own_details(visitor: Visitor) -> Iterator[str]:
    for part in ("account", "sessions", "services", "history", "data"):
        visitor.open("/account" if part == "account" else f"/account/{part}")
        yield f"own {part}"
    visitor.open("/account/details")
    yield "own details"
    visitor.fill(given_name="", postal_code="12/3")
    visitor.press("#save")
    yield "own details, with errors"
    visitor.fill(given_name="Maija", postal_code="45100")
    visitor.press("#save")
    yield "own details, saved"
    visitor.open("/account/password")
    yield "own password"
    visitor.press("#set-password")
    yield "own password, empty"
    yield from _address_change(visitor)
    yield from _deletion(visitor)


def _address_change(visitor: Visitor) -> Iterator[str]:
    page, older = visitor.page, visitor.email
    visitor.open("/account/email")
    yield "own address"
    visitor.press("#change-email")
    yield "own address, empty"
    visitor.email = _address()
    visitor.fill(new_email=visitor.email, new_email_confirm=visitor.email, password=visitor.password)
    visitor.press("#change-email")
    expect(page.locator("#cancel-change")).to_be_visible()
    yield "own address, waiting"
    visitor.open_mailed_link()
    yield "confirm address"
    visitor.press("#confirm-address")
    visitor.should_be_on("link-done")
    yield "address confirmed"
    page.goto(visitor.place.link_mailed_to(older))
    visitor.should_be_on("link-action")
    yield "undo address"


def _deletion(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    visitor.open("/account/delete")
    yield "own deletion"
    visitor.press("#delete-account")
    yield "own deletion, empty"
    visitor.fill(password=visitor.password)
    page.check("#confirm")
    visitor.press("#delete-account")
    visitor.should_be_on("account-deleting")
    yield "own deletion, ordered"
    visitor.open("/login")
    visitor.enter()
    yield "login, closing"
    visitor.open_mailed_link()
    visitor.should_be_on("link-action")
    yield "cancel deletion"
    visitor.press("#cancel-deletion")
    visitor.should_be_on("link-done")
    yield "deletion cancelled"


def _new_terms(visitor: Visitor) -> Iterator[str]:
    someone = _address()
    visitor.place.people.resident(someone, terms_accepted=False)
    visitor.open("/login")
    visitor.enter(someone, PASSWORD)
    visitor.should_be_on("accept-terms")
    yield "accept-terms"
    visitor.press("#accept")
    yield "accept-terms, empty"
    visitor.page.check("#accept_terms")
    visitor.press("#accept")
    visitor.should_be_on("account")
    visitor.open("/logout")
    visitor.press("#log-out")


def _feedback(visitor: Visitor) -> Iterator[str]:
    visitor.open("/feedback")
    yield "feedback"
    visitor.press("#send-feedback")
    yield "feedback, empty"
    visitor.fill(message="Hyvin toimii.")
    visitor.press("#send-feedback")
    visitor.should_be_on("feedback-sent")
    yield "feedback-sent"


def administration(visitor: Visitor) -> Iterator[str]:
    """The pages for administrators, seen by the demo's admin, with residents in every state."""
    place, page = visitor.place, visitor.page
    people = place.people
    someone = people.resident(_address(), given_name="Kaarina", family_name="Esimerkki-Korhonen")
    locked, disabled, closing = (people.resident(_address(), family_name="Esimerkki") for _ in range(3))
    people.applicant(waiting := _address())
    with minutes_ago(31):
        people.applicant(expired := _address())
    with people.app.app_context():
        support.disable(disabled.id, OPERATOR, "Pyydetty 24.11.2026")
        support.delete(closing.id, OPERATOR, "Muutti 24.11.2026", rules())
        details = Details("Kaarina", "Esimerkki", "040 123 4567", None, "45100", None)
        support.edit(someone.id, details, OPERATOR, "24.11.2026")
    page.context.clear_cookies()
    visitor.open("/login")
    for _ in range(5):
        visitor.enter(locked.username, WRONG)
        visitor.open("/login")
    visitor.open("/admin/")
    visitor.enter(place.demo["admin"]["username"], place.demo["admin"]["password"])
    visitor.should_be_on("admin-dashboard")
    yield "admin overview"
    page.locator("summary").first.click()
    yield "admin overview, as a table"
    visitor.open("/admin/confirm")
    yield "admin confirm"
    visitor.press("#confirm")
    yield "admin confirm, empty"
    visitor.open("/admin/accounts")
    yield "admin accounts"
    for text in ("e", "esimerkki", "ei kukaan", waiting, expired):
        visitor.open(f"/admin/accounts?q={text}")
        yield f"admin accounts, {'address' if '@' in text else text}"
    visitor.press("main .table a")
    visitor.should_be_on("admin-registration")
    yield "admin registration"
    yield from _acts(visitor, page.url, "resend", "remove")
    page.goto(page.url.removesuffix("/remove"))
    for name, person in (
        ("locked", locked),
        ("disabled", disabled),
        ("closing", closing),
        ("in use", someone),
    ):
        visitor.open(f"/admin/accounts/{person.id}")
        visitor.should_be_on("admin-account")
        yield f"admin account, {name}"
    account = page.url
    visitor.open(f"/admin/accounts/{someone.id}/history")
    yield "admin account history"
    with people.app.app_context():
        address = EmailAddress.parse(_address())
        details = Details("Matti", "Meikäläinen", None, None, None, None)
        invited = invitations.create_resident(address, details, OPERATOR, "fi", rules())
    for name in ("", "/invite"):
        visitor.open(f"/admin/accounts/{invited}{name}")
        yield f"admin account, invited{name}"
    yield from _acts(visitor, account, "edit", "email", "unlock", "sessions", "reset", "disable", "delete")
    yield from _acts(visitor, account.replace(someone.id, disabled.id), "enable")
    yield from _acts(visitor, account.replace(someone.id, closing.id), "keep")
    visitor.open(f"/admin/accounts/{locked.id}/unlock")
    visitor.press("#unlock")
    visitor.should_be_on("admin-account")
    yield "admin account, unlocked"
    yield from _acts(visitor, f"{place.provider}/admin/authorities", "new")
    yield from _import(visitor)
    yield from _acts(visitor, f"{place.provider}/admin/accounts", "export")
    yield from _client_apps(visitor)
    visitor.open("/admin/audit")
    yield "admin audit log"
    visitor.open("/admin/audit?since=x&event=login")
    yield "admin audit log, with errors"
    yield from _acts(visitor, f"{place.provider}/admin/audit", "export?event=login")
    for name in ("terms", "keys", "team"):
        visitor.open(f"/admin/{name}")
        yield f"admin {name}"
    yield from _acts(visitor, f"{place.provider}/admin/keys", "rotate")
    yield from _acts(
        visitor, f"{place.provider}/admin/team", "invite", someone.id, place.demo["admin"]["sub"]
    )
    page.context.clear_cookies()


def _acts(visitor: Visitor, base: str, *names: str) -> Iterator[str]:
    """A page for each, and what it says when a form is sent empty."""
    empty = {
        "edit": "save",
        "email": "change-email",
        "new": "create-authority",
        "rotate": "rotate",
        "invite": "invite",
    }
    for name in names:
        visitor.page.goto(f"{base}/{name}")
        assert visitor.page_name.startswith("admin-"), name
        yield f"admin {base.rpartition('/')[2]} {name}"
        button = empty.get(name, name if name in {"disable", "delete", "enable", "keep"} else None)
        if button is not None:
            if name == "edit":
                visitor.fill(given_name="", postal_code="12/3")
            visitor.press(f"#{button}")
            yield f"admin {name}, with errors"


def _client_apps(visitor: Visitor) -> Iterator[str]:
    """The pages of client apps, of one that uses most of what there is."""
    page = visitor.page
    app = visitor.place.people.client(
        f"app-{secrets.token_hex(4)}",
        client_name="Rakennusvalvonnan lupapalvelu ja asiakirjapyynnöt",
        backchannel_logout_uri="https://asiointi.example.fi/backchannel-logout",
        contacts=["lupa@example.fi"],
    )
    with visitor.place.people.app.app_context():
        management.rotate_secret(app.client_id, OPERATOR)
        with writing() as session:
            session.get_one(ClientApp, app.client_id).registration_token_hash = hash_token(random_token())
    base = f"/admin/clients/{app.client_id}"
    visitor.open("/admin/clients")
    yield "admin client apps"
    visitor.open("/admin/clients?q=ei+kukaan")
    yield "admin client apps, none"
    acts = ("/rotate", "/end-previous", "/end-self-registration")
    for path in ("", "/settings", *acts, *(f"/edit/{group}" for group in GROUPS)):
        visitor.open(f"{base}{path}")
        yield f"admin client{path.replace('/', ' ')}"
    visitor.open(f"{base}/check")
    yield "admin client check"
    visitor.press("#check")
    visitor.should_be_on("admin-client-check")
    yield "admin client check, done"
    visitor.open(f"{base}/edit/names")
    visitor.fill(client_name="", support_phone="soita", support_email="tuki")
    visitor.press("#save")
    yield "admin client edit names, with errors"
    visitor.open(f"{base}/edit/names")
    with visitor.place.people.app.app_context():
        found = managed.look(app.client_id, OPERATOR)
        management.change(app.client_id, wanted(found, {"support_phone": "040 123 4567"}), OPERATOR)
    visitor.fill(support_phone="040 765 4321")
    visitor.press("#save")
    yield "admin client edit names, changed meanwhile"
    visitor.open(f"{base}/rotate")
    visitor.press("#rotate")
    visitor.should_be_on("admin-client-secret")
    yield "admin client secret"
    for act in ("disable", "delete"):
        visitor.open(f"{base}/{act}")
        yield f"admin client {act}"
        visitor.press(f"#{act}")
        yield f"admin client {act}, with errors"
    visitor.open(f"{base}/disable")
    visitor.fill(note="Ei enää käytössä")
    visitor.press("#disable")
    visitor.should_be_on("admin-client")
    yield "admin client, disabled"
    visitor.open(f"{base}/enable")
    yield "admin client enable"
    visitor.open("/admin/clients/new")
    yield "admin client new"
    for kind in Kind:
        visitor.open(f"/admin/clients/new?kind={kind}")
        yield f"admin client new, {kind}"
    visitor.press("#create-client")
    yield "admin client new, with errors"
    visitor.open("/admin/clients/new?kind=spa")
    visitor.fill(client_name="Karttapalvelu", redirect_uris="https://kartta.example.fi/callback")
    visitor.press("#create-client")
    visitor.should_be_on("admin-client-secret")
    yield "admin client new, registered"
    page.goto(f"{visitor.place.provider}/admin/")


def _import(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    visitor.open("/admin/accounts/import")
    yield "admin import"
    visitor.press("#check")
    yield "admin import, empty"
    rows = f"email,given_name,family_name\n{_address()},Aino,Esimerkki\nvailla,Eero,Esimerkki\n"
    page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    visitor.press("#check")
    yield "admin import, checked"
    visitor.press("#import")
    yield "admin import, done"


def _demo_inbox(visitor: Visitor) -> Iterator[str]:
    visitor.open("/demo/inbox")
    yield "demo-inbox"
    visitor.press("main a[href^='/demo/inbox/'] >> nth=0")
    yield "demo-message"


def _request(visitor: Visitor, app: App, **parameters: str) -> str:
    return visitor.place.request_of(
        app.client_id, app.redirect_uri, ui_locales=visitor.language, **parameters
    )


def _address() -> str:
    return f"joku-{secrets.token_hex(4)}@example.fi"

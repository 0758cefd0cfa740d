"""Every page with a form, in the state in which a person sees it: for tests that walk all of them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts import invitations, roles, support
from idp.accounts.details import Details
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.clients import management
from idp.clients.metadata import DEVICE_CODE
from idp.clients.models import ClientApp
from idp.crypto import hash_token
from idp.database import writing
from idp.policy.usernames import EmailAddress
from idp.sessions.models import BrowserSession
from tests.pages.steps import REGISTRATION
from tests.support import journey
from tests.support.identification import identify, open_desk
from tests.support.people import PASSWORD, App, People, Person


@dataclass(frozen=True)
class Page:
    """A page that waits in its browser."""

    browser: FlaskClient
    url: str


class Town:
    """One person, one e-service of the municipality and one of somebody else."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.people = People(app)
        self.person: Person = self.people.resident(journey.random_email())
        self.service: App = self.people.client(f"oma-{secrets.token_hex(4)}")
        self.other_service: App = self.people.client(f"muu-{secrets.token_hex(4)}", first_party=False)

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def at_home(self) -> FlaskClient:
        """The browser of the person, logged in."""
        browser = self.browser()
        journey.log_in(browser, self.person)
        return browser

    def at_desk(self) -> FlaskClient:
        """The browser of an admin, logged in a moment ago."""
        colleague = self.people.resident(journey.random_email())
        with self.app.app_context():
            roles.choose(colleague.id, [Role.ADMIN], OPERATOR)
        browser = self.browser()
        journey.log_in(browser, colleague)
        return browser

    def newest_link(self, kind: str) -> str:
        return next(letter.link for letter in self.people.letters() if letter.kind == kind)

    def device_code(self) -> str:
        """What a device shows."""
        television = self.people.client(f"tv-{secrets.token_hex(4)}", grant_types=[DEVICE_CODE])
        answer = self.browser().post(
            "/oauth2/device_authorization", data={"scope": "openid"}, auth=television.basic
        )
        return str(answer.get_json()["user_code"])

    def open(self, rule: str) -> Page:
        """The page of a rule of the url_map."""
        return OPENERS[rule](self)


def _plain(path: str) -> Callable[[Town], Page]:
    return lambda town: Page(town.browser(), path)


def _own(path: str) -> Callable[[Town], Page]:
    return lambda town: Page(town.at_home(), path)


def _created(town: Town) -> Page:
    browser = town.browser()
    journey.submit(browser, "/create-account", **REGISTRATION)
    return Page(browser, "/created")


def _activate(town: Town) -> Page:
    _created(town)
    return Page(town.browser(), town.newest_link("activation"))


def _activate_password(town: Town) -> Page:
    return Page(town.browser(), _activate(town).url.replace("/activate", "/activate/password"))


def _reset(town: Town) -> Page:
    browser = town.browser()
    journey.submit(browser, "/forgot", email=town.person.username)
    return Page(browser, town.newest_link("reset"))


def _consent(town: Town) -> Page:
    browser = town.at_home()
    asked = browser.get(journey.authorize_url(town.other_service))
    return Page(browser, asked.location)


def _select_account(town: Town) -> Page:
    browser = town.at_home()
    asked = browser.get(journey.authorize_url(town.service, prompt="select_account"))
    return Page(browser, asked.location)


def _device(town: Town) -> Page:
    return Page(town.at_home(), f"/device?user_code={town.device_code()}")


def _identify(town: Town) -> Page:
    browser = town.at_home()
    asked = browser.get(journey.authorize_url(town.other_service))
    return Page(browser, asked.location.replace("/consent", "/identify"))


def _identify_confirm(town: Town) -> Page:
    """The person of the town has another name than the account."""
    open_desk(town.app).family_name = "Mallikas"
    page = _identify(town)
    assert identify(page.browser, page.url).location == "/identify/confirm"
    return Page(page.browser, "/identify/confirm")


def _allow_device(town: Town) -> Page:
    page = _device(town)
    journey.submit(page.browser, "/device", user_code=page.url.partition("=")[2])
    return Page(page.browser, "/device/allow")


def _accept_terms(town: Town) -> Page:
    browser = town.at_home()
    with town.app.app_context(), writing() as session:
        session.execute(sa.update(BrowserSession).values(terms_due=True))
    return Page(browser, "/accept-terms")


def _confirm_address(town: Town) -> Page:
    address = journey.random_email()
    fields = {"new_email": address, "new_email_confirm": address, "password": town.person.password}
    browser = town.at_home()
    journey.submit(browser, "/account/email", **fields)
    return Page(browser, town.newest_link("address_confirmation"))


def _undo_address(town: Town) -> Page:
    page = _confirm_address(town)
    journey.submit(page.browser, page.url)
    return Page(town.browser(), town.newest_link("address_changed"))


def _not_me(town: Town) -> Page:
    town.at_home()
    town.at_home()
    return Page(town.browser(), town.newest_link("new_device"))


def _cancel_deletion(town: Town) -> Page:
    journey.submit(town.at_home(), "/account/delete", password=town.person.password, confirm="y")
    return Page(town.browser(), town.newest_link("deletion_ordered"))


def _desk(rule: str) -> Callable[[Town], Page]:
    """A page for administrators: about the person of the town, or about somebody who has not activated."""

    def opened(town: Town) -> Page:
        browser = town.at_desk()
        account = town.person.id
        with town.app.app_context():
            if rule.endswith("/enable"):
                support.disable(account, OPERATOR, "")
            elif rule.endswith("/keep"):
                support.delete(account, OPERATOR, "", rules())
        waiting = ""
        if "<registration_id>" in rule:
            address = journey.random_email()
            town.people.applicant(address)
            found = journey.soup(browser.get("/admin/accounts", query_string={"q": address}))
            waiting = str(found.select(".table a")[0]["href"]).rpartition("/")[2]
        return Page(browser, rule.replace("<account_id>", account).replace("<registration_id>", waiting))

    return opened


def _invited(town: Town) -> Page:
    names = Details("Uusi", "Asukas", None, None, None, None)
    with town.app.app_context():
        address = EmailAddress.parse(journey.random_email())
        account = invitations.create_resident(address, names, OPERATOR, "fi", rules())
    return Page(town.at_desk(), f"/admin/accounts/{account}/invite")


def _app(rule: str) -> Callable[[Town], Page]:
    """A page for administrators about the town's e-service."""

    def opened(town: Town) -> Page:
        client_id = town.service.client_id
        with town.app.app_context():
            if rule.endswith("/enable"):
                management.disable(client_id, OPERATOR, "")
            elif rule.endswith("/end-previous"):
                management.rotate_secret(client_id, OPERATOR, overlap=timedelta(days=7))
            elif rule.endswith("/end-self-registration"):
                with writing() as session:
                    session.get_one(ClientApp, client_id).registration_token_hash = hash_token("a token")
        url = rule.replace("<client_id>", client_id).replace("<group>", "names")
        return Page(town.at_desk(), url)

    return opened


def _trial(town: Town) -> Page:
    return Page(town.at_desk(), f"/oauth2/trial?client_id={town.service.client_id}")


def everything_in_the_form(shown: TestResponse) -> dict[str, str]:
    """Each field and button of a page with a value that would do, but for the token."""
    usual = {**REGISTRATION, "password": PASSWORD, "current_password": PASSWORD, "confirm": "y"}
    fields = journey.soup(shown).select("main input[name], main textarea[name], main button[name]")
    return {
        str(field["name"]): usual.get(str(field["name"]), str(field.get("value") or "y"))
        for field in fields
        if field["name"] != "csrf_token"
    }


OPENERS: dict[str, Callable[[Town], Page]] = {
    "/login": _plain("/login"),
    "/create-account": _plain("/create-account"),
    "/created": _created,
    "/activate": _activate,
    "/activate/password": _activate_password,
    "/forgot": _plain("/forgot"),
    "/reset": _reset,
    "/feedback": _plain("/feedback"),
    "/consent": _consent,
    "/select-account": _select_account,
    "/device": _device,
    "/device/allow": _allow_device,
    "/identify": _identify,
    "/identify/new": _plain("/identify/new"),
    "/identify/again": _plain("/identify/again"),
    "/identify/confirm": _identify_confirm,
    "/accept-terms": _accept_terms,
    "/logout": _own("/logout"),
    "/oauth2/logout/confirm": _own("/oauth2/logout/confirm"),
    "/account/details": _own("/account/details"),
    "/account/email": _own("/account/email"),
    "/account/password": _own("/account/password"),
    "/account/sessions": _own("/account/sessions"),
    "/account/services": _own("/account/services"),
    "/account/delete": _own("/account/delete"),
    "/confirm-address": _confirm_address,
    "/undo-address": _undo_address,
    "/not-me": _not_me,
    "/cancel-deletion": _cancel_deletion,
    **{
        f"/admin/{path}": _desk(f"/admin/{path}")
        for path in (
            "confirm",
            *(f"accounts/<account_id>/{act}" for act in ("edit", "email", "unlock", "sessions", "reset")),
            *(f"accounts/<account_id>/{act}" for act in ("disable", "enable", "delete", "keep", "release")),
            "registrations/<registration_id>/resend",
            "registrations/<registration_id>/remove",
            "authorities/new",
            "accounts/import",
            "accounts/export",
            "audit/export",
            "keys/rotate",
            "team/invite",
            "team/<account_id>",
        )
    },
    "/admin/accounts/<account_id>/invite": _invited,
    **{
        f"/admin/clients/<client_id>/{act}": _app(f"/admin/clients/<client_id>/{act}")
        for act in (
            *("check", "edit/<group>", "rotate", "end-previous"),
            *("end-self-registration", "disable", "enable", "delete"),
        )
    },
    "/admin/clients/new": lambda town: Page(town.at_desk(), "/admin/clients/new?kind=web"),
    "/oauth2/trial": _trial,
}

WITHOUT_TOKENS = {
    "/oauth2/authorize",  # validated, stored, answered with a redirect to our own GET
    "/oauth2/logout",
    "/oauth2/token",  # programs, which carry no cookie
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/device_authorization",
    "/oauth2/par",
    "/oauth2/register",
    "/oauth2/userinfo",
    "/oauth2/trial/callback",  # plays a client, and as one knows its answer by `state`, in this browser's own cookie
}
"""Protocol endpoints: nothing that a cookie says is done by a POST to them."""

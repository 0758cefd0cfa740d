"""Residents' accounts: finding one, and the page of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import Response, request
from flask_babel import gettext as _

from idp import audit_log, clock
from idp.accounts import address_change, overview, roles, searching, standing, support
from idp.accounts.models import Account
from idp.accounts.roles import NoSuchAccount, NotAllowed, Role
from idp.accounts.rules import rules
from idp.accounts.searching import TooShort
from idp.accounts.standing import Standing, State
from idp.admin import admin, shared
from idp.admin.events import EventView, views
from idp.admin.words import letter_text, role_texts, state_text
from idp.audit_log import Place
from idp.clients import registry
from idp.mail import outbox
from idp.mail.outbox import Letter
from idp.policy.searching import SHORTEST
from idp.sessions import listing
from idp.texts import LANGUAGE_NAMES, language
from idp.upstream import persons
from idp.web import errors


@dataclass(frozen=True)
class StateView:
    """`tone`: quiet, good, warning or bad."""

    text: str
    tone: str

    @classmethod
    def of(cls, state: State) -> "StateView":
        tones = {
            Standing.ACTIVE: "good",
            Standing.WAITING: "quiet",
            Standing.LINK_EXPIRED: "warning",
            Standing.INVITED: "quiet",
            Standing.INVITATION_EXPIRED: "warning",
            Standing.LOCKED: "bad",
            Standing.LOCKED_ON_DEVICE: "warning",
            Standing.DISABLED: "bad",
            Standing.CLOSING: "warning",
        }
        return cls(state_text(state), tones[state.standing])


@dataclass(frozen=True)
class FoundView:
    name: str
    username: str
    email: str | None
    url: str
    state: StateView


@dataclass(frozen=True)
class ServiceView:
    name: str
    last_used: datetime
    consent: bool


@admin.errorhandler(NoSuchAccount)
@admin.errorhandler(NotAllowed)
def not_there(_error: Exception) -> Response:
    """What somebody may not do is not there for them, like what does not exist."""
    return errors.not_found()


@admin.get("/accounts")
def accounts() -> Response:
    typed = request.args.get("q", "").strip()[:254]
    if not typed:
        return shared.page("accounts", typed="", found=None, problem=None)
    place = searching.Place.parse(request.args.get("after", ""))
    try:
        result = searching.search(typed, rules(), by=shared.actor(), after=place)
    except TooShort:
        problem = _("Enter at least %(number)d characters.", number=SHORTEST)
        return shared.page("accounts", typed=typed, found=None, problem=problem)
    found = [
        FoundView(
            name=entry.name or entry.username,
            username=entry.username,
            email=entry.email if entry.email != entry.username else None,
            url=f"/admin/{'registrations' if entry.is_registration else 'accounts'}/{entry.id}",
            state=StateView.of(entry.state),
        )
        for entry in result.entries
    ]
    here = f"/admin/accounts?{urlencode({'q': typed})}"
    return shared.page(
        "accounts",
        typed=typed,
        found=found,
        partial=place is not None or result.next is not None,
        first_url=here if place else None,
        next_url=f"{here}&{urlencode({'after': str(result.next)})}" if result.next else None,
        problem=None,
    )


@admin.get("/accounts/<account_id>")
def account(account_id: str) -> Response:
    actor = shared.actor()
    found = support.look(account_id, actor)
    given = roles.of(found.id)
    state = standing.of_accounts([found], rules())[found.id]
    addresses = [found.email] if found.email else []
    if change := address_change.pending(found.id):
        addresses.append(change.new_email)
    letters = {address: outbox.latest(rules().vault, address) for address in addresses}
    return shared.page(
        "account",
        account=found,
        details=details_of(found, letters),
        no_mailbox=[address for address, letter in letters.items() if letter and letter.has_no_mailbox],
        state=StateView.of(state),
        locked=state.standing in (Standing.LOCKED, Standing.LOCKED_ON_DEVICE),
        invited=state.standing in (Standing.INVITED, Standing.INVITATION_EXPIRED),
        roles=[text for role, text in role_texts().items() if role in given],
        may_change=actor.has(Role.SUPPORT) and (not given or Role.ADMIN in actor.roles),
        is_own=found.id == actor.name,
        is_identified=persons.of_account(found.id) is not None,
        sessions=listing.live(found.id, None, rules().lifetimes, clock.now()),
        services=_services(found),
        events=_history(found),
    )


@admin.get("/accounts/<account_id>/history")
def account_history(account_id: str) -> Response:
    """Everything that has happened, page by page; the account's page has the newest of it."""
    actor = shared.actor()
    found = support.look(account_id, actor)
    place = Place.parse(request.args.get("after", ""))
    page = audit_log.history(found.id, place, actor)
    here = f"/admin/accounts/{found.id}/history"
    return shared.page(
        "account_history",
        account=found,
        events=views(page.events),
        first_url=here if place else None,
        next_url=f"{here}?{urlencode({'after': str(page.next)})}" if page.next else None,
    )


def details_of(
    account: Account, letters: Mapping[str, Letter | None]
) -> list[tuple[str, str | datetime | None]]:
    identity = persons.of_account(account.id)
    verified = _("confirmed") if account.email_verified else _("not confirmed")
    return [
        (_("Username"), account.username),
        (_("Email address"), f"{account.email} ({verified})" if account.email else None),
        *_messages(account, letters),
        (_("Phone number"), account.phone),
        (_("Street address"), account.street_address),
        (_("Postal code"), account.postal_code),
        (_("City (post office)"), account.locality),
        (_("Language"), LANGUAGE_NAMES.get(account.language, account.language)),
        (_("Created"), account.created_at),
        (_("Last login"), account.last_login_at if account.last_login_at != account.created_at else None),
        (_("Identified strongly"), identity.identified_at if identity else None),
        (_("Identifier"), account.id),
    ]


def _messages(account: Account, letters: Mapping[str, Letter | None]) -> list[tuple[str, str]]:
    """What became of the newest message to the address, and to the new one that waits to be confirmed."""
    return [
        (
            _("Latest message")
            if address == account.email
            else _("Latest message to %(address)s", address=address),
            letter_text(letter),
        )
        for address, letter in letters.items()
    ]


def _services(account: Account) -> list[ServiceView]:
    views_ = []
    for used in overview.services(account.id):
        client = registry.find(used.client_id)
        name = (client.text("client_name", language()) if client else None) or used.client_id
        views_.append(ServiceView(name, used.last_used, used.consent))
    return views_


def _history(account: Account) -> Sequence[EventView]:
    return views(support.history(account.id))

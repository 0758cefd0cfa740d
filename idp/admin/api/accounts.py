"""Residents' accounts: finding one, making one, and what helpers do with one."""

from dataclasses import replace
from typing import Any

from idp import audit_log
from idp.accounts import helping, invitations, roles, searching, standing, support
from idp.accounts.details import DETAILS, Details
from idp.accounts.models import Account as Row
from idp.accounts.rules import rules
from idp.admin.api import reading
from idp.admin.api.account_models import (
    Account,
    AccountPatch,
    AccountsAsked,
    Found,
    FoundEntry,
    Invited,
    LatestMessage,
    NewAddress,
    ResetAsked,
)
from idp.admin.api.audit_models import Event, Events, HistoryAsked
from idp.admin.api.models import Nothing, WithNote
from idp.admin.api.operations import Answer, Call, etag_of, operation
from idp.admin.api.pages import cursor_of, event_place, link, place_of, wrong_cursor
from idp.admin.api.problems import Problem, at
from idp.clients.managed import ADMIN_API
from idp.database import db
from idp.mail import outbox
from idp.policy.usernames import EmailAddress


def _told(account: Row) -> Account:
    return Account.of(account, standing.of_accounts([account], rules())[account.id], roles.of(account.id))


def _as_it_is(account_id: str) -> Answer:
    """The answer of an act. What this request has read before it is older."""
    db.session.close()
    content = _told(helping.find(account_id))
    return Answer(content, etag=etag_of(content))


@operation("GET", "/accounts", answers=Found, query=AccountsAsked, headers=("Link",))
def search_accounts(call: Call) -> Answer:
    """Find accounts, and registrations that were never activated.

    By the beginning of a name, an e-mail address or a username. That you have searched is written down.
    """
    asked: AccountsAsked = call.query
    text = place_of(asked.cursor)
    place = searching.Place.parse(text) if text is not None else None
    if text is not None and place is None:
        raise wrong_cursor()
    found = searching.search(asked.q, rules(), by=call.actor, after=place, size=asked.limit)
    following = cursor_of(str(found.next) if found.next else None)
    items = [FoundEntry.of(entry) for entry in found.entries]
    return Answer(Found(items=items, more=following is not None, next=following), link(following))


@operation(
    "POST",
    "/accounts",
    answers=Account,
    status=201,
    body=Invited,
    conflicts=("account-exists",),
    headers=("Location",),
)
def invite_account(call: Call) -> Answer:
    """Make an account for somebody.

    Its owner gets a link by mail and chooses a password. There is no other way: the API takes no passwords.
    """
    body: Invited = call.body
    languages = rules().settings.site.languages
    language = body.language or languages[0]
    if language not in languages:
        raise Problem("invalid", errors=[at(f"must be one of {', '.join(languages)}", "language")])
    email = EmailAddress.parse(body.email)
    details = Details(**{name: getattr(body, name) for name in DETAILS})
    if body.kind == "authority":
        name = body.username or ""
        if not rules().authority_names.matches(name):
            detail = f"must have the authorities' form ({rules().authority_names.pattern})"
            raise Problem("invalid", errors=[at(detail, "username")])
        made = invitations.create_authority(name, email, details, call.actor, language, rules())
    elif body.username is not None:
        raise Problem("invalid", errors=[at("a resident's username is the e-mail address", "username")])
    else:
        made = invitations.create_resident(email, details, call.actor, language, rules())
    answer = _as_it_is(made)
    return replace(answer, headers={"Location": f"{ADMIN_API}/accounts/{made}"})


@operation("GET", "/accounts/<account_id>", answers=Account)
def read_account(call: Call, account_id: str) -> Answer:
    """Show an account.

    That you have looked is written down.
    """
    return Answer(_told(support.look(account_id, call.actor)))


@operation("GET", "/accounts/<account_id>/history", answers=Events, query=HistoryAsked, headers=("Link",))
def read_history(call: Call, account_id: str) -> Answer:
    """Show the events of an account, but for looks at it.

    That you have looked is written down.
    """
    asked: HistoryAsked = call.query
    place = event_place(asked.cursor)
    account = support.look(account_id, call.actor)
    found = audit_log.history(account.id, place, call.actor, size=asked.limit)
    following = cursor_of(str(found.next) if found.next else None)
    return Answer(Events(items=[Event.of(event) for event in found.events], next=following), link(following))


@operation("GET", "/accounts/<account_id>/message", answers=LatestMessage)
def read_latest_message(call: Call, account_id: str) -> Answer:
    """Show what has become of the newest message to an account's address.

    That you have looked is written down.
    """
    address = support.look(account_id, call.actor).email
    return Answer(LatestMessage.of(outbox.latest(rules().vault, address) if address else None))


@operation(
    "PATCH",
    "/accounts/<account_id>",
    answers=Account,
    body=AccountPatch,
    media_types=(reading.MERGE_PATCH,),
    condition="optional",
)
def change_account(call: Call, account_id: str) -> Answer:
    """Correct names and contact details."""
    account = helping.find(account_id)
    reading.refuse_if_changed(etag_of(_told(account)), required=False)
    given = call.body.model_dump(exclude_unset=True, exclude={"note"})
    values: dict[str, Any] = {name: given.get(name, getattr(account, name)) for name in DETAILS}
    support.edit(account_id, Details(**values), call.actor, call.body.note)
    return _as_it_is(account_id)


@operation(
    "POST", "/accounts/<account_id>/email", answers=Account, body=NewAddress, conflicts=("wrong-state",)
)
def change_address(call: Call, account_id: str) -> Answer:
    """Mail a link to a new address.

    It takes effect when the link is used; the old address is told then, and can undo it. Within 30 days of a reset that
    has secured the account it cannot, and the account is shut until the link is used or has expired.
    """
    new = EmailAddress.parse(call.body.email)
    support.change_address(account_id, new, call.actor, call.body.note, rules())
    return _as_it_is(account_id)


@operation("POST", "/accounts/<account_id>/unlock", answers=Account, body=Nothing, body_needed=False)
def unlock_account(call: Call, account_id: str) -> Answer:
    """Forget the wrong passwords of an account, and lift its locks."""
    support.unlock(account_id, call.actor, rules())
    return _as_it_is(account_id)


@operation(
    "POST",
    "/accounts/<account_id>/disable",
    answers=Account,
    body=WithNote,
    conflicts=("wrong-state", "last-admin"),
)
def disable_account(call: Call, account_id: str) -> Answer:
    """Let nobody log in to an account, and end everything that is logged in."""
    support.disable(account_id, call.actor, call.body.note)
    return _as_it_is(account_id)


@operation(
    "POST", "/accounts/<account_id>/enable", answers=Account, body=WithNote, conflicts=("wrong-state",)
)
def enable_account(call: Call, account_id: str) -> Answer:
    """Let the owner of a disabled account log in again."""
    support.enable(account_id, call.actor, call.body.note)
    return _as_it_is(account_id)


@operation(
    "POST",
    "/accounts/<account_id>/reset",
    answers=Account,
    body=ResetAsked,
    body_needed=False,
    conflicts=("wrong-state", "no-address"),
)
def start_reset(call: Call, account_id: str) -> Answer:
    """Mail the owner a link with which they choose a new password."""
    support.start_reset(account_id, call.actor, rules(), secure=call.body.secure)
    return _as_it_is(account_id)


@operation(
    "POST",
    "/accounts/<account_id>/invite",
    answers=Account,
    body=Nothing,
    body_needed=False,
    conflicts=("wrong-state",),
)
def resend_invitation(call: Call, account_id: str) -> Answer:
    """Mail a new link for the first password to somebody who was invited and has not come yet.

    Older links die.
    """
    invitations.resend(account_id, call.actor, rules())
    return _as_it_is(account_id)


@operation("POST", "/accounts/<account_id>/logout", answers=Account, body=Nothing, body_needed=False)
def log_out_everywhere(call: Call, account_id: str) -> Answer:
    """End all sessions, remembered logins and tokens of an account."""
    support.log_out_everywhere(account_id, call.actor)
    return _as_it_is(account_id)


@operation(
    "POST",
    "/accounts/<account_id>/delete",
    answers=Account,
    body=WithNote,
    conflicts=("wrong-state", "last-admin"),
)
def delete_account(call: Call, account_id: str) -> Answer:
    """Close an account; it is erased later.

    Until then its owner can keep it by a mailed link, and you can by `keep`.
    """
    support.delete(account_id, call.actor, call.body.note, rules())
    return _as_it_is(account_id)


@operation("POST", "/accounts/<account_id>/keep", answers=Account, body=WithNote, conflicts=("wrong-state",))
def keep_account(call: Call, account_id: str) -> Answer:
    """Cancel a deletion, whoever ordered it."""
    support.keep(account_id, call.actor, call.body.note)
    return _as_it_is(account_id)


@operation(
    "POST", "/accounts/<account_id>/release", answers=Account, body=WithNote, conflicts=("wrong-state",)
)
def release_identity(call: Call, account_id: str) -> Answer:
    """Undo that an account is connected to a certain person's identity.

    Logins of the strong level end, the owner is told, and the next identification connects the account anew.
    """
    support.release_identity(account_id, call.actor, call.body.note)
    return _as_it_is(account_id)

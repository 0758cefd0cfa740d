"""Login history: what has happened with the account, in words."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response
from flask_babel import gettext as _

from idp.accounts import overview
from idp.accounts.models import Account
from idp.audit import AuditEvent, Event
from idp.pages import own, pages
from idp.sessions.browser import CurrentSession


@dataclass(frozen=True)
class EventView:
    at: datetime
    text: str
    address: str | None
    device: str | None
    good: bool


@pages.get("/account/history")
@own.needs_login
def account_history(_session: CurrentSession, account: Account) -> Response:
    texts = _texts()
    events = [
        EventView(event.at, _text(event, texts), event.address, event.device, event.outcome == "success")
        for event in overview.history(account.id)
        if event.event in texts
    ]
    return own.page("account_history", events=events)


def _text(event: AuditEvent, texts: dict[str, str]) -> str:
    if event.event == Event.LOGGED_IN and event.outcome != "success":
        return _("Failed login")
    return texts[event.event]


def _texts() -> dict[str, str]:
    """Events that are told to the person."""
    return {
        Event.ACTIVATED: _("Account activated"),
        Event.CREATED_BY_ADMIN: _("Account created"),
        Event.LOGGED_IN: _("Login"),
        Event.STEPPED_UP: _("Strong identification"),
        Event.IDENTITY_BOUND: _("Account connected to your identity"),
        Event.IDENTITY_RELEASED: _("Account released from the identity"),
        Event.IDENTITY_CODE_TOLD: _("Your personal identity code was told to a service"),
        Event.LOGGED_OUT: _("Logout"),
        Event.LOCKED: _("Account locked"),
        Event.UNLOCKED: _("Account unlocked"),
        Event.REGISTRATION_REPEATED: _("Somebody tried to create an account with your address"),
        Event.RECOVERY_ASKED: _("Password reset link requested"),
        Event.PASSWORD_RESET: _("Password changed by a mailed link"),
        Event.PASSWORD_CHANGED: _("Password changed"),
        Event.DETAILS_CHANGED: _("Details changed"),
        Event.ADDRESS_CHANGE_ASKED: _("Change of email address requested"),
        Event.ADDRESS_CHANGED: _("Email address changed"),
        Event.ADDRESS_CHANGE_UNDONE: _("Change of email address undone"),
        Event.DISOWNED: _("Account secured: logged out everywhere"),
        Event.SESSION_ENDED: _("Session ended"),
        Event.CONSENTED: _("Permission given to a service"),
        Event.DEVICE_ALLOWED: _("Device allowed to use a service"),
        Event.DEVICE_DENIED: _("Device refused"),
        Event.CONSENT_WITHDRAWN: _("Permission withdrawn from a service"),
        Event.TERMS_ACCEPTED: _("Terms accepted"),
        Event.DATA_DOWNLOADED: _("Own data downloaded"),
        Event.DELETION_ORDERED: _("Deletion of the account ordered"),
        Event.DELETION_CANCELLED: _("Deletion of the account cancelled"),
        Event.INVITED: _("Link for the first password sent"),
        Event.DISABLED: _("Account disabled"),
        Event.ENABLED: _("Account enabled"),
        Event.RESET_STARTED: _("Password reset link sent by an administrator"),
        Event.LOGGED_OUT_BY_ADMIN: _("Logged out everywhere by an administrator"),
    }

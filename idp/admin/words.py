"""What the domain names by a code, in words: states, roles, events, columns."""

import json
from datetime import datetime

from flask_babel import format_date, format_time, pgettext
from flask_babel import gettext as _

from idp.accounts.roles import Role
from idp.accounts.standing import Standing, State
from idp.admin import client_fields
from idp.audit import Event
from idp.mail.outbox import Letter
from idp.upstream.providers import Refusal
from idp.upstream.purposes import Purpose


def moment(time: datetime) -> str:
    """A point of time in the municipality's time zone, written as the language does."""
    date = format_date(time, pgettext("date pattern", "d MMMM y"))
    return _("%(date)s at %(time)s", date=date, time=format_time(time, pgettext("time pattern", "HH:mm")))


def state_text(state: State) -> str:
    """How it stands with an account, in one sentence."""
    when = moment(state.moment) if state.moment else ""
    match state.standing:
        case Standing.ACTIVE:
            return _("In use")
        case Standing.LOCKED:
            return _("Locked until %(moment)s", moment=when)
        case Standing.LOCKED_ON_DEVICE:
            return _("Locked on one of the owner's own devices until %(moment)s", moment=when)
        case Standing.DISABLED:
            return _("Disabled")
        case Standing.CLOSING:
            return _("Will be deleted on %(moment)s", moment=when)
        case Standing.WAITING:
            return _("Not activated yet; the link works until %(moment)s", moment=when)
        case Standing.LINK_EXPIRED if when:
            return _("Not activated; the link expired on %(moment)s", moment=when)
        case Standing.INVITED:
            return _("Invited, no password yet; the link works until %(moment)s", moment=when)
        case Standing.INVITATION_EXPIRED if when:
            return _("Invited, no password yet; the link expired on %(moment)s", moment=when)
        case Standing.INVITATION_EXPIRED:
            return _("Invited, no password yet; no link works")
        case _:
            return _("Not activated; no link works")


def letter_text(letter: Letter | None) -> str:
    """When a message was written and what has become of it."""
    if letter is None:
        return _("Not one in the last 30 days")
    when = moment(letter.written_at)
    told = {
        "undeliverable": _("%(moment)s; it could not be delivered", moment=when),
        "taken": _("%(moment)s; the mail server has taken it", moment=when),
        "waiting": _("%(moment)s; it waits to be sent", moment=when),
    }[letter.state]
    return f"{told} ({letter.reply})" if letter.reply else told


def role_texts() -> dict[Role, str]:
    return {
        Role.ADMIN: _("Everything"),
        Role.CLIENTS: _("Client apps"),
        Role.SUPPORT: _("Help for residents"),
        Role.AUDITOR: _("Reading only"),
    }


def outcome_text(outcome: str) -> str:
    texts = {"success": _("done"), "failure": _("refused"), "unknown": _("no account")}
    return texts.get(outcome, outcome)


def column_text(name: str) -> str:
    """A column of an account, or another name that a change has in the audit log."""
    texts = {
        "given_name": _("First name"),
        "family_name": _("Last name"),
        "phone": _("Phone"),
        "street_address": _("Street address"),
        "postal_code": _("Postal code"),
        "locality": _("City (post office)"),
        "email": _("Email"),
        "username": _("Username"),
        "status": _("State"),
        "roles": _("Roles"),
        "registration": _("Registration"),
        "rows": _("Rows"),
        "with_account": _("Rows whose address has an account"),
        "language": _("Language"),
        "enabled": _("In use"),
        "previous_secret_until": _("Previous secret works until"),
        "registered_itself": _("Changes its registration itself"),
        "locked_until": _("Locked until"),
        "sessions": _("Logins in force"),
        "sig": _("Signing key"),
        "enc": _("Encryption key"),
        "entity": _("Entity key"),
    }
    return texts.get(name) or client_fields.label(name)


def value_text(name: str, value: object) -> str:
    """A value before or after a change."""
    if value is None or value == "" or value == []:
        return "–"
    if name == "status":
        texts = {"active": _("In use"), "disabled": _("Disabled"), "closing": _("Being deleted")}
        return texts.get(str(value), str(value))
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if name in ("previous_secret_until", "locked_until"):
        return moment(datetime.fromisoformat(str(value)))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        roles = {role.value: text for role, text in role_texts().items()}
        return ", ".join(roles.get(str(each), str(each)) for each in value)
    return str(value)


def event_text(event: str) -> str:
    """An event in words; its code if this version does not know it."""
    return event_texts().get(event, event)


def event_texts() -> dict[str, str]:
    """Every event in words, as a helper reads them."""
    return {
        Event.LOGGED_IN: _("Login"),
        Event.LOGGED_OUT: _("Logout"),
        Event.LOCKED: _("Account locked"),
        Event.UNLOCKED: _("Account unlocked"),
        Event.REGISTERED: _("Account applied for"),
        Event.REGISTRATION_REPEATED: _("Account applied for again"),
        Event.REGISTRATION_DISOWNED: _("Registration disowned by the owner of the address"),
        Event.REGISTRATION_REMOVED: _("Registration removed"),
        Event.ACTIVATED: _("Account activated"),
        Event.ACTIVATION_RESENT: _("Activation message sent again"),
        Event.CREATED_BY_ADMIN: _("Account created by an administrator"),
        Event.INVITED: _("Link for the first password sent"),
        Event.RECOVERY_ASKED: _("Password reset link requested"),
        Event.RESET_STARTED: _("Password reset link sent by an administrator"),
        Event.PASSWORD_RESET: _("Password changed by a mailed link"),
        Event.PASSWORD_CHANGED: _("Password changed"),
        Event.DETAILS_CHANGED: _("Details changed"),
        Event.ADDRESS_CHANGE_ASKED: _("Change of email address requested"),
        Event.ADDRESS_CHANGED: _("Email address changed"),
        Event.ADDRESS_CHANGE_UNDONE: _("Change of email address undone"),
        Event.DISOWNED: _("Account secured: logged out everywhere"),
        Event.SESSION_ENDED: _("Session ended"),
        Event.LOGGED_OUT_BY_ADMIN: _("Logged out everywhere by an administrator"),
        Event.DISABLED: _("Account disabled"),
        Event.ENABLED: _("Account enabled"),
        Event.DELETION_ORDERED: _("Deletion of the account ordered"),
        Event.DELETION_CANCELLED: _("Deletion of the account cancelled"),
        Event.INACTIVITY_WARNED: _("Warned of deletion, since nobody uses the account"),
        Event.ERASED: _("Account deleted"),
        Event.DATA_DOWNLOADED: _("Own data downloaded"),
        Event.STEPPED_UP: _("Login raised by a strong identification"),
        Event.IDENTITY_BOUND: _("Account connected to an identity"),
        Event.IDENTITY_RELEASED: _("Account released from the identity"),
        Event.IDENTITY_CODE_TOLD: _("Personal identity code told to a client app"),
        Event.IDENTIFIED: _("Strong identification"),
        Event.TERMS_ACCEPTED: _("Terms accepted"),
        Event.CONSENTED: _("Permission given to a service"),
        Event.CONSENT_WITHDRAWN: _("Permission withdrawn from a service"),
        Event.DEVICE_ALLOWED: _("Device allowed to use a service"),
        Event.DEVICE_DENIED: _("Device refused"),
        Event.CODE_REPLAYED: _("Authorization code used twice"),
        Event.REFRESH_REUSED: _("Refresh token used twice"),
        Event.CLIENT_REGISTERED: _("Client app registered"),
        Event.CLIENT_CHANGED: _("Client app changed"),
        Event.CLIENT_REMOVED: _("Client app removed"),
        Event.CLIENT_SECRET_ROTATED: _("Secret of a client app changed"),
        Event.CLIENT_DISABLED: _("Client app disabled"),
        Event.CLIENT_ENABLED: _("Client app enabled"),
        Event.CLIENT_SELF_REGISTRATION_ENDED: _("Self-registration of a client app ended"),
        Event.REGISTRATION_TOKEN_MADE: _("Token for registering client apps made"),
        Event.REGISTRATION_TOKENS_WITHDRAWN: _("Tokens for registering client apps withdrawn"),
        Event.SEARCHED: _("Accounts searched"),
        Event.LOOKED_AT: _("Account looked at"),
        Event.EXPORTED: _("Accounts exported"),
        Event.IMPORT_CHECKED: _("File of accounts checked"),
        Event.IMPORTED: _("File of accounts imported"),
        Event.AUDIT_EXPORTED: _("Audit log exported"),
        Event.ROLE_GIVEN: _("Role given"),
        Event.ROLE_TAKEN: _("Role taken away"),
        Event.KEYS_ROTATED: _("Signing keys changed"),
        Event.ALL_EXPORTED: _("Everything written into a file"),
        Event.ALL_IMPORTED: _("Everything read from a file"),
    }


def reason_text(reason: str) -> str:
    """The reason code of an event in words; the code if this version does not know it."""
    return reason_texts().get(reason, reason)


def reason_texts() -> dict[str, str]:
    """Every reason code that stands with an event."""
    return {
        "wrong_credentials": _("Wrong password, or no such account"),
        "locking_failure": _("Wrong password; so many were wrong that logging in is locked now"),
        "locked": _("Logging in was locked"),
        "disabled": _("The password was right; the account is disabled"),
        "closing": _("The password was right; the account is being deleted"),
        "handed over": _("The link was given to the operator to hand over"),
        "limited": _("No message was sent: so many had been requested already"),
        "secured": _("The account was secured, since somebody else may have had it"),
        "identified": _("The names are those of the strong identification"),
        "other person": _("The account is connected to another person"),
        "person has another account": _("The person has another account"),
        "unused": _("The app had registered itself, and nobody used it"),
        "csv": _("As a CSV file"),
        "json": _("As a JSON file"),
        "emergency": _("Emergency: the earlier keys were withdrawn"),
        "broker": _("Keys for the identification service"),
        "broker, emergency": _("Emergency: keys for the identification service"),
        "person key": _("Key that stands for personal identity codes"),
        Purpose.REGISTRATION: _("For creating an account"),
        Purpose.STEP_UP: _("For a login"),
        Refusal.CANCELLED: _("The person cancelled it"),
        Refusal.FAILED: _("The identification service did not confirm who it is"),
        Refusal.NOT_THIS_BROWSER: _("It was unknown, used already, or begun in another browser"),
        Refusal.EXPIRED: _("It took too long"),
        Refusal.OTHER_LEVEL: _("It was of another level than asked for"),
        Refusal.NO_IDENTITY_CODE: _("There was no personal identity code"),
        Refusal.STALE: _("It was older than our request"),
    }

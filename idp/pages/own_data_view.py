"""Own data as a person reads it: the same tables as in the download, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from idp.accounts import overview
from idp.accounts.links import Purpose
from idp.accounts.models import ACTIVE, CLOSING, DISABLED, Account
from idp.accounts.roles import Role
from idp.clients import registry
from idp.pages.consent import scope_views
from idp.texts import LANGUAGE_NAMES, language

Data = dict[str, Any]
"""A row of the download."""


@dataclass(frozen=True)
class Line:
    text: str | None
    moment: datetime | None = None  # when that was


@dataclass(frozen=True)
class Row:
    label: str
    lines: list[Line]


@dataclass(frozen=True)
class Section:
    title: str
    rows: list[Row]


def sections(account: Account) -> list[Section]:
    """Everything that is kept, but the events one by one: these are the login history."""
    data = overview.everything(account)
    found = [
        Section(_("Account"), _account(data["account"])),
        Section(_("Identity"), [row for each in data["identity"] for row in _identity(each)]),
        Section(_("Administration"), [_role(each) for each in data["roles"]]),
        Section(_("Accepted documents"), [_acceptance(each) for each in data["acceptances"]]),
        Section(_("Registration"), [row for each in data["registrations"] for row in _registration(each)]),
        Section(_("Changes of email address"), [_address_change(each) for each in data["address_changes"]]),
        Section(_("Links sent to you"), [_link(each) for each in data["mailed_links"]]),
        Section(_("Messages to you"), [_message(each) for each in data["messages"]]),
        Section(_("Sessions"), [_session(each) for each in data["sessions"]]),
        Section(_("Devices that you have logged in with"), [_device(each) for each in data["known_devices"]]),
        Section(_("Services"), [_service(each, data["consents"]) for each in data["services"]]),
        Section(_("Events"), [Row(_("Login history"), [Line(str(len(data["events"])))])]),
    ]
    return [section for section in found if section.rows]


def _row(label: str, value: object) -> Row:
    return Row(label, [Line(str(value))] if value else [])


def _when(label: str, moment: str | None) -> Row:
    return Row(label, [Line(None, datetime.fromisoformat(moment))] if moment else [])


def _moments(*told: tuple[str, str | None]) -> list[Line]:
    return [Line(text, datetime.fromisoformat(moment)) for text, moment in told if moment]


def _known(texts: dict[str, str], code: str) -> str:
    """A code in words; itself if this version does not know it."""
    return texts.get(code, code)


def _language(code: str) -> str:
    return _known(LANGUAGE_NAMES, code)


def _contact(row: Data) -> list[Row]:
    return [
        _row(_("First name"), row["given_name"]),
        _row(_("Last name"), row["family_name"]),
        _row(_("Email address"), row["email"]),
        _row(_("Phone number"), row["phone"]),
        _row(_("Street address"), row["street_address"]),
        _row(_("Postal code"), row["postal_code"]),
        _row(_("City (post office)"), row["locality"]),
        _row(_("Language"), _language(row["language"])),
    ]


def _account(row: Data) -> list[Row]:
    states = {ACTIVE: _("In use"), DISABLED: _("Disabled"), CLOSING: _("Being deleted")}
    rows = [
        _row(_("Username"), row["username"]),
        _row(_("Identifier"), row["id"]),
        *_contact(row),
        _row(_("State"), _known(states, row["status"])),
        _when(_("Created"), row["created_at"]),
        _when(_("Changed"), row["updated_at"]),
        _when(_("Last login"), row["last_login_at"]),
    ]
    if row["claims"]:
        rows.append(
            Row(_("Other information"), [Line(f"{name}: {value}") for name, value in row["claims"].items()])
        )
    if row["warned_at"]:
        rows.append(_when(_("Warned of deletion, since nobody uses the account"), row["warned_at"]))
    return rows


def _identity(row: Data) -> list[Row]:
    kept = _("Kept encrypted; it is in the file.") if row["identity_code"] else _("Not kept")
    return [
        _row(_("Registered first names"), row["given_names"]),
        _row(_("Registered last name"), row["family_name"]),
        _row(_("Personal identity code"), kept),
        _row(_("Identification service"), row["broker"]),
        _row(_("Level of identification"), row["acr"]),
        _when(_("Identified strongly"), row["identified_at"]),
    ]


def _role(row: Data) -> Row:
    texts: dict[str, str] = {
        Role.ADMIN: _("Everything"),
        Role.CLIENTS: _("Client apps"),
        Role.SUPPORT: _("Help for residents"),
        Role.AUDITOR: _("Reading only"),
    }
    return Row(_known(texts, row["role"]), _moments((_("Given to you"), row["given_at"])))


def _message(row: Data) -> Row:
    told = (
        (_("Written"), row["written_at"]),
        (_("Taken by the mail server"), row["sent_at"]),
        (_("Could not be delivered"), row["given_up_at"]),
    )
    return Row(_("Message"), _moments(*told))


def _acceptance(row: Data) -> Row:
    titles = {"terms": _("Terms of use"), "privacy": _("Privacy notice")}
    version = _("version %(version)s", version=row["version"])
    return Row(
        _known(titles, row["document"]),
        [
            Line(f"{version}, {_language(row['language'])}"),
            Line(None, datetime.fromisoformat(row["accepted_at"])),
        ],
    )


def _registration(row: Data) -> list[Row]:
    rows = [*_contact(row), _when(_("Registered"), row["created_at"])]
    return [each for each in rows if each.lines]


def _address_change(row: Data) -> Row:
    return Row(
        row["new_email"],
        [
            Line(_("Address before: %(address)s", address=row["old_email"])),
            *_moments(
                (_("Requested"), row["asked_at"]),
                (_("Confirmed"), row["confirmed_at"]),
                (_("Cancelled or undone"), row["closed_at"]),
            ),
        ],
    )


def _link(row: Data) -> Row:
    texts: dict[str, str] = {
        Purpose.ACTIVATION: _("Activate account"),
        Purpose.RESET: _("Change password"),
        Purpose.INVITATION: _("Choose the first password"),
        Purpose.ADDRESS: _("Confirm the email address"),
        Purpose.UNDO_ADDRESS: _("Undo the change of email address"),
        Purpose.DISOWN: _("Secure the account"),
        Purpose.CANCEL_DELETION: _("Keep the account"),
    }
    return Row(
        _known(texts, row["purpose"]),
        _moments(
            (_("Sent"), row["created_at"]),
            (_("Works until"), row["expires_at"]),
            (_("Used"), row["used_at"]),
            (_("Withdrawn"), row["withdrawn_at"]),
        ),
    )


def _session(row: Data) -> Row:
    times = _moments(
        (_("Logged in"), row["auth_time"]),
        (_("Last used"), row["last_seen_at"]),
        (_("Ended"), row["ended_at"]),
    )
    where = [Line(_("Network address: %(address)s", address=row["address"]))] if row["address"] else []
    return Row(row["device"] or _("Unknown device"), [*times, *where])


def _device(row: Data) -> Row:
    return Row(_("Device"), _moments((_("Last login"), row["last_login_at"])))


def _service(row: Data, consents: list[Data]) -> Row:
    client = registry.find(row["client_id"])
    name = (client.text("client_name", language()) if client else None) or row["client_id"]
    titles = ", ".join(view.title for view in scope_views(row["scope"], client))
    given = next((each["given_at"] for each in consents if each["client_id"] == row["client_id"]), None)
    return Row(
        name,
        [
            *([Line(f"{_('Has received:')} {titles}")] if titles else []),
            *_moments((_("Last used"), row["last_used"]), (_("Permission given"), given)),
        ],
    )

"""Who did what to whom, when, from where, with what outcome: an append-only table.

Never a password or token, and people appear by their identifier. What an administrator changed of a person, and the
reason in their own words, is kept beside it as long as the account exists: `forget_person` empties these two. The
browser of a login stands with the changes, under `DEVICE`, so that it goes with them.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any, cast

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp import clock
from idp.database import BigInt, Instant, JsonOrNull, Model
from idp.keys import Rotated
from idp.metrics import metrics
from idp.settings import Settings


class Event(StrEnum):
    REGISTERED = "account.registered"
    REGISTRATION_REPEATED = "account.registration_repeated"
    REGISTRATION_DISOWNED = "account.registration_disowned"
    ACTIVATED = "account.activated"
    ACTIVATION_RESENT = "account.activation_resent"
    CREATED_BY_ADMIN = "account.created_by_admin"
    LOGGED_IN = "login"
    STEPPED_UP = "login.stepped_up"
    LOGGED_OUT = "logout"
    LOCKED = "account.locked"
    RECOVERY_ASKED = "recovery.asked"
    PASSWORD_RESET = "recovery.password_reset"  # noqa: S105
    CONSENTED = "consent.given"
    DEVICE_ALLOWED = "device.allowed"
    DEVICE_DENIED = "device.denied"
    CODE_REPLAYED = "grant.code_replayed"
    REFRESH_REUSED = "grant.refresh_reused"
    IDENTIFIED = "identity.identified"
    IDENTITY_CODE_TOLD = "identity.code_told"
    IDENTITY_BOUND = "identity.bound"
    IDENTITY_RELEASED = "identity.released"
    TERMS_ACCEPTED = "terms.accepted"
    DETAILS_CHANGED = "account.details_changed"
    PASSWORD_CHANGED = "account.password_changed"  # noqa: S105
    ADDRESS_CHANGE_ASKED = "address_change.asked"
    ADDRESS_CHANGED = "address_change.confirmed"
    ADDRESS_CHANGE_UNDONE = "address_change.undone"
    DISOWNED = "account.disowned"
    SESSION_ENDED = "session.ended"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    DATA_DOWNLOADED = "account.data_downloaded"
    DELETION_ORDERED = "deletion.ordered"
    DELETION_CANCELLED = "deletion.cancelled"
    INACTIVITY_WARNED = "account.inactivity_warned"
    ERASED = "account.erased"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_REMOVED = "client.removed"
    CLIENT_SECRET_ROTATED = "client.secret_rotated"  # noqa: S105
    CLIENT_DISABLED = "client.disabled"
    CLIENT_ENABLED = "client.enabled"
    CLIENT_SELF_REGISTRATION_ENDED = "client.self_registration_ended"
    REGISTRATION_TOKEN_MADE = "registration_token.made"  # noqa: S105
    REGISTRATION_TOKENS_WITHDRAWN = "registration_token.withdrawn"
    INVITED = "account.invited"
    UNLOCKED = "account.unlocked"
    DISABLED = "account.disabled"
    ENABLED = "account.enabled"
    LOGGED_OUT_BY_ADMIN = "account.logged_out_by_admin"
    RESET_STARTED = "recovery.started_by_admin"
    REGISTRATION_REMOVED = "account.registration_removed"
    SEARCHED = "accounts.searched"
    LOOKED_AT = "account.looked_at"
    EXPORTED = "accounts.exported"
    IMPORT_CHECKED = "accounts.import_checked"
    IMPORTED = "accounts.imported"
    AUDIT_EXPORTED = "audit.exported"
    ROLE_GIVEN = "role.given"
    ROLE_TAKEN = "role.taken"
    KEYS_ROTATED = "keys.rotated"
    ALL_EXPORTED = "installation.exported"
    ALL_IMPORTED = "installation.imported"


OTHERWISE = "outcome <> 'success'"
"""The rows of the index of outcomes. A query must say it so, or no engine knows that the index is enough."""


DEVICE = "device"


class AuditEvent(Model):
    __tablename__ = "audit_events"
    __table_args__ = (
        sa.Index("ix_audit_events_account_id_at", "account_id", "at"),
        sa.Index("ix_audit_events_event_at", "event", "at"),
        *(
            sa.Index(
                f"ix_audit_events_{name}_at",
                name,
                "at",
                sqlite_where=sa.text(f"{name} IS NOT NULL"),
                postgresql_where=sa.text(f"{name} IS NOT NULL"),
            )
            for name in ("client_id", "actor")
        ),
        sa.Index(
            "ix_audit_events_client_id_event_at",
            "client_id",
            "event",
            "at",
            sqlite_where=sa.text("client_id IS NOT NULL"),
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
        sa.Index(  # of what went otherwise: nearly all goes well, and who looks for that reads by the moment
            "ix_audit_events_outcome_at",
            "outcome",
            "at",
            sqlite_where=sa.text(OTHERWISE),
            postgresql_where=sa.text(OTHERWISE),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    event: Mapped[str] = mapped_column(sa.String(40))
    outcome: Mapped[str] = mapped_column(sa.String(20))
    reason: Mapped[str | None] = mapped_column(sa.String(60))
    actor: Mapped[str | None] = mapped_column(sa.String(60))
    account_id: Mapped[str | None] = mapped_column(sa.String(22))
    client_id: Mapped[str | None] = mapped_column(sa.String(100))
    address: Mapped[str | None] = mapped_column(sa.String(45))
    changes: Mapped[dict[str, Any] | None] = mapped_column(
        JsonOrNull
    )  # name: [before, after]; see `difference`
    note: Mapped[str | None] = mapped_column(sa.String(500))  # the reason in the actor's own words

    @property
    def device(self) -> str | None:
        """The browser that it came from, by name: "Firefox, Windows"."""
        _, name = (self.changes or {}).get(DEVICE, (None, None))
        return cast("str | None", name)

    @property
    def differences(self) -> dict[str, Any]:
        """`changes` without the device: what is another than before."""
        return {name: pair for name, pair in (self.changes or {}).items() if name != DEVICE}


def record(
    session: Session,
    event: Event,
    *,
    at: datetime,
    outcome: str = "success",
    reason: str | None = None,
    actor: str | None = None,
    account_id: str | None = None,
    client_id: str | None = None,
    address: str | None = None,
    device: str | None = None,
    changes: Mapping[str, Any] | None = None,
    note: str | None = None,
) -> None:
    """Write one event as part of the caller's transaction. `address` and `device` (a name) tell where it came from."""
    counting = metrics()
    sa.event.listen(
        session, "after_commit", lambda _: counting.event(event.value, outcome, reason), once=True
    )
    session.add(
        AuditEvent(
            at=at,
            event=event.value,
            outcome=outcome,
            reason=reason,
            actor=actor,
            account_id=account_id,
            client_id=client_id,
            address=_shown(address),
            changes={**(changes or {}), **({DEVICE: [None, device]} if device else {})} or None,
            note=_in_one_line(note),
        )
    )


def _shown(address: str | None) -> str | None:
    """As much of a network address as the settings let the log keep."""
    how = cast("Settings", current_app.extensions["settings"]).audit.addresses
    if address is None or how == "none":
        return None
    return truncated(address) if how == "truncated" else address


def truncated(address: str) -> str | None:
    """The network of an address: /24 of IPv4, /48 of IPv6. None for what is no address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False).network_address)


def _in_one_line(note: str | None) -> str | None:
    """As much of it as the column takes, without what no database or spreadsheet takes."""
    words = (note or "").encode("utf-8", "ignore").decode().replace("\0", "").split()
    return " ".join(words)[:500] or None


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What differs, as `changes` keeps it: name, value before, value after. Values are what JSON can hold."""
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)
    }


def record_rotation(
    session: Session, kids: Rotated, *, actor: str, address: str | None = None, reason: str | None = None
) -> None:
    """Write down that keys were changed, and which signed or decrypted before and after."""
    changes = difference(*kids)
    record(
        session,
        Event.KEYS_ROTATED,
        at=clock.now(),
        actor=actor,
        address=address,
        reason=reason,
        changes=changes,
    )


def forget_person(session: Session, account_id: str) -> None:
    """Empty what tells of the person: their account is being erased. That it happened stays."""
    query = sa.update(AuditEvent).where(AuditEvent.account_id == account_id)
    session.execute(query.values(changes=None, note=None))

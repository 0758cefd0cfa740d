"""Tables of the accounts room."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import BigInt, Instant, Json, Model
from idp.policy.searching import MAX_KEY, name_key

ACTIVE = "active"
DISABLED = "disabled"
CLOSING = "closing"  # its deletion has been ordered, which can still be cancelled


class ClosedBy(StrEnum):
    """Why an account is closing, and so who can keep it."""

    HOLDER = "holder"  # whoever was logged in to it
    NON_USE = "non_use"
    SUPPORT = "support"
    DISABLED = "disabled"  # support too, but it was disabled already: no mailed link opens it again


SearchKey = sa.String(MAX_KEY).with_variant(VARCHAR(MAX_KEY, collation="C"), "postgresql")


def _family_first(context: Any) -> str:
    row = context.get_current_parameters()
    return name_key(row.get("family_name"), row.get("given_name"))


def _given_first(context: Any) -> str:
    row = context.get_current_parameters()
    return name_key(row.get("given_name"), row.get("family_name"))


class Named:
    """Whoever is found by name (idp/accounts/searching.py). The keys follow the names by themselves.

    They are empty only in rows that a version without them has written; `searching.fill_keys` fills them.
    """

    family_key: Mapped[str | None] = mapped_column(SearchKey, index=True, default=_family_first)
    given_key: Mapped[str | None] = mapped_column(SearchKey, index=True, default=_given_first)


@sa.event.listens_for(Named, "before_update", propagate=True)
def _follow_names(_mapper: Any, _connection: Any, row: Any) -> None:
    row.family_key = name_key(row.family_name, row.given_name)
    row.given_key = name_key(row.given_name, row.family_name)


def _prefix_index(table: str, column: str) -> sa.Index:
    """PostgreSQL finds beginnings by an index of its own; on SQLite the usual one serves."""
    name, ops = f"ix_{table}_{column}_prefix", {column: "varchar_pattern_ops"}
    return sa.Index(name, column, postgresql_ops=ops).ddl_if(dialect="postgresql")


class Account(Named, Model):
    """An activated account. Its id is the subject identifier (`sub`) and never changes."""

    __tablename__ = "accounts"
    __table_args__ = (_prefix_index("accounts", "username_key"), _prefix_index("accounts", "email_key"))

    id: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))  # usernames.Kind
    username: Mapped[str] = mapped_column(sa.String(254))
    username_key: Mapped[str] = mapped_column(sa.String(254), unique=True)
    email: Mapped[str | None] = mapped_column(sa.String(254))
    email_key: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str] = mapped_column(sa.String(120))
    given_name: Mapped[str | None] = mapped_column(sa.String(100))
    family_name: Mapped[str | None] = mapped_column(sa.String(100))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    street_address: Mapped[str | None] = mapped_column(sa.String(200))
    postal_code: Mapped[str | None] = mapped_column(sa.String(20))
    locality: Mapped[str | None] = mapped_column(sa.String(100))
    language: Mapped[str] = mapped_column(sa.String(8))
    claims: Mapped[dict[str, Any]] = mapped_column(
        Json, default=dict
    )  # further standard claims, by claim name
    status: Mapped[str] = mapped_column(sa.String(10), default=ACTIVE)
    erase_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # when a deletion was ordered
    closed_by: Mapped[str | None] = mapped_column(sa.String(10))  # ClosedBy
    last_login_at: Mapped[datetime] = mapped_column(Instant, index=True)  # or its creation
    warned_at: Mapped[datetime | None] = mapped_column(Instant)  # that it will be closed unless it is used
    secured_at: Mapped[datetime | None] = mapped_column(Instant)  # by support: somebody else may have had it
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def display_name(self) -> str:
        return " ".join(part for part in (self.given_name, self.family_name) if part) or self.username


class Registration(Named, Model):
    """What somebody typed to create an account, until the mailed link makes it one. Several may wait for one name."""

    __tablename__ = "registrations"
    __table_args__ = (_prefix_index("registrations", "username_key"),)

    id: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    username_key: Mapped[str] = mapped_column(sa.String(254), index=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    password_hash: Mapped[str] = mapped_column(sa.String(120))
    given_name: Mapped[str] = mapped_column(sa.String(100))
    family_name: Mapped[str] = mapped_column(sa.String(100))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    street_address: Mapped[str | None] = mapped_column(sa.String(200))
    postal_code: Mapped[str | None] = mapped_column(sa.String(20))
    locality: Mapped[str | None] = mapped_column(sa.String(100))
    language: Mapped[str] = mapped_column(sa.String(8))
    accepted: Mapped[list[dict[str, str]]] = mapped_column(Json)  # document, version, language, sha256
    browser_hash: Mapped[str] = mapped_column(sa.String(64))
    client_id: Mapped[str | None] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    account_id: Mapped[str | None] = mapped_column(sa.String(22))  # once activated
    sealed_identification: Mapped[str | None] = mapped_column(sa.Text)  # of who it is, until it is activated


class MailedLink(Model):
    """A link that was mailed: single use, stored hashed."""

    __tablename__ = "mailed_links"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(20))
    account_id: Mapped[str | None] = mapped_column(sa.String(22), index=True)
    registration_id: Mapped[str | None] = mapped_column(sa.String(22), index=True)
    change_id: Mapped[str | None] = mapped_column(sa.String(22))
    client_id: Mapped[str | None] = mapped_column(sa.String(100))
    mailbox: Mapped[str | None] = mapped_column(sa.String(254))  # of a protective link: the address's key
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


class AddressChange(Model):
    """A new address that waits for its link, and later the old one that can be restored."""

    __tablename__ = "address_changes"

    id: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    old_email: Mapped[str] = mapped_column(sa.String(254))
    new_email: Mapped[str] = mapped_column(sa.String(254))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(
        Instant
    )  # cancelled, replaced, undone; or never undone
    rescues: Mapped[bool] = mapped_column(default=False)  # support takes the account from the old address


class LoginCounter(Model):
    """Consecutive wrong passwords of an account, of a known device with it, or of a name without an account."""

    __tablename__ = "login_counters"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    reserved_until: Mapped[datetime | None] = mapped_column(Instant)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant, index=True)


class RoleGiven(Model):
    """What an account may do on the pages for administrators; see idp/accounts/roles.py."""

    __tablename__ = "roles"

    account_id: Mapped[str] = mapped_column(
        sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(sa.String(20), primary_key=True, index=True)
    given_at: Mapped[datetime] = mapped_column(Instant)
    given_by: Mapped[str] = mapped_column(sa.String(60))  # the actor of the audit log


class Acceptance(Model):
    """A version of a document that an account has accepted (terms) or acknowledged (privacy notice)."""

    __tablename__ = "acceptances"
    __table_args__ = (  # accepted.py counts by it alone
        sa.Index("ix_acceptances_document_version_account_id", "document", "version", "account_id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    document: Mapped[str] = mapped_column(sa.String(20))
    version: Mapped[str] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(8))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    accepted_at: Mapped[datetime] = mapped_column(Instant)

"""Random secrets that outlive every rotation: made at first use, encrypted at rest, never changed.

What is derived from one stays the same for years, for instance the subject identifiers that clients keep of people.
"""

import base64
import secrets
from typing import cast

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Mapped, mapped_column

from idp.crypto import Vault
from idp.database import Model, insert_if_absent, writing


class LastingSecret(Model):
    __tablename__ = "lasting_secrets"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    sealed: Mapped[str] = mapped_column(sa.Text)


class LastingSecrets:
    """The secrets as this worker knows them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[str, bytes] = {}

    def get(self, name: str) -> bytes:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._read_or_make(name)
        return known

    def _read_or_make(self, name: str) -> bytes:
        with writing() as session:
            insert_if_absent(session, LastingSecret, name=name, sealed=self._vault.encrypt(fresh_secret()))
            sealed = session.scalars(sa.select(LastingSecret.sealed).where(LastingSecret.name == name)).one()
        return base64.b64decode(self._vault.decrypt(sealed))


def fresh_secret() -> str:
    """A new secret, as it is encrypted."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def reseal(vault: Vault) -> int:
    """Encrypt with the first of `secrets.keys` what another one had encrypted; returns how many secrets."""
    with writing() as session:
        old = [row for row in session.scalars(sa.select(LastingSecret)) if not vault.is_fresh(row.sealed)]
        for row in old:
            row.sealed = vault.encrypt(vault.decrypt(row.sealed))
    return len(old)


def init_app(app: Flask, vault: Vault) -> None:
    app.extensions["lasting_secrets"] = LastingSecrets(vault)


def lasting_secret(name: str) -> bytes:
    """32 random bytes for one purpose, the same for the whole life of this installation."""
    return cast("LastingSecrets", current_app.extensions["lasting_secrets"]).get(name)

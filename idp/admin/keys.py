"""Signing keys: how it stands with them, and changing them before their time."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import Response, current_app
from flask_babel import gettext as _

from idp import audit, versions
from idp import keys as signing_keys
from idp.accounts.roles import Role
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.forms import RotateForm
from idp.database import db, writing
from idp.keys import ACTIVE, NEXT, RETIRED, WITHDRAWN, SigningKey


@dataclass(frozen=True)
class KeyView:
    kid: str
    algorithm: str
    state: str
    tone: str
    made: datetime
    since: datetime | None
    retired: datetime | None


@admin.get("/keys")
def keys() -> Response:
    order = {ACTIVE: 0, NEXT: 1, RETIRED: 2, WITHDRAWN: 3}
    found = sorted(
        db.session.scalars(sa.select(SigningKey)),
        key=lambda key: (order.get(key.state, 4), key.alg, -key.created_at.timestamp()),
    )
    return shared.page(
        "keys", keys=[_view(key) for key in found], days=rules().settings.tokens.signing_key_days
    )


def _view(key: SigningKey) -> KeyView:
    texts = {
        ACTIVE: (_("Signs"), "good"),
        NEXT: (_("Next"), "quiet"),
        RETIRED: (_("Retired"), "quiet"),
        WITHDRAWN: (_("Withdrawn"), "bad"),
    }
    text, tone = texts.get(key.state, (key.state, "quiet"))
    return KeyView(key.kid, key.alg, text, tone, key.created_at, key.activated_at, key.retired_at)


@admin.route("/keys/rotate", methods=["GET", "POST"])
def keys_rotate() -> Response:
    form = RotateForm()
    if form.validate_on_submit():
        actor = shared.actor()
        actor.must_have(Role.ADMIN)
        emergency = form.kind.data == "emergency"
        with writing() as session:
            kids = signing_keys.rotate(session, rules().vault, emergency=emergency)
            reason = "emergency" if emergency else None
            audit.record_rotation(session, kids, actor=actor.name, address=actor.address, reason=reason)
        versions.watcher(current_app).check()  # at once here, within seconds in the other workers
        return shared.done("/admin/keys", _("The next keys sign now."))
    return shared.page("keys_rotate", form)

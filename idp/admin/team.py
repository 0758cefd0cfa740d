"""Administrators: who has which role."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response, request
from flask_babel import gettext as _

from idp.accounts import helping, invitations, roles
from idp.accounts.creation import CannotCreate
from idp.accounts.models import ACTIVE
from idp.accounts.roles import LastAdmin, Role
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.forms import InviteForm, MemberForm
from idp.admin.words import role_texts
from idp.policy.usernames import EmailAddress
from idp.texts import language


@dataclass(frozen=True)
class MemberView:
    id: str
    name: str
    username: str
    roles: list[str]
    since: datetime
    usable: bool
    is_you: bool


@admin.get("/team")
def team() -> Response:
    texts = role_texts()
    members = [
        MemberView(
            id=holder.id,
            name=holder.name,
            username=holder.username,
            roles=[texts[role] for role in holder.roles],
            since=holder.since,
            usable=holder.status == ACTIVE,
            is_you=holder.id == shared.actor().name,
        )
        for holder in roles.holders()
    ]
    return shared.page("team", members=members)


@admin.route("/team/invite", methods=["GET", "POST"])
def team_invite() -> Response:
    form = InviteForm()
    if form.validate_on_submit():
        email = EmailAddress.parse(form.email.data or "")
        try:
            invitations.give_role(email, Role(form.role.data), shared.actor(), language(), rules())
        except CannotCreate:
            form.refuse(_("The account of this address is disabled or being deleted."))
        else:
            told = _(
                "%(address)s has the role now. Who had no account gets a link for choosing a password.",
                address=email.address,
            )
            return shared.done("/admin/team", told)
    return shared.page("team_invite", form, role_texts=role_texts())


@admin.route("/team/<account_id>", methods=["GET", "POST"])
def team_member(account_id: str) -> Response:
    account = helping.find(account_id)
    form = MemberForm()
    if form.validate_on_submit():
        try:
            roles.choose(account.id, form.chosen, shared.actor())
        except LastAdmin:
            form.refuse(_("This is the only administrator. Give somebody else the role first."))
        else:
            path = "/admin/team" if account.id != shared.actor().name else "/admin/"
            return shared.done(path, _("The roles have been saved."))
    if request.method == "GET":
        for role in roles.of(account.id):
            form.box(role).data = True
    boxes = [form.box(role) for role in Role]
    return shared.page(
        "team_member", form, account=account, boxes=boxes, is_you=account.id == shared.actor().name
    )

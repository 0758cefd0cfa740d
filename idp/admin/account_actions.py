"""What a helper does with one account: a page for each act, which says what will happen, and a button that does it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, abort, request
from flask_babel import gettext as _
from flask_babel import ngettext

from idp.accounts import helping, invitations, protection, roles, standing, support
from idp.accounts.creation import CannotCreate
from idp.accounts.details import Details
from idp.accounts.helping import NoAddress, NotNow, OwnAccount
from idp.accounts.models import ACTIVE, CLOSING, DISABLED, Account
from idp.accounts.roles import Actor, LastAdmin, NotAllowed, Role
from idp.accounts.rules import rules
from idp.admin import admin, shared
from idp.admin.forms import AddressForm, AuthorityForm, EditForm, ReasonForm, ResetForm
from idp.database import db
from idp.policy.usernames import EmailAddress
from idp.web.forms import EmptyForm, Form

OPTIONAL = ("phone", "street_address", "postal_code", "locality")


@dataclass(frozen=True)
class Act:
    """`do` takes the account's id, who acts and the form, and returns what was done, in words."""

    title: Callable[[], str]
    explanation: Callable[[], list[str]]
    do: Callable[[str, Actor, Any], str]
    form: Callable[[], Form] = EmptyForm
    danger: bool = False
    statuses: tuple[str, ...] = field(default=(ACTIVE, DISABLED, CLOSING))
    fits: Callable[[Account], bool] = lambda _account: True  # beside its status


def _unlock(account_id: str, by: Actor, _form: Form) -> str:
    support.unlock(account_id, by, rules())
    return _("The account has been unlocked.")


def _sessions(account_id: str, by: Actor, _form: Form) -> str:
    ended = support.log_out_everywhere(account_id, by)
    return ngettext("%(num)d session has been ended.", "%(num)d sessions have been ended.", ended)


def _reset(account_id: str, by: Actor, form: ResetForm) -> str:
    address = support.start_reset(account_id, by, rules(), secure=bool(form.secure.data))
    return _("The link is on its way to %(address)s.", address=address)


def _invite(account_id: str, by: Actor, _form: Form) -> str:
    address = invitations.resend(account_id, by, rules())
    return _("The link is on its way to %(address)s.", address=address)


def _disable(account_id: str, by: Actor, form: ReasonForm) -> str:
    support.disable(account_id, by, form.note.data or "")
    return _("The account has been disabled.")


def _enable(account_id: str, by: Actor, form: ReasonForm) -> str:
    support.enable(account_id, by, form.note.data or "")
    return _("The account can be used again.")


def _delete(account_id: str, by: Actor, form: ReasonForm) -> str:
    support.delete(account_id, by, form.note.data or "", rules())
    return _("The account is closed and will be deleted.")


def _keep(account_id: str, by: Actor, form: ReasonForm) -> str:
    support.keep(account_id, by, form.note.data or "")
    return _("The account is kept and can be used again.")


def _release(account_id: str, by: Actor, form: ReasonForm) -> str:
    support.release_identity(account_id, by, form.note.data or "")
    return _("The account has been released from the identity.")


def _deletion_explained() -> list[str]:
    days = rules().lifetimes.cancel_deletion.days
    return [
        _("The owner is logged out everywhere at once, and nobody can log in to the account."),
        ngettext(
            "The account is deleted after %(num)s day. The owner can keep the account until then, with a mailed link.",
            "The account is deleted after %(num)s days. The owner can keep the account until then, with a mailed link.",
            days,
        ),
        _("The owner of a disabled account gets no such link."),
    ]


ACTS: dict[str, Act] = {
    "unlock": Act(
        title=lambda: _("Unlock account"),
        explanation=lambda: [
            _("The wrong passwords are forgotten, and the owner can try again at once."),
            _("Make sure first that you are talking to the owner of the account."),
        ],
        do=_unlock,
    ),
    "sessions": Act(
        title=lambda: _("Log out everywhere"),
        explanation=lambda: [
            _("All sessions and remembered logins end, and the services lose their access to the account."),
            _("The password stays as it is."),
        ],
        do=_sessions,
    ),
    "reset": Act(
        title=lambda: _("Send a password reset link"),
        explanation=lambda: [
            _("The owner gets a message with a link and chooses a new password. You never see a password."),
        ],
        do=_reset,
        form=ResetForm,
        statuses=(ACTIVE,),
    ),
    "invite": Act(
        title=lambda: _("Send the invitation again"),
        explanation=lambda: [
            _(
                "The owner gets a new message with a link and chooses the first password. Older links stop working."
            ),
        ],
        do=_invite,
        statuses=(ACTIVE,),
        fits=lambda account: standing.is_invited(db.session(), account),
    ),
    "disable": Act(
        title=lambda: _("Disable account"),
        explanation=lambda: [
            _("The owner is logged out everywhere at once, and nobody can log in to the account."),
            _("Nothing is deleted. You can enable the account again."),
        ],
        do=_disable,
        form=ReasonForm,
        danger=True,
        statuses=(ACTIVE,),
    ),
    "enable": Act(
        title=lambda: _("Enable account"),
        explanation=lambda: [_("The owner can log in again with the password that they have.")],
        do=_enable,
        form=ReasonForm,
        statuses=(DISABLED,),
    ),
    "release": Act(
        title=lambda: _("Release the identity"),
        explanation=lambda: [
            _(
                "For an account that was connected to the wrong person."
                " The next strong identification connects it anew."
            ),
            _(
                "Logins with a strong identification end at once. The owner gets a message. The names stay as they are."
            ),
            _("Make sure first that you are talking to the owner of the account."),
        ],
        do=_release,
        form=ReasonForm,
        danger=True,
    ),
    "delete": Act(
        title=lambda: _("Delete account"),
        explanation=_deletion_explained,
        do=_delete,
        form=ReasonForm,
        danger=True,
        statuses=(ACTIVE, DISABLED),
    ),
    "keep": Act(
        title=lambda: _("Cancel the deletion"),
        explanation=lambda: [_("The account is kept, and its owner can log in again.")],
        do=_keep,
        form=ReasonForm,
        statuses=(CLOSING,),
    ),
}


def changeable(account_id: str) -> Account:
    """The account, if this person may change it; 404 otherwise."""
    actor = shared.actor()
    account = helping.find(account_id)
    if roles.of(account.id) and Role.ADMIN not in actor.roles:
        raise NotAllowed
    return support.look(account_id, actor) if request.method == "GET" else account


def _page_of(name: str) -> Callable[..., Response]:
    act = ACTS[name]

    def view(account_id: str) -> Response:
        account = changeable(account_id)
        page = f"/admin/accounts/{account.id}"
        if account.status not in act.statuses or not act.fits(account):
            return shared.done(page, _("That cannot be done now. Look at the state of the account."))
        form = act.form()
        if form.validate_on_submit():
            try:
                return shared.done(page, act.do(account.id, shared.actor(), form))
            except NotNow:
                return shared.done(page, _("That cannot be done now. Look at the state of the account."))
            except LastAdmin:
                form.refuse(_("This is the only administrator. Give somebody else the role first."))
            except OwnAccount:
                form.refuse(_("This is your own account. Ask another administrator."))
            except NoAddress:
                form.refuse(_("The account has no email address to which the link could be sent."))
        return shared.page(
            "account_act",
            form,
            account=account,
            act_name=name,
            act=act,
            title=act.title(),
            points_of_act=act.explanation(),
        )

    return view


for _name in ACTS:
    admin.add_url_rule(
        f"/accounts/<account_id>/{_name}",
        endpoint=f"account_{_name}",
        view_func=_page_of(_name),
        methods=["GET", "POST"],
    )


@admin.route("/accounts/<account_id>/edit", methods=["GET", "POST"])
def account_edit(account_id: str) -> Response:
    account = changeable(account_id)
    form = EditForm()
    if form.validate_on_submit():
        support.edit(account.id, _details(form), shared.actor(), form.note.data or "")
        return shared.done(f"/admin/accounts/{account.id}", _("The details have been saved."))
    if request.method == "GET":
        for name in ("given_name", "family_name", *OPTIONAL):
            form[name].data = getattr(account, name)
    return shared.page("account_edit", form, account=account)


def _details(form: Any) -> Details:
    optional = {name: form[name].data or None for name in OPTIONAL}
    return Details(form.given_name.data, form.family_name.data, **optional)


@admin.route("/accounts/<account_id>/email", methods=["GET", "POST"])
def account_email(account_id: str) -> Response:
    account = changeable(account_id)
    if account.status != ACTIVE:
        abort(404)
    form = AddressForm()
    if form.validate_on_submit():
        new = EmailAddress.parse(form.new_email.data or "")
        support.change_address(account.id, new, shared.actor(), form.note.data or "", rules())
        told = _("The new address takes effect once the owner confirms it with the link that was sent there.")
        return shared.done(f"/admin/accounts/{account.id}", told)
    return shared.page("account_email", form, account=account, secured=protection.is_secured(account))


@admin.route("/authorities/new", methods=["GET", "POST"])
def authority_new() -> Response:
    form = AuthorityForm()
    if form.validate_on_submit():
        try:
            made = invitations.create_authority(
                form.username.data or "",
                EmailAddress.parse(form.email.data or ""),
                _details(form),
                shared.actor(),
                form.language.data,
                rules(),
            )
        except CannotCreate:
            form.refuse(_("The username or the email address is already in use."))
        else:
            told = _("The account has been created. Its owner gets a link for choosing a password.")
            return shared.done(f"/admin/accounts/{made}", told)
    return shared.page("authority_new", form, example=rules().authority_names.shown_example)

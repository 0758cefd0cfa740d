"""What is done to a client app as a whole: a page for each act says what will happen, a button does it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request
from flask_babel import gettext as _
from wtforms import HiddenField, RadioField

from idp.admin import admin, shared
from idp.admin.client_edit import secret_page
from idp.admin.client_links import CLIENTS, client_url
from idp.admin.clients import changeable, of
from idp.admin.forms import ReasonForm
from idp.admin.words import moment
from idp.clients import management
from idp.clients.managed import ManagedClient
from idp.clients.management import ClientChangedMeanwhile, NoSecret, WrongState
from idp.web.fields import lazy
from idp.web.forms import EmptyForm, Form

OVERLAPS = {str(days): timedelta(days=days) for days in (0, 1, 7, 30)}
USUAL_OVERLAP = str(management.USUAL_OVERLAP.days)


class OverlapForm(Form):
    """`seen` is when the client was changed last: the form, sent twice, makes one secret."""

    seen = HiddenField()
    overlap = RadioField(
        lazy("How long does the present secret still work?"), default=USUAL_OVERLAP, validate_choice=False
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.overlap.choices = [
            ("0", _("No longer: it ends at once")),
            ("1", _("One day")),
            ("7", _("Seven days")),
            ("30", _("Thirty days")),
        ]


@dataclass(frozen=True)
class Act:
    """`do` takes the client and the form; it answers, or returns None when the form is to be shown again."""

    title: Callable[[], str]
    points: Callable[[ManagedClient], list[str]]
    fits: Callable[[ManagedClient], bool]
    do: Callable[[ManagedClient, Any], Response | None]
    form: Callable[[], Form] = ReasonForm
    danger: bool = False


def _rotate(client: ManagedClient, form: OverlapForm) -> Response | None:
    try:
        seen = datetime.fromisoformat(form.seen.data or "")
        overlap = OVERLAPS[form.overlap.data]
        secret = management.rotate_secret(client.client_id, shared.actor(), overlap=overlap, seen=seen)
    except (KeyError, ValueError, ClientChangedMeanwhile, NoSecret):
        return _not_now(client)
    told = _("The app has a new secret.")
    if overlap:
        until = moment(changeable(client.client_id).previous_secret_until or seen)
        told = _("The app has a new secret. The one before it works until %(moment)s.", moment=until)
    return secret_page(client, secret, told)


def _end_previous(client: ManagedClient, _form: Form) -> Response:
    management.end_previous_secret(client.client_id, shared.actor())
    return shared.done(client_url(client.client_id), _("Only the newest secret works now."))


def _disable(client: ManagedClient, form: ReasonForm) -> Response:
    management.disable(client.client_id, shared.actor(), form.note.data or "")
    return shared.done(client_url(client.client_id), _("The app has been disabled."))


def _enable(client: ManagedClient, form: ReasonForm) -> Response:
    management.enable(client.client_id, shared.actor(), form.note.data or "")
    return shared.done(client_url(client.client_id), _("People can log in to the app again."))


def _end_self_registration(client: ManagedClient, form: ReasonForm) -> Response:
    management.end_self_registration(client.client_id, shared.actor(), form.note.data or "")
    return shared.done(client_url(client.client_id), _("Only administrators can change the app now."))


def _delete(client: ManagedClient, form: ReasonForm) -> Response:
    management.delete(client.client_id, shared.actor(), form.note.data or "")
    return shared.done(CLIENTS, _("The app has been deleted."))


def _not_now(client: ManagedClient) -> Response:
    told = _("Nothing was done: the app has been changed meanwhile. Look at its state and try again.")
    return shared.done(client_url(client.client_id), told)


def _rotation_points(client: ManagedClient) -> list[str]:
    points = [
        _("You see the new secret once. Have the app's settings at hand."),
        _("With some days in between you can change the app without a break."),
    ]
    if client.previous_secret_until is not None:
        points.append(_("A secret before the present one still works. It ends at once."))
    return points


ACTS: dict[str, Act] = {
    "rotate": Act(
        title=lambda: _("Make a new secret"),
        points=_rotation_points,
        fits=lambda client: client.has_secret,
        do=_rotate,
        form=OverlapForm,
    ),
    "end-previous": Act(
        title=lambda: _("End the previous secret"),
        points=lambda _client: [
            _("Make sure first that the app uses the new secret everywhere."),
            _("With the previous one it cannot log anybody in any more."),
        ],
        fits=lambda client: client.previous_secret_until is not None,
        do=_end_previous,
        form=EmptyForm,
    ),
    "end-self-registration": Act(
        title=lambda: _("End self-registration"),
        points=lambda _client: [
            _("The app has registered itself and can change its settings. It cannot any more after this."),
            _("Its settings stay as they are, and administrators change them."),
            _("The app is not deleted any more when nobody uses it. This cannot be undone."),
        ],
        fits=lambda client: client.registered_itself,
        do=_end_self_registration,
    ),
    "disable": Act(
        title=lambda: _("Disable app"),
        points=lambda _client: [
            _("Nobody can log in to the app, and it loses its access to people's details at once."),
            _("People who are in the app at the moment may stay there until the app itself asks again."),
            _("Nothing is deleted. You can enable the app again."),
        ],
        fits=lambda client: client.enabled,
        do=_disable,
        danger=True,
    ),
    "enable": Act(
        title=lambda: _("Enable app"),
        points=lambda _client: [_("People can log in to the app again, with the settings that it had.")],
        fits=lambda client: not client.enabled,
        do=_enable,
    ),
    "delete": Act(
        title=lambda: _("Delete app"),
        points=lambda _client: [
            _("Nobody can log in to the app, and it loses its access to people's details at once."),
            _("Its settings, its secret and the permissions that people gave it are deleted for good."),
            _("Accounts stay as they are. The audit log keeps what the app was."),
        ],
        fits=lambda _client: True,
        do=_delete,
        danger=True,
    ),
}


def _page_of(name: str) -> Callable[..., Response]:
    act = ACTS[name]

    def view(client_id: str) -> Response:
        client = changeable(client_id)
        if not act.fits(client):
            return shared.done(
                client_url(client.client_id), _("That cannot be done now. Look at the state of the app.")
            )
        form = act.form()
        if form.validate_on_submit():
            try:
                answer = act.do(client, form)
            except WrongState:
                answer = _not_now(client)
            if answer is not None:
                return answer
        if request.method == "GET" and isinstance(form, OverlapForm):
            form.seen.data = client.updated_at.isoformat()
        return shared.page(
            "client_act",
            form,
            **of(client),
            act_name=name,
            act=act,
            title=act.title(),
            points_of_act=act.points(client),
        )

    return view


for _name in ACTS:
    admin.add_url_rule(
        f"/clients/<client_id>/{_name}",
        endpoint=f"client_{_name.replace('-', '_')}",
        view_func=_page_of(_name),
        methods=["GET", "POST"],
    )

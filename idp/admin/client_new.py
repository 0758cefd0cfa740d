"""A new client app: first its kind, then the few things that this kind needs."""

import re
from collections.abc import Sequence
from typing import Any

from flask import Response, request
from flask_babel import gettext as _
from wtforms import HiddenField

from idp.accounts.roles import NotAllowed
from idp.accounts.rules import rules
from idp.admin import admin, client_errors, shared
from idp.admin.client_edit import secret_page
from idp.admin.client_fields import label
from idp.admin.client_forms import FURTHER, Input, fill, form_of, inputs, read, wanted_of
from idp.admin.client_links import client_url
from idp.admin.client_texts import kind_texts
from idp.clients import management
from idp.clients.management import ClientExists
from idp.clients.metadata import InvalidClientMetadata
from idp.clients.presets import PRESETS, Kind
from idp.crypto import random_id
from idp.web.forms import EmptyForm, Form

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{15,63}")


class _NewForm(Form):
    """`client_id` is chosen when the form is opened: sent twice, it makes one client."""

    client_id = HiddenField()


@admin.route("/clients/new", methods=["GET", "POST"])
def client_new() -> Response:
    kind = next((each for each in Kind if each == request.args.get("kind")), None)
    texts = kind_texts()
    if kind is None:
        status = 200 if request.method == "GET" else 422
        return shared.page("client_new", EmptyForm(), status=status, kinds=texts.items())
    preset = PRESETS[kind]
    languages = rules().settings.site.languages
    asked = _asked(preset.asked, languages)
    form = form_of(asked, _NewForm)
    if form.validate_on_submit():
        answer = _create(form, asked, kind)
        if answer is not None:
            return answer
    elif request.method == "GET":
        fill(form, asked, {**preset.metadata, "first_party": True})
        form.client_id.data = random_id()
    return shared.page(
        "client_new_kind", form, kind=kind.value, kind_text=texts[kind], asked=asked, further=FURTHER
    )


def _asked(names: Sequence[str], languages: Sequence[str]) -> list[Input]:
    """The name in every language, and all else in one: the form stays short."""
    needed = ("client_name", "redirect_uris")
    return [
        *inputs(names[:1], languages, required=needed),
        *(Input(name, label(name), name in needed) for name in names[1:]),
    ]


def _create(form: Any, asked: list[Input], kind: Kind) -> Response | None:
    """Register it; None when the form is to be shown again with what is wrong."""
    preset = PRESETS[kind]
    typed, readable = read(form, asked, {})
    if not readable:
        return None
    if kind is Kind.MACHINE:
        typed["scope"] = form[FURTHER].data or None
    values = {
        **preset.metadata,
        "pkce_required": preset.pkce_required,
        **{name: value for name, value in typed.items() if value is not None},
    }
    client_id = form.client_id.data or ""
    try:
        made, secret = management.create(
            wanted_of(values),
            shared.actor(),
            client_id=client_id if _ID.fullmatch(client_id) else random_id(),
        )
    except InvalidClientMetadata as error:
        client_errors.show(form, asked, client_errors.problem_of(error, values))
        return None
    except NotAllowed:
        form[FURTHER].errors = [_("You cannot give a scope whose role you do not have yourself.")]
        return None
    except ClientExists:
        return shared.done(
            client_url(client_id), _("The app was registered already. Its secret is not shown again.")
        )
    return secret_page(made, secret, _("The app has been registered."))

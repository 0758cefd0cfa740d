"""Changing a client app's settings, a page for each group of them."""

from typing import Any

from flask import Response, abort, make_response, render_template, request
from flask_babel import gettext as _

from idp.accounts.roles import NotAllowed
from idp.accounts.rules import rules
from idp.admin import admin, client_errors, shared
from idp.admin.client_fields import GROUPS
from idp.admin.client_forms import Input, fill, form_of, inputs, read, wanted
from idp.admin.client_links import client_url
from idp.admin.client_views import value_words
from idp.admin.clients import changeable, of
from idp.clients import management
from idp.clients.managed import ManagedClient
from idp.clients.management import MAX_LOGO_BYTES, ClientChangedMeanwhile
from idp.clients.metadata import InvalidClientMetadata
from idp.web.forms import Form

MAX_BYTES = 2 * MAX_LOGO_BYTES
"""Of a form: a picture, or keys as they are typed and as they stood there before."""


@admin.route("/clients/<client_id>/edit/<group>", methods=["GET", "POST"])
def client_edit(client_id: str, group: str) -> Response:
    if group not in GROUPS:
        abort(404)
    request.max_content_length = request.max_form_memory_size = MAX_BYTES  # nothing of it was read yet
    client = changeable(client_id)
    values = client.wanted_values()
    asked = inputs(
        GROUPS[group].names,
        rules().settings.site.languages,
        values,
        required=("client_name", "redirect_uris"),
    )
    if not _redirects(client):
        asked = [Input(each.member, each.label) if each.name == "redirect_uris" else each for each in asked]
    form = form_of(asked)
    if form.validate_on_submit():
        answer = _save(form, asked, client)
        if answer is not None:
            return answer
    elif request.method == "GET":
        fill(form, asked, values)
        form.open_at(client.version, asked, values)
    return _page(form, asked, client, group)


def _redirects(client: ManagedClient) -> bool:
    grants = client.metadata.get("grant_types", ("authorization_code",))
    return bool({"authorization_code", "implicit"} & set(grants))


def _page(
    form: Any, asked: list[Input], client: ManagedClient, group: str, now: list[tuple[str, str]] | None = None
) -> Response:
    return shared.page(
        "client_edit",
        form,
        status=409 if now is not None else None,
        **of(client),
        group=group,
        title=GROUPS[group].title,
        asked=asked,
        technical_names=True,
        meanwhile=now,
    )


def _save(form: Any, asked: list[Input], client: ManagedClient) -> Response | None:
    """Save what was typed; None when the form is to be shown again with what is wrong."""
    if form.version.data != client.version:
        return _changed_meanwhile(form, asked, client)
    changes, readable = read(form, asked, client.wanted_values())
    if not readable:
        return None
    try:
        if any(each.name == "logo" for each in asked):
            return _save_logo(form, client)
        saved, secret = management.change(
            client.client_id, wanted(client, changes), shared.actor(), version=client.version
        )
    except ClientChangedMeanwhile:
        return _changed_meanwhile(form, asked, changeable(client.client_id))
    except InvalidClientMetadata as error:
        client_errors.show(form, asked, client_errors.problem_of(error, changes))
        return None
    except NotAllowed:
        form["scope"].errors = [_("You cannot give a scope whose role you do not have yourself.")]
        return None
    if secret is not None:
        return secret_page(
            saved, secret, _("The app has a new secret, since it proves who it is in another way now.")
        )
    if saved.named_by != client.named_by:
        told = _(
            "The settings have been saved. People have other identifiers there now: all logins have ended."
        )
        return shared.done(client_url(client.client_id), told)
    return shared.done(client_url(client.client_id), _("The settings have been saved."))


def _save_logo(form: Any, client: ManagedClient) -> Response:
    picture = form.logo.data.read(MAX_LOGO_BYTES + 1) if form.logo.data else b""
    if not picture and "remove" not in request.form:
        raise InvalidClientMetadata("logo: nothing was chosen")
    management.put_logo(client.client_id, picture or None, shared.actor())
    told = _("The logo has been saved.") if picture else _("The logo has been removed.")
    return shared.done(client_url(client.client_id), told)


def _changed_meanwhile(form: Any, asked: list[Input], client: ManagedClient) -> Response:
    """The form again: with what was typed, and what somebody else has saved where nothing was typed.

    What both changed is told; saving it now is possible.
    """
    saved, stood = client.wanted_values(), form.stood_there()
    typed, _readable = read(form, asked, saved)
    both = []
    for each in asked:
        if each.member not in typed or typed[each.member] == saved.get(each.member):
            continue
        if each.member in stood and typed[each.member] == stood[each.member]:
            fill(form, [each], saved)
        elif each.member not in stood or saved.get(each.member) != stood[each.member]:
            words = ", ".join(map(str, value_words(each.name, saved.get(each.member))))
            both.append((each.label, words or "–"))
    form.open_at(client.version, asked, saved)
    group = request.view_args["group"] if request.view_args else ""
    return _page(form, asked, client, group, both)


def secret_page(client: ManagedClient, secret: str | None, told: str) -> Response:
    """A secret, shown once: as the answer to the form that made it, kept nowhere else."""
    page = render_template(
        "admin/client_secret.html",
        form=Form(),
        admin_nav=shared.navigation(),
        may=shared.may,
        languages=[],  # the page cannot be asked for again
        **of(client),
        secret=secret,
        told=told,
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response

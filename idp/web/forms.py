"""The base of every form: protected against forged requests, with errors in words that help."""

from collections.abc import Iterator
from typing import Any

from flask import Response, make_response
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import Field

from idp.web.errors import RETRY_SECONDS


class Form(FlaskForm):
    """Flask-WTF's form, typed, with our own text for a bad token; nothing that was typed is lost by it."""

    field_order: tuple[str, ...] = ()
    """The order of the page, which the error summary follows; empty: that of the class."""

    busy = False
    """Whether nothing is wrong with the form, but it has to be sent again in a moment."""

    def __iter__(self) -> Iterator[Field]:
        fields = dict(self._fields)
        ordered = [fields.pop(name) for name in self.field_order]
        return iter([*ordered, *fields.values()])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def validate_on_submit(self, extra_validators: Any = None) -> bool:
        return bool(super().validate_on_submit(extra_validators))  # type: ignore[no-untyped-call]

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators))
        token = getattr(self, "csrf_token", None)
        if token is not None and token.errors:
            token.errors = [
                _(
                    "The form was open for too long or your browser does not accept cookies. Send the form again."
                )
            ]
        return valid

    def refuse(self, message: str) -> None:
        """Add an error of the whole form."""
        self.form_errors.append(message)

    def refuse_for_now(self) -> None:
        """The hashing pool is full: the form may be sent again as it is."""
        self.busy = True
        self.refuse(_("Many people are logging in right now. Please try again in a moment."))


class EmptyForm(Form):
    """A button."""


def form_page(page: str, form: Form) -> Response:
    """The page of a form: 422 when something is to be corrected, 503 with Retry-After when we are too busy for it."""
    if form.busy:
        response = make_response(page, 503)
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    return make_response(page, 422 if form.errors else 200)

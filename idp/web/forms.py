"""The base of every form: protected against forged requests, with errors in words that help."""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import Field


class Form(FlaskForm):
    """Flask-WTF's form, typed, with our own text for a bad token; nothing that was typed is lost by it."""

    field_order: tuple[str, ...] = ()
    """The order of the page, which the error summary follows; empty: that of the class."""

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


class EmptyForm(Form):
    """A button."""

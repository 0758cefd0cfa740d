"""What the fields of forms have in common, whichever face asks: labels, tidying, the rules of the policy in words."""

from collections.abc import Callable
from typing import Any, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import Field, StringField
from wtforms.validators import StopValidation

from idp.accounts.rules import rules
from idp.policy import details
from idp.policy.usernames import EmailAddress, NotAnEmailAddress

Validator = Callable[[Any, Any], None]


def lazy(message: str) -> str:
    """A text that is translated when it is shown."""
    return cast("str", lazy_gettext(message))


def trimmed(value: str | None) -> str | None:
    return value.strip() if isinstance(value, str) else value


def needed(message: str) -> Validator:
    """The field must not be empty."""

    def validate(_form: Any, field: Field) -> None:
        if not (field.data or "").strip():
            raise StopValidation(str(message))

    validate.field_flags = {"required": True}  # type: ignore[attr-defined]
    return validate


def must(rule: Callable[[str], bool], message: str) -> Validator:
    """What was typed, if anything, must follow a rule of the policy."""

    def validate(_form: Any, field: Field) -> None:
        if field.data and not rule(field.data):
            raise StopValidation(str(message))

    return validate


def at_most(limit: int) -> Validator:
    def validate(_form: Any, field: Field) -> None:
        if field.data and len(field.data) > limit:
            raise StopValidation(_("Shorten the text to at most %(limit)d characters.", limit=limit))

    return validate


def email_address(_form: Any, field: Field) -> None:
    try:
        deliverable = EmailAddress.parse(field.data or "").local_part.isascii()  # few servers take more
    except NotAnEmailAddress:
        deliverable = False
    if not deliverable:
        raise StopValidation(_("Enter the email address in the form name@example.com."))


def no_authority_name(_form: Any, field: Field) -> None:
    """What looks like the username of an authority is nobody's address."""
    if rules().authority_names.matches(field.data or ""):
        raise StopValidation(_("Enter the email address in the form name@example.com."))


def optional_email(form: Any, field: Field) -> None:
    if field.data:
        email_address(form, field)


def optional_line(label: str, limit: int, *validators: Validator, field: Any = StringField) -> Any:
    plain = must(details.is_plain_line, lazy("Remove the characters that cannot be printed."))
    return field(label, [at_most(limit), plain, *validators], filters=[trimmed])


def name_line(label: str, missing: str) -> Any:
    allowed = must(details.is_name, lazy("Use only letters, spaces, hyphens and apostrophes."))
    return StringField(label, [needed(missing), at_most(details.MAX_NAME), allowed], filters=[trimmed])

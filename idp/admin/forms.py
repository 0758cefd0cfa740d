"""The forms of the pages for administrators."""

from typing import Any

from flask_babel import gettext as _
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import InputRequired, StopValidation

from idp.accounts.roles import Role
from idp.accounts.rules import rules
from idp.admin.words import role_texts
from idp.policy import details
from idp.texts import LANGUAGE_NAMES
from idp.web.fields import (
    at_most,
    email_address,
    lazy,
    must,
    name_line,
    needed,
    no_authority_name,
    optional_line,
    trimmed,
)
from idp.web.forms import Form

MAX_NOTE = 500


def _in_one_line(value: str | None) -> str | None:
    return " ".join(value.split()) if value else value


def _note(label: str) -> Any:
    plain = must(details.is_plain_line, lazy("Remove the characters that cannot be printed."))
    rules_ = [needed(lazy("Write a reason.")), at_most(MAX_NOTE), plain]
    return TextAreaField(label, rules_, filters=[_in_one_line])


class ConfirmForm(Form):
    password = PasswordField(lazy("Password"), [needed(lazy("Enter your password."))])

    def refuse_password(self) -> None:
        self.password.errors = [_("The password is wrong. Check the spelling.")]


class ReasonForm(Form):
    """Something that needs a reason, which the audit log keeps."""

    note = _note(lazy("Reason"))


class ResetForm(Form):
    secure = BooleanField(lazy("Somebody else may know the password"))


class PersonForm(Form):
    """Names and contact details of somebody else."""

    given_name = name_line(lazy("First name"), lazy("Enter the first name."))
    family_name = name_line(lazy("Last name"), lazy("Enter the last name."))
    phone = optional_line(
        lazy("Phone"),
        details.MAX_PHONE,
        must(details.is_phone, lazy("Enter the phone number with digits, for example 040 123 4567.")),
        field=TelField,
    )
    street_address = optional_line(lazy("Street address"), details.MAX_STREET)
    postal_code = optional_line(
        lazy("Postal code"),
        details.MAX_POSTAL_CODE,
        must(details.is_postal_code, lazy("Use only letters, digits, spaces and hyphens.")),
    )
    locality = optional_line(lazy("City (post office)"), details.MAX_NAME)


class EditForm(PersonForm):
    note = _note(lazy("Reason for the change"))


class AddressForm(Form):
    new_email = EmailField(
        lazy("New email address"),
        [needed(lazy("Enter the email address.")), email_address, no_authority_name],
        filters=[trimmed],
    )
    note = _note(lazy("Reason for the change"))


class AuthorityForm(PersonForm):
    username = StringField(lazy("Username"), [needed(lazy("Enter the username."))], filters=[trimmed])
    email = EmailField(
        lazy("Email"), [needed(lazy("Enter the email address.")), email_address], filters=[trimmed]
    )
    language = SelectField(lazy("Language of messages"))

    field_order = (
        *("username", "email", "language"),
        *("given_name", "family_name", "phone", "street_address", "postal_code", "locality"),
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        codes = rules().settings.site.languages
        self.language.choices = {code: LANGUAGE_NAMES.get(code, code) for code in codes}

    def validate_username(self, field: Any) -> None:
        names = rules().authority_names
        if names.matches(field.data or ""):
            return
        if names.shown_example:
            raise StopValidation(
                _(
                    "Write the username in the authorities' form, for example %(example)s.",
                    example=names.shown_example,
                )
            )
        raise StopValidation(
            _("The username does not have the authorities' form (%(pattern)s).", pattern=names.pattern)
        )


class ImportForm(Form):
    """A file to be checked; the table of a checked one comes back as `text`."""

    file = FileField(lazy("CSV file"))
    text = TextAreaField(lazy("Rows"))


class RotateForm(Form):
    kind = RadioField(lazy("What has happened?"), default="usual")
    confirm = BooleanField(
        lazy("I understand what follows"), [InputRequired(lazy("Tick the box to change the keys."))]
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind.choices = {
            "usual": _("Nothing: the keys are only to change"),
            "emergency": _("A key has leaked: what it signed must be refused at once"),
        }


class _Roles(Form):
    """A box for each role; none of them takes all away."""

    role_admin = BooleanField()
    role_clients = BooleanField()
    role_support = BooleanField()
    role_auditor = BooleanField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for role, text in role_texts().items():
            self.box(role).label.text = text

    def box(self, role: Role) -> Any:
        return self[f"role_{role}"]

    @property
    def chosen(self) -> set[Role]:
        return {role for role in Role if self.box(role).data}


class MemberForm(_Roles):
    pass


class InviteForm(Form):
    email = EmailField(
        lazy("Email"),
        [needed(lazy("Enter the email address.")), email_address, no_authority_name],
        filters=[trimmed],
    )
    role = RadioField(lazy("Role"), validators=[InputRequired(lazy("Choose a role."))])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role.choices = {role.value: text for role, text in role_texts().items()}

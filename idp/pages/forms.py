"""One class per form: its fields, labels and validation. Templates say how they look."""

from flask_babel import gettext as _
from wtforms import BooleanField, EmailField, Field, PasswordField, StringField, TelField, TextAreaField
from wtforms.validators import InputRequired, StopValidation

from idp.accounts.rules import rules
from idp.policy import details, usernames
from idp.policy.passwords import Fault
from idp.web.fields import (
    at_most,
    email_address,
    lazy,
    must,
    name_line,
    needed,
    no_authority_name,
    optional_email,
    optional_line,
    trimmed,
)
from idp.web.forms import EmptyForm, Form

__all__ = ["EmptyForm"]


class DeviceForm(Form):
    user_code = StringField(lazy("Code"), [needed(lazy("Enter the code that the device shows."))])


class LoginForm(Form):
    username = StringField(
        lazy("Username or email address"), [needed(lazy("Enter your username or email address."))]
    )
    password = PasswordField(lazy("Password"), [needed(lazy("Enter your password."))])
    remember = BooleanField(lazy("Keep me logged in on this computer"))


class PasswordChoice(Form):
    """A new password, twice."""

    new_password = PasswordField(lazy("Password"), [InputRequired(lazy("Enter your password."))])
    new_password_confirm = PasswordField(
        lazy("Confirm password"), [InputRequired(lazy("Enter the password again."))]
    )

    def context(self) -> list[str]:
        """What others know about the person; set by the subclass or the view."""
        return []

    def validate_new_password(self, field: Field) -> None:
        site = rules().settings.site
        context = [*self.context(), *site.name.values(), *site.service.values()]
        faults = rules().passwords.check(field.data or "", [word for word in context if word])
        if faults:
            field.errors = [_fault_text(fault) for fault in _summed_up(faults)]
            raise StopValidation

    def validate_new_password_confirm(self, field: Field) -> None:
        if field.data != self.new_password.data:
            raise StopValidation(_("The passwords do not match."))


def _summed_up(faults: tuple[Fault, ...]) -> list[Fault]:
    """Broken rules are listed beside the field, so one sentence is enough for all of them."""
    listed = {Fault.TOO_SHORT, Fault.NEEDS_SPECIAL, Fault.NEEDS_DIGIT, Fault.NEEDS_LOWER, Fault.NEEDS_UPPER}
    others = [fault for fault in faults if fault not in listed]
    return ([Fault.TOO_SHORT] if set(faults) & listed else []) + others[:1]


def _fault_text(fault: Fault) -> str:
    match fault:
        case Fault.COMMON:
            return _("The password is too easy to guess. Choose another one.")
        case Fault.CONTAINS_CONTEXT:
            return _(
                "The password contains your name, your email address or the name of the service. Choose another one."
            )
        case Fault.TOO_LONG:
            return _(
                "Shorten the password to at most %(limit)d characters.", limit=rules().passwords.max_length
            )
        case Fault.UNUSABLE:
            return _("The password contains characters that cannot be used.")
        case _:
            return _("The password does not meet the requirements.")


class NewPasswordForm(PasswordChoice):
    """Choosing a password for an account that exists: reset, or activation in another browser."""

    new_password = PasswordField(lazy("New password"), [InputRequired(lazy("Enter a new password."))])

    field_order: tuple[str, ...] = ("new_password", "new_password_confirm")

    known: tuple[str, ...] = ()

    def context(self) -> list[str]:
        return list(self.known)


class DetailsForm(Form):
    """Names and contact details; only the names are mandatory (R-21, R-22)."""

    given_name = name_line(lazy("First name"), lazy("Enter your first name."))
    family_name = name_line(lazy("Last name"), lazy("Enter your last name."))
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


def postal_code_note(postal_code: str | None) -> str | None:
    """What may be wrong with a stored postal code, which nobody has to change."""
    if not postal_code or details.is_finnish_postal_code(postal_code):
        return None
    return _(
        "The postal code was saved as %(postal_code)s. A Finnish postal code has five digits."
        " Check it if the address is in Finland.",
        postal_code=postal_code,
    )


class RegistrationForm(PasswordChoice, DetailsForm):
    """The form of the source document, field by field (R-15 to R-24)."""

    email = EmailField(
        lazy("Email"),
        [needed(lazy("Enter your email address.")), email_address, no_authority_name],
        filters=[trimmed],
    )
    email_confirm = EmailField(
        lazy("Confirm email"), [needed(lazy("Enter the email address again."))], filters=[trimmed]
    )
    accept_terms = BooleanField(
        lazy("I accept the terms of use and the privacy notice of the service"),
        [InputRequired(lazy("Accept the terms of use and the privacy notice to create an account."))],
    )

    field_order = (
        "email",
        "email_confirm",
        "new_password",
        "new_password_confirm",
        "given_name",
        "family_name",
        "phone",
        "street_address",
        "postal_code",
        "locality",
        "accept_terms",
    )

    def context(self) -> list[str]:
        values = (self.given_name.data, self.family_name.data, self.email.data)
        return [value for value in values if value]

    def validate_email_confirm(self, field: Field) -> None:
        first, second = (usernames.comparison_key(value or "") for value in (self.email.data, field.data))
        if first != second:
            raise StopValidation(_("The email addresses do not match."))


class ForgotForm(Form):
    email = StringField(
        lazy("Username or email address"),
        [needed(lazy("Enter your username or email address."))],
        filters=[trimmed],
    )


class ActivationForm(Form):
    password = PasswordField(lazy("Password"))


class EmailForm(Form):
    """A new e-mail address, with the password asked once more."""

    new_email = EmailField(
        lazy("New email address"),
        [needed(lazy("Enter your email address.")), email_address],
        filters=[trimmed],
    )
    new_email_confirm = EmailField(
        lazy("Confirm email"), [needed(lazy("Enter the email address again."))], filters=[trimmed]
    )
    password = PasswordField(lazy("Password"), [needed(lazy("Enter your current password."))])

    current_key = ""

    def validate_new_email(self, field: Field) -> None:
        if usernames.comparison_key(field.data or "") == self.current_key:
            raise StopValidation(_("This is the address that you already use."))

    def validate_new_email_confirm(self, field: Field) -> None:
        first, second = (usernames.comparison_key(value or "") for value in (self.new_email.data, field.data))
        if first != second:
            raise StopValidation(_("The email addresses do not match."))


class PasswordForm(NewPasswordForm):
    """Changing the password needs the current one (ASVS 6.2.3)."""

    current_password = PasswordField(lazy("Current password"), [needed(lazy("Enter your current password."))])

    field_order = ("current_password", "new_password", "new_password_confirm")


class DeletionForm(Form):
    password = PasswordField(lazy("Password"), [needed(lazy("Enter your current password."))])
    confirm = BooleanField(
        lazy("I understand that my account and its details will be deleted"),
        [InputRequired(lazy("Tick the box to delete the account."))],
    )


class TermsForm(Form):
    accept_terms = BooleanField(
        lazy("I accept the terms of use and the privacy notice of the service"),
        [InputRequired(lazy("Accept the terms of use and the privacy notice to go on."))],
    )


class FeedbackForm(Form):
    message = TextAreaField(
        lazy("Your feedback"), [needed(lazy("Write your feedback.")), at_most(5000)], filters=[trimmed]
    )
    email = EmailField(lazy("Your email address"), [optional_email], filters=[trimmed])

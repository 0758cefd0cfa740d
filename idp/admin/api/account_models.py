"""Accounts and registrations as the API tells them and takes them. A password is in none of them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from idp.accounts.models import Account as Row
from idp.accounts.models import Registration as RegistrationRow
from idp.accounts.roles import Role
from idp.accounts.searching import LIMIT, Entry
from idp.accounts.standing import State
from idp.admin.api.models import Asked, Cursor, Limit, Line, Moment, Next, Note, Parameters, Told
from idp.mail.outbox import Letter
from idp.policy import details
from idp.policy.searching import SHORTEST
from idp.policy.usernames import EmailAddress, NotAnEmailAddress

Standing = Literal[
    "active",
    "invited",
    "invitation_expired",
    "locked",
    "locked_on_device",
    "disabled",
    "closing",
    "waiting",
    "link_expired",
]  # idp/accounts/standing.py
OPTIONAL = ("phone", "street_address", "postal_code", "locality")


def _name(text: str) -> str:
    if not details.is_name(text):
        raise ValueError("must be letters, spaces, hyphens and apostrophes")
    return text


def _phone(text: str) -> str:
    if not details.is_phone(text):
        raise ValueError("must be a phone number such as 040 123 4567")
    return text


def _postal_code(text: str) -> str:
    if not details.is_postal_code(text):
        raise ValueError("must be letters, digits, spaces and hyphens")
    return text


def _address(text: str) -> str:
    """As forms take it (idp/web/fields.py)."""
    try:
        deliverable = EmailAddress.parse(text).local_part.isascii()
    except NotAnEmailAddress as error:
        raise ValueError("must be an e-mail address") from error
    if not deliverable:
        raise ValueError("must be an e-mail address that mail servers take")
    return text


Name = Annotated[
    Line, Field(min_length=1, max_length=details.MAX_NAME, examples=["Maija"]), AfterValidator(_name)
]
Phone = Annotated[Line, Field(min_length=3, max_length=details.MAX_PHONE), AfterValidator(_phone)]
Street = Annotated[Line, Field(min_length=1, max_length=details.MAX_STREET)]
PostalCode = Annotated[
    Line, Field(min_length=2, max_length=details.MAX_POSTAL_CODE), AfterValidator(_postal_code)
]
Locality = Annotated[Line, Field(min_length=1, max_length=details.MAX_NAME)]
Email = Annotated[
    Line,
    Field(max_length=254, examples=["maija@example.fi"], description="An e-mail address."),
    AfterValidator(_address),
]


class AccountState(Told):
    """How it stands, and the moment that belongs to it: when the lock ends, the link expires, the account is erased."""

    standing: Standing
    until: Moment | None

    @classmethod
    def of(cls, state: State) -> "AccountState":
        name: Any = state.standing.name.lower()
        return cls(standing=name, until=state.moment)


class Account(Told):
    """An account. `id` is its `sub`."""

    id: str
    kind: Literal["resident", "authority"]
    username: str
    email: str | None
    email_verified: bool
    given_name: str | None
    family_name: str | None
    phone: str | None
    street_address: str | None
    postal_code: str | None
    locality: str | None
    language: str
    state: AccountState
    roles: list[Role] = Field(
        description="What it may do for others. Only admins change accounts that have one."
    )
    created_at: Moment
    updated_at: Moment
    last_login_at: Moment | None

    @classmethod
    def of(cls, row: Row, state: State, roles: frozenset[Role]) -> "Account":
        names = ("id", "kind", "username", "email", "email_verified", "given_name", "family_name", "language")
        values = {name: getattr(row, name) for name in (*names, *OPTIONAL, "created_at", "updated_at")}
        return cls(
            **values,
            state=AccountState.of(state),
            roles=[role for role in Role if role in roles],
            last_login_at=row.last_login_at if row.last_login_at != row.created_at else None,
        )


class FoundEntry(Told):
    """An account, or a registration that was never activated."""

    id: str
    is_registration: bool
    name: str
    username: str
    email: str | None
    created_at: Moment
    state: AccountState

    @classmethod
    def of(cls, entry: Entry) -> "FoundEntry":
        return cls(**(vars(entry) | {"state": AccountState.of(entry.state)}))


class Found(Told):
    items: list[FoundEntry] = Field(description="Each page by name; pages are not.")
    more: bool = Field(description="There are more: on the next page, or ask for a longer beginning.")
    next: Next


class AccountsAsked(Parameters):
    q: str = Field(
        min_length=SHORTEST,
        max_length=254,
        description="The beginning of a name, an e-mail address or a username; or an identifier.",
    )
    limit: Limit = LIMIT
    cursor: Cursor = None


_SOMEBODY: JsonDict = {
    "email": "matti@example.fi",
    "given_name": "Matti",
    "family_name": "Meikäläinen",
    "phone": "040 123 4567",
    "postal_code": "45100",
    "locality": "Esimerkkilä",
}


class Invited(Asked):
    """Somebody who gets an account, and by mail a link for choosing a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SOMEBODY]})

    kind: Literal["resident", "authority"] = "resident"
    username: Line | None = Field(
        None, max_length=254, description="Of an authority: in the form set here, without @."
    )
    email: Email
    given_name: Name
    family_name: Name
    phone: Phone | None = None
    street_address: Street | None = None
    postal_code: PostalCode | None = None
    locality: Locality | None = None
    language: str | None = Field(
        None, max_length=8, description="Of the messages; else the first one of the site."
    )


class AccountPatch(Asked):
    """A merge patch (RFC 7396) of names and contact details, with the reason."""

    given_name: Name = ""
    family_name: Name = ""
    phone: Phone | None = None
    street_address: Street | None = None
    postal_code: PostalCode | None = None
    locality: Locality | None = None
    note: Note


class NewAddress(Asked):
    email: Email
    note: Note


class ResetAsked(Asked):
    secure: bool = Field(
        False,
        description="Somebody else may know the password: it stops working, and everything ends at once.",
    )


class Registration(Told):
    """What somebody has typed and not activated yet."""

    id: str
    email: str
    given_name: str
    family_name: str
    phone: str | None
    street_address: str | None
    postal_code: str | None
    locality: str | None
    language: str
    client_id: str | None = Field(description="The client app for which they came.")
    state: AccountState
    created_at: Moment

    @classmethod
    def of(cls, row: RegistrationRow, state: State) -> "Registration":
        names = ("id", "email", "given_name", "family_name", *OPTIONAL, "language", "client_id", "created_at")
        return cls(**{name: getattr(row, name) for name in names}, state=AccountState.of(state))


class LatestMessage(Told):
    """What has become of the newest message to an address, of the last 30 days."""

    state: Literal["none", "waiting", "taken", "undeliverable"] = Field(
        description="`taken`: by the mail server. Whether it has reached a mailbox is not known."
    )
    written_at: Moment | None
    reply: str | None = Field(
        description="What the mail server said against it: a code of SMTP, perhaps with its status (RFC 3463).",
        examples=["550 5.1.1"],
    )

    @classmethod
    def of(cls, letter: Letter | None) -> "LatestMessage":
        if letter is None:
            return cls(state="none", written_at=None, reply=None)
        return cls(state=letter.state, written_at=letter.written_at, reply=letter.reply)

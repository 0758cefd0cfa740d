"""What people type as a username: residents their e-mail address, authorities a name of its own form.

R-05, R-06. Comparing, recognising and validating names. Looking them up and keeping them unique is not here.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from string import ascii_lowercase, ascii_uppercase

import idna
from email_validator import EmailNotValidError, validate_email

MAX_NAME_LENGTH = 254
"""Characters of a username after normalisation: the longest address SMTP carries (RFC 5321 4.5.3.1.3)."""

MAX_TYPED_LENGTH = 4 * MAX_NAME_LENGTH
"""Characters looked at at all. NFC shortens a text to a quarter at most: anything longer can name nobody."""

UNUSABLE = "@unusable:"
"""Begins the key of input that can name nobody: no address has an empty local part, no other name an `@`."""

USUAL_AUTHORITY = "kunta-kaavoitus"
"""The example of an authority's name where the municipality gives none of its own."""

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class NotAnEmailAddress(ValueError):
    """The text is not an e-mail address that mail can be sent to. The message is for logs, not for people."""


class UnsuitablePattern(ValueError):
    """The setting is not a pattern for authorities' names; the message says why."""


class UsernameKind(Enum):
    """The two namespaces of R-06, told apart by the `@`."""

    RESIDENT = "resident"
    AUTHORITY = "authority"


def kind_of(name: str) -> UsernameKind:
    """Which namespace `name` belongs to; any text is one or the other."""
    return UsernameKind.RESIDENT if "@" in name else UsernameKind.AUTHORITY


def comparison_key(name: str) -> str:
    """The text by which usernames are compared, stored and looked up. Never raises.

    Trimmed and NFC. Of an address: domain in lower-case A-labels (IDNA with UTS 46 mapping), local part
    with A-Z lowered and all else left alone: folding more (`İ`, `ı`, `ẞ`) would make one key of two people's
    addresses. Of a name without `@`: A-Z lowered.

    Lone surrogates, NUL and anything longer than MAX_NAME_LENGTH, which no account can have, give a short key
    of their own under UNUSABLE, so that rate limits and the lockout of unknown names work on them too.
    """
    if len(name) > MAX_TYPED_LENGTH:
        return _unusable(name)
    key = _lowered(name.strip())
    local_part, at, domain = key.rpartition("@")
    if at:
        key = f"{local_part}@{_domain_key(domain)}"
    if len(key) > MAX_NAME_LENGTH or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in key):
        return _unusable(name)
    return key


def _lowered(text: str) -> str:
    # Lowering can make a pair that composes (H + macron below has no capital form), hence NFC once more.
    lower = unicodedata.normalize("NFC", text).translate(_ASCII_LOWER)
    return unicodedata.normalize("NFC", lower)


@lru_cache(maxsize=1024)
def _domain_key(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return domain


def _unusable(name: str) -> str:
    return UNUSABLE + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A well-formed address. Make one with `parse`."""

    address: str
    """As it is stored and mailed to: the person's own spelling, NFC, domain lower-cased and in Unicode."""

    key: str
    """Its comparison_key: unique among accounts."""

    @classmethod
    def parse(cls, text: str) -> "EmailAddress":
        """Check the syntax of `text` and normalise it; spaces around it are forgiven.

        Syntax only: that mail arrives is proven by activation (R-17). Raises NotAnEmailAddress.
        """
        if len(text) > MAX_TYPED_LENGTH:
            raise NotAnEmailAddress("The text is too long.")
        try:
            address = validate_email(text.strip(), check_deliverability=False, strict=True).normalized
        except (EmailNotValidError, UnicodeError) as error:
            raise NotAnEmailAddress(str(error)) from error
        return cls(address, comparison_key(address))

    def __str__(self) -> str:
        return self.address

    @property
    def local_part(self) -> str:
        """What stands before the `@`."""
        return self.address.rpartition("@")[0]


def is_email_address(text: str) -> bool:
    """Whether that is one, as it stands."""
    try:
        EmailAddress.parse(text)
    except NotAnEmailAddress:
        return False
    return text == text.strip()


# The few things a pattern may be made of. None of them can match "@", and none repeats a repetition, so that
# matching takes no time to speak of.
_PATTERN_PARTS = re.compile(
    r"""(?: (?: [a-z0-9_-] | \\[d.-]                                      # one character
            | \[ (?: [a-z]-[a-z] | [0-9]-[0-9] | [a-z0-9_.] | \\[d.-] )+ -? \]   # one of several
            ) (?: [?*+] | \{[0-9]{1,3}(?:,[0-9]{0,3})?\} )?                # and how often
        | \( (?: \?: )? | \| | \) \??                                      # groups and alternatives
    )+""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class AuthorityNamePattern:
    """The form of authorities' usernames in this installation: a regular expression for the whole name.

    It may use lower-case letters, digits, `-`, `_`, `\\.`, `\\d`, classes of these such as `[a-z0-9]`,
    groups, `|` and the quantifiers `? * + {m,n}` (after a group only `?`). So it can never match an `@`,
    and a resident's address is never mistaken for an authority. Raises UnsuitablePattern.
    """

    pattern: str = "[a-z]{2,8}-[a-z0-9]{3,20}"
    example: str = ""
    """A name of that form, for people to see. Empty: the usual one."""

    def __post_init__(self) -> None:
        if not _PATTERN_PARTS.fullmatch(self.pattern):
            raise UnsuitablePattern(
                "may hold only lower-case letters, digits, - _ \\. \\d, classes, groups and quantifiers"
            )
        if self._compiled.fullmatch(""):
            raise UnsuitablePattern("matches the empty name")
        if self.example and not self.matches(self.example):
            raise UnsuitablePattern("authority_username_example does not have the form of authority_pattern")

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        try:
            return re.compile(self.pattern, re.ASCII)
        except re.error as error:
            raise UnsuitablePattern(f"is not a regular expression: {error}") from error

    @property
    def shown_example(self) -> str | None:
        """The name that shows the form; None if the usual one does not have it."""
        return self.example or (USUAL_AUTHORITY if self.matches(USUAL_AUTHORITY) else None)

    def matches(self, name: str) -> bool:
        """Whether `name`, compared as usernames are, has the authorities' form."""
        return self._compiled.fullmatch(comparison_key(name)) is not None

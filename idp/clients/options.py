"""What this provider decides for one client, beside the metadata that the client's developers give (RFC 7591)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from idp.clients.metadata import InvalidClientMetadata, check_resource
from idp.policy import contrast
from idp.policy.contrast import NotAColour
from idp.policy.usernames import EmailAddress, NotAnEmailAddress

Assurance = Literal["none", "strong"]
ASSURANCES: tuple[Assurance, ...] = ("none", "strong")
LIGHT_GROUND, DARK_GROUND = "#fff", "#192128"
"""Behind the text of a page, by light and by dark (`--surface` of tunnus.css)."""

LIMITS: Mapping[str, tuple[int, int]] = {
    "access_token_seconds": (30, 3600),  # a resource server may not ask whether one was revoked
    "id_token_seconds": (30, 3600),
    "refresh_idle_days": (1, 365),
    "refresh_absolute_days": (1, 730),
}
LISTS = frozenset({"allowed_resources"})
"""Options of several texts."""

MAX_LIST = 100
SESSION_LIMITS: Mapping[str, tuple[int, int]] = {"session_max_age_seconds": (60, 365 * 86_400)}
SWITCHES: Mapping[str, bool] = {"remembered_login_counts": True, "consent_each_time": False}
"""What each is unless somebody has switched it."""
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{2,38}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """None: as the installation has it."""

    support_email: str | None = None
    support_phone: str | None = None
    colour: str | None = None  # of buttons and links on pages for this client
    colour_dark: str | None = None
    logo: str | None = None  # SHA-256 of a picture in ClientLogo
    registration_assurance: Assurance | None = None  # what creating an account on its behalf asks for
    access_token_seconds: int | None = None
    id_token_seconds: int | None = None
    refresh_idle_days: int | None = None
    refresh_absolute_days: int | None = None
    session_max_age_seconds: int | None = None  # an older login is no login for this client
    remembered_login_counts: bool = True  # also after the time of a login that is not remembered
    consent_each_time: bool = False  # of a client that asks at all: what was allowed before is not enough
    identity_code_basis: str | None = None  # the legal basis on which it gets people's identity codes
    allowed_resources: list[str] | None = None  # addresses of APIs for which it may have access tokens

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """As the database has them; what a newer version has written besides is left out."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> Self:
        """As somebody has typed them; empty ones count as None. Raises InvalidClientMetadata that names the member."""
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in values.items() if value not in (None, "", [])}
        if unknown := sorted(given.keys() - known):
            raise InvalidClientMetadata(f"{unknown[0]}: not an option that this provider knows")
        for name, value in given.items():
            try:
                _check(name, value)
            except ValueError as error:
                raise InvalidClientMetadata(f"{name}: {error}") from error
        options = cls(**given)
        idle, absolute = options.refresh_idle_days, options.refresh_absolute_days
        if idle is not None and absolute is not None and idle > absolute:
            raise InvalidClientMetadata("refresh_idle_days: must not exceed refresh_absolute_days")
        return options

    def values(self) -> dict[str, Any]:
        """As the database keeps them: without what is not set."""
        return {name: value for name, value in asdict(self).items() if value is not SWITCHES.get(name)}


AS_INSTALLED = ClientOptions()


def _check(name: str, value: Any) -> None:
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
    elif limits := {**LIMITS, **SESSION_LIMITS}.get(name):
        _check_number(value, *limits)
    elif name in LISTS:
        _check_list(value)
    elif not isinstance(value, str):
        raise ValueError("must be a text")
    else:
        _check_text(name, value)


def _check_number(value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")


def _check_text(name: str, value: str) -> None:
    match name:
        case "support_email":
            try:
                EmailAddress.parse(value)
            except NotAnEmailAddress as error:
                raise ValueError(str(error)) from error
        case "support_phone" if not _PHONE.fullmatch(value):
            raise ValueError("must be a phone number")
        case "colour":
            _check_colour(value, LIGHT_GROUND, "#fff")
        case "colour_dark":
            _check_colour(value, DARK_GROUND, "#0d1a24")
        case "logo" if not _DIGEST.fullmatch(value):
            raise ValueError("must be the SHA-256 of a stored picture")
        case "registration_assurance" if value not in ASSURANCES:
            raise ValueError(f"must be one of {', '.join(ASSURANCES)}")
        case "identity_code_basis" if len(value) > 500 or not value.isprintable():
            raise ValueError("must be one line of at most 500 characters")


def _check_colour(value: str, ground: str, text: str) -> None:
    try:
        ratios = contrast.ratio(value, ground), contrast.ratio(text, value)
    except NotAColour as error:
        raise ValueError(str(error)) from error
    if min(ratios) < contrast.TEXT:
        raise ValueError(
            f"{value} cannot be read: its contrast is {min(ratios):.1f}, {contrast.TEXT} is needed"
        )


def _check_list(value: Any) -> None:
    """Addresses of resources, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("must be a list of texts")
    if len(value) > MAX_LIST or len(set(value)) != len(value):
        raise ValueError(f"must be at most {MAX_LIST}, each once")
    for each in value:
        check_resource(each)

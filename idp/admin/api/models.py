"""What every model of the API has in common. They are the schemas of the document too."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from idp.policy import details

MAX_NOTE = 500


class Asked(BaseModel):
    """What a program sends. Members that are not known are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """What it gets."""

    model_config = ConfigDict(frozen=True)


class Parameters(BaseModel):
    """Query parameters, which are texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Asked):
    """An empty object, or no body at all."""


def _plain_line(text: str) -> str:
    if not details.is_plain_line(text):
        raise ValueError("must be one line without characters that cannot be printed")
    return text


_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _moment(text: object) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time such as 2026-11-24T10:15:00Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is too far away") from error


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_plain_line)]
Note = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=MAX_NOTE,
        description="The reason, for the audit log.",
        examples=["Request 1234"],
    ),
]
Moment = Annotated[datetime, Field(description="RFC 3339, UTC.", examples=["2026-11-24T10:15:00Z"])]
AskedMoment = Annotated[
    datetime, BeforeValidator(_moment), Field(description="RFC 3339, with its offset from UTC.")
]
Cursor = Annotated[
    str | None, Field(description="`next` of the page before; without it, the first page.", max_length=400)
]
Limit = Annotated[int, Field(ge=1, le=100, description="How many, at most.")]
Next = Annotated[
    str | None, Field(description="`cursor` of the next page; null on the last one. Also in the header Link.")
]


class WithNote(Asked):
    """An act that needs a reason."""

    note: Note

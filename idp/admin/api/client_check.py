"""What will fail at a client app."""

from typing import Literal

from pydantic import Field

from idp.admin.api.models import Nothing, Told
from idp.admin.api.operations import Answer, Call, operation
from idp.clients import checking
from idp.web import limits


class Finding(Told):
    level: Literal["error", "warning", "hint"] = Field(
        description="error: something will fail; warning: it is less safe or less kind than it could be."
    )
    code: checking.Code
    about: str = Field(description="The value, language or reason that it is about; may be empty.")


class Findings(Told):
    items: list[Finding] = Field(description="Errors first.")


@operation("POST", "/clients/<client_id>/check", answers=Findings, body=Nothing, body_needed=False)
def check_client(call: Call, client_id: str) -> Answer:
    """Say what will fail at a client app.

    Its own addresses are asked, for keys and the like; nothing is changed.
    """
    limits.count("client_checks_per_account", f"check {call.actor.name}")
    found = checking.check(client_id, call.actor)
    return Answer(
        Findings(items=[Finding(level=each.level.value, code=each.code, about=each.about) for each in found])
    )

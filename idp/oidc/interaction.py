"""Whether an authorization request needs the person, and for what: one pure table, judged at each resume.

Nothing is remembered but what the person answered in this very session; so a request that is resumed in a session
of somebody else starts over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from authlib.oauth2.rfc6749.errors import AccessDeniedError

from idp.clients.registry import Client
from idp.grants import consents
from idp.oidc.errors import ConsentRequired, InteractionRequired, LoginRequired
from idp.sessions.browser import CurrentSession


class Step(Enum):
    """What comes next; the value is the address of its page."""

    LOGIN = "/login"
    CREATE = "/create-account"
    SELECT_ACCOUNT = "/select-account"
    CONSENT = "/consent"
    ACCEPT_TERMS = "/accept-terms"
    DONE = ""


def next_step(
    *,
    client: Client,
    scope: str,
    prompts: tuple[str, ...],
    max_age: int | None,
    hinted_subject: str | None,
    began: datetime,
    answered: Mapping[str, str],
    session: CurrentSession | None,
    now: datetime,
) -> Step:
    """The next step of a valid request; `max_age` in seconds, `began` is when the request arrived.

    Raises LoginRequired, ConsentRequired or InteractionRequired with prompt=none, AccessDeniedError after a refusal.
    """
    silent = "none" in prompts
    fresh = session is not None and session.auth_time >= began
    if session is None or (not fresh and _must_log_in(prompts, max_age, session, now)):
        if silent:
            raise LoginRequired
        return Step.CREATE if "create" in prompts else Step.LOGIN
    if hinted_subject is not None and hinted_subject != session.account_id:
        if silent or fresh:
            raise LoginRequired  # somebody else has logged in, on purpose
        return Step.LOGIN
    if session.terms_due:
        if silent:
            raise InteractionRequired
        return Step.ACCEPT_TERMS
    if answered.get("denied") == session.sid:
        raise AccessDeniedError
    if "select_account" in prompts and not fresh and answered.get("select_account") != session.sid:
        if silent:
            raise InteractionRequired
        return Step.SELECT_ACCOUNT
    if _must_consent(client, scope, prompts, answered, session):
        if silent:
            raise ConsentRequired
        return Step.CONSENT
    return Step.DONE


def _must_log_in(
    prompts: tuple[str, ...], max_age: int | None, session: CurrentSession, now: datetime
) -> bool:
    if "login" in prompts or "create" in prompts:
        return True
    return max_age is not None and now - session.auth_time > timedelta(seconds=max_age)


def _must_consent(
    client: Client, scope: str, prompts: tuple[str, ...], answered: Mapping[str, str], session: CurrentSession
) -> bool:
    if answered.get("consent") == session.sid:
        return False
    if "consent" in prompts:
        return True
    return not client.first_party and not consents.covers(session.account_id, client.client_id, scope)

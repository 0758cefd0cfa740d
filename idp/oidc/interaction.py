"""Whether an authorization request needs the person, and for what: one pure table, judged at each resume.

Nothing is remembered but what the person answered in this very session; so a request that is resumed in a session
of somebody else starts over.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import cast

from authlib.oauth2.rfc6749.errors import AccessDeniedError

from idp.accounts import assurance
from idp.clients.registry import Client
from idp.clients.targets import apis_among
from idp.grants import claims_request, consents
from idp.oidc.authorization import Authorization
from idp.oidc.errors import (
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    UnmetAuthenticationRequirements,
)
from idp.policy.assurance import ACR_STRONG
from idp.sessions.browser import CurrentSession


class Step(Enum):
    """What comes next; the value is the address of its page."""

    LOGIN = "/login"
    CREATE = "/create-account"
    SELECT_ACCOUNT = "/select-account"
    IDENTIFY = "/identify"
    CONSENT = "/consent"
    ACCEPT_TERMS = "/accept-terms"
    DONE = ""


def as_told(a: Authorization, session: CurrentSession) -> CurrentSession:
    """The session as this client is told of it: who demands another level than that of an identification gets that one.

    An essential `acr` is met by one of its values alone (Core 5.5.1.1).
    """
    if a.acceptable_acr is not None and session.acr not in a.acceptable_acr and session.acr == ACR_STRONG:
        return session.by_password()
    return session


def next_step(
    a: Authorization, session: CurrentSession | None, now: datetime, unremembered: timedelta
) -> Step:
    """The next step of a valid request. `unremembered`: how long a login lasts that is not remembered.

    Raises LoginRequired, ConsentRequired or InteractionRequired with prompt=none, AccessDeniedError after a refusal.
    """
    silent = "none" in a.prompts
    session = as_told(a, session) if session else None
    fresh = session is not None and session.auth_time >= a.began
    if session is None or (not fresh and _must_log_in(a, session, now, unremembered)):
        if silent:
            raise LoginRequired
        return Step.CREATE if "create" in a.prompts else Step.LOGIN
    if not a.is_about(session.account_id):
        if silent or fresh:
            raise LoginRequired  # somebody else has logged in, on purpose
        return Step.LOGIN
    return _after_login(a, session, silent=silent, fresh=fresh)


def _after_login(a: Authorization, session: CurrentSession, *, silent: bool, fresh: bool) -> Step:
    """What the right person is still asked, in order."""
    if session.terms_due:
        if silent:
            raise InteractionRequired
        return Step.ACCEPT_TERMS
    if a.answered.get("denied") == session.sid:
        raise AccessDeniedError
    if "select_account" in a.prompts and not fresh and a.answered.get("select_account") != session.sid:
        if silent:
            raise InteractionRequired
        return Step.SELECT_ACCOUNT
    if _must_identify(a, session, silent=silent):
        return Step.IDENTIFY
    if _must_consent(a, session):
        if silent:
            raise ConsentRequired
        return Step.CONSENT
    return Step.DONE


def _must_log_in(a: Authorization, session: CurrentSession, now: datetime, unremembered: timedelta) -> bool:
    """By what the request asks for, and by what is set for the client, which no request can widen."""
    if "login" in a.prompts or "create" in a.prompts:
        return True
    options, age = cast("Client", a.client).options, now - session.auth_time
    if not options.remembered_login_counts and age >= unremembered:
        return True
    limits = [limit for limit in (a.max_age, options.session_max_age_seconds) if limit is not None]
    return any(age > timedelta(seconds=limit) for limit in limits)


def _must_identify(a: Authorization, session: CurrentSession, *, silent: bool) -> bool:
    """Whether the client wants a strong identification that this session has not had, and the person may be asked.

    A client whose accounts are all identified is a demand that nobody declines. Raises InteractionRequired or
    LoginRequired where nobody may be asked, UnmetAuthenticationRequirements where the person would not, or cannot.
    """
    if assurance.must_be_identified(cast("Client", a.client), session.account_id):
        if ACR_STRONG not in assurance.possible():
            raise UnmetAuthenticationRequirements  # the broker was taken out of the settings
        if silent:
            raise InteractionRequired
        return True
    if session.acr == ACR_STRONG:
        return False
    declined = a.answered.get("identify") == session.sid
    if a.acr == ACR_STRONG and not silent and not declined:
        return True
    if a.acceptable_acr is not None and session.acr not in a.acceptable_acr:
        raise LoginRequired if silent else UnmetAuthenticationRequirements
    return False


def _must_consent(a: Authorization, session: CurrentSession) -> bool:
    client = cast("Client", a.client)
    if a.answered.get("consent") == session.sid:
        return False
    if "consent" in a.prompts:
        return True
    if client.first_party:
        return False
    if client.options.consent_each_time:
        return True
    scope = claims_request.consent_scope(a.parameters["scope"], a.parameters.get("claims"), client)
    apis = apis_among(a.parameters.get("resource"))
    return not consents.covers(session.account_id, client.client_id, scope, apis)

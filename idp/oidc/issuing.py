"""What a successful authorization gives the client at once: a code, an ID token, an access token, as it asked.

All of one authorization belong to one grant, so that a code used twice revokes what came by the browser with it.
"""

from typing import cast

from idp import clock
from idp.accounts.rules import rules
from idp.clients.registry import Client
from idp.crypto import random_token
from idp.grants import codes
from idp.grants.codes import Approval
from idp.oidc import tokens
from idp.oidc.authorization import Authorization
from idp.sessions.browser import CurrentSession


def issue(a: Authorization, session: CurrentSession) -> list[tuple[str, str]]:
    """Store the grant; the parameters of the answer (Core 3.1.2.5, 3.2.2.5, 3.3.2.5).

    Raises UnusableClientKeys when the ID token is to be encrypted and cannot be, SessionOver after a logout.
    """
    client = cast("Client", a.client)
    kinds = a.response_type.split()
    now = clock.now()
    code = random_token() if "code" in kinds else None
    parameters = a.parameters
    approval = Approval(
        client_id=client.client_id,
        account_id=session.account_id,
        sid=session.sid,
        scope=parameters["scope"],
        resource=parameters.get("resource"),
        redirect_uri=parameters.get("redirect_uri"),
        nonce=parameters.get("nonce"),
        claims=parameters.get("claims"),
        code_challenge=parameters.get("code_challenge") if code else None,
        acr=session.acr,
        amr=session.amr,
        auth_time=int(session.auth_time.timestamp()),
    )
    grant = codes.issue(code, approval, now, now + rules().lifetimes.authorization_code, in_session=True)
    answer = [("code", code)] if code else []
    access_token = None
    if "token" in kinds:
        resources = tuple(grant.resource.split()) if grant.resource else ()
        access_token = tokens.access_token(client, grant, grant.scope, resources)
        answer += [
            ("access_token", access_token),
            ("token_type", "Bearer"),
            ("expires_in", str(tokens.access_token_seconds(client))),
            ("scope", grant.scope),
        ]
    if "id_token" in kinds:
        alone = kinds == ["id_token"]
        answer.append(
            (
                "id_token",
                tokens.id_token(client, grant, access_token, with_nonce=True, code=code, scope_claims=alone),
            )
        )
    return answer

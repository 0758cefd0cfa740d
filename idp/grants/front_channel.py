"""Which clients are told of a logout in the person's own browser (OpenID Connect Front-Channel Logout 1.0)."""

import sqlalchemy as sa

from idp.clients.models import ClientApp
from idp.database import db
from idp.grants.models import Grant


def clients_of(sid: str) -> list[str]:
    """The ids of clients that got a grant in this session, ended or not, and have a page to be loaded then.

    Grants count that are used up or revoked too: the client may still have a session.
    """
    told = ClientApp.registration["frontchannel_logout_uri"].as_string().is_not(None)
    query = (
        sa.select(Grant.client_id)
        .distinct()
        .join(ClientApp, ClientApp.client_id == Grant.client_id)
        .where(Grant.sid == sid, told)
        .order_by(Grant.client_id)
    )
    return list(db.session.scalars(query))

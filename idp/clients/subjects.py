"""Subject identifiers: who a person is to a client (OpenID Connect Core 8)."""

import base64
import hashlib
import hmac

from idp.clients.registry import Client
from idp.lasting import lasting_secret


def subject_of(client: Client, account_id: str) -> str:
    """The `sub` of a person at a client: the account id, or a code of its own for each sector of pairwise clients."""
    if not client.pairwise:
        return account_id
    message = f"{client.sector}\n{account_id}".encode()
    digest = hmac.new(lasting_secret("pairwise subjects"), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

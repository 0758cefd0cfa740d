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
    return _of_sector("pairwise subjects", client, account_id)


def sid_of(client: Client, sid: str) -> str:
    """The `sid` of a session at a client: like `sub` not to be compared between sectors (Core 17.3)."""
    return _of_sector("pairwise sessions", client, sid) if client.pairwise else sid


def _of_sector(purpose: str, client: Client, value: str) -> str:
    message = f"{client.sector}\n{value}".encode()
    digest = hmac.new(lasting_secret(purpose), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

"""The sector of a client with pairwise subjects: who vouches for its redirect URIs (OpenID Connect Registration 5)."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from idp.clients.metadata import InvalidClientMetadata, vouching_host
from idp.outbound import OutboundError, outbound

MEDIA_TYPES = ("application/json",)


def sector_of(client_id: str, metadata: Mapping[str, Any]) -> str:
    """The host of `sector_identifier_uri`, else that of the redirect URIs; where no host vouches, the client itself."""
    identifier = metadata.get("sector_identifier_uri")
    uris = (identifier,) if identifier else metadata.get("redirect_uris", ())
    return next(filter(None, map(vouching_host, uris)), client_id)


def named_by(client_id: str, metadata: Mapping[str, Any]) -> str | None:
    """What people's subjects at a client hang on: its sector if they are pairwise, None if they are public."""
    return sector_of(client_id, metadata) if metadata.get("subject_type") == "pairwise" else None


def check_sector(metadata: Mapping[str, Any]) -> None:
    """Fetch the client's `sector_identifier_uri`, which must list each of its redirect URIs.

    Takes as long as the host there does: not within a transaction. Raises InvalidClientMetadata.
    """
    uri = metadata.get("sector_identifier_uri")
    if uri is None:
        return
    listed = _listed(uri)
    for redirect_uri in metadata.get("redirect_uris", ()):
        if redirect_uri not in listed:
            raise InvalidClientMetadata(f"sector_identifier_uri: {redirect_uri} is not listed there")


def _listed(uri: str) -> list[Any]:
    try:
        answer = outbound().get(uri, media_types=MEDIA_TYPES)
    except OutboundError as error:
        # Which of our reasons it is would tell a stranger how names resolve inside; it stays the cause.
        raise InvalidClientMetadata("sector_identifier_uri: cannot be fetched") from error
    listed: object = None
    with suppress(ValueError, RecursionError):
        listed = json.loads(answer.body) if answer.status == 200 else None
    if not isinstance(listed, list):
        raise InvalidClientMetadata("sector_identifier_uri: must answer with a JSON array of redirect URIs")
    return listed

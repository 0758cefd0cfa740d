"""How well a person was recognised: the levels that tokens tell as `acr` (OpenID Connect Core 2)."""

from collections.abc import Collection, Iterable

ACR_PASSWORD = "urn:tunnus:acr:password"  # noqa: S105
ACR_STRONG = "urn:tunnus:acr:strong"
"""Only of a session in which somebody identified themselves with an outside provider of strong authentication."""

AMR_PASSWORD = ("pwd",)  # RFC 8176
AMR_STRONG = ("pwd", "mfa")
"""A password here, and what a bank or a mobile operator asks for there."""


def preferred(wished: Iterable[str], possible: Collection[str]) -> str | None:
    """The first of the levels wished for, in their order, that can be had here; None when none of them can."""
    return next((level for level in wished if level in possible), None)

"""Protocol errors beside Authlib's own, and what every error answer of a protocol endpoint has in common."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters


class LoginRequired(OAuth2Error):
    error = "login_required"
    description = "The person must log in, which prompt=none forbids or somebody else did."


class InteractionRequired(OAuth2Error):
    error = "interaction_required"
    description = "The person must choose, which prompt=none forbids."


class ConsentRequired(OAuth2Error):
    error = "consent_required"
    description = "The person must consent, which prompt=none forbids."


class RequestNotSupported(OAuth2Error):
    error = "request_not_supported"
    description = "Request objects are not supported."


class RequestUriNotSupported(OAuth2Error):
    error = "request_uri_not_supported"
    description = "request_uri is not supported."


class RegistrationNotSupported(OAuth2Error):
    error = "registration_not_supported"
    description = "The registration parameter is not supported."


def printable(text: str) -> str:
    """`text` as an error_description may hold it (RFC 6749 5.2): ASCII without quote and backslash."""
    for char in invalid_error_characters(text):
        text = text.replace(char, "?")
    return text[:200]

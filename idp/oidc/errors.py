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


class UnmetAuthenticationRequirements(OAuth2Error):
    """OpenID Connect Core Error Code unmet_authentication_requirements 1.0."""

    error = "unmet_authentication_requirements"
    description = "None of the demanded authentication contexts can be met here."


class InvalidRequestObject(OAuth2Error):
    error = "invalid_request_object"
    description = "The request object is refused."


class InvalidRequestUri(OAuth2Error):
    error = "invalid_request_uri"
    description = "request_uri is refused."


class TemporarilyUnavailable(OAuth2Error):
    error = "temporarily_unavailable"  # RFC 6749 4.1.2.1
    description = "Too busy at this moment."


class RegistrationNotSupported(OAuth2Error):
    error = "registration_not_supported"
    description = "The registration parameter is not supported."


class InvalidTarget(OAuth2Error):
    error = "invalid_target"  # RFC 8707 section 2
    description = "A resource is unknown here or was not granted."


class UnusableClientKeys(OAuth2Error):
    """What the client wants encrypted cannot be: it mends its keys and tries again. The log says why."""

    error = "invalid_request"
    description = "The client's public keys cannot be had, or none fits its encryption algorithm."


def printable(text: str) -> str:
    """`text` as an error_description may hold it (RFC 6749 5.2): ASCII without quote and backslash."""
    for char in invalid_error_characters(text):
        text = text.replace(char, "?")
    return text[:200]

"""Secrets at rest: what is only compared is hashed, what must be read back is encrypted.

All keys are derived from `secrets.keys` of the settings, one per purpose; the first key is used, the others are still
accepted.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Undecryptable(Exception):
    """The value was encrypted with a key that is no longer in `secrets.keys`, or was tampered with."""


def random_token() -> str:
    """A 256-bit random value as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def random_id() -> str:
    """A 128-bit random identifier as 22 characters of base64url, neither secret nor guessable.

    It does not begin with a hyphen: no command line takes it for an option.
    """
    found = secrets.token_urlsafe(16)
    return random_id() if found.startswith("-") else found


def random_letters(alphabet: str, length: int) -> str:
    """A random text for people to type."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def hash_token(token: str) -> str:
    """SHA-256 of a random token, hexadecimal: what the database keeps. Any text is accepted, surrogates too."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def equal(a: str, b: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


class Vault:
    """Encrypts, signs and keys hashes for one installation."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._masters = [base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)) for key in keys]
        each = [Fernet(base64.urlsafe_b64encode(self.derive("at rest", m))) for m in self._masters]
        self._newest, self._fernet = each[0], MultiFernet(each)

    def derive(self, purpose: str, master: bytes | None = None) -> bytes:
        """32 bytes for one purpose (HKDF-SHA-256, RFC 5869), from the first key unless another is given."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tunnus " + purpose.encode())
        return hkdf.derive(master if master is not None else self._masters[0])

    def derive_all(self, purpose: str) -> list[bytes]:
        """As `derive`, for each key: newest first."""
        return [self.derive(purpose, master) for master in self._masters]

    def encrypt(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Raises Undecryptable."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Undecryptable from error

    def is_fresh(self, sealed: str) -> bool:
        """Whether the first key has encrypted it, so that the others may go."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA-256, hexadecimal, for names that must not be readable in the database."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

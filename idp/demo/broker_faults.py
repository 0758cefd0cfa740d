"""What the demo's broker can be told to do wrong, each by a switch. The provider has to refuse all but five of them.

Faults of an ID token are changes to its claims or another way of making it; the others are where the answer is made.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

HOUR = 3600


class Fault(StrEnum):
    """None of them: everything is as it should be."""

    WRONG_NONCE = "wrong_nonce"
    NO_NONCE = "no_nonce"
    WRONG_AUDIENCE = "wrong_audience"
    SEVERAL_AUDIENCES = "several_audiences"  # fine: we are among them, and azp is us
    SEVERAL_AUDIENCES_WITHOUT_AZP = "several_audiences_without_azp"
    WRONG_AZP = "wrong_azp"
    WRONG_ISSUER = "wrong_issuer"
    LOWER_LEVEL = "lower_level"
    OTHER_LEVEL = "other_level"  # of test environments, or of production when those of tests are asked for
    NO_LEVEL = "no_level"
    EXPIRED = "expired"
    MADE_IN_THE_FUTURE = "made_in_the_future"
    MADE_LONG_AGO = "made_long_ago"
    OLD_AUTH_TIME = "old_auth_time"
    NO_AUTH_TIME = "no_auth_time"
    FUTURE_AUTH_TIME = "future_auth_time"
    NO_IDENTITY_CODE = "no_identity_code"
    BROKEN_IDENTITY_CODE = "broken_identity_code"
    OTHER_BIRTH_DATE = "other_birth_date"  # than the code says
    SAME_PERSON = "same_person"  # fine: whoever is chosen, it is the first of the people
    COMBINED_NAME = "combined_name"  # fine: one text, not told apart
    UNREADABLE_NAME = "unreadable_name"
    UNENCRYPTED = "unencrypted"
    UNSIGNED = "unsigned"  # encrypted claims alone
    ALG_NONE = "alg_none"
    WRONG_SIGNATURE = "wrong_signature"
    SYMMETRIC_SIGNATURE = "symmetric_signature"  # HS256 with a public key as the secret
    UNKNOWN_KID = "unknown_kid"
    ROTATED_KEY = "rotated_key"  # fine: a new key, published just now
    OTHER_TOKEN_TYPE = "other_token_type"  # noqa: S105
    ENCRYPTED_TO_ANOTHER = "encrypted_to_another"
    OLD_ENCRYPTION = "old_encryption"  # RSA1_5
    COMPRESSED = "compressed"
    ANOTHER_ISSUER_OUTSIDE = "another_issuer_outside"  # in the header of what is encrypted
    CRITICAL_HEADER = "critical_header"  # one that nobody knows
    UNKNOWN_HEADER = "unknown_header"  # fine: it is ignored
    NO_ID_TOKEN = "no_id_token"  # noqa: S105
    CANCEL_OP = "cancel_op"  # error=cancel
    ERROR = "error"
    WRONG_STATE = "wrong_state"
    OTHER_ISSUER_ANSWERS = "other_issuer_answers"  # the parameter iss
    NO_CODE = "no_code"
    CODE_REFUSED = "code_refused"
    TOKEN_ERROR = "token_error"  # noqa: S105
    TOKEN_SLOW = "token_slow"  # noqa: S105
    TOKEN_NOT_JSON = "token_not_json"  # noqa: S105


LEVELS = {
    "http://ftn.ficora.fi/2017/loatest2": "http://ftn.ficora.fi/2017/loa2",
    "http://ftn.ficora.fi/2017/loa2": "http://ftn.ficora.fi/2017/loatest2",
}


_GONE = object()


def spoil(claims: dict[str, Any], fault: Fault | None, names: Mapping[str, str]) -> None:
    """Change the claims of an ID token. `names`: what the claims of a person are called."""
    now, client_id = claims["iat"], claims["aud"]
    changes: dict[Fault, dict[str, object]] = {
        Fault.WRONG_NONCE: {"nonce": "n" * 43},
        Fault.NO_NONCE: {"nonce": _GONE},
        Fault.WRONG_AUDIENCE: {"aud": "another-client"},
        Fault.SEVERAL_AUDIENCES: {"aud": ["another-client", client_id], "azp": client_id},
        Fault.SEVERAL_AUDIENCES_WITHOUT_AZP: {"aud": ["another-client", client_id]},
        Fault.WRONG_AZP: {"azp": "another-client"},
        Fault.WRONG_ISSUER: {"iss": "https://another-broker.example.fi"},
        Fault.LOWER_LEVEL: {"acr": "http://ftn.ficora.fi/2017/loa1"},
        Fault.OTHER_LEVEL: {"acr": LEVELS.get(claims["acr"], "another level")},
        Fault.NO_LEVEL: {"acr": _GONE},
        Fault.EXPIRED: {"exp": now - 60},
        Fault.MADE_IN_THE_FUTURE: {"iat": now + HOUR, "exp": now + 2 * HOUR},
        Fault.MADE_LONG_AGO: {"iat": now - HOUR},
        Fault.OLD_AUTH_TIME: {"auth_time": now - HOUR},
        Fault.NO_AUTH_TIME: {"auth_time": _GONE},
        Fault.FUTURE_AUTH_TIME: {"auth_time": now + HOUR},
        Fault.NO_IDENTITY_CODE: {names["code"]: _GONE},
        Fault.BROKEN_IDENTITY_CODE: {names["code"]: "not-a-code"},
        Fault.OTHER_BIRTH_DATE: {names["birth_date"]: "1980-01-02"},
        Fault.COMBINED_NAME: {names["given_names"]: _GONE, names["family_name"]: _GONE},
        Fault.UNREADABLE_NAME: {names["family_name"]: "\u0000\u202eMallikas"},
    }
    for name, value in (changes[fault] if fault is not None and fault in changes else {}).items():
        if value is _GONE:
            claims.pop(name, None)
        else:
            claims[name] = value

"""What the provider decides for one client, and what it refuses."""

import pytest

from idp.clients.metadata import InvalidClientMetadata
from idp.clients.options import AS_INSTALLED, ClientOptions


def test_nothing_is_set_unless_somebody_sets_it() -> None:
    assert ClientOptions.checked({"support_email": "", "colour": None}) == AS_INSTALLED
    assert ClientOptions.checked({"remembered_login_counts": True, "consent_each_time": False}).values() == {}
    assert AS_INSTALLED.values() == {}


def test_what_was_checked_comes_back_from_the_database() -> None:
    given = {
        "support_email": "lupa@example.fi",
        "support_phone": "+358 50 123 4567",
        "colour": "#0a4d78",
        "colour_dark": "#9cd0f5",
        "registration_assurance": "strong",
        "access_token_seconds": 60,
        "refresh_idle_days": 7,
        "refresh_absolute_days": 30,
        "session_max_age_seconds": 900,
        "remembered_login_counts": False,
        "consent_each_time": True,
        "identity_code_basis": "Tietosuojalaki 29 §",
        "allowed_resources": ["https://api.example.fi/", "urn:example:api"],
    }
    options = ClientOptions.checked(given)

    assert options.values() == given
    assert ClientOptions.stored({**given, "of a newer version": 1}) == options


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("support_email", "nobody"),
        ("support_phone", "call us"),
        ("colour", "red"),
        ("colour", "#ffff00"),
        ("colour_dark", "#0a4d78"),
        ("logo", "logo.png"),
        ("registration_assurance", "weak"),
        ("access_token_seconds", 29),
        ("access_token_seconds", 3601),
        ("access_token_seconds", True),
        ("access_token_seconds", "60"),
        ("id_token_seconds", 0),
        ("refresh_idle_days", 366),
        ("refresh_absolute_days", 731),
        ("session_max_age_seconds", 59),
        ("session_max_age_seconds", 31_536_001),
        ("remembered_login_counts", "no"),
        ("consent_each_time", 1),
        ("identity_code_basis", "two\nlines"),
        ("identity_code_basis", "x" * 501),
        ("identity_code_basis", 29),
        ("allowed_resources", "https://api.example.fi/"),
        ("allowed_resources", [1]),
        ("allowed_resources", ["api"]),
        ("allowed_resources", ["https://api.example.fi/#x"]),
        ("allowed_resources", ["urn:example:api"] * 2),
        ("allowed_resources", [f"urn:example:{number}" for number in range(101)]),
        ("something", "else"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(member: str, value: object) -> None:
    with pytest.raises(InvalidClientMetadata, match=rf"^{member}: "):
        ClientOptions.checked({member: value})


def test_idle_tokens_do_not_outlive_the_family() -> None:
    with pytest.raises(InvalidClientMetadata, match=r"^refresh_idle_days: "):
        ClientOptions.checked({"refresh_idle_days": 31, "refresh_absolute_days": 30})

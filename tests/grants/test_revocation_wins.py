"""A revoked grant stays dead, also when somebody who had looked before it stores a token after it."""

from datetime import timedelta

import pytest
from flask import Flask

from idp import clock
from idp.crypto import hash_token, random_id, random_token
from idp.grants import access, codes, refresh
from idp.grants.codes import Approval, NewRefreshToken
from idp.grants.refresh import Outcome
from tests.support.people import Person

GRACE = timedelta(seconds=10)


def new_token() -> tuple[str, NewRefreshToken]:
    value, now = random_token(), clock.now()
    return value, NewRefreshToken(hash_token(value), now + timedelta(days=14), now + timedelta(days=90))


@pytest.fixture
def code(context: Flask, person: Person) -> str:
    """A code as the authorization endpoint makes one."""
    value, now = random_token(), clock.now()
    approval = Approval(
        client_id="asiointi",
        account_id=person.id,
        sid=random_id(),
        scope="openid offline_access",
        resource=None,
        redirect_uri="https://asiointi.example.fi/callback",
        nonce=None,
        claims=None,
        code_challenge=None,
        acr="urn:tunnus:acr:password",
        amr=("pwd",),
        auth_time=int(now.timestamp()),
    )
    codes.issue(value, approval, now, now + timedelta(seconds=60))
    return value


def test_a_code_that_was_found_before_the_revocation_gives_nothing_after_it(code: str) -> None:
    found = codes.find(code, clock.now())
    assert found is not None
    assert found.live
    value, token = new_token()

    codes.revoke(found.grant.id, clock.now())

    assert codes.spend(found.grant, token, clock.now()) is False
    assert refresh.find(value) is None


def test_a_refresh_token_that_was_stored_after_the_revocation_is_dead(code: str) -> None:
    found = codes.find(code, clock.now())
    assert found is not None
    first, stored = new_token()
    codes.spend(found.grant, stored, clock.now())
    held = refresh.find(first)  # a refresh begins ...
    assert held is not None

    codes.revoke(found.grant.id, clock.now())  # ... the revocation comes between ...
    late, successor = new_token()
    refresh.rotate(held, successor, GRACE, clock.now())  # ... and it goes on

    assert refresh.find(late) is None
    assert access.person_of(found.grant.id, "any") is None
    assert access.username_of(found.grant.id, "any") is None


def test_a_forgiven_repeat_after_the_revocation_is_dead_too(code: str) -> None:
    found = codes.find(code, clock.now())
    assert found is not None
    first, stored = new_token()
    codes.spend(found.grant, stored, clock.now())
    held = refresh.find(first)
    assert held is not None
    assert refresh.rotate(held, new_token()[1], GRACE, clock.now()) is Outcome.ROTATED

    codes.revoke(found.grant.id, clock.now())
    late, successor = new_token()
    refresh.rotate(held, successor, GRACE, clock.now())

    assert refresh.find(late) is None


def test_only_the_first_revocation_is_one(code: str) -> None:
    found = codes.find(code, clock.now())
    assert found is not None

    assert [codes.revoke(found.grant.id, clock.now()) for _ in range(3)] == [True, False, False]

"""Whose account it is: one person, one account; under every key that ever named them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import housekeeping
from idp.accounts import activation, deletion
from idp.accounts.links import LinkNotLive
from idp.accounts.models import Account, Registration
from idp.accounts.rules import rules
from idp.clients.models import ClientApp
from idp.crypto import random_token
from idp.database import db, writing
from idp.policy.identity_code import IdentityCode
from idp.upstream import person_keys, persons, tickets
from idp.upstream.models import StrongIdentity
from idp.upstream.persons import AlreadyBound, AlreadySomebodyElse, Outdated
from idp.upstream.tickets import Identified
from tests.conftest import SECRET_KEY, AppFactory
from tests.support.broker import Bench, bench
from tests.support.people import People


@pytest.fixture
def people(place: Bench) -> People:
    return People(place.app)


def bind(app: Flask, account_id: str, identified: Identified) -> None:
    with app.app_context(), writing() as session:
        persons.bind(session, account_id, identified)


def row(app: Flask, account_id: str) -> StrongIdentity:
    with app.app_context(), writing() as session:
        return session.get_one(StrongIdentity, account_id)


def rotate(app: Flask) -> int:
    with app.app_context():
        return person_keys.rotate(rules().vault)


def account_of(app: Flask, identified: Identified) -> str | None:
    with app.app_context():
        return persons.account_of(identified)


def test_an_account_becomes_somebodys(place: Bench, people: People) -> None:
    maija, resident = place.person("maija"), people.resident()
    assert account_of(place.app, maija) is None

    bind(place.app, resident.id, maija)

    assert account_of(place.app, maija) == resident.id
    with place.app.app_context():
        known = persons.of_account(resident.id)
        assert persons.is_same(resident.id, maija)
        assert known is not None
        assert (known.given_names, known.family_name) == ("Maija Kaarina", "Meikäläinen")
        assert (known.broker, known.identified_at) == (place.broker.config.issuer, maija.auth_time)
        assert persons.of_account("nobody") is None


def test_one_person_has_one_account(place: Bench, people: People) -> None:
    maija = place.person("maija")
    bind(place.app, people.resident().id, maija)

    with pytest.raises(AlreadyBound):
        bind(place.app, people.resident("maija2@example.fi").id, maija)


def test_one_account_has_one_person(place: Bench, people: People) -> None:
    resident = people.resident()
    bind(place.app, resident.id, place.person("maija"))
    matti = place.person("matti")

    with pytest.raises(AlreadySomebodyElse):
        bind(place.app, resident.id, matti)
    with place.app.app_context():
        assert not persons.is_same(resident.id, matti)
    assert account_of(place.app, matti) is None


def test_binding_again_renews_what_is_known(place: Bench, people: People) -> None:
    resident = people.resident()
    bind(place.app, resident.id, place.person("maija"))

    bind(place.app, resident.id, place.person("maija"))

    assert account_of(place.app, place.person("maija")) == resident.id


def test_of_two_accounts_at_once_one_gets_the_person(place: Bench, people: People) -> None:
    maija = place.person("maija")
    residents = [people.resident(f"maija{number}@example.fi").id for number in range(4)]
    start = Barrier(4)

    def race(account_id: str) -> bool:
        start.wait()
        try:
            bind(place.app, account_id, maija)
        except AlreadyBound:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(race, residents)) == 1


def test_who_somebody_was_goes_with_the_account(place: Bench, people: People) -> None:
    resident, maija = people.resident(), place.person("maija")
    bind(place.app, resident.id, maija)

    with place.app.app_context(), writing() as session:
        deletion.erase(session, session.get_one(Account, resident.id))

    assert account_of(place.app, maija) is None
    bind(place.app, people.resident("new@example.fi").id, maija)


# -- keys


def test_people_are_found_under_an_older_key_and_renamed_when_they_come_back(
    place: Bench, people: People
) -> None:
    resident, before = people.resident(), place.person("maija")
    bind(place.app, resident.id, before)
    old = row(place.app, resident.id).person_key
    rotate(place.app)
    rotate(place.app)
    assert row(place.app, resident.id).person_key == old  # nobody can rename what nobody can read

    after = place.person("maija")

    renamed = row(place.app, resident.id)
    assert list(after.person_keys) == [3, 2, 1]
    assert (renamed.person_key, renamed.key_number) == (after.person_key, 3)
    assert renamed.person_key != old
    assert account_of(place.app, after) == resident.id
    with place.app.app_context():
        assert person_keys.people_by_key() == {3: 1, 2: 0, 1: 0}


def test_a_rotation_gives_nobody_a_second_account(place: Bench, people: People) -> None:
    bind(place.app, people.resident().id, place.person("maija"))
    rotate(place.app)

    with pytest.raises(AlreadyBound):
        bind(place.app, people.resident("maija2@example.fi").id, place.person("maija"))


def test_an_identification_from_before_a_rotation_binds_nobody_any_more(place: Bench, people: People) -> None:
    """Else who came back meanwhile, under a new name, could get a second account by the old one."""
    ticket = place.identify("maija", browser="another browser").ticket
    rotate(place.app)
    bind(place.app, people.resident().id, place.person("maija"))

    with place.app.app_context(), writing() as session:
        assert tickets.use(session, ticket, browser="another browser") is None


def test_nor_a_registration_that_holds_one(place: Bench, people: People) -> None:
    """Else the person would get one account by the new name and, with the mailed link, another one by the old."""
    link = people.applicant("maija@example.fi")
    maija = place.person()
    with place.app.app_context(), writing() as session:
        session.execute(sa.update(Registration).values(sealed_identification=tickets.seal(maija)))

    rotate(place.app)

    with place.app.app_context():
        waiting = db.session.scalars(sa.select(Registration)).one()
        assert (waiting.sealed_identification, waiting.closed_at is None) == (None, False)
        with pytest.raises(LinkNotLive):
            activation.look(link.partition("token=")[2], None)


def test_an_identification_by_an_old_name_binds_nobody_however_it_was_kept(
    place: Bench, people: People
) -> None:
    """A link that was used at the very moment of the rotation."""
    maija = place.person()
    rotate(place.app)

    with pytest.raises(Outdated):
        bind(place.app, people.resident().id, maija)


def test_the_first_key_may_be_rotated_before_anybody_came(place: Bench) -> None:
    rotate(place.app)

    assert list(place.person().person_keys) == [2, 1]


def test_another_installation_knows_the_person_by_another_name(place: Bench, make_app: AppFactory) -> None:
    """What leaks here says nothing about other municipalities' people."""
    with place.app.app_context():
        first = person_keys.names_of(IdentityCode.parse("010180-9004"))
        second = person_keys.names_of(IdentityCode.parse("150590-9010"))

    assert first[1] != second[1]
    assert place.person("maija").person_key == first[1]


# -- keeping codes


def storing(make_app: AppFactory) -> Any:
    return bench(make_app, upstream={"store_identity_code": True})


def with_basis(place: Bench) -> None:
    """A client app whose legal basis is recorded."""
    People(place.app).client("terveys")
    with place.app.app_context(), writing() as session:
        session.execute(sa.update(ClientApp).values(options={"identity_code_basis": "Laki 703/2023"}))


def test_a_code_is_kept_only_where_a_client_has_a_legal_basis(make_app: AppFactory) -> None:
    with storing(make_app) as place:
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
        assert row(place.app, resident.id).sealed_identity_code is None
        with_basis(place)

        bind(place.app, resident.id, place.person())

        sealed = row(place.app, resident.id).sealed_identity_code
        assert sealed is not None
        assert "010180" not in sealed
        with place.app.app_context():
            assert rules().vault.decrypt(sealed) == "010180-9004"


def test_a_legal_basis_alone_keeps_no_code(place: Bench, people: People) -> None:
    with_basis(place)
    resident = people.resident()

    bind(place.app, resident.id, place.person())

    assert row(place.app, resident.id).sealed_identity_code is None


def test_a_code_that_is_no_longer_to_be_kept_goes_at_the_next_identification(make_app: AppFactory) -> None:
    with storing(make_app) as place:
        with_basis(place)
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
        with place.app.app_context(), writing() as session:
            session.execute(sa.update(ClientApp).values(options={}))

        place.person()

        assert row(place.app, resident.id).sealed_identity_code is None


def test_codes_that_nobody_may_have_any_more_are_erased_within_the_hour(make_app: AppFactory) -> None:
    with storing(make_app) as place:
        with_basis(place)
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
        with place.app.app_context():
            housekeeping.purge()
        assert row(place.app, resident.id).sealed_identity_code is not None
        with place.app.app_context(), writing() as session:
            session.execute(sa.update(ClientApp).values(enabled=False))
        with place.app.app_context():
            housekeeping.purge()
        assert row(place.app, resident.id).sealed_identity_code is None


def test_codes_are_erased_when_the_setting_goes(make_app: AppFactory, database_url: str) -> None:
    with storing(make_app) as place:
        with_basis(place)
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
    app = make_app()
    with app.app_context():
        housekeeping.purge()
    assert row(app, resident.id).sealed_identity_code is None


def test_people_whose_code_is_kept_are_renamed_at_once(make_app: AppFactory) -> None:
    with storing(make_app) as place:
        with_basis(place)
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
        old = row(place.app, resident.id).person_key

        assert rotate(place.app) == 1

        renamed = row(place.app, resident.id)
        assert (renamed.key_number, renamed.person_key != old) == (2, True)
        assert place.person().person_key == renamed.person_key


def test_kept_codes_are_encrypted_anew_with_a_new_secret(make_app: AppFactory, database_url: str) -> None:
    with storing(make_app) as place:
        with_basis(place)
        resident = People(place.app).resident()
        bind(place.app, resident.id, place.person())
    newer = random_token()
    app = make_app(secrets={"keys": [newer, SECRET_KEY]})

    with app.app_context():
        assert housekeeping.reseal()["identity_codes"] == 1
    alone = make_app(secrets={"keys": [newer]})
    with alone.app_context():
        sealed = db.session.scalars(sa.select(StrongIdentity.sealed_identity_code)).one()
        assert rules().vault.decrypt(sealed or "") == "010180-9004"

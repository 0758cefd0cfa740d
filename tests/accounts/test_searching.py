"""The keys by which people are found, and what a search costs: ranges of indexes, however many people there are."""

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts import searching
from idp.accounts.models import Account, Registration
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.database import db, writing
from idp.policy.searching import MAX_KEY, end_of, is_identifier, name_key
from tests.support.people import People


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("Meikäläinen", "Maija"), "meikalainen maija"),
        (("Ström-Öberg", "Åke"), "strom oberg ake"),
        (("O'Neill", "Seán"), "o neill sean"),
        (("von der Straße", None), "von der strasse"),
        (("İpek", ""), "ipek"),
        (("Иванова", "Ульяна"), "иванова ульяна"),
        ((None, None), ""),
        (("-", "'"), ""),
    ],
)
def test_a_name_is_found_without_accents_and_capitals(names: tuple[str | None, ...], key: str) -> None:
    assert name_key(*names) == key


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_key_is_short_and_stays_itself(family: str, given_name: str) -> None:
    key = name_key(family, given_name)

    assert len(key) <= MAX_KEY
    assert key == key.strip()
    assert name_key(key) == key or len(key) == MAX_KEY


@given(st.text(min_size=1), st.text())
def test_what_begins_with_a_text_is_in_its_range(prefix: str, rest: str) -> None:
    assert prefix <= prefix + rest <= end_of(prefix)


@pytest.mark.parametrize("text", ["", "a" * 23, "a\0", "a b", "ä", "../x", "'"])
def test_what_is_no_identifier(text: str) -> None:
    assert not is_identifier(text)


def test_keys_follow_the_names(context: Flask, people: People) -> None:
    person = people.resident(given_name="Maija", family_name="Meikäläinen")
    with writing() as session:
        account = session.get_one(Account, person.id)
        assert (account.family_key, account.given_key) == ("meikalainen maija", "maija meikalainen")
        account.family_name = "Virtanen"

    account = db.session.get_one(Account, person.id)
    assert (account.family_key, account.given_key) == ("virtanen maija", "maija virtanen")


def test_people_whom_an_older_version_has_written_get_their_keys(context: Flask, people: People) -> None:
    for number in range(5):
        people.resident(f"nimi{number}@example.fi")
    people.applicant("odottaja@example.fi")
    with writing() as session:
        for model in (Account, Registration):
            session.execute(sa.update(model).values(family_key=None, given_key=None))
    assert searching.search("meikäläinen", rules(), by=OPERATOR).entries == []

    assert searching.fill_keys(batch=2) == 6
    db.session.remove()  # a later request

    assert len(searching.search("meikäläinen", rules(), by=OPERATOR).entries) == 6
    assert searching.fill_keys() == 0


def test_every_search_is_a_range_of_an_index(context: Flask, people: People) -> None:
    """What the database does for each way, told by itself: no look at every person."""
    sqlite = db.engine.dialect.name == "sqlite"
    if not sqlite:
        db.session.execute(sa.text("SET enable_seqscan = off"))  # a handful of rows is read faster whole
    for model in (Account, Registration):
        for condition, order in searching._ways(model, "meikäläinen maija"):
            query = sa.select(model.id).where(condition).order_by(order).limit(searching.LIMIT)
            text = query.compile(db.engine, compile_kwargs={"literal_binds": True}).string
            explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
            plan = " ".join(
                str(row)
                for row in db.session.connection().exec_driver_sql(f"{explain} {text}".replace("%", "%%"))
            )
            assert "SEARCH" in plan if sqlite else "Index Cond" in plan, plan
            assert "SCAN" not in plan, plan
            assert "Seq Scan" not in plan, plan

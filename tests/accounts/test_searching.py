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
from idp.accounts.searching import Place
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


@pytest.mark.parametrize("after", [False, True])
def test_every_search_is_a_range_of_an_index(context: Flask, people: People, after: bool) -> None:
    """What the database does for each way, told by itself: no look at every person, on any page."""
    sqlite = db.engine.dialect.name == "sqlite"
    if not sqlite:
        for way_to_read in ("seqscan", "bitmapscan", "sort"):  # a handful of rows is read faster whole
            db.session.execute(sa.text(f"SET enable_{way_to_read} = off"))
    ways = searching._ways("meikäläinen maija")
    assert len(ways) == 7
    for number, way in enumerate(ways):
        place = Place(number, "meikalainen maija", "A") if after else None
        earlier = [each for each in ways[:number] if each.model is way.model]
        query = way.query(earlier, place, searching.LIMIT).with_only_columns(way.model.id)
        text = query.compile(db.engine, compile_kwargs={"literal_binds": True}).string
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = "\n".join(
            str(row)
            for row in db.session.connection().exec_driver_sql(f"{explain} {text}".replace("%", "%%"))
        )
        assert "SEARCH" in plan if sqlite else "Index Cond" in plan, plan
        assert f"{way.column.key}" in plan, plan
        assert "SCAN" not in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, plan


def test_pages_hold_everybody_once(context: Flask, people: People) -> None:
    for number in range(7):
        people.resident(f"meikalainen{number}@example.fi")  # found by username and by name
        people.resident(f"asukas{number}@example.fi")  # by name alone
        people.applicant(f"odottaja{number}@example.fi")  # by name, not activated
    whole = searching.search("meikalainen", rules(), by=OPERATOR)
    assert (len(whole.entries), whole.next) == (21, None)

    for size in (1, 4, 7, 20):
        seen: list[str] = []
        place: Place | None = None
        while True:
            found = searching.search("meikalainen", rules(), by=OPERATOR, after=place, size=size)
            seen += [entry.id for entry in found.entries]
            assert len(found.entries) == size or found.next is None
            if found.next is None:
                break
            place = Place.parse(str(found.next))
            assert place == found.next
        assert sorted(seen) == sorted(entry.id for entry in whole.entries)


def test_whoever_comes_meanwhile_shifts_no_page(context: Flask, people: People) -> None:
    for number in range(4):
        people.resident(f"b{number}@example.fi")
    first = searching.search("meikäläinen", rules(), by=OPERATOR, size=2)
    people.resident("a@example.fi")

    second = searching.search("meikäläinen", rules(), by=OPERATOR, after=first.next, size=10)

    assert {entry.id for entry in first.entries}.isdisjoint(entry.id for entry in second.entries)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.a",
        "x.a.b",
        "-1.a.b",
        "100.a.b",
        "1.a/.b",
        "1.a.\0",
        "1.a.\ud800",
        "1.a." + "x" * 300,
        "².a.b",
    ],
)
def test_what_is_no_place(text: str) -> None:
    assert Place.parse(text) is None


def test_a_place_of_another_search_finds_nothing_more(context: Flask, people: People) -> None:
    people.resident()
    assert searching.search("maija", rules(), by=OPERATOR, after=Place(99, "", "A")).entries == []

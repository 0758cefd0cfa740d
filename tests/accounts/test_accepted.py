"""How many accounts have accepted which version."""

import sqlalchemy as sa
from flask import Flask

from idp import clock
from idp.accounts import acceptance, accepted
from idp.accounts.models import Acceptance
from idp.database import db, writing
from tests.support.people import People


def test_an_account_counts_once_in_whatever_language(context: Flask, people: People) -> None:
    person = people.resident("maija@example.fi")
    people.resident("matti@example.fi")
    for language in ("fi", "sv"):
        acceptance.accept(person.id, language, clock.now())

    assert accepted.count()["terms"] == {"1": 2}


def test_an_index_is_enough_to_count(context: Flask, people: People) -> None:
    """Nothing is sorted, and no row of the table is read."""
    account = people.resident("maija@example.fi").id
    rows = [
        {"account_id": account, "document": "terms", "version": f"{number % 3}", "language": "fi"}
        for number in range(2000)
    ]
    with writing() as session:
        session.execute(
            sa.insert(Acceptance), [row | {"sha256": "0" * 64, "accepted_at": clock.now()} for row in rows]
        )
    sqlite = db.engine.dialect.name == "sqlite"
    if not sqlite:  # two thousand rows are read faster whole
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE acceptances"))
        for way in ("seqscan", "bitmapscan"):
            db.session.execute(sa.text(f"SET LOCAL enable_{way} = off"))
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    text = accepted._QUERY.compile(db.engine).string
    plan = "\n".join(str(line) for line in db.session.connection().exec_driver_sql(f"{explain} {text}"))

    assert (
        "COVERING INDEX" if sqlite else "Index Only Scan using"
    ) + " ix_acceptances_document_version" in plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan

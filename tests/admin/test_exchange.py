"""Many accounts at once: a file is checked first, each row has its result, and no cell runs in a spreadsheet."""

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.accounts import exchange
from idp.accounts.exchange import Fault
from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, Actor, NotAllowed, Role
from idp.accounts.rules import rules
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.policy.spreadsheets import plain_cell, safe_cell
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

IMPORT = "/admin/accounts/import"
HEADING = "email,given_name,family_name\n"


def upload(browser: FlaskClient, content: str | bytes) -> TestResponse:
    content = content.encode() if isinstance(content, str) else content
    token = journey.csrf_token(browser.get(IMPORT))
    return browser.post(IMPORT, data={"csrf_token": token, "file": (io.BytesIO(content), "a.csv")})


def results(page: TestResponse) -> list[str]:
    return [row.select("td")[3].get_text(strip=True) for row in journey.soup(page).select(".table tbody tr")]


def go_on(browser: FlaskClient, page: TestResponse) -> TestResponse:
    """Press "create"."""
    area = journey.soup(page).select_one("textarea[name=text]")
    assert area is not None
    fields = {"csrf_token": journey.csrf_token(page), "text": area.text.removeprefix("\n"), "do_import": "1"}
    return browser.post(IMPORT, data=fields)


def usernames(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.scalars(sa.select(Account.username)))


def test_a_file_is_checked_before_anything_is_made(app: Flask, support: FlaskClient, people: People) -> None:
    before = usernames(app), len(people.letters())

    page = upload(support, HEADING + "aino@example.fi,Aino,Virtanen\n")

    assert results(page) == ["Voidaan luoda"]
    assert (usernames(app), len(people.letters())) == before


@pytest.mark.parametrize(
    ("presses_create", "event"), [(False, "accounts.import_checked"), (True, "accounts.imported")]
)
def test_that_a_file_told_who_has_an_account_is_written_down(
    app: Flask, support: FlaskClient, resident: Person, presses_create: bool, event: str
) -> None:
    page = upload(
        support, HEADING + f"{resident.username},Maija,Meikäläinen\naino@example.fi,Aino,Virtanen\n"
    )
    if presses_create:
        go_on(support, page)

    with app.app_context():
        found = db.session.scalars(sa.select(AuditEvent).filter_by(event=event)).one()
        assert found.changes == {"rows": [None, 2], "with_account": [None, 1]}
        assert found.actor not in (None, "operator")


def test_who_only_reads_checks_no_file(context: Flask) -> None:
    auditor = Actor("somebody", frozenset({Role.AUDITOR}))
    with pytest.raises(NotAllowed):
        exchange.check(HEADING + "aino@example.fi,Aino,Virtanen\n", auditor, rules())


def test_each_new_owner_chooses_a_password(app: Flask, support: FlaskClient, people: People) -> None:
    page = upload(support, HEADING + "aino@example.fi,Aino,Virtanen\neero@example.fi,Eero,Korhonen\n")

    made = go_on(support, page)

    assert results(made) == ["Luotu", "Luotu"]
    letters = {letter.to: letter for letter in people.letters() if letter.kind == "invitation"}
    assert set(letters) == {"aino@example.fi", "eero@example.fi"}
    browser = app.test_client()
    fields = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    journey.submit(browser, letters["aino@example.fi"].link, **fields)
    assert journey.log_in(browser, Person("", "aino@example.fi", PASSWORD)).location == "/account"
    assert browser.get("/account").location == "/accept-terms"


def test_every_row_has_its_result(app: Flask, support: FlaskClient, resident: Person) -> None:
    table = (
        "email;given_name;family_name;phone;postal_code;language\n"
        "aino@example.fi;Aino;Virtanen;'+358 40 123;00100;sv\n"
        "ei osoite;Aino;Virtanen;;;\n"
        "eero@example.fi;;Korhonen;;;\n"
        "eeva@example.fi;Eeva;Korhonen;abc;;\n"
        "elsa@example.fi;Elsa;Korhonen;;00100!;\n"
        "emma@example.fi;Emma;Korhonen;;;de\n"
        "AINO@example.fi;Aino;Virtanen;;;\n"
        "maija@example.fi;Maija;Meikäläinen;;;\n"
        "liikaa@example.fi;Liika;Solu;;;;yksi\n"
        "\n"
        "viimeinen@example.fi;Vii;Meinen\n"
    )
    with app.app_context():
        found = [result.fault for result in exchange.check(table, OPERATOR, rules())]

    assert found == [
        None,
        Fault.ADDRESS,
        Fault.NAME,
        Fault.DETAILS,
        Fault.DETAILS,
        Fault.LANGUAGE,
        Fault.TWICE,
        Fault.EXISTS,
        Fault.CELLS,
        None,
    ]
    made = go_on(support, upload(support, table))
    assert results(made).count("Luotu") == 2
    assert {"aino@example.fi", "viimeinen@example.fi"} <= set(usernames(app))
    with app.app_context():
        aino = db.session.scalars(sa.select(Account).filter_by(username="aino@example.fi")).one()
        assert (aino.phone, aino.language, aino.email_verified) == ("+358 40 123", "sv", False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Valitse CSV-tiedosto"),
        (b"email,given_name,family_name\n", "Valitse CSV-tiedosto"),
        (b'email,given_name,family_name\n"open', "Valitse CSV-tiedosto"),
        (b"email,given_name\na@example.fi,A\n", "Lisää puuttuvat sarakkeet: family_name."),
        (b"email,given_name,family_name,role\na@example.fi,A,B,admin\n", "Poista sarakkeet"),
        (b"email,given_name,family_name,password_hash\na@example.fi,A,B,x\n", "Poista sarakkeet"),
        (b"email,given_name,family_name,email\na@example.fi,A,B,b@example.fi\n", "Poista sarakkeet"),
        (HEADING.encode() + b"a@example.fi,A,B\n" * 1001, "Jaa tiedosto"),
        (bytes(range(256)), "sarakkeet"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(support: FlaskClient, content: bytes, told: str) -> None:
    answer = upload(support, content)

    assert answer.status_code == 422
    assert told in journey.errors(answer)[0]


def test_no_file_is_a_field_to_fill(support: FlaskClient) -> None:
    assert journey.submit(support, IMPORT).status_code == 422


def test_what_spreadsheets_write_is_read(app: Flask, support: FlaskClient) -> None:
    table = "\ufeffEMAIL;Given_Name;family_name\r\nåke@example.fi;Åke;Öhman\r\nasa@example.fi;Åsa;Öhman\r\n"

    assert results(upload(support, table)) == [
        "Sähköpostiosoite ei ole muodossa nimi@esimerkki.fi.",
        "Voidaan luoda",
    ]
    page = upload(support, "email;given_name;family_name\r\nasa@example.fi;Åsa;Öhman\r\n".encode("cp1252"))
    assert "Åsa Öhman" in page.get_data(as_text=True)


def test_a_large_file_is_taken_here_alone(support: FlaskClient) -> None:
    rows = "".join(f"nimi{n}@example.fi,{'A' * 90},{'B' * 90}\n" for n in range(900))

    assert upload(support, HEADING + rows).status_code == 200
    assert support.post("/admin/confirm", data={"password": "x" * 200_000}).status_code == 413
    body, form = b"text=" + b"x" * 4_000_000, "application/x-www-form-urlencoded"
    assert support.post(IMPORT, data=body, content_type=form).status_code == 413


# -- out


def export(browser: FlaskClient) -> list[list[str]]:
    answer = journey.submit(browser, "/admin/accounts/export")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True))))


def test_all_accounts_are_exported_without_secrets(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    heading, *rows = export(support)

    assert heading == list(exchange.EXPORTED)
    assert {row[2] for row in rows} == set(usernames(app))
    assert not [cell for row in rows for cell in row if cell.startswith("v1:")]
    with app.app_context():
        query = sa.select(AuditEvent).where(AuditEvent.event == Event.EXPORTED.value)
        assert len(db.session.scalars(query).all()) == 1


def test_more_accounts_than_a_batch_are_exported(
    support: FlaskClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BATCH", 2)
    for number in range(5):
        people.resident(f"nimi{number}@example.fi")

    assert len(export(support)) == 1 + 6


def test_no_exported_cell_is_a_formula(app: Flask, support: FlaskClient, people: People) -> None:
    person = people.resident("kaava@example.fi", given_name="-Kaava", family_name="'Nimi")
    with app.app_context():
        account = db.session.get(Account, person.id)
        assert account is not None
        account.phone, account.street_address = "+358 40 123", '=HYPERLINK("http://evil.example","x")'
        db.session.commit()

    row = next(row for row in export(support) if row[2] == "kaava@example.fi")

    assert row[4:8] == ["'-Kaava", "'Nimi", "'+358 40 123", '\'=HYPERLINK("http://evil.example","x")']


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\N{NO-BREAK SPACE}=1"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_looks_like_a_formula_becomes_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("value", ["", "Maija", "a-b", "040 123", "'Nimi", None])
def test_other_cells_stay_as_they_are(value: Any) -> None:
    assert safe_cell(value) == (value or "")


@given(st.text())
def test_a_safe_cell_never_begins_a_formula(text: str) -> None:
    assert not safe_cell(text).lstrip().startswith(("=", "+", "-", "@"))


@given(st.text().filter(lambda text: not text.startswith("'")))
def test_a_safe_cell_can_be_read_back(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text

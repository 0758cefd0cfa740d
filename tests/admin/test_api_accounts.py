"""Residents' accounts and the audit log at the API: what helpers do, by a program, written down under its name."""

from typing import Any

import pytest
from flask import Flask

from idp.accounts.models import ACTIVE, CLOSING, DISABLED
from tests.admin.machine import Machine, faults, problem
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOTE = {"note": "Puhelu 24.11."}
MATTI = {"email": "matti@example.fi", "given_name": "Matti", "family_name": "Meikäläinen"}


@pytest.fixture
def machine(app: Flask) -> Machine:
    return Machine(app, "admin:accounts", "admin:audit")


@pytest.fixture
def path(resident: Person) -> str:
    return f"/accounts/{resident.id}"


def newest(machine: Machine, account: str) -> dict[str, Any]:
    found: dict[str, Any] = machine.get(f"/audit?account={account}&limit=1")["items"][0]
    return found


# -- found


def test_people_are_found_and_the_search_is_written_down(
    machine: Machine, resident: Person, people: People
) -> None:
    people.applicant("maija.odottaja@example.fi")

    found = machine.get("/accounts?q=mai")

    assert [(item["username"], item["is_registration"]) for item in found["items"]] == [
        ("maija.odottaja@example.fi", True),
        ("maija@example.fi", False),
    ]
    assert found["items"][0]["state"]["standing"] == "waiting"
    assert found["items"][1]["state"] == {"standing": "active", "until": None}
    assert found["more"] is False
    assert machine.get("/audit?event=accounts.searched")["items"][0]["actor"] == machine.name


def test_a_search_goes_on_page_by_page(machine: Machine, people: People) -> None:
    for number in range(5):
        people.resident(f"kaima{number}@example.fi")
    seen: list[str] = []
    path: str | None = "/accounts?q=kaima&limit=2"
    while path:
        answer = machine.call("GET", path)
        page = answer.get_json()
        seen += [item["username"] for item in page["items"]]
        following = f"/accounts?q=kaima&limit=2&cursor={page['next']}" if page["next"] else None
        assert page["more"] is bool(following)
        assert answer.headers.get("Link", "").endswith(f'{following}>; rel="next"') if following else True
        path = following

    assert sorted(seen) == [f"kaima{number}@example.fi" for number in range(5)]


@SQLITE
@pytest.mark.parametrize("cursor", ["x", "!", "MS5h", "MS5BLgA"])
def test_a_cursor_of_nothing_is_refused(machine: Machine, cursor: str) -> None:
    assert faults(machine.call("GET", f"/accounts?q=maija&cursor={cursor}")) == ["cursor"]


# -- many at once

TABLE = (
    "email,given_name,family_name\nmaija@example.fi,Maija,Meikäläinen\nmatti@example.fi,Matti,Meikäläinen\n"
)


def send(machine: Machine, content: str | bytes, query: str = "", content_type: str = "text/csv") -> Any:
    return machine.call("POST", f"/files/accounts{query}", data=content, content_type=content_type)


def test_a_file_is_checked_and_then_makes_accounts(
    machine: Machine, resident: Person, people: People
) -> None:
    checked = send(machine, TABLE, "?dry_run=true").get_json()
    assert (checked["dry_run"], checked["made"]) == (True, 1)
    assert [row["fault"] for row in checked["items"]] == ["exists", None]
    assert machine.get("/accounts?q=matti")["items"] == []

    made = send(machine, TABLE).get_json()

    assert (made["dry_run"], made["made"], made["items"]) == (False, 1, checked["items"])
    assert [item["username"] for item in machine.get("/accounts?q=matti")["items"]] == ["matti@example.fi"]
    assert people.letters()[0].kind == "invitation"
    for event in ("accounts.import_checked", "accounts.imported"):
        found = machine.get(f"/audit?event={event}")["items"]
        assert [item["actor"] for item in found] == [machine.name]


@SQLITE
@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("", "no CSV"),
        ("email,given_name\na@example.fi,A\n", "missing: family_name"),
        ("email,given_name,family_name,sub\na@example.fi,A,B,1\n", "not known"),
        ("email,given_name,family_name\n" + "a@example.fi,A,B\n" * 1001, "more than 1000"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(machine: Machine, content: str, detail: str) -> None:
    answer = send(machine, content)

    assert problem(answer) == (400, "malformed")
    assert detail in answer.get_json()["detail"]


@SQLITE
def test_a_file_is_csv_and_not_too_large(machine: Machine) -> None:
    assert problem(send(machine, TABLE, content_type="application/json")) == (415, "unsupported-media-type")
    assert problem(send(machine, b"x" * 1_000_001)) == (413, "too-large")


def test_all_accounts_are_written_out(machine: Machine, resident: Person) -> None:
    answer = machine.call("GET", "/files/accounts")

    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Cache-Control"] == "no-store"
    heading, line, rest = answer.get_data(as_text=True).split("\r\n")
    assert heading.startswith("id,kind,username")
    assert line.startswith(resident.id)
    assert rest == ""
    assert machine.get("/audit?event=accounts.exported")["items"][0]["actor"] == machine.name


@SQLITE
@pytest.mark.parametrize("query", ["", "?q=", "?q=m", "?q=%20%20m%20", "?q=" + "m" * 255])
def test_a_search_for_everybody_is_refused(machine: Machine, query: str) -> None:
    assert faults(machine.call("GET", f"/accounts{query}")) == ["q"]


def test_an_account_is_shown_without_its_password(machine: Machine, resident: Person, path: str) -> None:
    shown = machine.call("GET", path)

    content = shown.get_json()
    assert content["id"] == resident.id
    assert (content["kind"], content["email_verified"], content["roles"]) == ("resident", True, [])
    assert content["last_login_at"] is None
    assert [name for name in content if "password" in name or "key" in name] == []
    assert machine.call("GET", path, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    event = newest(machine, resident.id)
    assert (event["event"], event["actor"]) == ("account.looked_at", machine.name)


@SQLITE
@pytest.mark.parametrize("identifier", ["nobody", "x" * 22, "x" * 23, "%00", "..%2f", "'", "ä"])
def test_nobody_is_not_found(machine: Machine, identifier: str) -> None:
    tries = [("GET", ""), ("GET", "/history"), ("POST", "/unlock"), ("POST", "/logout"), ("POST", "/reset")]

    answers = [problem(machine.call(how, f"/accounts/{identifier}{where}")) for how, where in tries]
    answers.append(problem(machine.call("GET", f"/registrations/{identifier}")))
    answers.append(problem(machine.call("DELETE", f"/registrations/{identifier}")))

    assert set(answers) == {(404, "not-found")}


# -- invited


def test_a_resident_is_invited_and_chooses_the_password_alone(
    app: Flask, machine: Machine, people: People
) -> None:
    made = machine.call("POST", "/accounts", MATTI | {"phone": "040 123 4567", "language": "sv"})

    content = made.get_json()
    letter = people.letters()[0]
    assert made.status_code == 201
    assert made.headers["Location"] == f"/admin/api/v1/accounts/{content['id']}"
    assert (content["username"], content["phone"], content["language"]) == (
        "matti@example.fi",
        "040 123 4567",
        "sv",
    )
    assert (letter.kind, letter.to) == ("invitation", "matti@example.fi")
    assert letter.link.rpartition("=")[2] not in made.get_data(as_text=True)
    browser = app.test_client()
    journey.submit(browser, letter.link, new_password=PASSWORD, new_password_confirm=PASSWORD)
    assert journey.log_in(browser, Person("", "matti@example.fi", PASSWORD)).status_code == 303
    created = machine.get(f"/audit?account={content['id']}&event=account.created_by_admin")["items"]
    assert [event["actor"] for event in created] == [machine.name]


def test_an_authority_is_invited_under_a_username_of_its_form(machine: Machine, people: People) -> None:
    made = machine.call("POST", "/accounts", MATTI | {"kind": "authority", "username": "rak-virkamies1"})

    assert (made.status_code, made.get_json()["kind"]) == (201, "authority")
    assert made.get_json()["username"] == "rak-virkamies1"
    assert people.letters()[0].kind == "invitation"


def test_an_invitation_that_nobody_used_is_sent_again(
    machine: Machine, people: People, resident: Person
) -> None:
    made = machine.call("POST", "/accounts", MATTI).get_json()
    first = people.letters()[0].link

    again = machine.call("POST", f"/accounts/{made['id']}/invite")

    assert (made["state"]["standing"], again.get_json()["state"]["standing"]) == ("invited", "invited")
    assert people.letters()[0].link != first or people.letters()[1].link != first
    assert problem(machine.call("POST", f"/accounts/{resident.id}/invite")) == (409, "wrong-state")


@pytest.mark.parametrize("taken", ["maija@example.fi", "MAIJA@example.fi"])
def test_an_address_has_one_account(machine: Machine, resident: Person, taken: str) -> None:
    answer = machine.call("POST", "/accounts", MATTI | {"email": taken})

    assert problem(answer) == (409, "account-exists")


@SQLITE
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"email": "matti"}, "#/email"),
        ({"email": "mätti@example.fi"}, "#/email"),
        ({"email": None}, "#/email"),
        ({"given_name": "M4tti"}, "#/given_name"),
        ({"given_name": " "}, "#/given_name"),
        ({"family_name": "M" * 101}, "#/family_name"),
        ({"phone": "call me"}, "#/phone"),
        ({"postal_code": "12/3"}, "#/postal_code"),
        ({"street_address": "Katu\n1"}, "#/street_address"),
        ({"language": "xx"}, "#/language"),
        ({"kind": "admin"}, "#/kind"),
        ({"username": "matti"}, "#/username"),
        ({"kind": "authority"}, "#/username"),
        ({"kind": "authority", "username": "matti@example.fi"}, "#/username"),
        ({"password": PASSWORD}, "#/password"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_pointed_at(
    machine: Machine, people: People, change: dict[str, Any], where: str
) -> None:
    assert faults(machine.call("POST", "/accounts", MATTI | change)) == [where]
    assert people.letters() == []


# -- corrected


def test_details_are_corrected_with_a_reason(machine: Machine, resident: Person, path: str) -> None:
    machine.call("PATCH", path, {"phone": "040 123 4567", **NOTE})

    answer = machine.call("PATCH", path, {"family_name": "Virtanen", "phone": None, **NOTE})

    content = answer.get_json()
    assert (content["given_name"], content["family_name"], content["phone"]) == ("Maija", "Virtanen", None)
    event = newest(machine, resident.id)
    assert (event["event"], event["actor"], event["note"]) == (
        "account.details_changed",
        machine.name,
        NOTE["note"],
    )
    assert event["changes"] == {"family_name": ["Meikäläinen", "Virtanen"], "phone": ["040 123 4567", None]}


@SQLITE
@pytest.mark.parametrize(
    ("patch", "where"),
    [
        ({"family_name": "Virtanen"}, "#/note"),
        ({"family_name": "Virtanen", "note": " "}, "#/note"),
        ({"family_name": None, **NOTE}, "#/family_name"),
        ({"family_name": "", **NOTE}, "#/family_name"),
        ({"phone": "", **NOTE}, "#/phone"),
        ({"email": "uusi@example.fi", **NOTE}, "#/email"),
        ({"username": "uusi@example.fi", **NOTE}, "#/username"),
        ({"note": "x" * 501}, "#/note"),
        ({"note": "a\u0007b"}, "#/note"),
    ],
)
def test_what_is_wrong_with_a_correction_is_pointed_at(
    machine: Machine, path: str, patch: dict[str, Any], where: str
) -> None:
    before = machine.get(path)

    assert faults(machine.call("PATCH", path, patch)) == [where]
    assert machine.get(path) == before


def test_a_correction_of_what_has_changed_since_is_refused_if_asked_so(machine: Machine, path: str) -> None:
    known = machine.call("GET", path).headers["ETag"]
    changed = machine.call("PATCH", path, {"given_name": "Maija-Liisa", **NOTE})
    assert changed.headers["ETag"] == machine.call("GET", path).headers["ETag"]

    stale = machine.call("PATCH", path, {"family_name": "Virtanen", **NOTE}, if_match=known)
    fresh = machine.call(
        "PATCH", path, {"family_name": "Virtanen", **NOTE}, if_match=machine.call("GET", path).headers["ETag"]
    )

    assert problem(stale) == (412, "changed-meanwhile")
    assert fresh.status_code == 200


def test_the_whole_history_comes_page_by_page(machine: Machine, path: str) -> None:
    for name in ("Maija-Liisa", "Maija", "Liisa"):
        machine.call("PATCH", path, {"given_name": name, **NOTE})
    everything = machine.get(f"{path}/history")
    assert everything["next"] is None

    found, address = [], f"{path}/history?limit=2"
    while address:
        answer = machine.call("GET", address)
        found += answer.get_json()["items"]
        cursor = answer.get_json()["next"]
        assert ("Link" in answer.headers) is (cursor is not None)
        address = f"{path}/history?limit=2&cursor={cursor}" if cursor else ""

    assert found == everything["items"]
    assert [event["event"] for event in found[:3]] == ["account.details_changed"] * 3
    assert problem(machine.call("GET", f"{path}/history?cursor=x")) == (422, "invalid")


def test_a_new_address_waits_for_its_link(machine: Machine, people: People, path: str) -> None:
    answer = machine.call("POST", f"{path}/email", {"email": "uusi@example.fi", **NOTE})

    assert answer.get_json()["email"] == "maija@example.fi"
    assert (people.letters()[0].kind, people.letters()[0].to) == ("address_confirmation", "uusi@example.fi")


# -- helped


def test_a_locked_account_is_unlocked(
    app: Flask, moving_clock: MovableClock, machine: Machine, resident: Person, path: str
) -> None:
    browser = app.test_client()
    for _ in range(5):
        journey.log_in(browser, Person("", resident.username, "Vaara;1sana"))
    locked = machine.get(path)["state"]

    unlocked = machine.call("POST", f"{path}/unlock")

    assert locked == {"standing": "locked", "until": "2026-11-25T12:00:00Z"}
    assert unlocked.get_json()["state"] == {"standing": "active", "until": None}
    assert journey.log_in(browser, resident).status_code == 303
    event = machine.get(f"{path}/history")["items"][1]
    assert event["event"] == "account.unlocked"
    assert event["changes"] == {"locked_until": ["2026-11-25T12:00:00+00:00", None]}


def test_how_many_logins_ended_is_noted(app: Flask, machine: Machine, resident: Person, path: str) -> None:
    for _ in range(2):
        journey.log_in(app.test_client(), resident)

    for _ in range(2):
        machine.call("POST", f"{path}/logout")

    query = f"event=account.logged_out_by_admin&account={resident.id}"
    changes = [event["changes"] for event in machine.get(f"/audit?{query}")["items"]]
    assert changes == [None, {"sessions": [2, 0]}]


def test_an_account_is_disabled_enabled_closed_and_kept(
    app: Flask, moving_clock: MovableClock, machine: Machine, resident: Person, path: str
) -> None:
    steps = [("disable", DISABLED), ("enable", ACTIVE), ("delete", CLOSING), ("keep", ACTIVE)]

    answers = {name: machine.call("POST", f"{path}/{name}", NOTE).get_json()["state"] for name, _ in steps}

    assert {name: state["standing"] for name, state in answers.items()} == dict(steps)
    assert answers["delete"]["until"] == "2026-12-08T12:00:00Z"
    events = [event for event in machine.get(f"{path}/history")["items"] if event["note"]]
    assert {(event["actor"], event["note"]) for event in events} == {(machine.name, NOTE["note"])}
    assert len(events) == 4
    assert journey.log_in(app.test_client(), resident).status_code == 303


def test_what_does_not_fit_the_state_is_refused(machine: Machine, path: str) -> None:
    answers = {name: problem(machine.call("POST", f"{path}/{name}", NOTE)) for name in ("enable", "keep")}
    machine.call("POST", f"{path}/disable", NOTE)
    answers["disable"] = problem(machine.call("POST", f"{path}/disable", NOTE))
    answers["reset"] = problem(machine.call("POST", f"{path}/reset"))
    answers["email"] = problem(machine.call("POST", f"{path}/email", {"email": "uusi@example.fi", **NOTE}))

    assert set(answers.values()) == {(409, "wrong-state")}


@pytest.mark.parametrize("act", ["disable", "enable", "delete", "keep"])
@SQLITE
def test_a_reason_is_needed(machine: Machine, path: str, act: str) -> None:
    assert faults(machine.call("POST", f"{path}/{act}", {})) == ["#/note"]
    assert problem(machine.call("POST", f"{path}/{act}")) == (400, "malformed")


def test_a_reset_link_goes_to_the_owner_alone(
    app: Flask, machine: Machine, people: People, resident: Person, path: str
) -> None:
    answer = machine.call("POST", f"{path}/reset")

    letter = people.letters()[0]
    assert (letter.kind, letter.to) == ("reset", resident.username)
    assert letter.link.rpartition("=")[2] not in answer.get_data(as_text=True)
    assert journey.log_in(app.test_client(), resident).status_code == 303


def test_a_reset_can_end_everything_at_once(
    app: Flask, machine: Machine, resident: Person, path: str
) -> None:
    browser = app.test_client()
    journey.log_in(browser, resident)

    machine.call("POST", f"{path}/reset", {"secure": True})

    assert browser.get("/account").status_code == 303
    assert journey.log_in(app.test_client(), resident).status_code == 422


def test_somebody_is_logged_out_everywhere(app: Flask, machine: Machine, resident: Person, path: str) -> None:
    browser = app.test_client()
    journey.log_in(browser, resident)
    assert browser.get("/account").status_code == 200

    machine.call("POST", f"{path}/logout")

    assert browser.get("/account").status_code == 303


# -- registrations that wait


def test_an_activation_is_sent_again_and_a_registration_removed(machine: Machine, people: People) -> None:
    people.applicant("odottaja@example.fi")
    entry = machine.get("/accounts?q=odottaja")["items"][0]
    path = f"/registrations/{entry['id']}"
    before = len(people.letters())

    shown = machine.get(path)
    resent = machine.call("POST", f"{path}/resend")
    letters = len(people.letters())
    removed = machine.call("DELETE", path)

    assert (shown["email"], shown["given_name"], shown["state"]["standing"]) == (
        "odottaja@example.fi",
        "Maija",
        "waiting",
    )
    assert [name for name in shown if "password" in name] == []
    assert (resent.status_code, letters) == (200, before + 1)
    assert removed.status_code == 204
    assert problem(machine.call("GET", path)) == (404, "not-found")
    for event in ("account.activation_resent", "account.registration_removed"):
        assert machine.get(f"/audit?event={event}")["items"][0]["actor"] == machine.name


# -- the audit log


def test_events_are_listed_page_by_page_and_filtered(
    moving_clock: MovableClock, machine: Machine, resident: Person, path: str
) -> None:
    for _ in range(5):
        moving_clock.move(minutes=1)
        machine.call("POST", f"{path}/unlock")

    query = f"event=account.unlocked&account={resident.id}&limit=2"
    first = machine.call("GET", f"/audit?{query}")
    found, cursor = first.get_json()["items"], first.get_json()["next"]
    while cursor:
        page = machine.get(f"/audit?{query}&cursor={cursor}")
        found, cursor = [*found, *page["items"]], page["next"]

    assert [event["at"] for event in found] == [f"2026-11-24T12:0{minute}:00Z" for minute in (5, 4, 3, 2, 1)]
    assert f"{query}&cursor=" in first.headers["Link"]
    between = machine.get(f"/audit?{query}&since=2026-11-24T14:02:00%2B02:00&until=2026-11-24T12:03:00Z")
    assert [event["at"] for event in between["items"]] == ["2026-11-24T12:02:00Z"]
    assert machine.get("/audit?event=account.unlocked&actor=nobody")["items"] == []
    assert len(machine.get(f"/audit?actor={machine.name}&outcome=success&limit=100")["items"]) == 5


@SQLITE
@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("event=nothing", "event"),
        ("outcome=maybe", "outcome"),
        ("since=yesterday", "since"),
        ("since=2026-11-24", "since"),
        ("since=2026-11-24T12:00:00", "since"),
        ("since=1764000000", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("until=0001-01-01T00:00:00%2B02:00", "until"),
        ("cursor=x", "cursor"),
        ("cursor=MjAyNi0xMS0yNF8x", "cursor"),  # a day without its zone
        ("cursor=MDAwMS0wMS0wMVQwMDowMDowMCswMjowMF8x", "cursor"),  # before all time
        ("page=2", "page"),
        ("actor=", "actor"),
    ],
)
def test_a_wrong_filter_is_named(machine: Machine, query: str, where: str) -> None:
    assert faults(machine.call("GET", f"/audit?{query}")) == [where]

"""Sessions and remembered logins: listed, this device marked, ended one by one or all others."""

from flask.testing import FlaskClient

from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def another_browser(me: FlaskClient, person: Person, **fields: str) -> FlaskClient:
    browser = me.application.test_client()
    browser.environ_base["HTTP_USER_AGENT"] = FIREFOX
    journey.log_in(browser, person, **fields)
    return browser


def buttons(me: FlaskClient) -> list[str]:
    page = journey.soup(me.get("/account/sessions"))
    return [str(button["value"]) for button in page.find_all("button", {"name": "end"})]


def test_the_list_names_the_device_and_marks_this_one(me: FlaskClient, person: Person) -> None:
    another_browser(me, person)

    text = journey.soup(me.get("/account/sessions")).get_text(" ", strip=True)

    assert "Firefox, Windows" in text
    assert text.count("Tämä laite") == 1


def test_one_session_is_ended_and_the_others_stay(me: FlaskClient, person: Person) -> None:
    other = another_browser(me, person)
    page = journey.soup(me.get("/account/sessions"))
    entry = next(
        item for item in page.find_all("button", {"name": "end"}) if "Firefox" in item.find_parent("li").text
    )

    journey.submit(me, "/account/sessions", end=str(entry["value"]))

    assert other.get("/account").location == "/login"
    assert me.get("/account").status_code == 200


def test_all_others_are_ended_at_once(me: FlaskClient, person: Person) -> None:
    others = [another_browser(me, person), another_browser(me, person, remember="y")]

    journey.submit(me, "/account/sessions", end_others="1")

    assert [other.get("/account").location for other in others] == ["/login", "/login"]
    assert me.get("/account").status_code == 200


def test_a_remembered_login_is_listed_and_its_revocation_holds(me: FlaskClient, person: Person) -> None:
    remembered = another_browser(me, person, remember="y")

    assert len(buttons(me)) >= 1
    journey.submit(me, "/account/sessions", end_others="1")

    assert remembered.get("/account").location == "/login"


def test_nobody_ends_the_session_of_somebody_else(me: FlaskClient, people: People, person: Person) -> None:
    other = people.resident("matti@example.fi")
    theirs = me.application.test_client()
    journey.log_in(theirs, other)
    page = journey.soup(theirs.get("/account/sessions"))
    sids = [str(button["value"]) for button in page.find_all("button", {"name": "end"})]

    for sid in sids or ["x"]:
        journey.submit(me, "/account/sessions", end=sid)

    assert theirs.get("/account").status_code == 200


def test_sessions_that_idled_out_are_not_listed(
    moving_clock: MovableClock, me: FlaskClient, person: Person
) -> None:
    another_browser(me, person)
    moving_clock.move(minutes=31)
    journey.log_in(me, person)

    text = journey.soup(me.get("/account/sessions")).get_text(" ", strip=True)

    assert "Firefox" not in text

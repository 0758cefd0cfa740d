"""Helping a resident: finding them, and each act on their account, with what the audit log keeps of it."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import audit, housekeeping
from idp.accounts import invitations, roles
from idp.accounts.details import Details
from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, Role
from idp.accounts.rules import rules
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.policy.usernames import EmailAddress
from tests.admin.conftest import Colleague
from tests.pages.steps import press
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

REASON = "Pyydetty puhelimessa"


def events_of(app: Flask, person: Person) -> list[AuditEvent]:
    """What helpers did to somebody, newest first."""
    with app.app_context():
        query = sa.select(AuditEvent).where(AuditEvent.account_id == person.id, AuditEvent.actor.is_not(None))
        return list(db.session.scalars(query.order_by(AuditEvent.id.desc())))


def stored(app: Flask, person: Person) -> Account | None:
    with app.app_context():
        return db.session.get(Account, person.id)


def found(browser: FlaskClient, text: str) -> list[str]:
    """The usernames that a search finds."""
    page = journey.soup(browser.get("/admin/accounts", query_string={"q": text}))
    return [row.select("td")[1].get_text(strip=True) for row in page.select(".table tbody tr")]


def state(browser: FlaskClient, person: Person) -> str:
    page = journey.soup(browser.get(f"/admin/accounts/{person.id}"))
    return page.select(".states .state")[0].get_text(strip=True)


def act(browser: FlaskClient, person: Person, name: str, **fields: str) -> str:
    """Do it, and what the account's page says then."""
    answer = journey.submit(browser, f"/admin/accounts/{person.id}/{name}", **fields)
    assert answer.location == f"/admin/accounts/{person.id}", journey.errors(answer)
    notice = journey.soup(browser.get(answer.location)).select_one(".notice-status")
    assert notice is not None
    return notice.get_text(" ", strip=True)


# -- finding


@pytest.fixture
def town(people: People) -> None:
    for address, given, family in (
        ("aino@example.fi", "Aino", "Virtanen"),
        ("ake.strom@example.fi", "Åke", "Ström-Öberg"),
        ("maija-liisa@example.fi", "Maija-Liisa", "Meikäläinen"),
        ("meri@example.fi", "Meri", "Aalto"),
    ):
        people.resident(address, given_name=given, family_name=family)


@pytest.mark.parametrize(
    ("typed", "usernames"),
    [
        ("virtanen", ["aino@example.fi"]),
        ("VIRTA", ["aino@example.fi"]),
        ("  Virtanen   Aino ", ["aino@example.fi"]),
        ("aino virt", ["aino@example.fi"]),
        ("Virtanen, Aino", ["aino@example.fi"]),
        ("strom", ["ake.strom@example.fi"]),
        ("Ström-Öberg", ["ake.strom@example.fi"]),
        ("strom oberg ake", ["ake.strom@example.fi"]),
        ("åke", ["ake.strom@example.fi"]),
        ("maija liisa meik", ["maija-liisa@example.fi"]),
        ("me", ["meri@example.fi", "maija-liisa@example.fi"]),
        ("Aino@Example.FI", ["aino@example.fi"]),
        ("aino@", ["aino@example.fi"]),
        ("irtanen", []),
        ("%", []),
        ("_", []),
        ("vi%", ["aino@example.fi"]),  # punctuation is no part of a name
        ("v_rtanen", []),
        ("ai\0no", []),
        ("'; DROP TABLE accounts; --", []),
        ("\N{BULLET}\N{BULLET}\N{BULLET}", []),
    ],
)
def test_people_are_found_by_the_beginning_of_a_name_or_address(
    support: FlaskClient, town: None, typed: str, usernames: list[str]
) -> None:
    assert found(support, typed) == usernames


def test_people_are_found_by_the_identifier_that_services_know(
    support: FlaskClient, resident: Person
) -> None:
    assert found(support, resident.id) == [resident.username]


def test_people_are_found_by_their_new_name(
    support: FlaskClient, app: Flask, resident: Person, people: People
) -> None:
    act(support, resident, "edit", given_name="Maija", family_name="Uusinimi", note=REASON)

    assert found(support, "uusinimi") == [resident.username]
    assert found(support, "meikäläinen") == []


def test_one_letter_lists_nobody(support: FlaskClient, town: None) -> None:
    answer = support.get("/admin/accounts?q=m")

    assert journey.errors(answer) == ["Kirjoita vähintään 2 merkkiä."]
    assert found(support, "m") == []


def test_more_people_than_a_page_holds_are_on_the_next_one(support: FlaskClient, people: People) -> None:
    for number in range(51):
        people.resident(f"kaima{number}@example.fi", given_name="Kai", family_name="Kaima")

    page = journey.soup(support.get("/admin/accounts?q=kaima"))
    assert len(page.select(".table tbody tr")) == 50
    assert "löytyi paljon" in page.get_text()

    following = page.select_one("#more")
    assert following is not None
    last = journey.soup(support.get(str(following["href"])))
    assert len(last.select(".table tbody tr")) == 1
    assert last.select_one("#more") is None
    assert last.select_one(".pages a[href='/admin/accounts?q=kaima']") is not None


def test_registrations_that_were_never_activated_are_found(
    moving_clock: MovableClock, support: FlaskClient, people: People
) -> None:
    people.applicant("uusi@example.fi")
    moving_clock.move(minutes=29)  # somebody who helps is at work all the time
    support.get("/admin/accounts")

    def states() -> list[str]:
        page = journey.soup(support.get("/admin/accounts?q=uusi"))
        return [item.get_text(strip=True) for item in page.select(".table .state")]

    waiting = states()
    moving_clock.move(minutes=1)

    assert found(support, "meikäläinen maija") == ["uusi@example.fi"]
    assert waiting == ["Ei vielä aktivoitu; linkki toimii 24.11.2026 klo 14.30 asti"]
    assert states() == ["Aktivoimatta; linkki vanheni 24.11.2026 klo 14.30"]


def test_a_registration_for_a_known_address_is_not_shown(
    support: FlaskClient, resident: Person, people: People
) -> None:
    people.app.test_client()
    with people.app.app_context():
        from idp.accounts import registration
        from idp.accounts.registration import Application
        from idp.accounts.rules import rules
        from idp.policy.usernames import EmailAddress

        somebody = Application(
            EmailAddress.parse(resident.username), PASSWORD, "Ilkeä", "Ihminen", None, None, None, None, "fi"
        )
        registration.register(somebody, browser="another", client_id=None, rules=rules())

    assert found(support, resident.username) == [resident.username]


def test_searching_and_looking_are_written_down(
    app: Flask, at_desk: Callable[..., FlaskClient], resident: Person
) -> None:
    auditor = at_desk(Role.AUDITOR)

    auditor.get("/admin/accounts?q=maija")
    auditor.get(f"/admin/accounts/{resident.id}")

    assert next(event.event for event in events_of(app, resident)) == Event.LOOKED_AT
    with app.app_context():
        query = sa.select(AuditEvent).where(AuditEvent.event == Event.SEARCHED.value)
        assert len(db.session.scalars(query).all()) == 1


def looks(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return list(db.session.scalars(sa.select(AuditEvent).filter_by(event=Event.LOOKED_AT.value)))


def test_whoever_acts_has_looked_once(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, resident: Person
) -> None:
    """Each act leads back to the account's page, which is no other look."""
    page = f"/admin/accounts/{resident.id}"
    support.get(page)
    act(support, resident, "disable", note=REASON)
    support.get(page)
    act(support, resident, "enable", note=REASON)
    support.get(page)
    assert len(looks(app)) == 1

    moving_clock.move(minutes=2)
    support.get(page)
    assert len(looks(app)) == 2


def test_another_helper_and_another_person_are_other_looks(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People, resident: Person
) -> None:
    other = people.resident("toinen@example.fi")
    for helper in (at_desk(Role.SUPPORT), at_desk(Role.AUDITOR)):
        for person in (resident, other, resident):
            helper.get(f"/admin/accounts/{person.id}")

    assert len(looks(app)) == 6


def test_who_opens_the_page_of_an_act_has_looked(app: Flask, support: FlaskClient, resident: Person) -> None:
    support.get(f"/admin/accounts/{resident.id}/edit")

    assert [event.account_id for event in looks(app)] == [resident.id]


def test_looking_at_a_registration_is_written_down(
    moving_clock: MovableClock, app: Flask, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    people.applicant("uusi@example.fi")
    support = at_desk(Role.SUPPORT)
    link = str(journey.soup(support.get("/admin/accounts?q=uusi")).select_one(".table a")["href"])  # type: ignore[index]
    known = link.rpartition("/")[2]

    support.get(link)
    journey.submit(support, f"{link}/resend")
    support.get(link)

    assert [event.changes for event in looks(app)] == [{"registration": [known, known]}]
    moving_clock.move(minutes=2)
    support.get(f"{link}/remove")
    assert len(looks(app)) == 2


def test_what_was_typed_comes_back_as_text(support: FlaskClient) -> None:
    page = support.get("/admin/accounts", query_string={"q": '"><script>alert(1)</script>'})

    assert "<script>alert" not in page.get_data(as_text=True)


# -- a registration


def test_the_activation_message_is_sent_again(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, people: People
) -> None:
    moving_clock.move(hours=-3)
    older = people.applicant("uusi@example.fi")
    moving_clock.move(hours=3)
    link = str(journey.soup(support.get("/admin/accounts?q=uusi")).select_one(".table a")["href"])  # type: ignore[index]

    journey.submit(support, f"{link}/resend")

    newer = people.letters()[0]
    assert (newer.kind, newer.to) == ("activation", "uusi@example.fi")
    browser = app.test_client()
    assert browser.get(older).status_code == 410
    assert journey.submit(browser, newer.link, password=PASSWORD, activate="1").location == "/activated"
    assert journey.log_in(browser, Person("", "uusi@example.fi", PASSWORD)).location == "/account"
    assert support.get(link).status_code == 404


def test_a_registration_is_removed_with_its_link(app: Flask, support: FlaskClient, people: People) -> None:
    mailed = people.applicant("uusi@example.fi")
    link = str(journey.soup(support.get("/admin/accounts?q=uusi")).select_one(".table a")["href"])  # type: ignore[index]

    journey.submit(support, f"{link}/remove")

    assert app.test_client().get(mailed).status_code == 404
    assert found(support, "uusi") == []


def test_what_a_removed_registration_was_is_known_as_long_as_it_would_have_been_kept(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, people: People
) -> None:
    people.applicant("uusi@example.fi")
    link = str(journey.soup(support.get("/admin/accounts?q=uusi")).select_one(".table a")["href"])  # type: ignore[index]
    journey.submit(support, f"{link}/remove")

    def removed() -> AuditEvent:
        with app.app_context():
            return db.session.scalars(
                sa.select(AuditEvent).filter_by(event=Event.REGISTRATION_REMOVED.value)
            ).one()

    told = removed().changes or {}
    assert told["registration"] == [link.rpartition("/")[2], None]
    assert told["email"] == ["uusi@example.fi", None]
    moving_clock.move(days=31)
    with app.app_context():
        housekeeping.purge()
    assert removed().changes is None


def test_what_a_new_account_is_made_of_is_written_down(context: Flask) -> None:
    details = Details("Matti", "Meikäläinen", None, None, "00100", None)
    email = EmailAddress.parse("matti@example.fi")

    made = invitations.create_resident(email, details, OPERATOR, "fi", rules())

    query = sa.select(AuditEvent).filter_by(account_id=made, event=Event.CREATED_BY_ADMIN.value)
    assert db.session.scalars(query).one().changes == {
        "username": [None, "matti@example.fi"],
        "email": [None, "matti@example.fi"],
        "given_name": [None, "Matti"],
        "family_name": [None, "Meikäläinen"],
        "postal_code": [None, "00100"],
        "language": [None, "fi"],
    }


# -- logging in


def test_a_locked_account_is_unlocked(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, resident: Person
) -> None:
    stranger = app.test_client()
    for _ in range(5):
        journey.log_in(stranger, Person("", resident.username, "Vaara;1ss"))
    assert state(support, resident) == "Lukittu 25.11.2026 klo 14.00 asti"

    act(support, resident, "unlock")

    assert state(support, resident) == "Käytössä"
    assert journey.log_in(stranger, resident).status_code == 303
    assert Event.UNLOCKED in [event.event for event in events_of(app, resident)]


def test_a_lock_on_the_owners_own_device_is_seen_and_lifted(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, resident: Person
) -> None:
    own = app.test_client()
    journey.log_in(own, resident)
    journey.submit(own, "/logout")
    for _ in range(5):
        journey.log_in(own, Person("", resident.username, "Vaara;1ss"))
    assert journey.page_name(journey.log_in(own, resident)) == "locked"
    assert state(support, resident).startswith("Lukittu yhdellä omistajan omista laitteista")

    act(support, resident, "unlock")

    assert journey.log_in(own, resident).status_code == 303


def test_logging_out_everywhere_ends_sessions_and_tokens(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    service = people.client()
    own = app.test_client()
    tokens = journey.tokens_for(own, service, resident, scope="openid offline_access")

    told = act(support, resident, "sessions")

    assert told == "1 istunto on päätetty."
    assert own.get("/account").location == "/login"
    assert journey.refresh(own, service, tokens["refresh_token"]).status_code == 400


def test_a_reset_mails_a_link_to_the_owner_and_shows_none(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    own = app.test_client()
    journey.log_in(own, resident)
    answer = journey.submit(support, f"/admin/accounts/{resident.id}/reset")
    page = support.get(answer.location).get_data(as_text=True)

    letter = people.letters()[0]
    assert (letter.kind, letter.to) == ("reset", resident.username)
    assert "/reset?token=" not in page
    assert own.get("/account").status_code == 200
    browser = app.test_client()
    fields = {"new_password": "Aivan;toinen8", "new_password_confirm": "Aivan;toinen8"}
    assert journey.page_name(press(browser, letter.link, **fields)) == "reset-done"


def test_a_reset_secures_an_account_whose_password_is_known_to_others(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    own = app.test_client()
    journey.log_in(own, resident)

    act(support, resident, "reset", secure="y")

    assert own.get("/account").location == "/login"
    assert journey.log_in(app.test_client(), resident).status_code == 422
    assert "ei enää toimi" in people.letters()[0].text


# -- the account


def test_a_disabled_account_is_shut_and_can_be_opened_again(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    own = app.test_client()
    journey.log_in(own, resident)

    act(support, resident, "disable", note=REASON)
    shut = own.get("/account").location, journey.errors(journey.log_in(app.test_client(), resident))
    act(support, resident, "enable", note="Selvitetty")

    assert shut == ("/login", ["Käyttäjätunnus on poistettu käytöstä. Ota yhteyttä ylläpitäjään."])
    assert journey.log_in(app.test_client(), resident).status_code == 303
    told = [e for e in events_of(app, resident) if e.event in (Event.DISABLED, Event.ENABLED)]
    assert [(e.changes, e.note) for e in told] == [
        ({"status": ["disabled", "active"]}, "Selvitetty"),
        ({"status": ["active", "disabled"]}, REASON),
    ]
    assert all(e.actor and e.address for e in told)


def test_a_reason_is_needed(support: FlaskClient, resident: Person) -> None:
    answer = journey.submit(support, f"/admin/accounts/{resident.id}/disable", note="   ")

    assert (answer.status_code, journey.errors(answer)) == (422, ["Kirjoita syy."])


def test_a_deletion_can_be_cancelled_by_its_owner(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    act(support, resident, "delete", note=REASON)

    assert state(support, resident) == "Poistetaan 8.12.2026 klo 14.00"
    letter = people.letters()[0]
    assert letter.kind == "deletion_ordered"
    assert "tukemme kautta" in letter.text
    journey.submit(app.test_client(), letter.link)
    assert journey.log_in(app.test_client(), resident).status_code == 303


def test_a_deletion_is_cancelled_by_support_and_its_link_dies(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    act(support, resident, "delete", note=REASON)
    link = people.letters()[0].link

    act(support, resident, "keep", note="Muutti mielensä")

    assert journey.log_in(app.test_client(), resident).status_code == 303
    assert app.test_client().get(link).status_code == 410


def test_the_owner_of_a_disabled_account_cannot_open_it_by_its_deletion(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    act(support, resident, "disable", note=REASON)
    before = len(people.letters())

    act(support, resident, "delete", note=REASON)

    assert len(people.letters()) == before


def test_what_the_log_tells_of_a_person_goes_with_the_account(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, resident: Person
) -> None:
    from idp.accounts import deletion

    act(support, resident, "edit", given_name="Toinen", family_name="Nimi", note="Nimi muuttui")
    act(support, resident, "delete", note=REASON)
    moving_clock.move(days=14)
    with app.app_context():
        assert deletion.erase_due() == 1

    assert stored(app, resident) is None
    kept = events_of(app, resident)
    assert Event.DETAILS_CHANGED in {event.event for event in kept}
    assert {(event.changes is None, event.note is None) for event in kept} == {(True, True)}


def test_an_act_that_does_not_fit_the_state_says_so(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    page = f"/admin/accounts/{resident.id}"

    for name in ("enable", "keep"):
        assert support.get(f"{page}/{name}").location == page
        assert "Tätä ei voi tehdä nyt. Katso tunnuksen tila." in support.get(page).get_data(as_text=True)


# -- details


def test_details_are_edited_with_a_reason(app: Flask, support: FlaskClient, resident: Person) -> None:
    fields = {"given_name": "Maija", "family_name": "Virtanen", "phone": "040 123 4567", "note": REASON}

    act(support, resident, "edit", **fields)

    event = next(event for event in events_of(app, resident) if event.event == Event.DETAILS_CHANGED)
    assert event.changes == {"family_name": ["Meikäläinen", "Virtanen"], "phone": [None, "040 123 4567"]}
    assert event.note == REASON
    shown = support.get(f"/admin/accounts/{resident.id}").get_data(as_text=True)
    assert "Meikäläinen → Virtanen" in shown


def test_nothing_else_than_details_can_be_edited(app: Flask, support: FlaskClient, resident: Person) -> None:
    before = stored(app, resident)
    more = {
        "status": "disabled",
        "email": "x@example.fi",
        "username": "x",
        "username_key": "x",
        "password_hash": "x",
        "kind": "authority",
        "role": "admin",
        "id": "x" * 22,
        "email_verified": "",
        "claims": "{}",
    }

    act(support, resident, "edit", given_name="Maija", family_name="Virtanen", note=REASON, **more)

    after = stored(app, resident)
    assert before is not None
    assert after is not None
    for name in ("id", "status", "email", "username", "username_key", "password_hash", "kind", "claims"):
        assert getattr(after, name) == getattr(before, name)
    with app.app_context():
        assert roles.of(resident.id) == frozenset()


def test_a_new_address_waits_for_its_owner_to_confirm_it(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    act(support, resident, "email", new_email="uusi@example.fi", note=REASON)

    account = stored(app, resident)
    assert account is not None
    assert account.email == resident.username
    letter = people.letters()[0]
    assert (letter.kind, letter.to) == ("address_confirmation", "uusi@example.fi")
    journey.submit(app.test_client(), letter.link)
    assert journey.log_in(app.test_client(), Person("", "uusi@example.fi", PASSWORD)).status_code == 303
    assert people.letters()[1].to == resident.username or people.letters()[0].to == resident.username


# -- authorities

AUTHORITY = {
    "username": "rak-virkamies1",
    "email": "virka@example.fi",
    "language": "sv",
    "given_name": "Viran",
    "family_name": "Omainen",
}


def test_an_authority_chooses_the_password(app: Flask, support: FlaskClient, people: People) -> None:
    made = journey.submit(support, "/admin/authorities/new", **AUTHORITY)

    assert made.location.startswith("/admin/accounts/")
    letter = people.letters()[0]
    assert (letter.kind, letter.to) == ("invitation", "virka@example.fi")
    assert "rak-virkamies1" in letter.text
    assert "Ett konto" in letter.subject
    browser = app.test_client()
    fields = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    assert journey.page_name(press(browser, letter.link, **fields)) == "reset-done"
    assert journey.log_in(browser, Person("", "rak-virkamies1", PASSWORD)).status_code == 303
    with app.app_context():
        account = db.session.scalars(sa.select(Account).filter_by(username="rak-virkamies1")).one()
        assert (account.kind, account.email_verified) == ("authority", True)


def test_an_invitation_works_once_and_for_three_days(
    moving_clock: MovableClock, app: Flask, support: FlaskClient, people: People
) -> None:
    journey.submit(support, "/admin/authorities/new", **AUTHORITY)
    link = people.letters()[0].link
    browser = app.test_client()

    moving_clock.move(hours=71)
    assert browser.get(link).status_code == 200
    moving_clock.move(hours=1)
    assert browser.get(link).status_code == 410


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "maija@example.fi"),
        ("username", "Väärä Muoto"),
        ("email", "rak-virkamies2"),
        ("email", ""),
    ],
)
def test_an_authority_needs_a_name_of_its_own_form_and_an_address(
    support: FlaskClient, field: str, value: str
) -> None:
    assert (
        journey.submit(support, "/admin/authorities/new", **(AUTHORITY | {field: value})).status_code == 422
    )


def test_a_name_or_an_address_in_use_makes_no_authority(support: FlaskClient, resident: Person) -> None:
    answer = journey.submit(support, "/admin/authorities/new", **(AUTHORITY | {"email": resident.username}))

    assert journey.errors(answer) == ["Käyttäjätunnus tai sähköpostiosoite on jo käytössä."]


# -- what stands on the page


def test_the_page_never_shows_a_password_or_a_link(
    support: FlaskClient, resident: Person, people: People
) -> None:
    text = support.get(f"/admin/accounts/{resident.id}").get_data(as_text=True)

    assert PASSWORD not in text
    assert not re.search(r"v1:|\$2b\$|token=", text)


def test_support_sees_that_an_administrators_account_is_not_theirs_to_change(
    support: FlaskClient, colleague: Colleague
) -> None:
    page = journey.soup(support.get(f"/admin/accounts/{colleague(Role.AUDITOR).id}"))

    assert page.select(".acts") == []
    assert "Tämä on ylläpitäjä" in page.get_text()


def test_the_owner_reads_in_their_history_what_a_helper_did(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    act(support, resident, "unlock")
    own = app.test_client()
    journey.log_in(own, resident)

    text = journey.soup(own.get("/account/history")).get_text()

    assert "lukitus" in text.lower() or "avattu" in text.lower()
    assert "katsottu" not in text


# -- invitations that nobody has used


@pytest.fixture
def invited(app: Flask) -> Person:
    with app.app_context():
        made = invitations.create_resident(
            EmailAddress.parse("uusi@example.fi"),
            Details("Uusi", "Asukas", None, None, None, None),
            OPERATOR,
            "fi",
            rules(),
        )
    return Person(made, "uusi@example.fi", PASSWORD)


def test_an_account_whose_owner_has_not_come_says_so(
    app: Flask, moving_clock: MovableClock, support: FlaskClient, invited: Person
) -> None:
    before = state(support, invited)
    moving_clock.move(hours=73)
    later = app.test_client()
    journey.log_in(later, Person("", f"{Role.SUPPORT}@example.fi", PASSWORD))

    assert before == "Kutsuttu, salasanaa ei vielä ole; linkki toimii 27.11.2026 klo 14.00 asti"
    assert state(later, invited) == ("Kutsuttu, salasanaa ei vielä ole; linkki vanheni 27.11.2026 klo 14.00")


@pytest.mark.parametrize("way", ["invitation", "forgotten"])
def test_it_is_in_use_as_soon_as_its_owner_has_chosen_a_password(
    app: Flask, support: FlaskClient, people: People, invited: Person, way: str
) -> None:
    browser = app.test_client()
    if way == "forgotten":
        journey.submit(browser, "/forgot", username=invited.username)

    journey.submit(browser, people.letters()[0].link, new_password=PASSWORD, new_password_confirm=PASSWORD)

    assert state(support, invited) == "Käytössä"
    page = journey.soup(support.get(f"/admin/accounts/{invited.id}"))
    assert page.select("a[href$='/invite']") == []


def test_an_invitation_is_sent_again(
    app: Flask, support: FlaskClient, people: People, invited: Person, moving_clock: MovableClock
) -> None:
    first = people.letters()[0].link
    moving_clock.move(hours=1)
    assert journey.soup(support.get(f"/admin/accounts/{invited.id}")).select("a[href$='/invite']")

    told = act(support, invited, "invite")

    second = people.letters()[0]
    assert told == "Linkki on matkalla osoitteeseen uusi@example.fi."
    assert (second.kind, second.to) == ("invitation", "uusi@example.fi")
    browser = app.test_client()
    assert browser.get(first).status_code == 410
    assert browser.get(second.link).status_code == 200
    assert [event.event for event in events_of(app, invited)].count(Event.INVITED.value) == 2


def test_an_account_in_use_gets_no_invitation(support: FlaskClient, people: People, resident: Person) -> None:
    before = len(people.letters())

    answer = support.get(f"/admin/accounts/{resident.id}/invite")

    assert answer.location == f"/admin/accounts/{resident.id}"
    notice = journey.soup(support.get(answer.location)).select_one(".notice-status")
    assert notice is not None
    assert notice.get_text(" ", strip=True) == "Tätä ei voi tehdä nyt. Katso tunnuksen tila."
    assert len(people.letters()) == before


def test_the_history_of_an_account_tells_the_devices_of_logins(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    browser = app.test_client()
    browser.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"
    journey.log_in(browser, resident)

    history = journey.soup(support.get(f"/admin/accounts/{resident.id}")).select(".table")[-1]

    assert "127.0.0.1 Firefox, Linux" in history.get_text(" ", strip=True)
    assert "device" not in history.get_text(), "is no change of a value"


# -- the whole history


def test_support_can_read_all_of_an_accounts_history_page_by_page(
    app: Flask, support: FlaskClient, resident: Person, moving_clock: MovableClock
) -> None:
    with app.app_context(), writing() as session:
        for number in range(60):
            at = moving_clock.move(seconds=1)
            audit.record(session, Event.UNLOCKED, at=at, account_id=resident.id, note=f"Syy {number}")
    page = journey.soup(support.get(f"/admin/accounts/{resident.id}"))
    link = page.find("a", string="Kaikki tilin tapahtumat") or page.select_one(".after-form a")
    assert link is not None
    assert "Syy 59" in page.text
    assert "Syy 20" not in page.text

    first = journey.soup(support.get(str(link["href"])))
    second = journey.soup(support.get(str(first.select_one("#older")["href"])))  # type: ignore[index]

    told = [f"Syy {number}" for number in range(60)]
    assert all(note in first.text + second.text for note in told)
    assert second.select_one("#older") is None
    assert [cell.text for cell in second.select("td") if "Syy 0" in cell.text]


def test_the_history_of_an_account_has_nothing_of_others(
    app: Flask, support: FlaskClient, people: People, resident: Person
) -> None:
    other = people.resident("pekka@example.fi")
    act(support, other, "disable", note="Toisen syy")

    text = support.get(f"/admin/accounts/{resident.id}/history").get_data(as_text=True)

    assert "Toisen syy" not in text
    assert support.get(f"/admin/accounts/{'x' * 22}/history").status_code == 404

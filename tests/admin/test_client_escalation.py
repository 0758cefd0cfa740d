"""Whoever looks after client apps gets no other role through them, and nobody else changes any."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts.roles import Role
from idp.admin.client_fields import GROUPS
from idp.admin.rights import RIGHTS
from tests.admin.client_steps import PAGE, edit, stored
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

ACTS = ("rotate", "end-previous", "end-self-registration", "disable", "enable", "delete")
CHANGING = (*(f"edit/{group}" for group in GROUPS), *ACTS)
MACHINE = {"grant_types": ["client_credentials"]}


@pytest.fixture
def keeper(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    return at_desk(Role.CLIENTS)


def of_administrators(people: People, scope: str) -> App:
    return people.client(scope=scope, **MACHINE)


def as_it_is(app: Flask) -> tuple[object, ...]:
    client = stored(app)
    return client.version, client.updated_at, client.enabled


@pytest.mark.parametrize("scope", ["admin:accounts", "admin:clients admin:audit", "admin:unheard-of"])
def test_an_app_that_may_more_than_its_keeper_is_not_theirs_to_change(
    app: Flask, keeper: FlaskClient, people: People, scope: str
) -> None:
    of_administrators(people, scope)
    before = as_it_is(app)
    token = journey.csrf_token(keeper.get("/admin/confirm"))
    fields = {"csrf_token": token, "version": stored(app).version, "note": "Syy", "overlap": "0"}
    fields["seen"] = stored(app).updated_at.isoformat()

    for path in CHANGING:
        assert keeper.get(f"{PAGE}/{path}").status_code == 404, path
        assert keeper.post(f"{PAGE}/{path}", data=fields).status_code == 404, path
    assert as_it_is(app) == before


def test_its_page_tells_why(keeper: FlaskClient, people: People) -> None:
    of_administrators(people, "admin:audit")

    page = journey.soup(keeper.get(PAGE))

    assert "Sovellus voi toimia ylläpitäjänä" in page.text
    assert page.select("a[href*='/edit/'], a[href$='/rotate'], a[href$='/delete']") == []


def test_an_app_that_may_the_same_as_its_keeper_is_theirs(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    of_administrators(people, "admin:clients")

    assert edit(keeper, f"{PAGE}/edit/names", client_name="Toinen").status_code == 303


def test_a_scope_that_the_keeper_has_not_cannot_be_given(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client(scope="invoices:read", **MACHINE)
    before = as_it_is(app)

    for scope in ("admin:accounts", "admin:clients admin:audit", "openid admin:audit"):
        changed = edit(keeper, f"{PAGE}/edit/consent", scope_further=scope)
        made = edit(keeper, "/admin/clients/new?kind=machine", client_name="X", scope_further=scope)
        assert (changed.status_code, made.status_code) == (422, 422)
    assert as_it_is(app) == before
    assert len(journey.soup(keeper.get("/admin/clients")).select(".table .lead")) == 1


def test_an_admin_can_give_it(app: Flask, admin: FlaskClient) -> None:
    answer = edit(admin, "/admin/clients/new?kind=machine", client_name="X", scope_further="admin:audit")

    assert journey.page_name(answer) == "admin-client-secret"


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR])
def test_others_change_nothing(
    app: Flask, at_desk: Callable[..., FlaskClient], people: People, role: Role
) -> None:
    people.client()
    before = as_it_is(app)
    browser = at_desk(role)
    token = journey.csrf_token(browser.get("/admin/confirm"))
    fields = {"csrf_token": token, "version": stored(app).version, "note": "Syy", "client_name": "X"}

    for path in (*(f"{PAGE}/{path}" for path in CHANGING), "/admin/clients/new?kind=web"):
        assert browser.get(path).status_code == 404, path
        assert browser.post(path, data=fields).status_code == 404, path
    assert as_it_is(app) == before


def test_an_auditor_reads_all_of_it(at_desk: Callable[..., FlaskClient], people: People) -> None:
    people.client()
    browser = at_desk(Role.AUDITOR)

    for path in ("/admin/clients", PAGE, f"{PAGE}/settings"):
        page = browser.get(path)
        assert page.status_code == 200
        assert journey.soup(page).select("a[href*='/edit/'], a[href$='/new'], a[href$='/rotate']") == []


def test_support_sees_no_apps(at_desk: Callable[..., FlaskClient], people: People) -> None:
    people.client()
    browser = at_desk(Role.SUPPORT)

    assert [browser.get(path).status_code for path in ("/admin/clients", PAGE, f"{PAGE}/settings")] == [
        404
    ] * 3
    assert "/admin/clients" not in browser.get("/admin/").get_data(as_text=True)


def test_what_cannot_be_undone_asks_for_the_password_again(
    moving_clock: MovableClock, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    people.client()
    browser = at_desk(Role.CLIENTS)
    moving_clock.move(minutes=11)

    for path in ("/admin/clients/new?kind=web", *(f"{PAGE}/{act}" for act in ACTS)):
        assert browser.get(path).location == "/admin/confirm", path
        assert browser.post(path).location == "/admin/confirm", path
    assert browser.get(PAGE).status_code == 200


def test_settings_that_let_others_in_ask_for_the_password_again_before_their_form(
    app: Flask, moving_clock: MovableClock, at_desk: Callable[..., FlaskClient], people: People
) -> None:
    people.client()
    browser = at_desk(Role.CLIENTS)
    before = as_it_is(app)
    moving_clock.move(minutes=11)

    first = {
        group
        for group in GROUPS
        if browser.get(f"{PAGE}/edit/{group}").location == "/admin/confirm"
        and browser.post(f"{PAGE}/edit/{group}").location == "/admin/confirm"
    }
    assert set(GROUPS) - first == {"names", "pages", "logo", "appearance", "lifetimes"}
    assert as_it_is(app) == before

    back = journey.submit(browser, "/admin/confirm", password="Kuusi;7puuta").location
    assert back == f"{PAGE}/edit/api"  # the last one
    assert browser.get(back).status_code == 200


def test_every_page_of_apps_is_in_the_table_for_keepers_alone() -> None:
    ours = {name: right for name, right in RIGHTS.items() if name.startswith("client")}

    assert len(ours) == 12
    for name, right in ours.items():
        reads = name in {"clients", "client", "client_check", "client_settings"}
        assert set(right.roles) == ({Role.CLIENTS, Role.AUDITOR} if reads else {Role.CLIENTS}), name
        assert right.fresh == (not reads and name != "client_edit"), name


def test_no_form_acts_without_its_token(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()
    before = as_it_is(app)
    foreign = journey.csrf_token(app.test_client().get("/login"))
    fields = {"version": stored(app).version, "client_name": "X", "note": "Syy", "overlap": "0"}
    fields["seen"] = stored(app).updated_at.isoformat()

    for path in ("edit/names", "rotate", "disable", "delete"):
        for token in ({}, {"csrf_token": foreign}, {"csrf_token": ""}):
            assert keeper.post(f"{PAGE}/{path}", data=fields | token).status_code == 422, path
    assert as_it_is(app) == before


def test_what_was_done_is_written_down_with_who_did_it(
    app: Flask, at_desk: Callable[..., FlaskClient], colleague: Callable[..., Person], people: People
) -> None:
    from idp import audit_log
    from idp.accounts.roles import OPERATOR
    from idp.audit_log import Filter

    people.client()
    person = colleague(Role.CLIENTS, username="hoitaja@example.fi")
    browser = app.test_client()
    journey.log_in(browser, person)
    secret = edit(browser, f"{PAGE}/rotate", overlap="7").get_data(as_text=True)
    edit(browser, f"{PAGE}/edit/names", client_name="Uusi")
    journey.submit(browser, f"{PAGE}/disable", note="Syy")

    with app.app_context():
        found = audit_log.page(Filter(client_id="asiointi"), None, OPERATOR).events
        told = [(event.event, event.actor, event.note) for event in found]
        changes = [event.changes for event in found]
    assert told == [
        ("client.disabled", person.id, "Syy"),
        ("client.changed", person.id, None),
        ("client.secret_rotated", person.id, None),
    ]
    assert changes[1] == {"client_name": ["Asiointipalvelu", "Uusi"]}
    assert journey.BeautifulSoup(secret, "html.parser").select_one("#client-secret").text not in str(changes)  # type: ignore[union-attr]

"""Nobody gets more than their role gives: each page for each role and for strangers, forged forms, ids of others."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from idp.accounts import address_change, invitations, links, roles, support
from idp.accounts.details import Details
from idp.accounts.helping import OwnAccount
from idp.accounts.links import LinkState, Purpose
from idp.accounts.models import Account, RoleGiven
from idp.accounts.roles import OPERATOR, Actor, LastAdmin, NotAllowed, Role
from idp.accounts.rules import rules
from idp.admin import admin as blueprint
from idp.admin.rights import RIGHTS
from idp.database import db, writing
from idp.policy.usernames import EmailAddress
from tests.admin.conftest import Colleague, acting
from tests.pages.steps import letter
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

NOBODY: tuple[Role, ...] = ()
EVERY_ROLE = [NOBODY, (Role.CLIENTS,), (Role.SUPPORT,), (Role.AUDITOR,), (Role.ADMIN,)]
NOTE = {"note": "Syy"}


@dataclass(frozen=True)
class Door:
    """A page of the pages for administrators, at an address of its own."""

    endpoint: str
    path: str
    methods: frozenset[str]


def doors(app: Flask, account_id: str, registration_id: str) -> Iterator[Door]:
    values = {
        "account_id": account_id,
        "registration_id": registration_id,
        "client_id": "asiointi",
        "group": "names",
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{blueprint.name}."):
            wanted = {name: values[name] for name in rule.arguments}
            methods = frozenset(rule.methods or ()) & {"GET", "POST"}
            yield Door(rule.endpoint.partition(".")[2], adapter.build(rule.endpoint, wanted), methods)


def waiting(browser: FlaskClient) -> str:
    """The identifier of the one registration that waits."""
    link = journey.soup(browser.get("/admin/accounts?q=odottaja")).select_one(".table a")
    assert link is not None
    return str(link["href"]).rpartition("/")[2]


@pytest.fixture
def all_doors(app: Flask, admin: FlaskClient, resident: Person, people: People) -> list[Door]:
    people.applicant("odottaja@example.fi")
    people.client()
    found = [*doors(app, resident.id, waiting(admin))]
    assert {door.endpoint for door in found} == set(RIGHTS)
    return found


def test_strangers_are_led_to_the_login_page_by_every_page(app: Flask, all_doors: list[Door]) -> None:
    stranger = app.test_client()

    answers = {
        (door.path, method): stranger.open(door.path, method=method).location
        for door in all_doors
        for method in door.methods
    }

    assert set(answers.values()) == {"/login"}


@pytest.mark.parametrize("given", EVERY_ROLE, ids=lambda given: "-".join(given) or "no role")
def test_every_page_opens_for_its_roles_alone(
    app: Flask, all_doors: list[Door], at_desk: Callable[..., FlaskClient], given: tuple[Role, ...]
) -> None:
    browser = at_desk(*given) if given != (Role.ADMIN,) else app.test_client()
    if given == (Role.ADMIN,):
        journey.log_in(browser, Person("", "admin@example.fi", "Kuusi;7puuta"))
    actor = Actor("", frozenset(given))

    wrong = []
    for door in all_doors:
        opens = bool(given) and RIGHTS[door.endpoint].permits(actor)
        for method in door.methods:
            status = browser.open(door.path, method=method).status_code
            # A form without its token is shown again, an act that does not fit leads back to the account:
            # whoever may open the page gets that far, nobody else does.
            expected = {404} if not opens else {200, 303} if method == "GET" else {422, 303}
            if status not in expected:
                wrong.append((door.endpoint, method, status))
    assert wrong == []


def test_no_form_acts_without_its_token(
    app: Flask, all_doors: list[Door], admin: FlaskClient, resident: Person
) -> None:
    other = app.test_client()
    foreign = journey.csrf_token(other.get("/login"))
    with app.app_context():
        before = [(a.id, a.status, a.given_name) for a in db.session.query(Account)]
    fields = NOTE | {
        "given_name": "Toinen",
        "family_name": "Nimi",
        "new_email": "x@example.fi",
        "email": "x@example.fi",
        "username": "rak-virkamies1",
        "role": "admin",
        "role_admin": "y",
        "confirm": "y",
        "kind": "usual",
        "format": "csv",
        "password": "Kuusi;7puuta",
    }

    answers = {}
    for door in all_doors:
        if "POST" in door.methods:
            for token in ({}, {"csrf_token": foreign}, {"csrf_token": ""}):
                answers[door.endpoint, str(token)] = admin.post(door.path, data=fields | token).status_code

    # which do not fit an account or an app in use
    idle = {"account_invite", "account_enable", "account_keep", "client_enable", "client_end_previous"}
    idle.add("client_end_self_registration")
    assert {status for (endpoint, _), status in answers.items() if endpoint not in idle} == {422}
    with app.app_context():
        assert [(a.id, a.status, a.given_name) for a in db.session.query(Account)] == before
        assert [holder.username for holder in roles.holders()] == ["admin@example.fi"]


def test_a_look_changes_nothing(
    app: Flask, all_doors: list[Door], admin: FlaskClient, people: People
) -> None:
    before = len(people.letters())

    for door in all_doors:
        for method in ("GET", "HEAD"):
            admin.open(door.path, method=method, query_string=NOTE | {"confirm": "y", "do_import": "1"})

    assert len(people.letters()) == before
    with app.app_context():
        assert {account.status for account in db.session.query(Account)} == {"active"}


def test_what_the_table_does_not_know_opens_for_nobody(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(RIGHTS, "terms")  # type: ignore[arg-type]

    assert admin.get("/admin/terms").status_code == 404


# -- support and the accounts of administrators

ACTS_ON_ACCOUNTS: dict[str, Callable[[str, Actor], object]] = {
    "unlock": lambda account, by: support.unlock(account, by, rules()),
    "log out": support.log_out_everywhere,
    "reset": lambda account, by: support.start_reset(account, by, rules()),
    "disable": lambda account, by: support.disable(account, by, "Syy"),
    "enable": lambda account, by: support.enable(account, by, "Syy"),
    "delete": lambda account, by: support.delete(account, by, "Syy", rules()),
    "keep": lambda account, by: support.keep(account, by, "Syy"),
    "edit": lambda account, by: support.edit(account, Details("A", "B", None, None, None, None), by, "Syy"),
    "address": lambda account, by: support.change_address(
        account, EmailAddress.parse("x@example.fi"), by, "Syy", rules()
    ),
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", ACTS_ON_ACCOUNTS)
def test_support_cannot_touch_an_account_that_has_a_role(
    context: Flask, colleague: Colleague, name: str, role: Role
) -> None:
    helper, other = (
        colleague(Role.SUPPORT, username="apu@example.fi"),
        colleague(role, username="muu@example.fi"),
    )

    with pytest.raises(NotAllowed):
        ACTS_ON_ACCOUNTS[name](other.id, acting(helper, Role.SUPPORT))


@pytest.mark.parametrize("name", ACTS_ON_ACCOUNTS)
def test_support_cannot_touch_their_own_account(context: Flask, colleague: Colleague, name: str) -> None:
    helper = colleague(Role.SUPPORT)

    with pytest.raises((NotAllowed, OwnAccount)):
        ACTS_ON_ACCOUNTS[name](helper.id, acting(helper, Role.SUPPORT))


@pytest.mark.parametrize("given", [NOBODY, (Role.CLIENTS,), (Role.AUDITOR,)])
@pytest.mark.parametrize("name", ACTS_ON_ACCOUNTS)
def test_the_domain_asks_for_the_role_too(
    context: Flask, resident: Person, name: str, given: tuple[Role, ...]
) -> None:
    with pytest.raises(NotAllowed):
        ACTS_ON_ACCOUNTS[name](resident.id, Actor("somebody", frozenset(given)))


@pytest.mark.parametrize("name", ["unlock", "sessions", "reset", "disable", "delete", "edit", "email"])
def test_support_finds_no_page_that_changes_an_administrator(
    support: FlaskClient, colleague: Colleague, name: str
) -> None:
    other = colleague(Role.AUDITOR, username="muu@example.fi")
    token = journey.csrf_token(support.get("/admin/confirm"))

    assert support.get(f"/admin/accounts/{other.id}/{name}").status_code == 404
    sent = support.post(f"/admin/accounts/{other.id}/{name}", data={"csrf_token": token, **NOTE})
    assert sent.status_code == 404


def test_an_admin_can_help_an_administrator(app: Flask, admin: FlaskClient, colleague: Colleague) -> None:
    other = colleague(Role.SUPPORT, username="muu@example.fi")

    assert journey.submit(admin, f"/admin/accounts/{other.id}/disable", **NOTE).status_code == 303
    assert journey.log_in(app.test_client(), other).status_code == 422


# -- links of the time before a role


@pytest.fixture
def helped(app: Flask, colleague: Colleague, resident: Person) -> Callable[[str], None]:
    """Lets a helper ask for another address of the resident's account."""
    by = acting(colleague(Role.SUPPORT), Role.SUPPORT)

    def ask(new: str) -> None:
        with app.app_context():
            support.change_address(resident.id, EmailAddress.parse(new), by, "Syy", rules())

    return ask


def give(app: Flask, person: Person, role: Role) -> None:
    with app.app_context():
        roles.choose(person.id, [role], OPERATOR)


def address_of(app: Flask, person: Person) -> str | None:
    with app.app_context():
        return db.session.get_one(Account, person.id).email


@pytest.mark.parametrize("role", list(Role))
def test_an_address_that_a_helper_asked_for_is_no_way_into_a_role(
    app: Flask, people: People, helped: Callable[[str], None], resident: Person, role: Role
) -> None:
    helped("toinen@example.fi")
    link = letter(people, "address_confirmation").link

    give(app, resident, role)

    assert app.test_client().get(link).status_code == 410
    assert address_of(app, resident) == resident.username
    with app.app_context():
        assert address_change.pending(resident.id) is None


def test_the_undoing_of_a_helpers_change_is_no_way_into_a_role(
    app: Flask, people: People, helped: Callable[[str], None], resident: Person, moving_clock: MovableClock
) -> None:
    browser = app.test_client()
    for address in ("toinen@example.fi", resident.username):
        moving_clock.move(minutes=1)
        helped(address)
        journey.submit(browser, letter(people, "address_confirmation").link)
    link = letter(people, "address_changed").link

    give(app, resident, Role.ADMIN)

    assert browser.get(link).status_code == 410
    assert address_of(app, resident) == resident.username


@pytest.mark.parametrize("purpose", [Purpose.RESET, Purpose.DISOWN])
def test_other_links_to_the_account_die_too_when_it_gets_a_role(
    context: Flask, resident: Person, purpose: Purpose
) -> None:
    now = clock.now()
    with writing() as session:
        token = links.make(session, purpose, now, now + timedelta(days=1), account_id=resident.id)

    roles.choose(resident.id, [Role.CLIENTS], OPERATOR)

    assert links.look(token, purpose, now).state is LinkState.WITHDRAWN


def test_a_change_from_before_the_role_has_no_effect_even_if_its_link_lives(
    app: Flask, people: People, helped: Callable[[str], None], resident: Person, moving_clock: MovableClock
) -> None:
    """As where an earlier version has given the role."""
    helped("toinen@example.fi")
    moving_clock.move(minutes=1)
    with app.app_context(), writing() as session:
        session.add(
            RoleGiven(account_id=resident.id, role="admin", given_at=clock.now(), given_by="operator")
        )

    answer = journey.submit(app.test_client(), letter(people, "address_confirmation").link)

    assert answer.status_code == 410
    assert address_of(app, resident) == resident.username


def test_an_administrator_changes_their_own_address(
    app: Flask, people: People, resident: Person, moving_clock: MovableClock
) -> None:
    give(app, resident, Role.ADMIN)
    moving_clock.move(minutes=1)
    with app.app_context():
        account = db.session.get_one(Account, resident.id)
        address_change.ask(account, EmailAddress.parse("uusi@example.fi"), rules())
    browser = app.test_client()

    journey.submit(browser, letter(people, "address_confirmation").link)
    assert address_of(app, resident) == "uusi@example.fi"
    journey.submit(browser, letter(people, "address_changed").link)
    assert address_of(app, resident) == resident.username


def test_an_invitation_survives_that_its_account_gets_a_role(
    app: Flask, admin: FlaskClient, people: People
) -> None:
    journey.submit(admin, "/admin/team/invite", email="uusi@example.fi", role="support")
    journey.submit(admin, "/admin/team/invite", email="uusi@example.fi", role="auditor")

    fields = {"new_password": "Kuusi;7puuta", "new_password_confirm": "Kuusi;7puuta"}
    answer = journey.submit(app.test_client(), letter(people, "invitation").link, **fields)

    assert answer.location == "/reset/done"


def test_while_a_helper_acts_nobody_gives_the_account_a_role(
    app: Flask, colleague: Colleague, resident: Person
) -> None:
    by = acting(colleague(Role.SUPPORT), Role.SUPPORT)
    given = threading.Event()

    def act() -> None:
        give(app, resident, Role.ADMIN)
        given.set()

    admin_at_work = threading.Thread(target=act)
    with app.app_context(), writing() as session:
        roles.must_may_change(session, resident.id, by)
        admin_at_work.start()
        assert not given.wait(0.5)
    admin_at_work.join(20)

    assert given.is_set()


# -- roles


@pytest.mark.parametrize("given", [NOBODY, (Role.CLIENTS,), (Role.SUPPORT,), (Role.AUDITOR,)])
def test_only_admins_give_roles(context: Flask, colleague: Colleague, given: tuple[Role, ...]) -> None:
    person = colleague(*given)
    by = acting(person, *given)

    with pytest.raises(NotAllowed):
        roles.choose(person.id, [Role.ADMIN], by)
    with pytest.raises(NotAllowed):
        invitations.give_role(EmailAddress.parse("x@example.fi"), Role.ADMIN, by, "fi", rules())
    assert roles.of(person.id) == set(given)


def test_roles_are_chosen_and_written_down(app: Flask, admin: FlaskClient, resident: Person) -> None:
    journey.submit(admin, f"/admin/team/{resident.id}", role_support="y", role_auditor="y")
    journey.submit(admin, f"/admin/team/{resident.id}", role_auditor="y")

    with app.app_context():
        assert roles.of(resident.id) == {Role.AUDITOR}
        changes = [e.changes for e in support.history(resident.id) if e.event.startswith("role.")]
    assert changes[0] == {"roles": [["auditor", "support"], ["auditor"]]}


def test_an_unknown_role_is_no_role(app: Flask, admin: FlaskClient, resident: Person) -> None:
    answer = journey.submit(admin, "/admin/team/invite", email=resident.username, role="root")
    journey.submit(admin, f"/admin/team/{resident.id}", role_root="y", roles="admin")

    assert answer.status_code == 422
    with app.app_context():
        assert roles.of(resident.id) == frozenset()


def test_the_last_admin_stays(app: Flask, admin: FlaskClient, colleague: Colleague) -> None:
    colleague(Role.SUPPORT)
    with app.app_context():
        only = next(holder for holder in roles.holders() if Role.ADMIN in holder.roles)
    page = f"/admin/team/{only.id}"

    gives_up = journey.submit(admin, page, role_support="y")
    deletes = journey.submit(admin, "/account/delete", password="Kuusi;7puuta", confirm="y")

    assert gives_up.status_code == deletes.status_code == 422
    assert "ainoa ylläpitäjä" in journey.errors(gives_up)[0]
    assert "ainoa pääkäyttäjä" in journey.errors(deletes)[0]
    with app.app_context():
        assert Role.ADMIN in roles.of(only.id)


def test_a_disabled_admin_does_not_count_as_the_other_one(context: Flask, colleague: Colleague) -> None:
    one, other = (colleague(Role.ADMIN, username=f"{name}@example.fi") for name in ("yksi", "kaksi"))
    by = acting(one, Role.ADMIN)

    support.disable(other.id, by, "Syy")

    with pytest.raises(LastAdmin):
        roles.choose(one.id, [], by)
    with pytest.raises(LastAdmin):
        support.disable(one.id, OPERATOR, "Syy")
    with pytest.raises(LastAdmin):
        support.delete(one.id, OPERATOR, "Syy", rules())
    with pytest.raises(OwnAccount):
        support.disable(one.id, by, "Syy")
    support.enable(other.id, by, "Syy")
    roles.choose(one.id, [], by)
    assert roles.of(one.id) == frozenset()


def test_an_invitation_from_the_page_is_mailed_and_never_shown(
    app: Flask, admin: FlaskClient, people: People
) -> None:
    answer = journey.submit(admin, "/admin/team/invite", email="uusi@example.fi", role="support")

    page = admin.get(answer.location).get_data(as_text=True)
    letter = people.letters()[0]
    assert (letter.kind, letter.to) == ("invitation", "uusi@example.fi")
    assert "token=" not in page
    browser = app.test_client()
    fields = {"new_password": "Kuusi;7puuta", "new_password_confirm": "Kuusi;7puuta"}
    journey.submit(browser, letter.link, **fields)
    journey.log_in(browser, Person("", "uusi@example.fi", "Kuusi;7puuta"))
    journey.submit(browser, "/accept-terms", accept_terms="y")
    assert browser.get("/admin/accounts").status_code == 200


def test_an_invitation_of_somebody_with_an_account_leaves_their_password_alone(
    app: Flask, admin: FlaskClient, resident: Person, people: People
) -> None:
    before = len(people.letters())

    journey.submit(admin, "/admin/team/invite", email=resident.username, role="auditor")

    assert len(people.letters()) == before
    assert journey.log_in(app.test_client(), resident).status_code == 303
    with app.app_context():
        assert roles.of(resident.id) == {Role.AUDITOR}


@pytest.mark.parametrize("identifier", ["x" * 22, "..", "%00", "a%2Fb", "0", "' OR 1=1 --"])
@pytest.mark.parametrize("path", ["accounts/{}", "accounts/{}/edit", "registrations/{}", "team/{}"])
def test_an_identifier_of_nobody_is_not_found(admin: FlaskClient, path: str, identifier: str) -> None:
    assert admin.get(f"/admin/{path.format(identifier)}").status_code == 404


def test_a_registration_that_became_an_account_cannot_be_touched_as_one(
    app: Flask, support: FlaskClient, people: People
) -> None:
    link = people.applicant("odottaja@example.fi")
    identifier = waiting(support)
    journey.submit(app.test_client(), link, password="Kuusi;7puuta", activate="1")

    for path in ("", "/resend", "/remove"):
        assert support.get(f"/admin/registrations/{identifier}{path}").status_code == 404

"""Client apps at the administrators' pages: found, registered, shown, changed, disabled, deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import audit_log
from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Actor, Role
from idp.admin import client_check
from idp.admin import clients as client_pages
from idp.audit_log import Filter
from idp.clients import history, managed, management, presets
from idp.clients.metadata import InvalidClientMetadata
from idp.clients.models import ClientApp
from idp.clients.presets import PRESETS, Kind
from idp.crypto import hash_token
from idp.database import writing
from tests.admin.client_steps import PAGE, edit, field_error, secret_in, send, stored
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People, Person

ADDRESS = "https://lupa.example.fi/callback"


@pytest.fixture
def keeper(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    """The browser of somebody who looks after client apps."""
    return at_desk(Role.CLIENTS)


def register(browser: FlaskClient, kind: Kind, **fields: str):  # type: ignore[no-untyped-def]
    needed = {"scope_further": "invoices:read"} if kind is Kind.MACHINE else {"redirect_uris": ADDRESS}
    return edit(
        browser, f"/admin/clients/new?kind={kind}", **{"client_name": "Lupapalvelu"} | needed | fields
    )


def client_id_in(answer) -> str:  # type: ignore[no-untyped-def]
    found = journey.soup(answer).select_one("#client-id")
    assert found is not None
    return found.text


# -- finding


def names_on(page) -> list[str]:  # type: ignore[no-untyped-def]
    return [link.text for link in journey.soup(page).select(".table .lead a")]


def test_apps_are_found_by_name_identifier_and_address(keeper: FlaskClient, people: People) -> None:
    people.client("asiointi")
    people.client("lupa", client_name="Lupapalvelu", redirect_uris=["https://lupa.example.fi/cb"])

    assert names_on(keeper.get("/admin/clients")) == ["Asiointipalvelu", "Lupapalvelu"]
    for typed in ("LUPA", "lupa.example.fi", "lupapal"):
        assert names_on(keeper.get("/admin/clients", query_string={"q": typed})) == ["Lupapalvelu"]
    assert names_on(keeper.get("/admin/clients?q=ei%20kukaan")) == []


def test_many_apps_are_shown_page_by_page(
    keeper: FlaskClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        people.client(f"app-{number}", client_name=f"Palvelu {number}")
    whole = managed.search
    monkeypatch.setattr(
        client_pages.managed, "search", lambda text, by, after: whole(text, by, after=after, size=2)
    )

    seen, url = [], "/admin/clients?q=palvelu"
    while url:
        page = keeper.get(url)
        seen += names_on(page)
        further = journey.soup(page).select_one("#next")
        url = str(further["href"]) if further else ""

    assert seen == [f"Palvelu {number}" for number in range(5)]


def test_the_state_stands_in_words(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client("asiointi")
    people.client("avoin", token_endpoint_auth_method="none")
    with app.app_context():
        management.rotate_secret("asiointi", OPERATOR)
        management.disable("avoin", OPERATOR, "Syy")

    def states(path: str) -> list[str]:
        return [each.text for each in journey.soup(keeper.get(path)).select(".states .state")]

    first = states(PAGE)
    assert first[0] == "Käytössä"
    assert first[1].startswith("Edellinen salaisuus toimii")
    assert states("/admin/clients/avoin") == ["Poissa käytöstä", "Julkinen: ei salaisuutta"]


# -- registering


def test_each_kind_is_registered_with_few_fields_and_safe_values(app: Flask, keeper: FlaskClient) -> None:
    for kind, preset in PRESETS.items():
        answer = register(keeper, kind)

        made = stored(app, client_id_in(answer))
        assert answer.status_code == 200
        assert made.pkce_required == (kind is not Kind.HYBRID)
        assert made.has_secret == (kind not in (Kind.SPA, Kind.MOBILE))
        assert made.first_party
        assert {name: made.metadata[name] for name in preset.metadata} == preset.metadata
        assert (journey.soup(answer).select_one("#client-secret") is not None) == made.has_secret


def test_a_name_can_be_given_in_each_language(app: Flask, keeper: FlaskClient) -> None:
    answer = register(keeper, Kind.WEB, **{"client_name-sv": "Tillstånd", "client_name-en": "Permits"})

    made = stored(app, client_id_in(answer)).metadata
    assert (made["client_name"], made["client_name#sv"], made["client_name#en"]) == (
        "Lupapalvelu",
        "Tillstånd",
        "Permits",
    )


def test_a_secret_is_shown_once_and_works(app: Flask, keeper: FlaskClient) -> None:
    answer = register(keeper, Kind.MACHINE)

    client_id, secret = client_id_in(answer), secret_in(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in str(answer.headers)
    assert "lang=sv" not in answer.get_data(
        as_text=True
    )  # a language link would open the page anew, without it
    for path in ("", "/settings", "/edit/protocol", "/rotate"):
        assert secret not in keeper.get(f"/admin/clients/{client_id}{path}").get_data(as_text=True)
    redeemed = app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "client_credentials", "scope": "invoices:read"},
        auth=(client_id, secret),
    )
    assert redeemed.status_code == 200


def test_a_program_gets_a_token_for_the_api_that_the_form_asked_for(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client("rajapinta", resource_server=True, resource_uris=["https://laskut.example.fi/"])
    missing = register(keeper, Kind.MACHINE, allowed_resources="https://luvat.example.fi/")
    assert "Rekisteröi rajapinta ensin." in field_error(missing, "allowed_resources")

    answer = register(keeper, Kind.MACHINE, allowed_resources="https://laskut.example.fi/")

    redeemed = app.test_client().post(
        "/oauth2/token",
        data={"grant_type": "client_credentials", "resource": "https://laskut.example.fi/"},
        auth=(client_id_in(answer), secret_in(answer)),
    )
    assert journey.claims_of(redeemed.get_json()["access_token"])["aud"] == "https://laskut.example.fi/"


def test_the_form_sent_twice_makes_one_app(app: Flask, keeper: FlaskClient) -> None:
    path = "/admin/clients/new?kind=web"
    page = keeper.get(path)
    fields = {"client_name": "Lupapalvelu", "redirect_uris": ADDRESS}

    first, second = (send(keeper, path, page, **fields) for _ in range(2))

    assert first.status_code == 200
    assert second.location == f"/admin/clients/{client_id_in(first)}"
    assert len(names_on(keeper.get("/admin/clients"))) == 1


def test_an_identifier_that_the_form_did_not_choose_is_not_taken(app: Flask, keeper: FlaskClient) -> None:
    answer = register(keeper, Kind.WEB, client_id="new")

    assert len(client_id_in(answer)) > 15


def test_an_unknown_kind_leads_to_the_choice(keeper: FlaskClient) -> None:
    for kind in ("", "root", "Web"):
        page = keeper.get("/admin/clients/new", query_string={"kind": kind})
        assert journey.page_name(page) == "admin-client-new"
        assert len(journey.soup(page).select(".choices a")) == len(Kind)


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(keeper: FlaskClient) -> None:
    answer = register(keeper, Kind.WEB, redirect_uris="http://lupa.example.fi/#x", client_uri="lupa")

    assert answer.status_code == 422
    assert "Jätä pois #" in field_error(answer, "redirect_uris")
    assert "http://lupa.example.fi/#x" in answer.get_data(as_text=True)
    assert journey.errors(answer) != []


def test_what_is_needed_is_asked_for(keeper: FlaskClient) -> None:
    for kind, field in (
        (Kind.WEB, "client_name"),
        (Kind.SPA, "redirect_uris"),
        (Kind.MACHINE, "client_name"),
    ):
        answer = register(keeper, kind, **{field: ""})
        assert answer.status_code == 422
        assert "Täytä tämä kenttä." in field_error(answer, field)


def test_presets_are_values_that_can_be_registered() -> None:
    from idp.clients.metadata import validate

    for kind, preset in PRESETS.items():
        given = {"client_name": "Nimi"}
        given |= {} if kind is Kind.MACHINE else {"redirect_uris": [ADDRESS]}
        assert validate({**preset.metadata, **given}).items() >= preset.metadata.items()
    assert presets.PRESETS[Kind.HYBRID].pkce_required is False


# -- showing


def test_a_name_cannot_bring_its_own_html(app: Flask, keeper: FlaskClient, people: People) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    people.client(
        client_name=evil,
        software_id=evil,
        software_version=evil,
        client_uri='https://x.example.fi/?"><script>'[:21],
    )
    with app.app_context():
        management.change("asiointi", _same("asiointi"), OPERATOR)
        management.disable("asiointi", OPERATOR, evil)

    pages = [
        "/admin/clients",
        PAGE,
        f"{PAGE}/settings",
        f"{PAGE}/rotate",
        f"{PAGE}/delete",
        f"{PAGE}/edit/names",
        f"{PAGE}/edit/addresses",
    ]
    for path in pages:
        text = keeper.get(path).get_data(as_text=True)
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        assert "&lt;script&gt;" in text, path


def _same(client_id: str):  # type: ignore[no-untyped-def]
    from idp.admin.client_forms import wanted

    return wanted(managed.look(client_id, OPERATOR), {})


ODD = [
    "a/b",
    "a/b/edit/names",
    "..",
    ".",
    "new",
    "a b",
    "ä?#%",
    "~abc",
    "~",
    "a%2Fb",
    "x\\y",
    "-a",
    "😀",
    "a&b=c",
]


def test_an_identifier_with_odd_characters_has_its_pages(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    for client_id in ODD:
        people.client(client_id, client_name=f"Outo {client_id}")
    links = {
        each.text: str(each["href"]) for each in journey.soup(keeper.get("/admin/clients")).select(".lead a")
    }

    for client_id in ODD:
        link = links[f"Outo {client_id}"]
        page = journey.soup(keeper.get(link))
        assert page.select_one("dd .copied").text == client_id  # type: ignore[union-attr]
        below = [str(each["href"]) for each in page.select(".acts a, .client-group a")]
        assert len(below) > 15
        for href in below:
            assert not href.startswith("/admin/") or href.startswith(f"{link}/")
        for path in ("settings", "rotate", "check"):
            assert keeper.get(f"{link}/{path}").status_code == 200, client_id
        assert edit(keeper, f"{link}/edit/names", support_phone="040 123 4567").location == link
        assert stored(app, client_id).options.support_phone == "040 123 4567"


def test_an_address_of_nobody_is_not_found(keeper: FlaskClient, people: People) -> None:
    people.client("a")

    for segment in ("nobody", "~!!", "~YQ", "~", "%00", "~AA", "~_w", "a\u0007"):
        assert keeper.get(f"/admin/clients/{segment}").status_code == 404, segment


def test_the_history_tells_what_was_done_and_not_who_logged_in(
    app: Flask, keeper: FlaskClient, people: People, resident: Person
) -> None:
    registered = people.client()
    browser = app.test_client()
    code = journey.code_for(browser, registered, resident)
    for _ in range(2):  # the second time is an event that names the resident
        journey.redeem(browser, registered, code)
    edit(keeper, f"{PAGE}/edit/names", client_name="Uusi nimi")

    page = keeper.get(PAGE).get_data(as_text=True)
    with app.app_context():
        events = {event.event for event in history.of_client("asiointi", OPERATOR)}
        every = audit_log.page(Filter(client_id="asiointi"), None, OPERATOR).events

    assert "Asiointipalvelu → Uusi nimi" in page
    assert resident.username not in page
    assert events == {"client.changed"}
    assert "grant.code_replayed" in {event.event for event in every}
    assert "/admin/audit" not in page  # whose page this person has not


# -- acts


def test_a_new_secret_leaves_the_one_before_good_for_as_long_as_was_chosen(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    before = people.client(grant_types=["client_credentials"], scope="invoices:read")

    answer = edit(keeper, f"{PAGE}/rotate", overlap="1")

    def works(secret: str | None) -> bool:
        data = {"grant_type": "client_credentials"}
        return (
            app.test_client().post("/oauth2/token", data=data, auth=("asiointi", secret or "")).status_code
            == 200
        )

    assert works(secret_in(answer))
    assert works(before.secret)
    assert answer.headers["Cache-Control"] == "no-store"
    assert journey.submit(keeper, f"{PAGE}/end-previous").status_code == 303
    assert works(secret_in(answer))
    assert not works(before.secret)


def test_no_overlap_ends_the_secret_at_once(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client()

    edit(keeper, f"{PAGE}/rotate", overlap="0")

    assert stored(app).previous_secret_until is None


def test_rotation_sent_twice_makes_one_secret(app: Flask, keeper: FlaskClient, people: People) -> None:
    people.client(grant_types=["client_credentials"], scope="invoices:read")
    page = keeper.get(f"{PAGE}/rotate")

    first, second = (send(keeper, f"{PAGE}/rotate", page, overlap="7") for _ in range(2))

    assert second.location == PAGE
    told = app.test_client().post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=("asiointi", secret_in(first))
    )
    assert told.status_code == 200


def test_an_overlap_that_is_not_offered_changes_nothing(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client()
    before = stored(app)

    for overlap in ("365", "-1", "x", ""):
        edit(keeper, f"{PAGE}/rotate", overlap=overlap)

    assert stored(app).updated_at == before.updated_at


def test_disabling_and_deleting_need_a_reason_and_do_it(
    app: Flask, keeper: FlaskClient, people: People, resident: Person
) -> None:
    registered = people.client()
    tokens = journey.tokens_for(app.test_client(), registered, resident)

    def userinfo() -> int:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return app.test_client().get("/oauth2/userinfo", headers=headers).status_code

    assert userinfo() == 200
    assert journey.submit(keeper, f"{PAGE}/disable", note="").status_code == 422
    assert stored(app).enabled
    assert journey.submit(keeper, f"{PAGE}/disable", note="Ei enää käytössä").location == PAGE
    assert not stored(app).enabled
    assert userinfo() == 401
    assert "Ei enää käytössä" in keeper.get(PAGE).get_data(as_text=True)
    assert journey.submit(keeper, f"{PAGE}/enable", note="Sittenkin").location == PAGE
    assert stored(app).enabled
    assert journey.submit(keeper, f"{PAGE}/delete", note="Loppui").location == "/admin/clients"
    assert keeper.get(PAGE).status_code == 404


def test_an_app_that_registered_itself_can_be_kept_from_changing_itself(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    people.client()
    assert "/end-self-registration" not in keeper.get(PAGE).get_data(as_text=True)
    with app.app_context(), writing() as session:
        session.get_one(ClientApp, "asiointi").registration_token_hash = hash_token("a token")

    assert "/end-self-registration" in keeper.get(PAGE).get_data(as_text=True)
    assert journey.submit(keeper, f"{PAGE}/end-self-registration", note="").status_code == 422
    assert journey.submit(keeper, f"{PAGE}/end-self-registration", note="Otettu haltuun").location == PAGE
    assert not stored(app).registered_itself
    page = keeper.get(PAGE).get_data(as_text=True)
    assert "Otettu haltuun" in page
    assert "/end-self-registration" not in page


@pytest.mark.parametrize("name", ["end-previous", "enable", "end-self-registration"])
def test_an_act_that_does_not_fit_leads_back(keeper: FlaskClient, people: People, name: str) -> None:
    people.client()

    assert keeper.get(f"{PAGE}/{name}").location == PAGE


def test_an_app_without_a_secret_gets_none(keeper: FlaskClient, people: People) -> None:
    people.client(token_endpoint_auth_method="none")

    assert keeper.get(f"{PAGE}/rotate").location == PAGE
    assert "/rotate" not in keeper.get(PAGE).get_data(as_text=True)


def test_a_rotation_that_saw_another_client_is_refused(context: Flask, people: People) -> None:
    people.client()
    seen = managed.look("asiointi", OPERATOR).updated_at
    management.rotate_secret("asiointi", OPERATOR, seen=seen)

    with pytest.raises(management.ClientChangedMeanwhile):
        management.rotate_secret("asiointi", OPERATOR, seen=seen)


@pytest.mark.parametrize("given", [(), (Role.SUPPORT,)])
def test_the_history_is_for_those_who_look_after_apps(context: Flask, given: tuple[Role, ...]) -> None:
    with pytest.raises(management.NotAllowed):
        history.of_client("asiointi", Actor("somebody", frozenset(given)))


def test_the_domain_refuses_what_no_picture_is(context: Flask, people: People) -> None:
    people.client()

    with pytest.raises(InvalidClientMetadata):
        management.put_logo("asiointi", b"<svg onload=alert(1)>", OPERATOR)


# -- the check and the trial


def test_the_check_is_done_by_its_button_alone(
    app: Flask, keeper: FlaskClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.client(**{"client_name#sv": "Ärenden"})
    done: list[str] = []
    monkeypatch.setattr(client_check.checking, "check", lambda client_id, _by: done.append(client_id) or [])

    page = keeper.get(f"{PAGE}/check?lang=sv")
    assert done == []
    assert journey.soup(page).select_one(".who").text == "Ärenden"  # type: ignore[union-attr]

    answer = journey.submit(keeper, f"{PAGE}/check")
    assert (answer.status_code, done) == (200, ["asiointi"])
    assert journey.soup(answer).select_one(".notice-status")


def test_the_button_is_limited(make_app: AppFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(limits={"client_checks_per_account": "2/hour"})
    people = People(app)
    people.client()
    person = people.resident("hoitaja@example.fi")
    with app.app_context():
        roles.choose(person.id, [Role.CLIENTS], OPERATOR)
    browser = app.test_client()
    journey.log_in(browser, person)
    monkeypatch.setattr(client_check.checking, "check", lambda *_: [])

    assert [journey.submit(browser, f"{PAGE}/check").status_code for _ in range(3)] == [200, 200, 429]
    assert browser.get(f"{PAGE}/check").status_code == 200


@pytest.mark.parametrize(
    ("role", "metadata", "offered"),
    [
        (Role.CLIENTS, {}, True),
        (Role.AUDITOR, {}, False),
        (Role.CLIENTS, {"grant_types": ["client_credentials"], "scope": "invoices:read"}, False),
    ],
)
def test_a_login_is_tried_where_there_is_one_by_who_may(
    at_desk: Callable[..., FlaskClient], people: People, role: Role, metadata: dict[str, Any], offered: bool
) -> None:
    people.client(**metadata)
    browser = at_desk(role)

    links = [str(each["href"]) for each in journey.soup(browser.get(PAGE)).select("a.act")]

    assert any(link.startswith("/oauth2/trial") for link in links) is offered
    assert [link for link in links if browser.get(link).status_code == 404] == []

"""Client apps at the API: made, changed, given new secrets; what somebody else did meanwhile is never overwritten."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from idp import clock
from idp.clients import registry
from idp.clients.models import ClientApp
from idp.clients.options import ClientOptions
from idp.crypto import hash_token
from idp.database import writing
from tests.admin.machine import Machine, faults, machine_metadata, problem
from tests.conftest import AppFactory
from tests.support.moments import MovableClock
from tests.support.people import People

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
METADATA = {
    "client_name": "Invoices",
    "client_name#sv": "Fakturor",
    "redirect_uris": ["https://invoices.example.fi/callback"],
    "scope": "openid profile",
}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@pytest.fixture
def machine(app: Flask) -> Machine:
    return Machine(app, "admin:clients", "admin:audit")


@pytest.fixture
def invoices(machine: Machine) -> str:
    """The path of a client that was made a moment ago."""
    made = machine.call("POST", "/clients", {"client_id": "invoices", "metadata": METADATA})
    assert made.status_code == 201, made.get_data(as_text=True)
    return "/clients/invoices"


def etag(machine: Machine, path: str) -> str:
    return machine.call("GET", path).headers["ETag"]


def newest(machine: Machine, **filters: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    found: dict[str, Any] = machine.get(f"/audit?{query}")["items"][0]
    return found


# -- made


def test_a_client_is_made_and_its_secret_works(app: Flask, machine: Machine) -> None:
    wanted = {
        "client_id": "job",
        "metadata": machine_metadata("Job", "invoices:read"),
        "options": {"access_token_seconds": 60},
    }

    made = machine.call("POST", "/clients", wanted)

    content = made.get_json()
    assert made.status_code == 201
    assert made.headers["Location"] == "/admin/api/v1/clients/job"
    assert content["options"]["access_token_seconds"] == 60
    fields = {"grant_type": "client_credentials"}
    token = app.test_client().post("/oauth2/token", data=fields, auth=("job", content["client_secret"]))
    assert token.get_json()["expires_in"] == 60
    assert machine.get("/clients/job")["client_id"] == "job"
    assert made.headers["ETag"] == etag(machine, "/clients/job")


def test_without_a_client_id_it_gets_a_random_one(machine: Machine) -> None:
    made = machine.call("POST", "/clients", {"metadata": METADATA})

    assert len(made.get_json()["client_id"]) == 22
    assert machine.call("GET", made.headers["Location"].removeprefix("/admin/api/v1")).status_code == 200


def test_a_client_id_is_there_once(machine: Machine, invoices: str) -> None:
    again = machine.call("POST", "/clients", {"client_id": "invoices", "metadata": METADATA})

    assert problem(again) == (409, "client-exists")


def at_once(*calls: Any) -> list[Any]:
    """What each call returns, all begun at the same moment."""
    barrier, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        barrier.wait(10)
        found[place] = calls[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_of_two_clients_with_one_id_one_is_made(machine: Machine) -> None:
    def make() -> int:
        return machine.call("POST", "/clients", {"client_id": "twin", "metadata": METADATA}).status_code

    assert sorted(at_once(make, make, make)) == [201, 409, 409]


@SQLITE
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"metadata": METADATA | {"colour": "red"}}, "#/metadata/colour"),
        (
            {"metadata": METADATA | {"redirect_uris": ["https://a.example.fi/#x"]}},
            "#/metadata/redirect_uris/0",
        ),
        (
            {"metadata": METADATA | {"redirect_uris": ["https://a.example.fi/", "javascript:x"]}},
            "#/metadata/redirect_uris/1",
        ),
        ({"metadata": METADATA | {"redirect_uris": "https://a.example.fi/"}}, "#/metadata/redirect_uris"),
        ({"metadata": METADATA | {"client_name": ""}}, "#/metadata/client_name"),
        ({"metadata": METADATA | {"scope": "openid everything"}}, "#/metadata/scope"),
        ({"metadata": METADATA | {"jwks": {"keys": []}}}, "#/metadata/jwks"),
        ({"metadata": [METADATA]}, "#/metadata"),
        ({"metadata": METADATA, "options": {"colour": "#ffffff"}}, "#/options/colour"),
        ({"metadata": METADATA, "options": {"size": 1}}, "#/options/size"),
        ({"metadata": METADATA, "options": {"access_token_seconds": 1}}, "#/options/access_token_seconds"),
        ({"metadata": METADATA, "options": {"access_token_seconds": "60"}}, "#/options/access_token_seconds"),
        ({"metadata": METADATA, "enabled": False}, "#/enabled"),
        ({"metadata": METADATA, "client_secret": "x" * 43}, "#/client_secret"),
        ({"metadata": METADATA, "first_party": "yes"}, "#/first_party"),
        ({"metadata": METADATA, "a/b~c": 1}, "#/a~1b~0c"),
        ({"metadata": METADATA, "client_id": "client:machine"}, "#/client_id"),
        ({"metadata": METADATA, "client_id": "-x"}, "#/client_id"),
        ({"metadata": METADATA, "client_id": "x" * 51}, "#/client_id"),
        ({}, "#/metadata"),
    ],
)
def test_what_is_wrong_is_pointed_at(machine: Machine, change: dict[str, Any], where: str) -> None:
    assert faults(machine.call("POST", "/clients", change)) == [where]


# -- found


def test_clients_are_listed_page_by_page(machine: Machine, people: People) -> None:
    for number in range(5):
        people.client(f"service-{number}")

    first = machine.call("GET", "/clients?q=service&limit=2")
    found, cursor = [item["client_id"] for item in first.get_json()["items"]], first.get_json()["next"]
    while cursor:
        page = machine.get(f"/clients?q=service&limit=2&cursor={cursor}")
        found += [item["client_id"] for item in page["items"]]
        cursor = page["next"]

    assert found == [f"service-{number}" for number in range(5)]
    link = first.headers["Link"]
    assert link.startswith("<http://localhost:8400/admin/api/v1/clients?q=service&limit=2&cursor=")
    assert link.endswith('>; rel="next"')
    last = machine.call("GET", "/clients?q=service")
    assert last.get_json()["next"] is None
    assert "Link" not in last.headers


@SQLITE
@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=%20", "cursor"),
        ("cursor=_w", "cursor"),
        ("offset=1", "offset"),
        ("q=a&q=b", "q"),
    ],
)
def test_a_wrong_parameter_is_named(machine: Machine, query: str, where: str) -> None:
    assert faults(machine.call("GET", f"/clients?{query}")) == [where]


def test_who_has_it_already_gets_it_not_again(machine: Machine, invoices: str) -> None:
    known = etag(machine, invoices)

    same = machine.call("GET", invoices, headers={"If-None-Match": f'"x", {known}'})
    machine.call("PATCH", invoices, {"metadata": {"client_name": "Laskut"}}, if_match=known)
    other = machine.call("GET", invoices, headers={"If-None-Match": known})

    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", known)
    assert other.status_code == 200
    assert not known.startswith("W/")


# -- changed


def test_put_replaces_all_of_it(app: Flask, machine: Machine, invoices: str) -> None:
    before = machine.get(invoices)
    metadata = {name: value for name, value in METADATA.items() if name != "client_name#sv"}

    answer = machine.call(
        "PUT",
        invoices,
        {"metadata": metadata, "options": {"support_phone": "040 123 4567"}, "first_party": False},
        if_match=etag(machine, invoices),
    )

    content = answer.get_json()
    assert content["metadata"] == metadata
    assert (content["first_party"], content["options"]["support_phone"]) == (False, "040 123 4567")
    assert content["client_secret"] is None
    assert answer.headers["ETag"] == etag(machine, invoices)
    event = newest(machine, event="client.changed")
    assert (event["actor"], event["client_id"]) == (machine.name, "invoices")
    assert event["changes"] == {
        "client_name#sv": ["Fakturor", None],
        "first_party": [True, False],
        "support_phone": [None, "040 123 4567"],
    }
    assert before["created_at"] == content["created_at"]


def test_a_patch_changes_what_it_names(machine: Machine, invoices: str) -> None:
    """RFC 7396: null takes away, what is left out stays."""
    patch = {
        "metadata": {"client_name#sv": None, "client_uri": "https://invoices.example.fi/"},
        "options": {"refresh_idle_days": 9},
    }

    machine.call("PATCH", invoices, patch, if_match=etag(machine, invoices))
    answer = machine.call("PATCH", invoices, {"pkce_required": False}, if_match=etag(machine, invoices))

    content = answer.get_json()
    assert content["metadata"] == {
        "client_name": "Invoices",
        "client_uri": "https://invoices.example.fi/",
        "redirect_uris": METADATA["redirect_uris"],
        "scope": "openid profile",
    }
    assert content["options"]["refresh_idle_days"] == 9
    assert (content["pkce_required"], content["first_party"]) == (False, True)


def test_a_patch_that_leaves_something_wrong_is_refused(machine: Machine, invoices: str) -> None:
    known = etag(machine, invoices)

    takes_the_name = machine.call("PATCH", invoices, {"metadata": {"client_name": None}}, if_match=known)
    takes_all = machine.call("PATCH", invoices, {"metadata": None}, if_match=known)
    adds = machine.call("PATCH", invoices, {"options": {"size": 1}}, if_match=known)

    assert [faults(each) for each in (takes_the_name, takes_all, adds)] == [
        ["#/metadata/client_name"],
        ["#/metadata"],
        ["#/options/size"],
    ]
    assert etag(machine, invoices) == known


def test_another_authentication_method_may_need_a_new_secret(machine: Machine, invoices: str) -> None:
    changed = machine.call(
        "PATCH",
        invoices,
        {"metadata": {"token_endpoint_auth_method": "client_secret_jwt"}},
        if_match=etag(machine, invoices),
    )

    assert len(changed.get_json()["client_secret"]) > 60


# -- conditions


@pytest.mark.parametrize("how", ["PUT", "PATCH", "DELETE"])
def test_changes_need_what_was_read(machine: Machine, invoices: str, how: str) -> None:
    body = None if how == "DELETE" else {"metadata": METADATA}
    path = f"{invoices}?note=Syy" if how == "DELETE" else invoices
    old = etag(machine, invoices)
    machine.call("PATCH", invoices, {"metadata": {"client_name": "Laskut"}}, if_match=old)

    without = machine.call(how, path, body)
    stale = machine.call(how, path, body, if_match=old)
    weak = machine.call(how, path, body, if_match=f"W/{etag(machine, invoices)}")

    assert problem(without) == (428, "precondition-required")
    assert problem(stale) == problem(weak) == (412, "changed-meanwhile")
    assert machine.get(invoices)["metadata"]["client_name"] == "Laskut"


def test_of_two_changes_at_once_one_wins(machine: Machine, invoices: str) -> None:
    for number in range(4):
        known = etag(machine, invoices)

        def put(name: str, known: str = known) -> tuple[int, str]:
            wanted = {"metadata": METADATA | {"client_name": name}}
            return machine.call("PUT", invoices, wanted, if_match=known).status_code, name

        answers = at_once(*(lambda name=f"{number}-{each}": put(name) for each in range(3)))

        assert sorted(status for status, _ in answers) == [200, 412, 412]
        winner = next(name for status, name in answers if status == 200)
        assert machine.get(invoices)["metadata"]["client_name"] == winner


def test_nothing_is_deleted_that_was_changed_at_that_moment(machine: Machine, invoices: str) -> None:
    known = etag(machine, invoices)

    statuses = at_once(
        lambda: (
            machine.call(
                "PUT", invoices, {"metadata": METADATA | {"scope": "openid"}}, if_match=known
            ).status_code
        ),
        lambda: machine.call("DELETE", f"{invoices}?note=Syy", if_match=known).status_code,
    )

    assert statuses in ([200, 412], [404, 204], [412, 204])


# -- secrets


def test_a_secret_is_told_once_and_never_again(machine: Machine) -> None:
    made = machine.call("POST", "/clients", {"client_id": "job", "metadata": machine_metadata("Job", "a:b")})
    rotated = machine.call("POST", "/clients/job/secret", {"overlap_seconds": 3600})
    secrets = [made.get_json()["client_secret"], rotated.get_json()["client_secret"]]

    told = [
        machine.call("GET", path).get_data(as_text=True)
        for path in ("/clients/job", "/clients", "/audit", "/openapi.json")
    ]

    assert all(len(secret) == 43 for secret in secrets)
    assert [text for text in told for secret in secrets if secret in text] == []
    assert "hash" not in json.dumps(machine.get("/clients/job"))
    for event in ("client.registered", "client.secret_rotated"):
        assert newest(machine, event=event)["actor"] == machine.name


def token_status(app: Flask, client_id: str, secret: str) -> int:
    fields = {"grant_type": "client_credentials"}
    return app.test_client().post("/oauth2/token", data=fields, auth=(client_id, secret)).status_code


def test_both_secrets_are_good_for_a_while(app: Flask, moving_clock: MovableClock, machine: Machine) -> None:
    made = machine.call("POST", "/clients", {"client_id": "job", "metadata": machine_metadata("Job", "a:b")})
    old = made.get_json()["client_secret"]

    rotated = machine.call("POST", "/clients/job/secret", {"overlap_seconds": 3600}).get_json()

    assert rotated["previous_secret_until"] == "2026-11-24T13:00:00Z"
    assert [token_status(app, "job", secret) for secret in (old, rotated["client_secret"])] == [200, 200]
    moving_clock.move(seconds=3600)
    assert [token_status(app, "job", secret) for secret in (old, rotated["client_secret"])] == [401, 200]


def test_the_previous_secret_can_be_ended_at_once(app: Flask, machine: Machine) -> None:
    made = machine.call("POST", "/clients", {"client_id": "job", "metadata": machine_metadata("Job", "a:b")})
    machine.call("POST", "/clients/job/secret")
    assert token_status(app, "job", made.get_json()["client_secret"]) == 200

    ended = machine.call("DELETE", "/clients/job/previous-secret")

    assert (ended.status_code, ended.data) == (204, b"")
    assert token_status(app, "job", made.get_json()["client_secret"]) == 401


def test_a_rotation_that_is_sent_twice_happens_once_with_if_match(machine: Machine, invoices: str) -> None:
    known = etag(machine, invoices)

    first, again = (machine.call("POST", f"{invoices}/secret", {}, if_match=known) for _ in range(2))

    assert first.status_code == 200
    assert problem(again) == (412, "changed-meanwhile")


def test_a_client_without_a_secret_gets_none(machine: Machine) -> None:
    machine.call(
        "POST",
        "/clients",
        {"client_id": "app", "metadata": METADATA | {"token_endpoint_auth_method": "none"}},
    )

    assert problem(machine.call("POST", "/clients/app/secret", {})) == (409, "no-secret")


# -- disabled and deleted


def test_a_client_is_disabled_and_enabled_with_a_reason(app: Flask, machine: Machine, invoices: str) -> None:
    without = machine.call("POST", f"{invoices}/disable", {"note": " "})
    disabled = machine.call("POST", f"{invoices}/disable", {"note": "Misused"})
    with app.app_context():
        gone = registry.find("invoices")
    enabled = machine.call("POST", f"{invoices}/enable", {"note": "Mended"})

    assert faults(without) == ["#/note"]
    assert (disabled.get_json()["enabled"], gone, enabled.get_json()["enabled"]) == (False, None, True)
    event = newest(machine, event="client.disabled")
    assert (event["note"], event["actor"], event["changes"]) == (
        "Misused",
        machine.name,
        {"enabled": [True, False]},
    )


def test_what_is_so_already_is_refused_and_not_noted(machine: Machine, invoices: str) -> None:
    note = {"note": "Misused"}
    before = newest(machine)

    enabled = machine.call("POST", f"{invoices}/enable", note)
    unchanged = newest(machine)
    disabled = [machine.call("POST", f"{invoices}/disable", note) for _ in range(2)]

    assert problem(enabled) == (409, "wrong-state")
    assert unchanged == before
    assert disabled[0].status_code == 200
    assert problem(disabled[1]) == (409, "wrong-state")
    assert len(machine.get("/audit?event=client.disabled")["items"]) == 1


def test_a_previous_secret_that_is_not_there_is_not_ended(machine: Machine, invoices: str) -> None:
    ended = machine.call("DELETE", f"{invoices}/previous-secret")

    assert problem(ended) == (409, "wrong-state")
    assert machine.get("/audit?event=client.secret_rotated")["items"] == []


def test_the_end_of_the_previous_secret_is_noted_as_it_was(
    moving_clock: MovableClock, machine: Machine, invoices: str
) -> None:
    hour, day = ({"overlap_seconds": seconds} for seconds in (3600, 86400))
    machine.call("POST", f"{invoices}/secret", hour)
    machine.call("POST", f"{invoices}/secret", day)
    machine.call("DELETE", f"{invoices}/previous-secret")

    events = machine.get("/audit?event=client.secret_rotated")["items"]
    first, second = "2026-11-24T13:00:00+00:00", "2026-11-25T12:00:00+00:00"
    assert [event["changes"]["previous_secret_until"] for event in reversed(events)] == [
        [None, first],
        [first, second],
        [second, None],
    ]


def test_a_client_is_kept_from_changing_itself(app: Flask, machine: Machine, invoices: str) -> None:
    note = {"note": "Ours now"}
    with app.app_context(), writing() as session:
        session.get_one(ClientApp, "invoices").registration_token_hash = hash_token("a token")

    ended = machine.call("POST", f"{invoices}/end-self-registration", note)
    again = machine.call("POST", f"{invoices}/end-self-registration", note)

    assert (ended.status_code, ended.get_json()["registered_itself"]) == (200, False)
    assert problem(again) == (409, "wrong-state")
    event = newest(machine, event="client.self_registration_ended")
    assert (event["actor"], event["note"]) == (machine.name, "Ours now")
    assert event["changes"] == {"registered_itself": [True, False]}


def test_a_client_is_deleted_with_a_reason(machine: Machine, invoices: str) -> None:
    known = etag(machine, invoices)

    without = machine.call("DELETE", invoices, if_match=known)
    deleted = machine.call("DELETE", f"{invoices}?note=Closed", if_match=known)

    assert faults(without) == ["note"]
    assert deleted.status_code == 204
    assert problem(machine.call("GET", invoices)) == (404, "not-found")
    event = newest(machine, event="client.removed")
    assert (event["note"], event["actor"], event["client_id"]) == ("Closed", machine.name, "invoices")


# -- the picture


def test_a_picture_is_put_and_taken_away(app: Flask, machine: Machine, invoices: str) -> None:
    put = machine.call("PUT", f"{invoices}/logo", data=PNG, content_type="image/png")
    digest = put.get_json()["options"]["logo"]
    removed = machine.call("DELETE", f"{invoices}/logo")

    assert len(digest) == 64
    assert removed.status_code == 204
    assert machine.get(invoices)["options"]["logo"] is None


def test_a_picture_may_be_larger_than_other_bodies_up_to_its_own_limit(
    machine: Machine, invoices: str
) -> None:
    large, too_large = PNG.ljust(200_000, b"\0"), PNG.ljust(200_001, b"\0")

    answers = [
        machine.call("PUT", f"{invoices}/logo", data=each, content_type="image/png")
        for each in (large, too_large)
    ]

    assert answers[0].status_code == 200
    assert problem(answers[1]) == (413, "too-large")


@SQLITE
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"<svg/>", "image/svg+xml", (415, "unsupported-media-type")),
        (b"<svg/>", "image/png", (422, "invalid")),
        (b"", "image/png", (400, "malformed")),
    ],
)
def test_what_is_no_picture_is_refused(
    machine: Machine, invoices: str, content: bytes, kind: str, expected: tuple[int, str]
) -> None:
    answer = machine.call("PUT", f"{invoices}/logo", data=content, content_type=kind)

    assert problem(answer) == expected
    assert machine.get(invoices)["options"]["logo"] is None


# -- the models and the domain


def test_the_api_knows_every_option() -> None:
    from idp.admin.api.client_models import Options

    assert set(Options.model_fields) == set(ClientOptions.__dataclass_fields__)


def test_moments_are_told_in_utc(machine: Machine, invoices: str) -> None:
    told = machine.get(invoices)["created_at"]

    assert told.endswith("Z")
    assert clock.now() - timedelta(minutes=5) < clock.now().fromisoformat(told) <= clock.now()


# -- APIs that a client may call


def test_a_client_may_call_apis_that_there_are_and_keeps_those_that_have_gone(
    machine: Machine, invoices: str
) -> None:
    api = {"client_id": "api", "metadata": {**METADATA, "resource_uris": ["urn:a"]}, "resource_server": True}
    unknown = {"options": {"allowed_resources": ["urn:a"]}}
    assert faults(machine.call("PATCH", invoices, unknown, if_match=etag(machine, invoices))) == [
        "#/options/allowed_resources"
    ]
    assert machine.call("POST", "/clients", api).status_code == 201

    allowed = machine.call("PATCH", invoices, unknown, if_match=etag(machine, invoices))
    assert allowed.get_json()["options"]["allowed_resources"] == ["urn:a"]
    path = "/clients/api?note=Gone"
    assert machine.call("DELETE", path, if_match=etag(machine, "/clients/api")).status_code == 204
    later = {"options": {"access_token_seconds": 60}}
    answer = machine.call("PATCH", invoices, later, if_match=etag(machine, invoices))

    assert answer.status_code == 200
    assert answer.get_json()["options"]["allowed_resources"] == ["urn:a"]


def test_an_address_is_one_apis_alone(machine: Machine, invoices: str) -> None:
    api = {"metadata": {**METADATA, "resource_uris": ["urn:a"]}, "resource_server": True}
    assert machine.call("POST", "/clients", {"client_id": "api", **api}).status_code == 201

    for answer in (
        machine.call("POST", "/clients", {"client_id": "other", **api}),
        machine.call("PATCH", invoices, api, if_match=etag(machine, invoices)),
    ):
        assert faults(answer) == ["#/metadata/resource_uris"]


def test_a_client_is_checked(machine: Machine, invoices: str) -> None:
    found = machine.call("POST", f"{invoices}/check").get_json()["items"]

    assert {"level": "hint", "code": "no_logout_notice", "about": ""} in found
    levels = [["error", "warning", "hint"].index(item["level"]) for item in found]
    assert levels == sorted(levels)
    assert problem(machine.call("POST", "/clients/nobody/check")) == (404, "not-found")


def test_checks_are_limited_as_on_the_page(make_app: AppFactory) -> None:
    machine = Machine(make_app(limits={"client_checks_per_account": "2/hour"}), "admin:clients")
    machine.call("POST", "/clients", {"client_id": "invoices", "metadata": METADATA})

    answers = [machine.call("POST", "/clients/invoices/check") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[2]) == (429, "too-many-errors")
    assert int(answers[2].headers["Retry-After"]) > 0

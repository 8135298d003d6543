"""What the portal answers: to those who ask rightly, and to those who do not."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import pytest

from stubs.portal import access, admin, api, forms
from stubs.resilience import Role
from stubs.serving import MAX_BODY, Code, Refusal, read_body
from stubs.wire import Farewell, ServerName, Site
from tests.unit.stubs.portals import Bench, ask, core_word, word

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from stubs.resilience import State

CONTACT = {"name": "Carol", "number": "+31 20 1234567"}
SETTING = {"key": "ringtone", "value": "bell"}
MEETING = {"title": "Review", "starts_at": "2030-01-01T10:00:00Z"}
RESILIENCY = {"failover": True, "failback": "manual", "detection_minutes": 5}

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/session"): {"user": "alice", "password": "alice-password"},
    ("POST", "/api/v1/contacts"): CONTACT,
    ("PUT", "/api/v1/contacts/<item>"): CONTACT,
    ("POST", "/api/v1/settings"): SETTING,
    ("PUT", "/api/v1/settings/<item>"): SETTING,
    ("POST", "/api/v1/meetings"): MEETING,
    ("PUT", "/api/v1/meetings/<item>"): MEETING,
    ("POST", "/api/v1/admin/session"): {"user": "Administrator", "password": "wrong"},
    ("POST", "/api/v1/admin/directory"): CONTACT,
    ("PUT", "/api/v1/admin/directory/<item>"): CONTACT,
    ("PUT", "/api/v1/admin/resiliency"): RESILIENCY,
    ("PUT", "/api/v1/admin/central-cti-link"): {"enabled": True},
    ("PUT", "/api/v1/admin/host-domain-name"): {"host_domain_name": "portal.example"},
}
"""Every endpoint that takes a body, with one that is fine."""

NO_BODY = {("POST", "/api/v1/admin/failover-now"), ("POST", "/api/v1/admin/restart")}

NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"name": ',
    "words": b"name=Carol",
    "two": b"{} {}",
    "not UTF-8": b'{"name": "\xff\xfe", "user": "\xff", "title": "\xff", "key": "\xff", "host_domain_name": "\xff"}',
    "surrogate bytes": b'{"name": "\xed\xa0\x80", "user": "\xed\xa0\x80", "title": "\xed\xa0\x80"',
    "nested deeply": b"[" * 30_000,
    "NaN": b'{"detection_minutes": NaN, "name": NaN, "user": NaN, "title": NaN, "key": NaN, "enabled": NaN}',
}
"""What nobody can read."""

NO_FORM: dict[str, Any] = {"null": None, "a list": [], "a text": "x", "a number": 1e308, "empty": {}}
"""JSON, but of no form of ours."""

ODD_IDS = ["nosuch", "0", "-1", "%00", "%0d%0aSet-Cookie:%20x=y", "..%2f..%2fetc", "%ff%fe", "a" * 5000, "%F0%9F%98%80"]


@pytest.fixture
def user(bench: Bench) -> FlaskClient:
    """Alice, logged in at the serving primary."""
    return bench.user()


def everybody(bench: Bench) -> FlaskClient:
    """Somebody who is logged in as user and as administrator."""
    client = bench.user()
    known = bench.portal.installed.administrator
    body = {"user": known.name, "password": known.password, "end_other": True}
    assert ask(client, "POST", "/api/v1/admin/session", json=body).status_code == 201
    return client


def item_of(client: FlaskClient, path: str) -> str:
    """The path with an item that exists."""
    if "<item>" not in path:
        return path
    collection = path.removesuffix("/<item>")
    made = ask(client, "POST", collection, json=BODIES["POST", collection])
    assert made.status_code == 201, made.text
    return f"{collection}/{made.get_json()['id']}"


def assert_refused(answer: TestResponse, *statuses: int, names: str = "") -> None:
    """A refusal of one form, with a known code and no trace of the program."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    body = answer.get_json()
    assert set(body) == {"error", "message"}, body
    assert body["error"] in get_args(Code)
    assert body["message"]
    assert names in body["message"]
    assert "Traceback" not in answer.text


def fingerprint(bench: Bench) -> tuple[object, ...]:
    """All that a refused request must leave as it is."""
    return bench.store.digest(), bench.store.head(), bench.portal.settings.configured, len(bench.portal.sessions.all())


def test_every_endpoint_that_takes_a_body_is_tested_with_bad_ones(bench: Bench) -> None:
    """A new endpoint cannot be forgotten below."""
    writing = {
        (method, str(rule.rule))
        for rule in bench.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH"}
    }
    assert writing == set(BODIES) | NO_BODY


@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_a_body_that_is_no_json_is_refused(bench: Bench, endpoint: tuple[str, str]) -> None:
    """400 or 422, and nothing is stored."""
    client = everybody(bench)
    path, before = item_of(client, endpoint[1]), fingerprint(bench)
    for body in NO_JSON.values():
        answer = ask(client, endpoint[0], path, data=body, content_type="application/json")
        assert_refused(answer, 400, 422)
    assert fingerprint(bench) == before


@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_json_of_another_form_is_refused(bench: Bench, endpoint: tuple[str, str]) -> None:
    """422, and nothing is stored."""
    client = everybody(bench)
    path, before = item_of(client, endpoint[1]), fingerprint(bench)
    for body in NO_FORM.values():
        answer = ask(client, endpoint[0], path, data=json.dumps(body), content_type="application/json")
        assert_refused(answer, 422)
    assert fingerprint(bench) == before


@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_a_field_at_fault_is_named(bench: Bench, endpoint: tuple[str, str]) -> None:
    """Missing, of a wrong type, nested deeply, or beside an unknown one: each tells which."""
    client = everybody(bench)
    path, before = item_of(client, endpoint[1]), fingerprint(bench)
    fine = BODIES[endpoint]
    for field in fine:
        missing = {name: value for name, value in fine.items() if name != field}
        for bad in (missing, {**fine, field: None}, {**fine, field: {}}, {**fine, field: [[[]]]}):
            assert_refused(ask(client, endpoint[0], path, json=bad), 422, names=field)
    assert_refused(ask(client, endpoint[0], path, json={**fine, "sneaky": 1}), 422, names="sneaky")
    assert fingerprint(bench) == before


@pytest.mark.parametrize(
    ("path", "fine", "field", "value"),
    [
        ("contacts", CONTACT, "name", ""),
        ("contacts", CONTACT, "name", "x" * 201),
        ("contacts", CONTACT, "name", "Ca\0rol"),
        ("contacts", CONTACT, "name", "Carol\n"),
        ("contacts", CONTACT, "number", "call me"),
        ("contacts", CONTACT, "number", "123\n"),
        ("contacts", CONTACT, "number", "1" * 41),
        ("contacts", CONTACT, "number", 31201234567),
        ("settings", SETTING, "key", "a\0b"),
        ("settings", SETTING, "value", "a\0b"),
        ("settings", SETTING, "value", "x" * 2001),
        ("meetings", MEETING, "starts_at", "tomorrow"),
        ("meetings", MEETING, "starts_at", "2030-01-01T10:00:00"),
        ("meetings", MEETING, "starts_at", "99999-01-01T10:00:00Z"),
        ("meetings", MEETING, "starts_at", 10**400),
        ("admin/resiliency", RESILIENCY, "detection_minutes", 0),
        ("admin/resiliency", RESILIENCY, "detection_minutes", 10**400),
        ("admin/resiliency", RESILIENCY, "detection_minutes", "3"),
        ("admin/resiliency", RESILIENCY, "failback", "perhaps"),
        ("admin/resiliency", RESILIENCY, "failover", "true"),
        ("admin/central-cti-link", {"enabled": True}, "enabled", 1),
        ("admin/host-domain-name", {}, "host_domain_name", "a b"),
        ("admin/host-domain-name", {}, "host_domain_name", "evil.example\n"),
        ("admin/host-domain-name", {}, "host_domain_name", "x" * 254),
    ],
)
def test_a_value_out_of_bounds_is_refused_and_named(
    bench: Bench, path: str, fine: dict[str, Any], field: str, value: object
) -> None:
    """422; none of these texts may ever reach a header, a page or the database."""
    client, before = everybody(bench), fingerprint(bench)
    method = "PUT" if path.startswith("admin") else "POST"
    assert_refused(ask(client, method, f"/api/v1/{path}", json={**fine, field: value}), 422, names=field)
    assert fingerprint(bench)[:3] == before[:3]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00\ud800", r"\ud83d"])
def test_a_lone_surrogate_is_refused(bench: Bench, escape: str) -> None:
    """Python could keep it, but neither SQLite nor UTF-8 can."""
    for user, path, field in (("session", "session", "user"), ("x", "contacts", "name")):
        client = bench.client() if user == "session" else bench.user()
        body = '{"%s": "%s", "password": "x", "number": "1"}' % (field, escape)  # noqa: UP031 - braces of JSON
        answer = ask(client, "POST", f"/api/v1/{path}", data=body, content_type="application/json")
        assert_refused(answer, 400, 422)


@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_an_over_long_body_is_refused(bench: Bench, endpoint: tuple[str, str]) -> None:
    """413 from one byte above the limit on."""
    client = everybody(bench)
    path, before = item_of(client, endpoint[1]), fingerprint(bench)
    body = json.dumps(BODIES[endpoint]).encode().ljust(MAX_BODY + 1)
    assert_refused(ask(client, endpoint[0], path, data=body, content_type="application/json"), 413)
    assert fingerprint(bench) == before


def test_a_body_at_the_limit_is_taken(user: FlaskClient) -> None:
    """So the limit is where it is said to be."""
    body = json.dumps(CONTACT).encode().ljust(MAX_BODY)
    assert ask(user, "POST", "/api/v1/contacts", data=body, content_type="application/json").status_code == 201


@pytest.mark.parametrize("endpoint", BODIES, ids=" ".join)
def test_another_content_type_is_refused(bench: Bench, endpoint: tuple[str, str]) -> None:
    """415: so no form of a stranger's page can write here."""
    client = everybody(bench)
    path, before = item_of(client, endpoint[1]), fingerprint(bench)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "junk"):
        answer = ask(client, endpoint[0], path, data=json.dumps(BODIES[endpoint]), content_type=kind)
        assert_refused(answer, 415)
    assert fingerprint(bench) == before


def test_every_endpoint_refuses_a_wrong_method(bench: Bench) -> None:
    """405, and the answer tells which methods there are."""
    client = everybody(bench)
    for rule in bench.app.url_map.iter_rules():
        answer = ask(client, "PATCH", str(rule.rule).replace("<item>", "x").replace("<name>", "x"))
        assert_refused(answer, 405)
        assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/nosuch", "/api//v1/contacts", "/api/v1/contacts/", "/%00", "/%ff"])
def test_an_unknown_path_is_not_found(bench: Bench, path: str) -> None:
    """404, and never a redirect that guesses."""
    assert_refused(ask(bench.client(), "GET", path), 404)


@pytest.mark.parametrize("collection", ["contacts", "settings", "meetings", "admin/directory"])
def test_an_unknown_or_odd_id_is_not_found(bench: Bench, collection: str) -> None:
    """404 for PUT and DELETE, and nothing is made or removed."""
    client, before = everybody(bench), fingerprint(bench)
    path = f"/api/v1/{collection}"
    for item in ODD_IDS:
        assert_refused(ask(client, "PUT", f"{path}/{item}", json=BODIES["POST", path]), 404)
        assert_refused(ask(client, "DELETE", f"{path}/{item}"), 404)
    assert fingerprint(bench) == before


@pytest.mark.parametrize("cookie", ["", "x", "a" * 4000, "\x00", "%00", "é", '"', "a; onex_session=b"])
def test_a_bad_cookie_is_no_session(bench: Bench, cookie: str) -> None:
    """401, for users and for administrators."""
    bench.user()
    header = f"onex_session={cookie}; onex_admin_session={cookie}"
    for path in ("/api/v1/session", "/api/v1/contacts", "/api/v1/admin/session", "/api/v1/admin/users"):
        assert_refused(ask(bench.client(), "GET", path, headers={"Cookie": header}), 401)


def test_everything_private_asks_for_a_log_in(bench: Bench) -> None:
    """401 without one; a user's session is none of an administrator's."""
    public = {
        "/",
        "/onexportal.html",
        "/onexportal-admin.html",
        "/onexportal-afa.html",
        "/openapi.json",
        "/static/<name>",
        "/api/v1/resilience",
        "/api/v1/session",
        "/api/v1/admin/session",
    }
    user = bench.user()
    for rule in bench.app.url_map.iter_rules():
        path = str(rule.rule)
        if path in public:
            continue
        method = min((rule.methods or set()) - {"HEAD", "OPTIONS"})
        asker = user if "/admin/" in path else bench.client()
        body = BODIES.get((method, path))
        assert_refused(ask(asker, method, path.replace("<item>", "x"), json=body), 401)


def test_a_wrong_password_is_told_in_the_products_words(bench: Bench) -> None:
    """Whether the user exists or not."""
    for name, password in (("alice", "wrong"), ("nobody", "alice-password"), ("alice\0", "alice-password"), ("", "")):
        answer = ask(bench.client(), "POST", "/api/v1/session", json={"user": name, "password": password})
        assert_refused(answer, 401, names="Invalid user credentials")


@pytest.mark.parametrize(
    ("collection", "body", "other", "gains"),
    [
        ("contacts", CONTACT, {"name": "Dave", "number": "2"}, {}),
        ("settings", SETTING, {"key": "ringtone", "value": "horn"}, {}),
        (
            "meetings",
            MEETING,
            {"title": "Later", "starts_at": "2031-01-01T10:00:00+02:00"},
            {"scheduled_on": "primary", "state": "scheduled"},
        ),
    ],
)
def test_an_item_can_be_added_read_changed_and_deleted(
    bench: Bench, collection: str, body: dict[str, str], other: dict[str, str], gains: dict[str, str]
) -> None:
    """By its owner, and nobody else sees it; what the portal adds to it is told too."""
    alice, bob = bench.user("alice"), bench.user("bob")
    path = f"/api/v1/{collection}"
    made = ask(alice, "POST", path, json=body)
    item = made.get_json()["id"]
    assert (made.status_code, made.get_json()) == (201, {"id": item, **body, **gains})
    assert ask(alice, "GET", path).get_json() == {"items": [{"id": item, **body, **gains}]}
    assert ask(bob, "GET", path).get_json() == {"items": []}
    assert_refused(ask(bob, "PUT", f"{path}/{item}", json=other), 404)
    assert_refused(ask(bob, "DELETE", f"{path}/{item}"), 404)
    assert ask(alice, "PUT", f"{path}/{item}", json=other).get_json() == {"id": item, **other, **gains}
    assert ask(alice, "DELETE", f"{path}/{item}").status_code == 204
    assert ask(alice, "GET", path).get_json() == {"items": []}


def test_a_setting_that_exists_is_a_conflict_that_names_its_key(user: FlaskClient) -> None:
    """409, and the first stays as it was."""
    assert ask(user, "POST", "/api/v1/settings", json=SETTING).status_code == 201
    assert_refused(ask(user, "POST", "/api/v1/settings", json={**SETTING, "value": "x"}), 409, names="key")
    assert [item["value"] for item in ask(user, "GET", "/api/v1/settings").get_json()["items"]] == ["bell"]


@pytest.mark.parametrize(
    "trouble", ["PRAGMA query_only = ON", "PRAGMA max_page_count = 1"], ids=["read-only", "disk full"]
)
def test_what_the_disk_does_not_take_is_refused_and_not_there(bench: Bench, trouble: str) -> None:
    """SYNC-8: 507 not_stored for each way to write, and all is as before; it works again once the disk does."""
    client = everybody(bench)
    full = [("POST", "/api/v1/contacts", CONTACT) for _ in range(200)]
    item = item_of(client, "/api/v1/contacts/<item>")
    before = fingerprint(bench)
    bench.store.database.connection().execute(trouble)
    big = {"key": "k", "value": "x" * 2000}
    writes = [("PUT", "/api/v1/admin/resiliency", RESILIENCY), ("POST", "/api/v1/settings", big), *full]
    answers = [ask(client, method, path, json=body) for method, path, body in writes]
    refused = [answer for answer in answers if answer.status_code == 507]
    assert refused
    assert {answer.status_code for answer in answers} <= {200, 201, 507}
    for answer in refused:
        assert_refused(answer, 507)
        assert answer.get_json()["error"] == "not_stored"
    stored = sum(answer.status_code == 201 for answer in answers)
    assert bench.store.head() == before[1] + stored  # type: ignore[operator] # the head is a number
    bench.store.database.connection().execute("PRAGMA query_only = OFF")
    bench.store.database.connection().execute("PRAGMA max_page_count = 1000000")
    assert ask(client, "DELETE", item).status_code == 204


def test_the_document_tells_that_a_disk_may_not_take_a_change(bench: Bench) -> None:
    """SYNC-8: every way to change what is stored promises 507, and no way to read does."""
    paths = bench.client().get("/openapi.json").get_json()["paths"]
    told = {(method, path) for path, ways in paths.items() for method in ways if "507" in ways[method]["responses"]}
    collections = [f"/api/v1/{name}" for name in ("contacts", "settings", "meetings", "admin/directory")]
    stored = {("post", path) for path in collections}
    stored |= {(method, f"{path}/{{item}}") for path in collections for method in ("put", "delete")}
    pages = ("central-cti-link", "host-domain-name", "resiliency")
    assert told == stored | {("put", f"/api/v1/admin/{page}") for page in pages}


def test_settings_that_were_not_stored_are_not_in_force_either(bench: Bench) -> None:
    """SYNC-8 for administrators: what the page shows next is what is kept."""
    administrator, before = bench.administrator(), bench.portal.settings.configured
    bench.store.database.connection().execute("PRAGMA query_only = ON")
    assert_refused(ask(administrator, "PUT", "/api/v1/admin/resiliency", json=RESILIENCY), 507)
    assert bench.portal.settings.configured == before


def test_a_passive_portal_sends_callers_to_the_one_that_serves(passive: Bench) -> None:
    """REDIR-5: with the path and the query as they came."""
    answer = ask(passive.client(), "POST", "/api/v1/session?a=b%20c", json={})
    assert_refused(answer, 307)
    assert answer.headers["Location"] == "https://primary.unit.test:9443/api/v1/session?a=b%20c"
    page = ask(passive.client(), "GET", "/onexportal.html")
    assert (page.status_code, page.headers["Location"]) == (302, "https://primary.unit.test:9443/onexportal.html")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/contacts/a%0d%0aSet-Cookie:%20evil=1",
        "/api/v1/contacts/@evil.example",
        "/api/v1/contacts/x%3fy%23z",
        "/api/v1/contacts/%ff%00%e2%82%ac",
        "/api/v1/contacts/x?%0d%0aSet-Cookie:%20evil=1",
    ],
)
def test_a_redirect_keeps_odd_paths_and_never_leaves_the_pair(passive: Bench, path: str) -> None:
    """REDIR-8: whatever was asked for, it leads to the portal that serves, and to no other header or host."""
    answer = ask(passive.client(), "DELETE", path)
    assert_refused(answer, 307)
    assert answer.headers["Location"].startswith("https://primary.unit.test:9443/api/v1/contacts/")
    assert "evil=1" not in answer.headers.get("Set-Cookie", "")
    assert answer.headers["Location"].count("?") == path.count("?")


def test_a_portal_that_does_not_serve_says_so(passive: Bench) -> None:
    """REDIR-3, REDIR-8: 503 while nobody is known to serve, on the page and in the API."""
    passive.portal.hear_peer(word(Site.PRIMARY, willing=True))
    passive.portal.catch_up()
    answer = ask(passive.client(), "POST", "/api/v1/session", json={})
    assert_refused(answer, 503)
    assert answer.get_json()["error"] == "not_serving"
    assert ask(passive.client(), "GET", "/onexportal.html").status_code == 503


def test_a_primary_that_does_not_serve_sends_nobody_on(bench: Bench) -> None:
    """REDIR-3: a new user is told so, and finds the secondary by its address."""
    bench.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY, farewell=True))
    bench.portal.hear_peer(word(Site.SECONDARY, serving=True, willing=True))
    bench.portal.catch_up()
    assert_refused(ask(bench.client(), "POST", "/api/v1/session", json={}), 503)
    assert ask(bench.client(), "GET", "/onexportal.html").status_code == 503


def test_a_session_ends_with_the_time_of_serving(bench: Bench) -> None:
    """REDIR-6: the old session does not come back when the portal serves again."""
    user = bench.user()
    bench.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY, farewell=True))
    bench.portal.catch_up()
    assert_refused(ask(user, "GET", "/api/v1/session"), 503)
    assert_refused(ask(user, "POST", "/api/v1/contacts", json=CONTACT), 503)
    bench.serve()
    assert_refused(ask(user, "GET", "/api/v1/session"), 401)


def test_a_write_that_was_let_in_too_late_is_not_done(bench: Bench) -> None:
    """SYNC-8: between the question who serves and the write the role may change; the gate has the last word."""
    bench.portal.fail_over_now()
    bench.portal.catch_up()
    with pytest.raises(Refusal), access.while_serving(bench.portal):
        raise AssertionError("inside")
    bench.portal.moment = replace(bench.portal.moment, state=serving_state(bench))
    assert bench.portal.serving
    within = access.while_serving(bench.portal)
    with pytest.raises(Refusal, match="log-ins"):
        api.put(bench.portal, "contacts", "alice", None, forms.Contact(**CONTACT), unique=None, within=within)
    assert bench.store.head() == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "contacts", CONTACT),
        ("POST", "settings", {"key": "k", "value": "v"}),
        ("POST", "meetings", {"title": "T", "starts_at": "2999-12-31T09:00:00Z"}),
    ],
)
def test_a_session_that_ended_while_its_request_was_on_its_way_writes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: dict[str, str]
) -> None:
    """REDIR-6: the portal may have ceased to serve, and begun again, before the body was there."""
    user = bench.user()

    def read(kind: Any) -> Any:
        bench.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY, farewell=True))
        bench.portal.catch_up()
        bench.serve()
        return read_body(kind)

    monkeypatch.setattr(api, "read_body", read)
    assert_refused(ask(user, method, f"/api/v1/{path}", json=body), 401)
    assert bench.store.head() == 0


@pytest.mark.parametrize("path", ["directory", "central-cti-link", "host-domain-name", "resiliency"])
def test_an_administrator_who_was_replaced_while_a_request_was_on_its_way_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A session that another log-in ended is worth nothing from then on."""
    administrator = bench.administrator()
    configured = bench.portal.settings.configured
    body = {
        "directory": CONTACT,
        "central-cti-link": {"enabled": False},
        "host-domain-name": {"host_domain_name": "other.unit.test"},
        "resiliency": RESILIENCY,
    }[path]

    def read(kind: Any) -> Any:
        bench.portal.administrators.clear()
        return read_body(kind)

    monkeypatch.setattr(admin, "read_body", read)
    monkeypatch.setattr(access, "read_body", read)
    method = "POST" if path == "directory" else "PUT"
    assert_refused(ask(administrator, method, f"/api/v1/admin/{path}", json=body), 401)
    assert (bench.store.head(), bench.portal.settings.configured) == (0, configured)


def test_failover_now_needs_somebody_who_can_take_over(bench: Bench) -> None:
    """CFG-6: not a secondary that lives and cannot serve, and not from a primary that does not serve itself."""
    administrator = bench.administrator()
    path = "/api/v1/admin/failover-now"
    bench.portal.hear_peer(word(Site.SECONDARY))
    bench.portal.catch_up()
    assert_refused(ask(administrator, "POST", path), 409, names="cannot take over")
    bench.portal.hear_peer(word(Site.SECONDARY, willing=True))
    bench.portal.catch_up()
    assert ask(administrator, "POST", path).status_code == 202
    bench.portal.catch_up()
    assert_refused(ask(administrator, "POST", path), 409, names="does not serve")


def test_a_failback_after_a_failover_without_changes_lists_nothing(passive: Bench) -> None:
    """SYNC-4: what an earlier failback discarded is not told of this one."""
    for changes in (1, 0):
        stop = {"farewell": Farewell.STOP}
        passive.portal.hear_peer(word(Site.PRIMARY, **stop))
        passive.portal.catch_up()
        assert passive.portal.serving
        user = passive.user()
        for _ in range(changes):
            assert ask(user, "POST", "/api/v1/contacts", json=CONTACT).status_code == 201
        passive.stand_by()
        passive.store.discard()
        assert len(passive.store.discarded()) == changes


def test_resilience_is_in_force_whenever_the_secondary_serves(bench: Bench) -> None:
    """Reading "otherwise normal": not when nobody serves."""
    look = bench.client()
    bench.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY, farewell=True))
    bench.portal.catch_up()
    assert not bench.portal.serving
    assert ask(look, "GET", "/api/v1/resilience").get_json()["resilience"] == "normal"
    bench.portal.hear_peer(word(Site.SECONDARY, willing=True, serving=True))
    bench.portal.catch_up()
    assert ask(look, "GET", "/api/v1/resilience").get_json()["resilience"] == "in force"


def serving_state(bench: Bench) -> State:
    """The portal's state as it was before it ceased to serve."""
    return replace(bench.portal.moment.state, role=Role.AVAILABLE)


def test_a_factory_reset_leaves_nothing_but_the_users(bench: Bench) -> None:
    """Neither data nor sessions nor settings; and the portal serves again once it heard the others."""
    user = bench.user()
    ask(user, "POST", "/api/v1/contacts", json=CONTACT)
    ask(bench.administrator(), "PUT", "/api/v1/admin/resiliency", json=RESILIENCY)
    bench.reset()
    assert not bench.portal.serving
    bench.serve()
    assert_refused(ask(user, "GET", "/api/v1/session"), 401)
    assert ask(bench.user(), "GET", "/api/v1/contacts").get_json() == {"items": []}
    assert not bench.portal.settings.restart_pending
    assert bench.portal.settings.configured.failback == "automatic"


def test_a_second_administrator_has_to_end_the_first_session(bench: Bench) -> None:
    """409 session_taken, until asked for on purpose."""
    first, second = bench.administrator(), bench.client()
    known = bench.portal.installed.administrator
    body = {"user": known.name, "password": known.password}
    assert_refused(ask(second, "POST", "/api/v1/admin/session", json=body), 409)
    assert ask(first, "GET", "/api/v1/admin/users").status_code == 200
    assert ask(second, "POST", "/api/v1/admin/session", json={**body, "end_other": True}).status_code == 201
    assert_refused(ask(first, "GET", "/api/v1/admin/users"), 401)


def test_failover_now_is_refused_with_its_reason(bench: Bench, passive: Bench) -> None:
    """CFG-6, CFG-13: on the secondary, and while something is unmet, all of which is named."""
    assert_refused(ask(passive.administrator(), "POST", "/api/v1/admin/failover-now"), 409, names="primary")
    bench.reset()
    bench.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY))
    bench.portal.catch_up()
    answer = ask(bench.administrator(), "POST", "/api/v1/admin/failover-now")
    assert_refused(answer, 409, names="CFG-5")
    assert_refused(answer, 409, names="CFG-12")


def test_the_providers_follow_central_cti_link_and_resilience(bench: Bench) -> None:
    """CFG-14: four while both are in effect, two to the primary with Central CTI Link alone, or by hand."""
    look = bench.administrator()

    def providers() -> list[tuple[str, str]]:
        items = ask(look, "GET", "/api/v1/admin/providers").get_json()["items"]
        assert {item["state"] for item in items} == {"disconnected"}
        assert {item["address"] for item in items} <= {"192.0.2.2", "192.0.2.3"}
        return [(item["type"], item["server"]) for item in items]

    to_primary = [("DSML", "primary"), ("CSTA", "primary")]
    assert providers() == [*to_primary, ("DSML", "secondary"), ("CSTA", "secondary")]
    bench.portal.hear_peer(replace(said := word(Site.SECONDARY), facts=replace(said.facts, version="12.1")))
    bench.portal.catch_up()
    assert providers() == to_primary
    bench.portal.settings.effective = msgspec.structs.replace(bench.portal.settings.effective, central_cti=False)
    assert providers() == to_primary
    items = ask(look, "GET", "/api/v1/admin/providers").get_json()["items"]
    assert {item["made_by"] for item in items} == {"hand"}


def test_why_resilience_is_not_ready_is_told_in_words_too(bench: Bench) -> None:
    """CFG-13: on the status page and on the administrators' page, beside the list of rules."""
    said = word(Site.SECONDARY)
    bench.portal.hear_peer(replace(said, facts=replace(said.facts, version="12.1", host_domain_name="")))
    bench.portal.catch_up()
    for path in ("resilience", "admin/resiliency"):
        answer = ask(bench.administrator(), "GET", f"/api/v1/{path}").get_json()
        assert answer["unmet"] == ["CFG-9", "CFG-12"]
        assert [need["rule"] for need in answer["unmet_why"]] == answer["unmet"]
        assert "software version" in answer["unmet_why"][0]["says"]


def test_a_changed_setting_waits_for_a_restart(bench: Bench) -> None:
    """CFG-4."""
    administrator = bench.administrator()
    answer = ask(administrator, "PUT", "/api/v1/admin/resiliency", json=RESILIENCY).get_json()
    assert (answer["configured"]["failback"], answer["effective"]["failback"]) == ("manual", "automatic")
    assert answer["restart_pending"]
    assert ask(bench.client(), "GET", "/api/v1/resilience").get_json()["restart_pending"]


def test_a_restart_is_answered_before_it_happens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The restart takes this very process."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda process, number: sent.append((process, number)))
    answer = ask(bench.administrator(), "POST", "/api/v1/admin/restart")
    assert (answer.status_code, answer.get_json()) == (202, {"accepted": "restart"})
    answer.close()
    assert sent == [(os.getpid(), signal.SIGHUP)]


def test_pages_never_run_what_users_typed(bench: Bench) -> None:
    """No inline script, nothing from elsewhere, no page of ours in another's frame."""
    page = ask(bench.client(), "GET", "/onexportal.html")
    policy = page.headers["Content-Security-Policy"]
    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in page.text


@pytest.mark.parametrize("name", ["nosuch", "..%2fapp.py", "onexportal.html", "%00"])
def test_no_file_but_the_two_is_served(bench: Bench, name: str) -> None:
    """Neither a template nor the program."""
    assert_refused(ask(bench.client(), "GET", f"/static/{name}"), 404)


def test_the_status_shows_equal_digests_for_equal_data_only(bench: Bench, user: FlaskClient) -> None:
    """SYNC-7: and needs no log-in."""
    look = bench.client()
    before = ask(look, "GET", "/api/v1/resilience").get_json()["sync"]
    ask(user, "POST", "/api/v1/contacts", json=CONTACT)
    after = ask(look, "GET", "/api/v1/resilience").get_json()["sync"]
    assert (before["head"], after["head"]) == (0, 1)
    assert before["digest"] != after["digest"]

"""What administrators see and do: Health, users and their sessions, one administrator at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stubs.portal.sessions import Session, Sessions, TakenError
from stubs.wire import Site
from tests.unit.stubs.portals import ask, core_word

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.unit.stubs.portals import Bench


def read(client: FlaskClient, path: str) -> Any:
    """What a page of the administrators answers."""
    answer = ask(client, "GET", f"/api/v1/admin/{path}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def session(user: str) -> Session:
    """A log-in."""
    return Session(user=user, client="192.0.2.9", since="2030-01-01T00:00:00+00:00")


def test_the_users_are_listed_with_home_and_log_in(bench: Bench) -> None:
    """Whoever is logged in here, and nobody else, counts as logged in."""
    bench.user("bob")
    assert read(bench.administrator(), "users")["items"] == [
        {"name": "alice", "home": "primary", "logged_in": False},
        {"name": "bob", "home": "secondary", "logged_in": True},
    ]


def test_cleared_sessions_end_at_the_users_next_request(bench: Bench) -> None:
    """One user's, which leaves others alone, or all; the answer says how many, and the administrator stays."""
    administrator, alice, twice, bob = bench.administrator(), bench.user(), bench.user(), bench.user("bob")
    assert ask(administrator, "DELETE", "/api/v1/admin/sessions/alice").get_json() == {"ended": 2}
    assert [ask(one, "GET", "/api/v1/contacts").status_code for one in (alice, twice, bob)] == [401, 401, 200]
    assert ask(administrator, "DELETE", "/api/v1/admin/sessions/alice").get_json() == {"ended": 0}
    bench.user()
    assert ask(administrator, "DELETE", "/api/v1/admin/sessions").get_json() == {"ended": 2}
    assert ask(bob, "GET", "/api/v1/contacts").status_code == 401
    assert read(administrator, "health/sessions") == {"items": []}


@pytest.mark.parametrize("user", ["nobody", "%00", "a%2Fb", "Administrator", "x" * 3000])
def test_sessions_of_an_unknown_user_are_not_found(bench: Bench, user: str) -> None:
    """404, and nobody is logged out."""
    alice = bench.user()
    assert ask(bench.administrator(), "DELETE", f"/api/v1/admin/sessions/{user}").status_code == 404
    assert ask(alice, "GET", "/api/v1/session").status_code == 200


def test_active_sessions_tell_who_since_when_and_from_where(bench: Bench) -> None:
    """Users only; administrators are none."""
    bench.user()
    (shown,) = read(bench.administrator(), "health/sessions")["items"]
    assert (shown["user"], shown["client"]) == ("alice", "127.0.0.1")
    assert shown["since"].endswith("+00:00")


def test_a_portal_tells_the_condition_of_both_servers(bench: Bench, passive: Bench) -> None:
    """VIEW-4: S's database is Started Passive in normal running, from P's point of view and from its own."""
    for each, site in ((bench, "primary"), (passive, "secondary")):
        shown = read(each.administrator(), "health/resilience")
        assert shown["seen_from"] == site
        assert shown["servers"]["primary"]["database"] == {"state": "Started", "use": "Active"}
        assert shown["servers"]["secondary"]["database"] == {"state": "Started", "use": "Passive"}
        assert shown["servers"]["secondary"]["ip_office"] == {"state": "Connected", "use": None}
        assert (shown["unmet"], shown["discarded"]) == ([], {"count": 0, "changes": []})


def test_what_is_unmet_is_told_in_words(bench: Bench) -> None:
    """CFG-13, on the page Resilience."""
    bench.reset()
    unmet = read(bench.administrator(), "health/resilience")["unmet"]
    assert {"CFG-2", "CFG-12"} <= {one["rule"] for one in unmet}
    assert all(one["says"].endswith(".") for one in unmet)


def test_the_components_follow_the_links(bench: Bench) -> None:
    """A CTI link counts from its first word until it is lost."""
    administrator = bench.administrator()

    def shown(name: str) -> str:
        found = {one["name"]: one["state"] for one in read(administrator, "health/components")["items"]}
        return str(found[name])

    name = "CTI link to the secondary's IP Office"
    assert shown(name) == "Connected"
    bench.portal.lose_core(Site.SECONDARY.server)
    assert shown(name) == "Not Connected"
    bench.portal.hear_core(Site.SECONDARY.server, core_word(Site.SECONDARY))
    assert shown(name) == "Connected"


def test_the_health_pages_answer_while_the_database_does_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are there to tell just that."""
    administrator = bench.administrator()
    monkeypatch.setattr(bench.store.database, "_path", bench.store.database._path / "nowhere")  # noqa: SLF001 - the disk is gone
    bench.store.database.close()
    found = {one["name"]: one["state"] for one in read(administrator, "health/components")["items"]}
    assert found["Database"] == "Not Started"
    assert read(administrator, "health/resilience")["servers"]["primary"]["database"]["state"] == "Not Started"


def test_key_recent_events_come_with_the_newest_first(bench: Bench) -> None:
    """As the portal recorded them: since when, what, and why."""
    bench.portal.fail_over_now()
    bench.portal.catch_up()
    items = read(bench.administrator(), "health/events")["items"]
    whys = {item["what"]: item["why"] for item in items}
    assert list(whys).index("Starting") < list(whys).index("Available") < list(whys).index("portal started")
    assert (whys["Starting"], whys["portal started"]) == ("hands over", "just started")
    assert all(set(item) == {"at", "at_ms", "what", "why"} for item in items)


def test_a_factory_reset_ends_the_administrators_session_too(bench: Bench) -> None:
    """Nothing of before is left, so that nobody has to be asked about a session of before."""
    administrator = bench.administrator()
    bench.reset()
    assert ask(administrator, "GET", "/api/v1/admin/session").status_code == 401
    known = bench.portal.installed.administrator
    body = {"user": known.name, "password": known.password}
    assert ask(bench.client(), "POST", "/api/v1/admin/session", json=body).status_code == 201


def test_a_refused_administrator_is_told_who_is_there(bench: Bench) -> None:
    """From where and since when, so that whoever is asked knows whom they would throw out."""
    bench.administrator()
    known = bench.portal.installed.administrator
    body = {"user": known.name, "password": known.password}
    refusal = ask(bench.client(), "POST", "/api/v1/admin/session", json=body).get_json()
    assert refusal["error"] == "session_taken"
    assert "127.0.0.1" in refusal["message"]
    assert bench.portal.administrators.all()[0].since in refusal["message"]


def test_of_administrators_that_come_together_one_is_let_in() -> None:
    """The question and the log-in are one step."""
    sessions, gate = Sessions(), threading.Barrier(16)
    let_in: list[str] = []
    refused: list[Session] = []

    def come() -> None:
        gate.wait(30)
        try:
            let_in.append(sessions.begin_alone(session("Administrator"), end_other=False))
        except TakenError as taken:
            refused.append(taken.other)

    threads = [threading.Thread(target=come) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(let_in) == len(sessions.all()) == 1
    assert refused == [session("Administrator")] * 15


def test_whoever_ends_the_other_session_is_alone() -> None:
    """The other's token is worth nothing from then on."""
    sessions = Sessions()
    first = sessions.begin_alone(session("Administrator"), end_other=False)
    second = sessions.begin_alone(session("Administrator"), end_other=True)
    assert sessions.find(first) is None
    assert sessions.find(second) is not None


def test_users_read_the_system_directory_that_administrators_keep(bench: Bench) -> None:
    """Every user the same, and no user changes it."""
    entry = {"name": "Reception", "number": "100"}
    made = ask(bench.administrator(), "POST", "/api/v1/admin/directory", json=entry).get_json()
    for name in ("alice", "bob"):
        assert ask(bench.user(name), "GET", "/api/v1/directory").get_json() == {"items": [made]}
    assert ask(bench.user(), "POST", "/api/v1/directory", json=entry).status_code == 405

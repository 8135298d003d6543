"""The administrators' view of the change log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stubs.portal import admin_log
from tests.unit.stubs.portals import Bench, ask

if TYPE_CHECKING:
    from flask.testing import FlaskClient

LOG = "/api/v1/admin/log"


def read(administrator: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    """The entries of one answer."""
    answer = ask(administrator, "GET", f"{LOG}{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def test_the_log_tells_what_happened_in_its_order(bench: Bench) -> None:
    """SYNC-1: to which item of whom, and nothing of what the user wrote but whether it is the same."""
    user, administrator = bench.user(), bench.administrator()
    path = "/api/v1/contacts"
    item = ask(user, "POST", path, json={"name": "Secret", "number": "1"}).get_json()["id"]
    ask(user, "PUT", f"{path}/{item}", json={"name": "Secret", "number": "2"})
    ask(user, "PUT", f"{path}/{item}", json={"name": "Secret", "number": "1"})
    ask(user, "DELETE", f"{path}/{item}")
    log = read(administrator)
    assert [(each["seq"], each["what"]) for each in log] == [
        (1, "added"),
        (2, "changed"),
        (3, "changed"),
        (4, "deleted"),
    ]
    assert {(each["collection"], each["owner"], each["id"]) for each in log} == {("contacts", "alice", item)}
    assert log[0]["sha256"] == log[2]["sha256"] != log[1]["sha256"]
    assert log[3]["sha256"] is None
    assert "Secret" not in str(log)


def test_the_log_is_read_page_by_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page begins where the last one ended; an empty one is the end, and another server's log is apart."""
    monkeypatch.setattr(admin_log, "PAGE", 2)
    for name in "ABC":
        bench.store.put("contacts", "alice", None, {"name": name, "number": "1"})
    administrator = bench.administrator()
    pages = [[each["seq"] for each in read(administrator, f"?after={after}")] for after in (0, 2, 3, 10**17)]
    assert pages == [[1, 2], [3], [], []]
    assert read(administrator, "?made_on=secondary") == []
    assert len(read(administrator, "?made_on=primary")) == 2


@pytest.mark.parametrize(
    "query",
    [
        "?after=-1",
        "?after=x",
        "?after=",
        "?after=1.5",
        "?after=²",
        f"?after={10**18}",
        "?made_on=tertiary",
        "?afer=1",
        "?after=1&after=2",
    ],
)
def test_a_place_that_is_none_is_refused(bench: Bench, query: str) -> None:
    """400, and not the log's beginning instead."""
    answer = ask(bench.administrator(), "GET", f"{LOG}{query}")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_request")

"""The observer writes what is new and nothing twice, and says what it could not see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import Site
from testbed.errors import FaultError, RefusedError
from testbed.history import History, Record, read
from testbed.recording import inventory
from testbed.recording.observer import Eye, facts_of, observed, tell_bed, tell_configured
from testbed.recording.schema import strange
from testbed.topology import Topology, derive

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.inspector import Inspector

SYNC = {"state": "running", "why": "", "head": 1, "digest": "d", "discarded": 0}


def change(at_ms: int, role: str = "Starting") -> dict[str, Any]:
    """A change of role, as a portal tells it."""
    return {"role": role, "at_ms": at_ms, "why": "because"}


class Portal:
    """A portal that tells one status after the other, the last one again and again."""

    def __init__(self, name: str, *told: dict[str, Any] | None) -> None:
        self.name = name
        self.told = list(told)
        self.is_silent = False
        self.refuses = self.asked = 0

    def resilience(self) -> dict[str, Any] | None:
        """The next status."""
        return self.told.pop(0) if len(self.told) > 1 else self.told[0]

    def administer(self, _method: str, path: str) -> Any:
        """What it holds: two changes, one of which failback took back."""
        self.asked += 1
        if self.is_silent:
            raise FaultError("no answer")
        if self.refuses:
            self.refuses -= 1
            raise RefusedError("refused", status=401, code="not_logged_in", says="log in")
        if path.startswith("log"):
            rows = [{"seq": 1}, {"seq": 2}] if "made_on=primary" in path else []
            return {
                "items": [row for row in rows if row["seq"] > int(path.split("after=")[1].split("&", maxsplit=1)[0])]
            }
        return {"discarded": {"changes": [{"seq": 1}]}}


class FakeServer:
    """What a bed knows of a server."""

    def __init__(self, name: str) -> None:
        self.name = self.hostname = name


class FakeBed:
    """A bed of two portals."""

    name = "b"

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.servers = [FakeServer("primary"), FakeServer("secondary")]

    def server(self, name: str) -> FakeServer:
        """One of the two."""
        return next(one for one in self.servers if one.name == name)


def status(*changes: dict[str, Any], **sync: Any) -> dict[str, Any]:
    """A portal's status; it takes no log-ins, so that nobody's contents are read."""
    return {"boot": 1, "role": "Starting", "role_changes": list(changes), "sync": {**SYNC, **sync}}


@pytest.fixture
def portals(monkeypatch: pytest.MonkeyPatch) -> dict[str, Portal]:
    """Two portals that have told one change of role each."""
    found = {name: Portal(name, status(change(1))) for name in ("primary", "secondary")}
    monkeypatch.setattr(inventory, "Inspector", lambda server, **_: found[server.name])
    return found


def recorded(path: Path, topology: Topology | None = None) -> list[Record]:
    """What is written of a short watch, all of it as the schema has it."""
    bed = cast("Bed", FakeBed(topology or Topology()))
    with History(path) as history:
        tell_bed(bed, history)
        with observed(bed, history):
            pass
    records = list(read(path))
    assert [one for record in records for one in strange(record)] == []
    return records


class Steps:
    """A clock that goes 150 ms on whenever somebody looks at it, or as much as it is told."""

    def __init__(self, step_ms: float = 150) -> None:
        self.now_ms, self.step_ms = 0.0, step_ms

    def wall(self) -> datetime:
        """Always the same."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_ms(self) -> float:
        """Later each time."""
        self.now_ms += self.step_ms
        return self.now_ms


def looked(path: Path, portal: Portal, *, times: int, step_ms: float = 150) -> list[Record]:
    """What is written of so many looks at a portal; all of it as the schema has it."""
    with History(path) as history:
        eye = Eye(cast("Inspector", portal), bed="b", site=Site(portal.name), history=history, clock=Steps(step_ms))
        for _ in range(times):
            eye.look()
    records = list(read(path))
    assert [one for record in records for one in strange(record)] == []
    return records


def of(records: list[Record], kind: str, server: str = "primary") -> list[dict[str, Any]]:
    """The fields of the records of a kind about a server."""
    return [dict(one.fields) for one in records if one.kind == kind and one.fields.get("server") == server]


@pytest.mark.usefixtures("portals")
def test_what_a_bed_is_comes_first_and_the_watch_has_a_begin_and_an_end(tmp_path: Path) -> None:
    """A checker counts from there."""
    records = recorded(tmp_path / "h.jsonl")
    assert [one.kind for one in records[:3]] == ["history", "bed", "observed"]
    assert [one.fields["state"] for one in records if one.kind == "observed"] == ["begins", "ends"]


def test_facts_are_those_of_the_topology() -> None:
    """In testbed time; who carries a portal, and what is unmet, as well."""
    fields = {"time_scale": 0.01, "application_server": {"replaces": "secondary"}, "primary": {"failover": False}}
    facts = facts_of(cast("Bed", FakeBed(derive(fields))))
    assert (facts.heartbeat_ms, facts.fresh_ms, facts.detection_ms) == (100, 600, 1800)
    assert facts.within_ms == 2 * 600 + 2 * 1800 + 6 * 100 + 3000
    assert facts.portal_servers == {"primary": "primary", "secondary": "application"}
    assert facts.unmet == ("CFG-6",)
    assert not facts.plain


def test_a_host_domain_name_leads_to_the_server_that_carries_the_portal() -> None:
    """Redirects name it; where it is empty or left out, there is none."""
    fields = {"primary": {"host_domain_name": "portal.example"}, "secondary": {"host_domain_name": ""}}
    hosts = facts_of(cast("Bed", FakeBed(derive(fields)))).hosts
    assert hosts == {"portal.example": "primary", "primary": "primary", "secondary": "secondary"}


def test_each_change_of_role_is_told_once(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """However often the portal repeats it; and one that does not answer tells nothing."""
    portals["primary"].told = [status(change(1)), None, status(change(1), change(2, "Available"))]
    records = looked(tmp_path / "h.jsonl", portals["primary"], times=4)
    told = [(one["since_ms"], one["role"]) for one in of(records, "role")]
    assert told == [(1, "Starting"), (2, "Available")]


def test_more_changes_than_a_portal_remembers_are_told_as_missed(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """All that it tells is news then, so there may have been more."""
    portals["primary"].told = [status(change(1)), status(change(300), change(308))]
    records = looked(tmp_path / "h.jsonl", portals["primary"], times=2)
    missed = [one.fields for one in records if one.kind == "missed"]
    assert [one["what"] for one in missed] == ["roles"]
    assert "the primary changed its role more often than it remembers" in missed[0]["why"]
    # Everything was known until the first look began, and is again from the first change that was told.
    assert (missed[0]["server"], missed[0]["from_ms"], missed[0]["until_ms"]) == ("primary", 150, 300)


def test_a_portal_that_has_begun_anew_or_fallen_silent_is_told(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """Since it was heard last; one that was never heard, or a moment ago, is not."""
    primary, anew = portals["primary"], {**status(change(1)), "boot": 2}
    primary.told = [None, status(change(1)), None, anew, None]
    path = tmp_path / "h.jsonl"
    with History(path) as history:
        eye = Eye(cast("Inspector", primary), bed="b", site=Site.PRIMARY, history=history, clock=Steps(150))
        for _ in range(4):
            eye.look()
        eye.end()
        for _ in range(8):
            eye.look()
        eye.end()
    records = list(read(path))
    assert [one for record in records for one in strange(record)] == []
    begun, silent = (one.fields for one in records if one.kind == "silent")
    assert begun["why"] == "the primary's portal has begun anew"
    assert silent["why"] == "the primary's portal does not answer any more"
    assert begun["from_ms"] < begun["until_ms"] == silent["from_ms"] < silent["until_ms"] - 1000


def test_what_failback_took_back_is_read_as_soon_as_it_is_over(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """The list is of the last failback only; and where nothing was taken back, nothing is read."""
    told = (status(state="suspended"), status(discarded=2), status(discarded=2, head=5))
    portals["secondary"].told = list(told)
    records = looked(tmp_path / "h.jsonl", portals["secondary"], times=3)
    kinds = [one.kind for one in records if one.kind in ("sync", "discarded")]
    assert kinds == ["sync", "sync", "discarded", "sync"]


def test_a_failback_that_is_cut_off_again_is_read_all_the_same(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """As soon as the count is another; where it is the same, once the portal serves again and takes nothing back."""
    first, second = change(1, "Available"), change(400, "Available")
    over = status(first, change(300), state="interrupted", discarded=2)
    for counted, reads in ((1, ["sync", "discarded", "sync"]), (2, ["sync", "discarded"])):
        portals["secondary"].told = [
            status(first, state="suspended", discarded=counted),
            over,
            status(first, change(300), second, state="suspended", discarded=2),
        ]
        records = looked(tmp_path / f"{counted}.jsonl", portals["secondary"], times=6)
        assert [one.kind for one in records if one.kind in ("sync", "discarded")][-len(reads) :] == reads
        assert sum(one.kind == "discarded" for one in records) == 1


def test_a_list_that_could_not_be_read_is_asked_for_again_until_it_is(
    tmp_path: Path, portals: dict[str, Portal]
) -> None:
    """Another administrator's log-in ended the session in between; and not at every look."""
    portals["secondary"].told = [status(state="suspended"), status(discarded=2)]
    portals["secondary"].refuses = 2
    records = looked(tmp_path / "h.jsonl", portals["secondary"], times=9)
    assert [one.kind for one in records if one.kind in ("unread", "discarded")] == ["discarded"]
    assert portals["secondary"].refuses == 0
    portals["secondary"].is_silent, portals["secondary"].asked = True, 0
    portals["secondary"].told = [status(state="suspended"), status(discarded=2)]
    looked(tmp_path / "often.jsonl", portals["secondary"], times=20, step_ms=10)
    assert portals["secondary"].asked == 2


def test_a_list_that_was_replaced_before_it_could_be_read_is_told_with_its_time(
    tmp_path: Path, portals: dict[str, Portal]
) -> None:
    """So that what it may have named is in doubt, and nothing later; a link that was away replaces none."""
    away = [status(state="interrupted", discarded=2), status(discarded=2)]
    serving = status(change(1, "Available"), state="suspended", discarded=2)
    portals["secondary"].told = [status(state="suspended"), status(discarded=2), *away, serving, status(discarded=3)]
    portals["secondary"].is_silent = True
    records = looked(tmp_path / "h.jsonl", portals["secondary"], times=12)
    unread = of(records, "unread", "secondary")
    assert len(unread) == 1
    assert unread[0]["why"] == "what failback took back was not read in time: no answer"
    assert unread[0]["until_ms"] == 450  # when the first failback was seen, not the link's return


def test_stock_is_taken_again_where_another_log_in_ended_the_session(
    tmp_path: Path, portals: dict[str, Portal]
) -> None:
    """Each of the reads, for a while."""
    portals["secondary"].refuses = 2
    records = recorded(tmp_path / "h.jsonl")
    assert [one.kind for one in records if one.kind == "unread"] == []
    assert len(of(records, "log", "secondary")) == 2


def test_what_failback_took_back_is_read_before_data_are_in_step(tmp_path: Path, portals: dict[str, Portal]) -> None:
    """P may be lost again before they are, and the next failback replaces the list."""
    told = (status(state="suspended", discarded=2), status(state="interrupted", discarded=3), status(discarded=3))
    portals["secondary"].told = [*told, status(state="suspended", discarded=3)]
    records = looked(tmp_path / "h.jsonl", portals["secondary"], times=4)
    kinds = [one.kind for one in records if one.kind in ("sync", "discarded")]
    assert kinds == ["sync", "sync", "discarded", "sync", "discarded", "sync"]


@pytest.mark.usefixtures("portals")
def test_both_servers_logs_are_read_whole_at_the_end(tmp_path: Path) -> None:
    """Each server's copy of what each made, page by page."""
    records = recorded(tmp_path / "h.jsonl")
    logs = [(one["made_on"], [entry["seq"] for entry in one["entries"]]) for one in of(records, "log", "secondary")]
    assert logs == [("primary", [1, 2]), ("secondary", [])]
    assert of(records, "contents") == []


def test_a_portal_that_cannot_be_read_is_told_and_the_other_one_is_read(
    tmp_path: Path, portals: dict[str, Portal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what it holds is unknown, and not nothing."""
    monkeypatch.setattr(inventory, "PATIENCE_S", 0.0)
    portals["primary"].is_silent = True
    records = recorded(tmp_path / "h.jsonl")
    assert [one["why"] for one in of(records, "unread")] == ["no answer"]
    assert len(of(records, "log", "secondary")) == 2


def test_a_portal_that_cannot_be_watched_ends_the_watch_with_an_error(
    tmp_path: Path, portals: dict[str, Portal]
) -> None:
    """Silence would look like a portal that never served."""
    portals["secondary"].told = [{"role": "Starting"}]
    with pytest.raises(ExceptionGroup, match="not every portal could be watched"):
        recorded(tmp_path / "h.jsonl")


def test_a_change_of_configuration_has_a_begin_and_an_end(tmp_path: Path) -> None:
    """With what is in effect then."""
    path = tmp_path / "h.jsonl"
    with History(path) as history:
        tell_configured(cast("Bed", FakeBed(Topology())), history, state="begins")
        tell_configured(cast("Bed", FakeBed(Topology())), history, state="ends", unmet=["CFG-6"])
    records = read(path)[1:]
    assert [one.fields["state"] for one in records] == ["begins", "ends"]
    assert [strange(one) for one in records] == [[], []]

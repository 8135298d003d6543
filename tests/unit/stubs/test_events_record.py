"""Key recent events: noted once each, kept across restarts, never in the way."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs import clock
from stubs.events import Tick
from stubs.portal import events_record
from stubs.portal.events_record import NOTHING_YET, REMEMBERED, EventsRecord, Standing, What, news
from stubs.resilience import Role
from stubs.wire import ServerName, Site
from tests.unit.stubs.portals import Bench, ask, word

if TYPE_CHECKING:
    from pathlib import Path

WELL = Standing(core=True, peer=True, sync="running")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (WELL, []),
        (replace(WELL, core=False), [(What.CORE_DOWN, "")]),
        (replace(WELL, peer=False), [(What.PEER_LOST, "")]),
        (replace(WELL, sync="interrupted", trouble="timed out"), [(What.SYNC_INTERRUPTED, "timed out")]),
        (replace(WELL, sync="suspended"), [(What.SYNC_SUSPENDED, "")]),
        (NOTHING_YET, [(What.CORE_DOWN, ""), (What.PEER_LOST, ""), (What.SYNC_SUSPENDED, "")]),
    ],
)
def test_news_is_what_changed(after: Standing, expected: list[tuple[What, str]]) -> None:
    """Each change once, with its reason where one is known; and the way back likewise."""
    assert list(news(WELL, after)) == expected
    back = {What.CORE_DOWN: What.CORE_UP, What.PEER_LOST: What.PEER_HEARD}
    assert [what for what, _ in news(after, WELL)] == [back.get(what, What.SYNC_RUNNING) for what, _ in expected]


def test_only_changes_of_standing_are_noted() -> None:
    """A heartbeat is no event."""
    record = EventsRecord()
    for standing in (WELL, WELL, replace(WELL, peer=False), replace(WELL, peer=False), WELL):
        record.note(standing)
    noted = [event.what for event in record.events]
    assert noted[:3] == [What.CORE_UP, What.PEER_HEARD, What.SYNC_RUNNING]
    assert noted[3:] == [What.PEER_LOST, What.PEER_HEARD]


def test_events_outlast_the_process(tmp_path: Path) -> None:
    """What a killed portal noted is there, in order, before what it notes next."""
    path = tmp_path / "events.jsonl"
    before = EventsRecord(path)
    before.add(What.STARTED)
    before.add(What.AVAILABLE, "somebody must", at_ms=7)
    after = EventsRecord(path)
    assert after.events == before.events
    after.add(What.STARTED)
    assert [event.what for event in EventsRecord(path).events] == [What.STARTED, What.AVAILABLE, What.STARTED]
    assert EventsRecord(path).events[1].at_ms == 7
    assert EventsRecord(path).events[1].why == "somebody must"


def test_the_record_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    """The latest are kept."""
    path = tmp_path / "events.jsonl"
    record = EventsRecord(path)
    longest = 0
    for number in range(25 * REMEMBERED):
        record.add(What.CORE_UP, str(number))
        longest = max(longest, len(path.read_bytes().splitlines()))
    kept = [str(number) for number in range(24 * REMEMBERED, 25 * REMEMBERED)]
    assert [event.why for event in record.events] == kept
    assert [event.why for event in EventsRecord(path).events] == kept
    assert longest <= 10 * REMEMBERED


def test_a_torn_line_costs_one_event(tmp_path: Path) -> None:
    """A full disk may have taken half of it."""
    path = tmp_path / "events.jsonl"
    record = EventsRecord(path)
    for number in range(3):
        record.add(What.CORE_UP, str(number))
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:20] + b"\n" + third)
    assert [event.why for event in EventsRecord(path).events] == ["0", "2"]


def test_a_disk_that_takes_nothing_takes_only_the_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The portal goes on, the log says so, and what is in memory is there."""
    path = tmp_path / "events.jsonl"
    path.mkdir()
    with caplog.at_level(logging.ERROR, events_record.__name__):
        record = EventsRecord(path)
        record.add(What.AVAILABLE)
    assert [event.what for event in record.events] == [What.AVAILABLE]
    assert "not kept" in caplog.text


def test_a_factory_reset_begins_a_new_record(tmp_path: Path) -> None:
    """In memory and on disk."""
    path = tmp_path / "events.jsonl"
    record = EventsRecord(path)
    record.note(WELL)
    record.reset()
    assert [event.what for event in record.events] == [What.RESET]
    assert EventsRecord(path).events == record.events
    record.note(WELL)
    assert [event.what for event in record.events][1:] == [What.CORE_UP, What.PEER_HEARD, What.SYNC_RUNNING]


def test_a_portal_notes_every_change_of_its_role(bench: Bench) -> None:
    """ROLE-11: since when it serves, and until when it did, so that both portals' stretches can be compared."""
    began = clock.monotonic_ms()
    bench.portal.fail_over_now()
    bench.portal.catch_up()
    noted = [(event.what, event.why) for event in bench.portal.record.roles(9)]
    assert noted == [
        (What.STARTED, "just started"),
        (What.AVAILABLE, "the secondary does not serve"),
        (What.STARTING, "hands over"),
    ]
    status = ask(bench.client(), "GET", "/api/v1/resilience").get_json()
    assert [change["role"] for change in status["role_changes"]] == ["Starting", "Available", "Starting"]
    assert began <= status["role_changes"][-1]["at_ms"] <= clock.monotonic_ms()
    assert began <= status["role_since_ms"] <= status["role_changes"][-1]["at_ms"]


def test_a_portal_that_was_frozen_notes_when_it_ceased_to_serve(bench: Bench) -> None:
    """ROLE-11: not when it was thawed: it had said no since long before, without knowing it."""
    state = bench.portal.moment.state
    late = Tick(at_ms=state.now_ms + 10 * state.frozen_ms)
    bench.portal.moment = replace(bench.portal.moment, state=replace(state, now_ms=state.now_ms - 2 * state.frozen_ms))
    asleep = ask(bench.client(), "GET", "/api/v1/resilience").get_json()
    assert asleep["role"] == Role.STARTING
    assert asleep["role_since_ms"] == state.now_ms - state.frozen_ms
    bench.portal._take(late)  # noqa: SLF001 - the thread that would take it in is not there
    event = bench.portal.record.roles(1)[0]
    assert (event.what, event.at_ms) == (What.STARTING, state.now_ms - state.frozen_ms)


def test_a_portal_notes_what_its_links_do(bench: Bench) -> None:
    """Key recent events of the product's Health menu: core, other portal, synchronisation, the end."""
    bench.portal.hear_peer(word(Site.SECONDARY))
    bench.portal.lose_core(ServerName.PRIMARY)
    bench.portal.catch_up()
    noted = [event.what for event in bench.portal.record.events]
    assert {What.CORE_UP, What.PEER_HEARD, What.SYNC_INTERRUPTED, What.CORE_DOWN} <= set(noted)
    assert noted.index(What.CORE_UP) < noted.index(What.CORE_DOWN)
    assert What.CLOSING not in noted
    leaving = threading.Thread(target=bench.portal.leave, args=(True,))
    leaving.start()
    while leaving.is_alive():
        bench.portal.catch_up()
        leaving.join(0.001)
    assert (What.CLOSING, "restart") in [(event.what, event.why) for event in bench.portal.record.events]

"""What commands do to links: nothing of it stays unproved, and they say when each server had it."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from testbed.cli.changes import lasting, tell
from testbed.network.applied import Applied
from testbed.network.lease import LEASE_MS, LapsedError
from testbed.partitions import Link

if TYPE_CHECKING:
    from collections.abc import Collection

    from testbed.bed import Bed

FAULTS = [Link("a", "b")]


class FakeLinks:
    """Remembers what it was asked to do, and can be told that a lease has ended."""

    def __init__(self) -> None:
        self.did: list[tuple[str, int | None]] = []
        self.has_lapsed = False
        self.before: list[Link] = []
        self.touched: set[Link] = set()

    def current(self) -> list[SimpleNamespace]:
        """What was in force before."""
        return [SimpleNamespace(fault=one) for one in self.before]

    def inject(self, faults: Collection[Link], *, lease_ms: int | None) -> Applied:
        """Remember it."""
        self.touched |= set(faults)
        self.did.append(("inject", lease_ms))
        return Applied(planned_ms=100.0, committed_ms={"b": 101.0})

    def renew(self, _faults: object, *, lease_ms: int | None) -> Applied:
        """Remember it, unless it is too late."""
        if self.has_lapsed:
            raise OSError("no such element")
        self.did.append(("renew", lease_ms))
        return Applied(planned_ms=200.0, committed_ms={"b": 201.0})

    def heal(self, faults: Collection[Link]) -> None:
        """Remember it."""
        self.touched |= set(faults)
        self.did.append(("heal", None))


@pytest.fixture
def links() -> FakeLinks:
    """The network of a bed."""
    return FakeLinks()


@pytest.fixture
def bed(links: FakeLinks) -> Bed:
    """A bed that is nothing but its network."""
    return cast("Bed", SimpleNamespace(links=links))


@pytest.mark.parametrize(("lease_ms", "ends_ms"), [(None, None), (30_000, 30_201.0)])
def test_a_fault_has_a_short_lease_until_it_is_proved(
    bed: Bed, links: FakeLinks, lease_ms: int | None, ends_ms: float | None
) -> None:
    """Whether it is to stay or to end after a time, which counts from the proof."""
    with lasting(bed, FAULTS, lease_ms=lease_ms) as begun:
        assert links.did == [("inject", LEASE_MS)]
        assert begun.injected.committed_ms == {"b": 101.0}
    assert links.did == [("inject", LEASE_MS), ("renew", LEASE_MS), ("renew", lease_ms)]
    assert begun.ends_ms == ends_ms


def test_a_fault_that_is_not_proved_is_healed(bed: Bed, links: FakeLinks) -> None:
    """The error is that of the proof."""
    with pytest.raises(ValueError, match="no proof"), lasting(bed, FAULTS):
        raise ValueError("no proof")
    assert links.did[-1] == ("heal", None)
    assert ("renew", None) not in links.did


def test_what_was_in_force_before_stays_when_the_rest_is_not_proved(bed: Bed, links: FakeLinks) -> None:
    """It is neither injected anew, with a short lease, nor healed."""
    links.before = [Link("b", "a"), Link("a", "c")]
    with pytest.raises(ValueError, match="no proof"), lasting(bed, [*FAULTS, Link("b", "a")]):
        raise ValueError("no proof")
    assert links.did == [("inject", LEASE_MS), ("renew", LEASE_MS), ("heal", None)]
    assert links.touched == set(FAULTS)


def test_what_was_in_force_before_gets_the_new_lease_once_it_is_proved(bed: Bed, links: FakeLinks) -> None:
    """Which is when it was changed."""
    links.before = FAULTS
    with lasting(bed, FAULTS, lease_ms=30_000) as begun:
        pass
    assert links.did[-1] == ("renew", 30_000)
    assert (links.touched, begun.injected.planned_ms, begun.ends_ms) == (set(), 200.0, 30_201.0)


def test_a_fault_that_ended_before_it_was_proved_is_no_fault(bed: Bed, links: FakeLinks) -> None:
    """A frozen command learns of it, and does not let it begin again."""

    def inject() -> None:
        with lasting(bed, FAULTS):
            links.has_lapsed = True

    with pytest.raises(LapsedError, match=r"before its time \(a -> b\)"):
        inject()
    assert links.did == [("inject", LEASE_MS), ("heal", None)]


def told(capsys: pytest.CaptureFixture[str], applied: Applied | None, *, json_: bool, **more: Any) -> str:
    """What a command prints."""
    tell("demo", ["cut b -> a", "cut a -> b"], applied, json_=json_, **more)
    return capsys.readouterr().out


def test_a_command_says_when_each_server_had_it(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs on the clock that all share, and by the time of day; for people with what lies between."""
    now_ms = time.monotonic() * 1000
    applied = Applied(planned_ms=now_ms - 5000, committed_ms={"b": now_ms - 4999.5, "a": now_ms - 4999})
    found = json.loads(told(capsys, applied, json_=True, ends_ms=now_ms))
    assert (found["name"], found["faults"], found["skew_ms"]) == ("demo", ["cut a -> b", "cut b -> a"], 0.5)
    assert found["committed_ms"] == dict(applied.committed_ms)
    for at, ago_s in ((found["planned_at"], 5), (found["committed_at"]["a"], 4.999), (found["ends_at"], 0)):
        passed_s = (datetime.now().astimezone() - datetime.fromisoformat(at)).total_seconds()
        assert passed_s == pytest.approx(ago_s, abs=0.5)
    lines = told(capsys, applied, json_=False, ends_ms=now_ms).splitlines()
    assert lines[:2] == ["demo: cut a -> b", "demo: cut b -> a"]
    assert [line[:15].strip() for line in lines[2:]] == ["asked for", "at a", "at b", "apart", "ends"]
    assert "0.500 ms" in lines[5]
    assert re.search(r"\.\d{3}\S+, 1\.000 ms later$", lines[3])


def test_a_command_that_found_nothing_to_heal_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """And names no server; what is not of the network has no times."""
    tell("demo", [], Applied(planned_ms=1.0, committed_ms={}), json_=False)
    assert capsys.readouterr().out == "demo: nothing was to be healed\n"
    assert json.loads(told(capsys, None, json_=True)) == {"name": "demo", "faults": ["cut a -> b", "cut b -> a"]}

"""A full disk and slow starts are proved when they begin and when they end, and never taken on trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import ServerName
from testbed import topology
from testbed.errors import FaultError, MisuseError
from testbed.faults import LONGEST_MS, Fault, FullDisk, SlowStart, Target, describe
from testbed.history import History
from testbed.nemesis import Nemesis
from testbed.starts import Starts, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.bed import Bed

P, S = ServerName.PRIMARY, ServerName.SECONDARY
PORTAL = Target(P, "portal")
FULL, SLOW = FullDisk(P), SlowStart(PORTAL, 2000)
MET = "2000\nheld 1\nbegan 2001\n"


class FakeVolumes:
    """The volumes of two servers, which obey except where told not to."""

    def __init__(self) -> None:
        self.full: set[ServerName] = set()
        self.slow_ones: dict[Target, str] = {}
        self.stuck = False
        self.broken = ""

    def fill(self, server: ServerName) -> None:
        """Take all."""
        if not self.stuck:
            self.full.add(server)

    def empty(self, server: ServerName) -> None:
        """Give it back."""
        if not self.stuck:
            self.full.discard(server)

    def is_full(self, server: ServerName) -> bool:
        """Whether it was filled."""
        return server in self.full

    def why_not(self, server: ServerName) -> str:
        """What the system says to a byte."""
        return self.broken or ("ENOSPC" if server in self.full else "")

    def slow(self, target: Target, *, by_ms: int) -> None:
        """Let starts be slow."""
        self.slow_ones[target] = f"{by_ms}\n"

    def swift(self, target: Target) -> None:
        """Let them be as usual."""
        if not self.stuck:
            self.slow_ones.pop(target, None)

    def starts(self, target: Target) -> Starts | None:
        """The record."""
        text = self.slow_ones.get(target)
        return None if text is None else read(text)


class FakeBed:
    """A bed with disks; the portal of its primary runs, and answers if it may."""

    def __init__(self) -> None:
        self.name, self.stays = "bed", False
        self.topology = topology.derive({"primary": {"disk_mib": 16}})
        self.volumes = FakeVolumes()
        self.services = self
        self.inspectors = {P: self}
        self.mute = False

    def states(self) -> dict[ServerName, dict[str, str]]:
        """What the engine says."""
        return {P: {"portal": "running"}}

    def answers(self, _service: str) -> bool:
        """Whether a service answers."""
        return not self.mute


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


@pytest.fixture
def nemesis(bed: FakeBed, tmp_path: Path) -> Iterator[Nemesis]:
    """A nemesis of it."""
    with History(tmp_path / "history.jsonl") as history:
        yield Nemesis(cast("Bed", bed), history, within_s=0.05)


def test_a_disk_is_full_inside_the_block_and_takes_a_byte_after_it(bed: FakeBed, nemesis: Nemesis) -> None:
    """Whatever happens inside."""

    def fail() -> None:
        assert bed.volumes.full == {P}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), nemesis.under(FULL):
        fail()
    assert bed.volumes.full == set()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"stuck": True}, "primary: taken, where it was to be ENOSPC"),
        ({"broken": "EROFS"}, "primary: EROFS, where it was to be taken"),
    ],
)
def test_a_disk_that_does_not_fill_up_is_no_fault(
    bed: FakeBed, nemesis: Nemesis, trouble: dict[str, Any], said: str
) -> None:
    """Nor one that refuses for another reason."""
    vars(bed.volumes).update(trouble)
    with pytest.raises(FaultError, match=said):
        nemesis.inject(FULL)


def test_a_disk_that_stays_full_is_an_error(bed: FakeBed, nemesis: Nemesis) -> None:
    """The fault outlived its end."""
    nemesis.inject(FULL)
    bed.volumes.stuck = True
    with pytest.raises(FaultError, match="ENOSPC, where it was to be taken"):
        nemesis.heal(FULL)


@pytest.mark.parametrize(
    ("fault", "said"),
    [(FullDisk(S), "the secondary has no small disk to fill: .* --topology small-disk"), (FULL, "is full already")],
)
def test_a_disk_that_cannot_be_filled_up_is_left_alone(bed: FakeBed, nemesis: Nemesis, fault: Fault, said: str) -> None:
    """One that is not small, or that somebody else has filled: what he did is not undone by this."""
    bed.volumes.full = {P}
    with pytest.raises(MisuseError, match=said):
        nemesis.inject(fault)
    nemesis.heal(fault)
    assert bed.volumes.full == {P}


def test_a_slow_start_is_proved_by_the_starts_that_it_met(bed: FakeBed, nemesis: Nemesis) -> None:
    """And it is gone afterwards."""
    with nemesis.under(SLOW):
        assert bed.volumes.slow_ones == {PORTAL: "2000\n"}
        bed.volumes.slow_ones[PORTAL] = MET
    assert bed.volumes.slow_ones == {}


@pytest.mark.parametrize("record", ["2000\n", "2000\nheld 1\nbegan 2000\n", None])
def test_a_slow_start_without_effect_is_an_error_and_is_undone(
    bed: FakeBed, nemesis: Nemesis, record: str | None
) -> None:
    """No start, one that was quicker, or one that somebody else has healed."""
    nemesis.inject(SLOW)
    bed.volumes.slow_ones = {} if record is None else {PORTAL: record}
    with pytest.raises(FaultError):
        nemesis.heal(SLOW)
    assert bed.volumes.slow_ones == {}


@pytest.mark.parametrize(("stuck", "mute", "said"), [(True, False, "are still slow"), (False, True, "to answer")])
def test_a_slow_start_that_outlives_its_end_is_an_error(  # noqa: PLR0913 - its particulars
    bed: FakeBed, nemesis: Nemesis, monkeypatch: pytest.MonkeyPatch, *, stuck: bool, mute: bool, said: str
) -> None:
    """Its file stays, or what it held does not go on."""
    monkeypatch.setattr("testbed.volume_proof.BEGIN_S", 0.05)
    nemesis.inject(SLOW)
    bed.volumes.slow_ones[PORTAL] = MET
    bed.volumes.stuck, bed.mute = stuck, mute
    with pytest.raises(FaultError, match=said):
        nemesis.heal(SLOW)


@pytest.mark.parametrize("by_ms", [0, -1, LONGEST_MS + 1])
def test_a_slow_start_of_no_length_or_endless_is_refused(by_ms: int) -> None:
    """It could not be proved, or not be told from a dead service."""
    with pytest.raises(MisuseError, match="up to 60 minutes longer"):
        SlowStart(PORTAL, by_ms)


def test_both_say_what_they_are() -> None:
    """For history, status and messages."""
    assert [describe(each) for each in (FULL, SLOW)] == [
        "full disk of primary",
        "slow start of primary/portal by 2000 ms",
    ]

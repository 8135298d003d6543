"""What `testbed fault` began and could not finish is undone or named: each call of the engine fails, and Ctrl-C comes.

On an engine in memory, as `test_failing_calls` does for the nemesis.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import pytest

from testbed.cli import fault as commands
from testbed.cli import tell
from testbed.errors import BedError
from testbed.network.applied import Applied
from tests.engine.breaking import EVERY_WAY
from tests.engine.trials import NAME, told, wounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.breaking import Failure
    from tests.engine.conftest import Standing
    from tests.engine.double import Double
    from tests.engine.trials import Trial

COMMANDS = (
    ("kill", NAME, "primary/portal"),
    ("stop", NAME, "primary"),
    ("pause", NAME, "primary/portal"),
    ("fill", NAME, "primary"),
    ("slow-start", NAME, "primary", "--by", "200ms"),
    ("cert", NAME, "primary", "expired"),
    ("lose", NAME, "primary"),
)
DONE = (1, 2, 1, 1, 2, 3, 2)
"""How many wounds each leaves that goes well."""


class FakeLinks:
    """A network that obeys."""

    def __init__(self) -> None:
        self.in_force: set[Any] = set()
        self.ends: dict[str, Any] = {}

    def current(self) -> list[Any]:
        """What is in force."""
        return [SimpleNamespace(fault=fault) for fault in self.in_force]

    def inject(self, faults: list[Any], *, lease_ms: int | None = None) -> Applied:
        """Put these in force; no lease ends here."""
        del lease_ms
        self.in_force |= {*faults}
        return Applied(planned_ms=0.0, committed_ms={"primary": 1.0})

    def renew(self, faults: list[Any], *, lease_ms: int | None) -> Applied:
        """Let those that are in force last."""
        assert {*faults} <= self.in_force
        return self.inject(faults, lease_ms=lease_ms)

    def heal(self, faults: list[Any]) -> None:
        """Undo these."""
        self.in_force -= {*faults}


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> FakeLinks:
    """The network of the topology, and proofs of it that believe everything."""
    monkeypatch.setattr("testbed.cli.fault.prove_stopped", lambda *_: None)
    monkeypatch.setattr("testbed.cli.fault.prove_passing", lambda *_: None)
    return FakeLinks()


@pytest.fixture
def topology(
    tried: Trial, double: Double, standing: Standing, links: FakeLinks, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Trial]:
    """Begin anew with a topology in memory that is whole."""

    def whole() -> Trial:
        tried.meet(standing.put_into(double))
        tried.look_into(double)
        links.in_force.clear()
        tried.bed.__dict__["links"] = links
        monkeypatch.setattr(tried.bed, "close", lambda: None)
        return tried

    monkeypatch.setattr("testbed.cli.fault.attach", lambda _name: tried.bed)
    return whole


def fault(arguments: tuple[str, ...]) -> None:
    """Run the command."""
    commands.fault.main([*arguments], standalone_mode=False)


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize(("arguments", "count"), [*zip(COMMANDS, DONE, strict=True)], ids=str)
def test_a_fault_that_fails_is_undone_or_named(  # noqa: PLR0913, PLR0917 - fixtures
    topology: Callable[[], Trial],
    double: Double,
    links: FakeLinks,
    arguments: tuple[str, ...],
    count: int,
    way: tuple[Failure, bool],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each call; one that fails alone is undone, as the engine works again, else all that is left is named."""
    on = topology()
    calls = on.calls(lambda: fault(arguments))
    assert len(wounds(double)) == count
    for number in range(calls):
        on = topology()
        capsys.readouterr()
        said = on.fails(lambda: fault(arguments), number, way)
        assert said is not None, f"call {number} of {calls} failed, and nobody was told"
        left = wounds(double)
        assert way[1] or not left, f"left after call {number} of {calls} alone failed: {said}"
        assert links.in_force == set()
        said += capsys.readouterr().err
        for wound, word in left.items():
            service, _, server = word.partition(" of the ")
            named = f"{server}/{service} may still hold" if server else word
            assert named in said, f"{wound} after call {number} of {calls} failed: {said}"


@pytest.mark.parametrize("arguments", COMMANDS[:3], ids=str)
def test_ctrl_c_amid_a_fault_undoes_it(
    topology: Callable[[], Trial], double: Double, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is being proved; whatever the service did before, it does again."""
    topology()

    def interrupted(*_proof: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("testbed.cli.fault.prove_state", interrupted)
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        fault(arguments)
    assert wounds(double) == {}


def test_a_stop_that_is_interrupted_is_over_before_the_service_is_started(
    topology: Callable[[], Trial], double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine goes on with it for as long as a stop takes, and would end what was started meanwhile."""
    on = topology()

    def interrupted(*_service: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(on.bed.services, "stop", interrupted)
    on.way.seen.clear()
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        fault(("stop", NAME, "primary/portal"))
    posted = [line.split(" ")[1].split("?")[0] for line in on.way.seen if line.startswith("POST")]
    assert [path.rpartition("/")[2] for path in posted] == ["kill", "start"]
    assert wounds(double) == {}


def test_a_service_that_was_frozen_is_frozen_again(
    topology: Callable[[], Trial], double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another fault did is no business of the one that is undone."""
    on = topology()
    fault(("pause", NAME, "primary/portal"))
    before = wounds(double)

    def fails(*_proof: Any) -> None:
        raise BedError("no proof")

    monkeypatch.setattr("testbed.cli.fault.prove_state", fails)
    with pytest.raises(BedError, match="no proof"):
        fault(("kill", NAME, "primary/portal"))
    assert wounds(double) == before
    assert on.bed.name == NAME


def test_what_is_left_is_named_in_the_one_line(
    topology: Callable[[], Trial], double: Double, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that ends it."""
    on = topology()

    def fails(*_proof: Any) -> None:
        on.way.pattern, on.way.lasting = "POST .*/start", True
        on.way.after = 0
        raise BedError("no proof")

    monkeypatch.setattr("testbed.cli.fault.prove_state", fails)
    with pytest.raises(BedError) as failed:
        fault(("kill", NAME, "primary/portal"))
    assert tell(failed.value) == 2
    line = capsys.readouterr().err
    assert len(line.splitlines()) == 1
    assert "no proof; kill primary/portal may still hold: cannot start the portal of the primary" in line
    assert f"testbed fault heal {NAME} --all" in line
    assert wounds(double) != {}
    assert list(told(failed.value))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kill", NAME, "primary/portal"), ["primary/portal stopped since 20"]),
        (("stop", NAME, "primary"), ["primary/core stopped since 20", "primary/portal stopped since 20"]),
        (("pause", NAME, "primary/portal"), ["primary/portal paused since 20"]),
        (
            ("lose", NAME, "primary"),
            ["primary vanished since 20", "primary/core stopped since 20", "primary/portal stopped since 20"],
        ),
    ],
)
def test_a_fault_says_since_when_by_the_engines_clock(
    topology: Callable[[], Trial], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: list[str]
) -> None:
    """To the millisecond."""
    topology()
    fault(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert [line[: len(word)] for line, word in zip(lines, words, strict=True)] == words
    assert all(len(line.rpartition(" ")[2]) == len("2026-01-01T00:00:00.000+00:00") for line in lines)

"""Every step of a schedule becomes the fault that it names, and what undoes it ends that one."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import ServerName, Site
from testbed.campaign import acting, returning
from testbed.campaign.acting import Actor
from testbed.campaign.returning import NeverBackError, until_answering
from testbed.errors import FaultError, RefusedError
from testbed.faults import Fault, Kill, Lose, Pause, Restart, SlowStart, Stop, Target, describe
from testbed.history import History, read
from testbed.recording.schema import strange
from testbed.schedules.drawing import draw
from testbed.schedules.schedule import Step, Verb
from testbed.topology import Topology
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis

CORE, PORTAL = Target(ServerName.PRIMARY, "core"), Target(ServerName.PRIMARY, "portal")


class FakeServer:
    """A server's name and services."""

    def __init__(self, site: Site) -> None:
        self.name, self.hostname = site.value, f"{site.value}.fake.test"
        self.core, self.portal = (Target(ServerName(site.value), service) for service in ("core", "portal"))


class FakeInspector:
    """Everything runs; an administrator is answered as told."""

    answer: object = {"id": "1", "name": "somebody", "number": "100"}
    state = "Available"
    stopped = False

    def services(self) -> dict[str, Any]:
        """The platform view."""
        return {service: {"state": self.state} for service in ("core", "portal")}

    def resilience(self) -> dict[str, Any] | None:
        """The portal's status."""
        return None if self.stopped else {"role": "Available"}

    def redirect(self) -> dict[str, Any]:
        """The core answers."""
        return {"portal": None}

    def dormant_boot(self) -> int | None:
        """Whether the portal stopped by itself."""
        return 1 if self.stopped else None

    def answers(self, service: str) -> bool:
        """Whether a service answers."""
        return service == "core" or self.resilience() is not None

    def administer(self, _method: str, _path: str, _body: object) -> object:
        """The portal's answer."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeBed:
    """A pair."""

    name, topology = "fake", Topology()

    def __init__(self) -> None:
        self.pair = tuple(FakeServer(site) for site in Site)
        self.inspectors = {site: FakeInspector() for site in (*Site, *ServerName)}

    def server(self, name: str) -> FakeServer:
        """By its name."""
        return next(one for one in self.pair if one.name == name)


class FakeNemesis:
    """Keeps what was asked of it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Fault]] = []

    def inject(self, fault: Fault) -> None:
        """It holds now."""
        self.done.append(("inject", fault))

    def heal(self, fault: Fault) -> None:
        """It is over; nobody heals what does not hold."""
        assert fault in self.in_force
        self.done.append(("heal", fault))

    @contextlib.contextmanager
    def under(self, fault: Fault) -> Iterator[None]:
        """It holds while the block runs."""
        self.inject(fault)
        yield
        self.heal(fault)

    def heal_all(self) -> None:
        """Nothing holds any more."""
        for fault in self.in_force:
            self.heal(fault)

    @property
    def in_force(self) -> list[Fault]:
        """What holds."""
        held: list[Fault] = []
        for what, fault in self.done:
            (held.append if what == "inject" else held.remove)(fault)
        return held


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


@pytest.fixture
def nemesis() -> FakeNemesis:
    """One nemesis."""
    return FakeNemesis()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """One history."""
    with History(tmp_path / "history.jsonl") as history:
        yield history


@pytest.fixture
def actor(bed: FakeBed, nemesis: FakeNemesis, history: History) -> Actor:
    """One actor."""
    return Actor(cast("Bed", bed), cast("Nemesis", nemesis), history)


class FakeAdministrator:
    """Saves settings and restarts portals; with failover off the secondary's portal stops by itself (CFG-11)."""

    def __init__(self, bed: FakeBed) -> None:
        self.saved: list[tuple[str, str, object]] = []
        self.restarted: list[tuple[str, ...]] = []
        self.sessions_ended = 0
        self._bed = bed
        self._off = False

    def configure(self, _bed: object, site: Site, changes: dict[str, object]) -> None:
        """Save."""
        if self.sessions_ended:
            self.sessions_ended -= 1
            raise RefusedError("no", status=401, code="no_session", says="log in")
        for key, value in changes.items():
            self.saved.append((site.value, key, value))
            self._off = not value if key == "failover" else self._off

    def restart_portals(self, _bed: object, sites: tuple[Site, ...]) -> None:
        """Begin again."""
        self.restarted.append(tuple(site.value for site in sites))
        if Site.PRIMARY in sites:
            self._bed.inspectors[Site.SECONDARY].stopped = self._off


@pytest.fixture
def administrator(bed: FakeBed, monkeypatch: pytest.MonkeyPatch) -> FakeAdministrator:
    """Of the bed."""
    one = FakeAdministrator(bed)
    monkeypatch.setattr(acting, "configure", one.configure)
    monkeypatch.setattr(acting, "restart_portals", one.restart_portals)
    return one


def configured(history: History) -> list[dict[str, Any]]:
    """What the history says of settings."""
    return [dict(one.fields) for one in read(history.path) if one.kind == "configured"]


@pytest.mark.parametrize(
    ("step", "saved", "restarted", "told"),
    [
        (("primary", "line.backs-up-portal=off"), False, [], ["CFG-7"]),
        (("primary", "failover=off"), False, [("primary", "secondary")], ["CFG-6"]),
        (("secondary", "host-domain-name="), "", [("secondary",)], ["CFG-12"]),
        (("secondary", "host-domain-name={hostname}"), "secondary.fake.test", [("secondary",)], []),
        (("primary", "failback=manual"), "manual", [("primary", "secondary")], []),
    ],
)
def test_a_setting_is_in_effect_when_its_step_is_over(  # noqa: PLR0913 - what a setting does
    actor: Actor,
    administrator: FakeAdministrator,
    history: History,
    *,
    step: tuple[str, str],
    saved: object,
    restarted: list[tuple[str, ...]],
    told: list[str],
) -> None:
    """CFG-4: with the restart it takes; and the history says which rule is unmet from then on."""
    target, value = step
    actor.do(Step(1, Verb.CONFIGURE, target, value))
    assert [(one[0], one[2]) for one in administrator.saved] == [(target, saved)]
    assert administrator.restarted == restarted
    begins, ends = configured(history)
    assert (begins["state"], ends["state"], ends["unmet"]) == ("begins", "ends", told)
    manual = value == "failback=manual"
    assert ends["failback"] == ("manual" if manual else "automatic")
    assert actor.failback is (Failback.MANUAL if manual else Failback.AUTOMATIC)


def test_healing_sets_right_whatever_setting_keeps_resilience_from_being_ready(
    actor: Actor, administrator: FakeAdministrator, history: History
) -> None:
    """Each once; what was set right before is left alone."""
    for target, value in (
        ("primary", "line.backs-up-portal=off"),
        ("primary", "line.backs-up-portal=on"),
        ("secondary", "host-domain-name="),
        ("primary", "failover=off"),
    ):
        actor.do(Step(1, Verb.CONFIGURE, target, value))
    before = len(administrator.saved)
    actor.heal_all()
    assert administrator.saved[before:] == [
        ("primary", "failover", True),
        ("secondary", "host-domain-name", "secondary.fake.test"),
    ]
    assert configured(history)[-1]["unmet"] == []


def test_manual_failback_is_ended_where_it_is_in_effect(
    actor: Actor, administrator: FakeAdministrator, history: History
) -> None:
    """Where it is not, nothing is restarted."""
    actor.end_manual_failback()
    assert administrator.saved == []
    actor.do(Step(1, Verb.CONFIGURE, "primary", "failback=manual"))
    actor.end_manual_failback()
    assert administrator.saved[1:] == [("primary", "failback", "automatic")]
    assert configured(history)[-1]["failback"] == "automatic"


def test_an_administrator_whose_session_was_ended_logs_in_again(actor: Actor, administrator: FakeAdministrator) -> None:
    """Whoever reads the losses administers as well; but not for ever."""
    administrator.sessions_ended = acting.TRIES - 1
    actor.do(Step(1, Verb.CONFIGURE, "primary", "failover=off"))
    assert administrator.saved == [("primary", "failover", False)]
    administrator.sessions_ended = acting.TRIES
    with pytest.raises(RefusedError):
        actor.do(Step(1, Verb.CONFIGURE, "primary", "failover=on"))


@pytest.mark.parametrize(
    ("begins", "ends", "fault"),
    [
        (("kill", "primary/core"), ("start", "primary/core"), Kill(CORE)),
        (("stop", "primary/portal"), ("start", "primary/portal"), Stop(PORTAL)),
        (("pause", "primary/portal"), ("resume", "primary/portal"), Pause(PORTAL)),
        (("pause", "primary/portal"), ("resume, clock first", "primary/portal"), Pause(PORTAL)),
        (("lose", "primary"), ("restore", "primary"), Lose(ServerName.PRIMARY)),
    ],
)
def test_a_fault_of_a_service_or_server(
    actor: Actor, nemesis: FakeNemesis, begins: tuple[str, str], ends: tuple[str, str], fault: Fault
) -> None:
    """It begins and ends by its two steps."""
    actor.do(Step(1, Verb(begins[0]), begins[1]))
    assert nemesis.in_force == [fault]
    actor.do(Step(2, Verb(ends[0]), ends[1]))
    assert nemesis.in_force == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step(1, Verb.CUT, "link", ""), "cut primary -> secondary, cut secondary -> primary"),
        (Step(1, Verb.CUT, "primary to secondary", ""), "cut primary -> secondary"),
        (Step(1, Verb.CUT, "secondary to primary", ""), "cut secondary -> primary"),
        (
            Step(1, Verb.LOSS, "link", "20"),
            "loss primary -> secondary loses 20 %, loss secondary -> primary loses 20 %",
        ),
        (Step(1, Verb.LOSS, "secondary to primary", "5"), "loss secondary -> primary loses 5 %"),
        (Step(1, Verb.RATE, "primary to secondary", "256000"), "rate primary -> secondary at 256 kbit/s"),
        (Step(1, Verb.FLAP, "link", "150"), "flap primary <-> secondary 150 ms down, 150 ms up"),
        (Step(1, Verb.CERTIFICATE, "secondary", "expired"), "certificate of secondary expired"),
    ],
)
def test_a_fault_of_a_link_or_certificate(actor: Actor, nemesis: FakeNemesis, step: Step, says: str) -> None:
    """With its direction and its value."""
    actor.do(step)
    assert [describe(fault) for fault in nemesis.in_force] == [says]


def test_only_the_way_between_the_portals_is_cut(actor: Actor, nemesis: FakeNemesis) -> None:
    """Not the cores', and a heal of the link is not a heal of that."""
    actor.do(Step(1, Verb.CUT, "portal path"))
    assert "core" not in describe(nemesis.in_force[0])
    actor.do(Step(2, Verb.CUT, "link"))
    actor.do(Step(3, Verb.HEAL, "link"))
    assert len(nemesis.in_force) == 1
    actor.do(Step(4, Verb.HEAL, "portal path"))
    assert nemesis.in_force == []


def test_a_restart_leaves_nothing_in_force(actor: Actor, nemesis: FakeNemesis) -> None:
    """The service begins again by itself."""
    actor.do(Step(1, Verb.RESTART, "primary/core"))
    assert nemesis.done == [("inject", Restart(CORE)), ("heal", Restart(CORE))]


def test_a_slow_restart_ends_when_the_service_is_there(actor: Actor, nemesis: FakeNemesis) -> None:
    """The restart happens while starts are slow, and leaves nothing in force."""
    actor.do(Step(1, Verb.SLOW, "primary/portal", "400"))
    slow, restart = SlowStart(PORTAL, 400), Restart(PORTAL)
    assert nemesis.done == [("inject", slow), ("inject", restart), ("heal", restart), ("heal", slow)]


def test_what_was_started_is_waited_for_until_it_answers(bed: FakeBed, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes; what never answers is the pair's failure."""
    wait = until_answering(cast("Bed", bed))
    wait(PORTAL)
    monkeypatch.setattr(returning, "RUNS_S", 0.05)
    bed.inspectors[ServerName.PRIMARY].answers = lambda service: service == "core"  # type: ignore[method-assign]
    wait(CORE)
    with pytest.raises(NeverBackError, match="primary/portal never came back"):
        wait(PORTAL)


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.SLOW])
def test_a_service_that_never_runs_again_is_the_pairs_failure(
    actor: Actor, bed: FakeBed, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    """It is told from a failure of the testbed, and nothing is done to what does not run."""
    monkeypatch.setattr(acting, "RUNS_S", 0.05)
    bed.inspectors[ServerName.PRIMARY].state = "Stopped"
    with pytest.raises(NeverBackError, match=r"primary/portal never came back: waited 0\.05 s"):
        actor.do(Step(1, verb, "primary/portal", "400"))


def test_a_server_that_is_back_has_all_its_services(actor: Actor, nemesis: FakeNemesis) -> None:
    """Those included that were down when it was lost, as the simulator has it."""
    for verb, target in (("kill", "primary/core"), ("lose", "primary"), ("restore", "primary")):
        actor.do(Step(1, Verb(verb), target))
    assert nemesis.in_force == []
    assert nemesis.done[2] == ("heal", Lose(ServerName.PRIMARY)), "a service cannot start on a lost server"


def test_every_drawn_schedule_can_be_acted_out(
    actor: Actor, nemesis: FakeNemesis, administrator: FakeAdministrator
) -> None:
    """Each thing that ends was in force; what is left is what is broken at the end."""
    steps = draw(random.Random(3), seed=3, minutes=20).steps  # noqa: S311 - no secret
    for step in steps:
        actor.do(step)
    assert administrator.saved
    assert len(nemesis.done) > 300
    assert len(nemesis.in_force) <= 3


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ({"id": "1", "name": "somebody", "number": "100"}, "ok"),
        ({"error": "serves_elsewhere"}, "fail"),
        (RefusedError("no", status=503, code="not_serving", says="no"), "fail"),
        (FaultError("no answer"), "info"),
    ],
)
def test_an_entry_counts_as_stored_only_if_the_portal_says_so(
    bed: FakeBed, actor: Actor, history: History, answer: object, end: str
) -> None:
    """A redirect is no success, silence is unknown (SYNC-8)."""
    bed.inspectors[Site.PRIMARY].answer = answer
    actor.do(Step(1, Verb.ENTER, "primary", "somebody"))
    records = read(history.path)
    assert [record.kind for record in records] == ["history", "step", "invoke", end, "step"]
    assert [strange(record) for record in records] == [[]] * 5

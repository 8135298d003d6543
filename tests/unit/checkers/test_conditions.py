"""What faults make of the world, as a history tells it; and until when nobody can say."""

from __future__ import annotations

from typing import Any

import pytest

from stubs.wire import ServerName
from testbed.certificates import CertificateFault
from testbed.checkers import Outcome, judge
from testbed.checkers.conditions import pieces
from testbed.checkers.effects import worlds_with
from testbed.checkers.facts import Facts
from testbed.errors import MisuseError
from testbed.faults import (
    CLIENTS,
    Fault,
    FullDisk,
    Kill,
    Lose,
    Network,
    Pause,
    Restart,
    SlowStart,
    Stop,
    Target,
    certificate,
    cut,
    cut_portal_path,
    cut_service,
    describe,
    loss,
    one_way,
)
from testbed.history import Record
from testbed.partitions import Vanished
from testbed.recording.effects import Effect, effects_of
from testbed.world import Side, World
from tests.unit.checkers.telling import FACTS, KILLED, Tale, normal, said


class Name:
    """A server, as far as a fault asks."""

    def __init__(self, name: str) -> None:
        self.name = name


P, S = Name("primary"), Name("secondary")
PORTAL, CORE = Target(ServerName.PRIMARY, "portal"), Target(ServerName.SECONDARY, "core")
APART = World(primary_to_secondary_cut=True, secondary_to_primary_cut=True)
GONE = World(primary=Side(lost=True))


@pytest.mark.parametrize(
    ("fault", "world"),
    [
        (Kill(PORTAL), World(primary=Side(portal_up=False))),
        (Stop(CORE), World(secondary=Side(core_up=False))),
        (Pause(PORTAL), World(primary=Side(portal_up=False))),
        (Restart(PORTAL), World()),
        (Lose(ServerName.PRIMARY), GONE),
        (FullDisk(ServerName.PRIMARY), None),
        (SlowStart(PORTAL, 1000), None),
        (certificate(P, CertificateFault.EXPIRED), World()),
        (cut(P, S), APART),
        (one_way(P, S), World(primary_to_secondary_cut=True)),
        (one_way(S, P), World(secondary_to_primary_cut=True)),
        (cut_portal_path(P, S), World(portal_path_cut=True)),
        (cut_service(P, S, "core"), None),
        (cut(P, CLIENTS), World()),
        (Network(frozenset({Vanished("primary")})), APART),
    ],
    ids=lambda each: describe(each) if isinstance(each, Fault) else "",
)
def test_every_fault_makes_the_world_that_the_oracle_is_asked_about(fault: Fault, world: World | None) -> None:
    """Or none, where no rule tells what comes of it."""
    assert worlds_with(World(), effects_of(fault), plain=True) == (() if world is None else (world,))


def test_half_a_portal_path_has_no_world() -> None:
    """No rule speaks of it."""
    assert worlds_with(World(), [Effect("portal path", source="primary", target="secondary")], plain=True) == ()


@pytest.mark.parametrize(
    ("fault", "ways"),
    [
        (loss(P, S, 5), {(False, False), (True, False), (False, True), (True, True)}),
        (loss(S, P, 5, one_way=True), {(False, False), (False, True)}),
    ],
)
def test_a_bad_link_may_be_as_good_as_whole_and_as_bad_as_cut(fault: Fault, ways: set[tuple[bool, bool]]) -> None:
    """For the portals alone, too; one that is bad in one direction is cut in no other."""
    worlds = worlds_with(World(), effects_of(fault), plain=True)
    assert {(one.primary_to_secondary_cut, one.secondary_to_primary_cut) for one in worlds} == ways
    assert {one.portal_path_cut for one in worlds} == {False, True}
    assert len(worlds) == 2 * len(ways)


def test_a_bad_link_to_a_third_server_has_no_world() -> None:
    """No rule says what comes of it."""
    effect = Effect("worsen", source="primary", target="expansion")
    assert worlds_with(World(), [effect], plain=True) == ()


def test_with_an_application_server_a_fault_has_no_world() -> None:
    """Another server carries the portal then; without a fault all is as ever, and so with one that changes nothing."""
    assert worlds_with(World(), effects_of(Kill(PORTAL)), plain=False) == ()
    assert worlds_with(World(), effects_of(Restart(PORTAL)), plain=False) == (World(),)


CERTIFICATE = {"fault": "certificate", "effects": [{"does": "certificate", "server": "primary"}]}
AWAY = {"fault": "away", "effects": [{"does": "cut", "source": "clients", "target": "primary"}]}


@pytest.mark.parametrize("harmless", [CERTIFICATE, AWAY])
def test_what_no_role_depends_on_begins_no_new_piece(harmless: dict[str, Any]) -> None:
    """Neither while it comes and goes nor while it holds: a bound goes on."""
    facts = Facts(**FACTS)  # type: ignore[arg-type]
    tale = Tale().fault(KILLED, 1000).fault(harmless, 2000).healed(harmless, 3000)
    assert [one.begin_ms for one in pieces(facts, tale.records)] == [0, 1000, 1010]


def test_a_restart_begins_a_new_piece_though_all_is_as_before() -> None:
    """The service is not there for a while, so that a bound begins anew."""
    facts = Facts(**FACTS)  # type: ignore[arg-type]
    restart = {"fault": "r", "effects": [{"does": "restart", "server": "secondary", "service": "core"}]}
    tale = Tale().fault(KILLED, 1000).fault(restart, 2000)
    assert [one.begin_ms for one in pieces(facts, tale.records)] == [0, 1000, 1010, 2000, 2010]


def frozen(until_ms: float) -> Tale:
    """P's portal is frozen from 1000 to 8000 ms; it learns of it when it goes on."""
    effects = [{"does": "pause", "server": "primary", "service": "portal"}]
    tale = normal().fault({"fault": "pause", "effects": effects}, 1000).role("secondary", "Available", 2000)
    tale.healed({"fault": "pause", "effects": effects}, 8000).role("primary", "Starting", until_ms)
    return tale.role("secondary", "Starting", 9000).role("primary", "Available", 9010).watched(0, 14000)


def test_a_frozen_portal_serves_nobody_whatever_its_record_says() -> None:
    """It is no second one; after it goes on it has a heartbeat to see that."""
    assert said(judge(frozen(8055).records), "one portal").outcome is Outcome.PASS
    assert said(judge(frozen(8065).records), "one portal").outcome is Outcome.FAIL


def test_a_frozen_portal_does_not_count_as_somebody() -> None:
    """Though its record says Available all the time."""
    effects = [{"does": "pause", "server": "primary", "service": "portal"}]
    tale = normal().fault({"fault": "pause", "effects": effects}, 1000).watched(0, 9000)
    assert said(judge(tale.records), "somebody serves").outcome is Outcome.FAIL


def test_a_longer_detection_time_makes_the_bound_longer() -> None:
    """By as much; a shorter one leaves it as it is."""
    facts = Facts(**FACTS)  # type: ignore[arg-type]

    def bound_ms(detection_ms: float) -> float:
        tale = Tale().tell(10, "configured", state="ends", detection_ms=detection_ms)
        return pieces(facts, tale.records)[-1].within_ms

    assert [bound_ms(each) for each in (900, 1500, 300)] == [3000, 3600, 3000]


def test_what_reaches_beyond_a_settled_time_is_not_judged() -> None:
    """A request that was on its way when the fault came may be answered either way."""
    url = "https://secondary.test:9443/onexportal.html"

    def told(asked_ms: float) -> Outcome:
        tale = normal().tell(asked_ms, "request", client="c", method="GET", url=url).fault(KILLED, 5000)
        tale.tell(5020, "answer", client="c", method="GET", url=url, status=503)
        tale.tell(5030, "answer", client="d", method="GET", url=url, status=302, location="https://primary.test:9443/")
        return said(judge(tale.watched(0, 9000).records), "redirects").outcome

    assert told(4000) is Outcome.PASS


@pytest.mark.parametrize("fields", [{}, {"effects": "none"}])
def test_a_bed_that_does_not_tell_what_it_is_cannot_be_judged(fields: dict[str, Any]) -> None:
    """It is said in one line which field is wrong."""
    with pytest.raises(MisuseError, match=r"cannot be judged: .*heartbeat_ms"):
        judge([Record(kind="bed", at="then", monotonic_ms=0, fields={"bed": "b", **fields})])

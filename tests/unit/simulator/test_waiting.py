"""A secondary that stood still finds words waiting: what it makes of them, and what counts as the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.wire import Site
from testbed.schedules.schedule import Act, Step, Verb
from testbed.simulator import key
from testbed.simulator.parts import Setting
from testbed.simulator.schedule import healthy, made, replay, settle

if TYPE_CHECKING:
    from testbed.simulator.pair import Pair

KILL, START = Act(Verb.KILL, "primary/portal"), Act(Verb.START, "primary/portal")
PAUSE, RESUME = Act(Verb.PAUSE, "secondary/portal"), Act(Verb.RESUME, "secondary/portal")
FREEZE = Act(Verb.PAUSE, "primary/portal")


def done(*acts: Act) -> Pair:
    """A pair after these, each followed by rest."""
    pair = healthy(Setting())
    for act in acts:
        pair.act(act)
        settle(pair)
    return pair


def test_word_that_waited_for_the_secondary_costs_no_change() -> None:
    """SYNC-4, SYNC-6: P served meanwhile, and stands still by now. S reads so, and keeps what it took in before."""
    at_ms = (1400, 3400, 4200, 7700, 8500)
    acts = (KILL, PAUSE, START, FREEZE, RESUME)
    steps = tuple(Step(at, act.verb, act.target) for at, act in zip(at_ms, acts, strict=True))
    findings, trace = replay(made(Setting(), steps, at_ms, until_ms=9500))
    assert [str(one) for one in findings] == []
    assert not [line for line in trace if "back" in line]


def test_a_secondary_that_heard_nothing_while_it_stood_still_takes_nothing_back() -> None:
    """SYNC-4, SYNC-6: P was dead all the time."""
    pair = done(KILL, PAUSE)
    pair.act(RESUME)
    pair.run(50)
    own = len(pair.ledger.own)
    assert own
    pair.took_back(own)
    assert [one.rules for one in pair.watch.findings] == [("SYNC-4", "SYNC-6")]


def test_states_that_differ_in_what_waits_are_two() -> None:
    """P has served while S stood still, or it has not: S finds its word, or nothing."""
    served, not_served = done(KILL, PAUSE, START, KILL), done(KILL, PAUSE)
    assert served.condition == not_served.condition
    assert not served.serving(Site.PRIMARY)
    assert key.coarse(served) != key.coarse(not_served)
    assert key.coarse(done(KILL, PAUSE)) == key.coarse(not_served)

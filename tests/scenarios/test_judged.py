"""Whole runs, recorded and judged: no checker finds a breach, and each that has something to judge passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.checkers import Outcome, judge
from testbed.faults import Kill, Restart, cut
from testbed.history import read
from tests.scenarios.judging import Run, recorded, schedule, write
from tests.scenarios.observing import eventually_both_serve, eventually_serves

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testbed.bed import Bed


UNKNOWN = {"restart": {"redirects", "meetings"}}
"""What a course gives no occasion to judge."""


def failover(run: Run) -> None:
    """P's portal is killed; users work on S, and come back."""
    bed = run.bed
    alice, bob = run.web.log_in("alice", at=bed.primary), run.web.log_in("bob", at=bed.primary)
    write([alice, bob], "before", times=5)
    schedule(alice, "on P", in_s=1)
    schedule(bob, "missed", in_s=8.5)
    run.settle(alice, bob)
    with run.nemesis.under(Kill(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        for user in (alice, bob):
            user.eventually_at(bed.secondary)
            user.log_in_again()
        schedule(alice, "on S", in_s=1)
        schedule(bob, "lost by failback", in_s=3600)
        write([alice, bob], "on S", times=3)
        run.settle(alice, bob)
    eventually_serves(bed.primary, bed)
    for user in (alice, bob):
        user.eventually_at(bed.primary)
        user.log_in_again()
    write([alice, bob], "after", times=3)
    run.settle(alice, bob)


def split_brain(run: Run) -> None:
    """The link is cut; users write on both sides."""
    bed = run.bed
    alice = run.web.log_in("alice", at=bed.primary)
    write([alice], "before", times=3)
    with run.nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        bob = run.web.log_in("bob", at=bed.secondary)
        schedule(alice, "on P", in_s=1)
        schedule(bob, "on S", in_s=1)
        write([alice, bob], "apart", times=4)
        run.settle(alice, bob)
    eventually_serves(bed.primary, bed)
    bob.eventually_at(bed.primary)
    bob.log_in_again()
    write([alice, bob], "after", times=2)
    run.settle(alice, bob)


def restart(run: Run) -> None:
    """P's portal is restarted, which is no failover for longer than it takes; then its core is."""
    bed = run.bed
    alice = run.web.log_in("alice", at=bed.primary)
    write([alice], "before", times=3)
    for target in (bed.primary.portal, bed.primary.core):
        with run.nemesis.under(Restart(target)):
            run.settle(alice)
        eventually_serves(bed.primary, bed)
    alice.eventually_at(bed.primary)
    run.settle(alice)


@pytest.mark.rule("ROLE-11", "SYNC-4", "SYNC-6", "SYNC-7", "REDIR-6", "REDIR-8", "CERT-2")
@pytest.mark.parametrize("course", [failover, split_brain, restart])
def test_a_recorded_run_is_judged_to_keep_the_rules(bed: Bed, tmp_path: Path, course: Callable[[Run], None]) -> None:
    """From the history alone, without a look at the servers."""
    path = tmp_path / f"{course.__name__}.jsonl"
    with recorded(bed, path) as run:
        course(run)
    judgement = judge(read(path))
    assert [(one.checker, one.evidence) for one in judgement.verdicts if one.outcome is Outcome.FAIL] == []
    assert {one.checker for one in judgement.unknown} <= UNKNOWN.get(course.__name__, set())
    assert judgement.rto_ms is not None
    assert judgement.changes_lost is not None

"""What must hold of a simulated pair at every step, and once it has settled; each finding names its rules. Pure.

Settled states are judged by `testbed.oracle`, which knows nothing of the machine. In between hold ROLE-10, ROLE-11,
that somebody serves (CFG-1, ROLE-14), and SYNC-3. The bounds are generous: what is a defect here never mends itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stubs.wire import Site
from testbed import oracle
from testbed.schedules.schedule import Act, Verb
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS, Setting
from testbed.simulator.seen import Finding
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.schedules.condition import Condition
    from testbed.simulator.ledger import Broken
    from testbed.simulator.seen import Seen

P, S = Site.PRIMARY, Site.SECONDARY

HAND_OVER_MS = 4 * HEARTBEAT_MS
"""How long two portals may go on after a link is whole again: words may go through two cores, a heartbeat each. At any
other time a hand-over has no overlap at all: S stops, then P serves."""

MARGIN_MS = 4 * HEARTBEAT_MS
"""How much shorter than the detection time a loss must be to change nothing: the last word was a heartbeat old when it
began, a line is called again after one, and the way through two cores takes two."""

ANSWER_MS = HEARTBEAT_MS
"""P that answers S serves; so long after that at most S has the answer."""

MOST_CHANGES = 20
"""After so many changes of role without an act the pair is taken not to come to rest; a few are usual."""

LOSSES = {Verb.CUT, Verb.PAUSE, Verb.KILL, Verb.RESTART}
FOUND_AGAIN = {Verb.HEAL, Verb.RESUME, Verb.START}


@dataclass
class Watch:
    """What is remembered to judge the next moment.

    Attributes:
        findings: what was broken so far.
        link_ms: since when the link is as it is.
        at_rest: the pair has settled, and nothing was done to it since.
        changes: how often a role has changed since the last act.
        nobody_ms: since when nobody serves; `None`: somebody does.
        able_ms: since when each server could serve; `None`: it cannot.
        calm: since the pair settled nothing happened but losses of contact that were short.
        lost_ms: since when something has been lost, with those losses that followed at once.
        lost: what was lost since the pair settled.
        missing: what of it is lost now.
        found_ms: when the last of it was found again.
        primary_served: whether P served when the pair last settled.
        served: whether S served alone when the pair last settled; `None`: it never did, or this is not known.
        primary_ms: when P last served.
    """

    setting: Setting
    findings: tuple[Finding, ...] = ()
    link_ms: int = 0
    at_rest: bool = True
    changes: int = 0
    nobody_ms: int | None = 0
    able_ms: dict[Site, int | None] = field(default_factory=lambda: dict[Site, int | None]({P: 0, S: 0}))
    calm: bool = False
    lost_ms: int | None = None
    lost: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    primary_served: bool = False
    found_ms: int = 0
    served: bool | None = None
    primary_ms: int = 0

    def copied(self) -> Watch:
        """Another one that remembers the same."""
        return replace(self, able_ms=dict(self.able_ms))

    def look(self, pair: Seen) -> None:
        """Judge this moment."""
        now_ms, primary, secondary = pair.now_ms, pair.serving(P), pair.serving(S)
        if primary and secondary and pair.condition.link_whole and now_ms - self.link_ms > HAND_OVER_MS:
            self._find(pair, "ROLE-11", says="both portals are Available over a whole link")
        if primary:
            self.primary_ms = now_ms
        if primary or secondary:
            self.nobody_ms = None
        elif self.nobody_ms is None:
            self.nobody_ms = now_ms
        elif now_ms - self.nobody_ms > self.setting.bound_ms:
            self._nobody(pair, self.nobody_ms)

    def _nobody(self, pair: Seen, since_ms: int) -> None:
        able = (P,) if self.unmet else (P, S)
        for site in able:
            able_ms = self.able_ms[site]
            if able_ms is not None and pair.now_ms - max(able_ms, since_ms, self.link_ms) > self.setting.bound_ms:
                self._find(pair, "CFG-1", "ROLE-14", says=f"nobody serves, though the {site.value} could")

    def acted(self, pair: Seen, act: Act, before: Condition) -> None:
        """Something was done."""
        now_ms, condition = pair.now_ms, pair.condition
        # What the pair was between two settled states is not known, nor what a restart in passing made of it.
        if not self.at_rest or (act.verb is Verb.RESTART and act.target == "secondary/portal"):
            self.served = None
        self.at_rest, self.changes = False, 0
        if (condition.cut, condition.lost, condition.path_cut) != (before.cut, before.lost, before.path_cut):
            self.link_ms = now_ms
        world = condition.world(failback=self.setting.failback, unmet=self.unmet, secondary_served=False)
        for site, side in ((P, world.primary), (S, world.secondary)):
            could, restarted = self.able_ms[site] is not None, act.verb is Verb.RESTART and site.value in act.target
            if not side.can_serve:
                self.able_ms[site] = None
            elif not could or restarted:
                self.able_ms[site] = now_ms
        self._keep_losses(act, now_ms)

    def _keep_losses(self, act: Act, now_ms: int) -> None:
        # Of the portals only the primary's may be missed for a while: while S serves, each word of its end counts.
        portal = act.target == "secondary/portal" or (act.target == "primary/portal" and not self.primary_served)
        if act.verb in LOSSES and not portal:
            if self.lost_ms is None or (not self.missing and now_ms - self.found_ms > MARGIN_MS):
                self.lost_ms = now_ms
            self.lost |= {act.target}
            if act.verb is Verb.RESTART:
                self.found_ms = now_ms + HEARTBEAT_MS
            else:
                self.missing |= {act.target}
        elif act.verb in FOUND_AGAIN and (act.target in self.missing):
            self.missing -= {act.target}
            self.found_ms = now_ms
        else:
            self.calm = False

    def role_changed(self, pair: Seen, site: Site, *, begins: bool) -> None:
        """A portal begins or ceases to serve."""
        self.changes += 1
        if self.changes > MOST_CHANGES:
            self.never_settles(pair)
        own = site is P and "primary/portal" in self.lost
        if not self.calm or self.lost_ms is None or own:
            return
        until_ms = pair.now_ms if self.missing else self.found_ms
        if until_ms - self.lost_ms < self.setting.detection_ms - MARGIN_MS:
            what = "serves" if begins else "ceases to serve"
            lost = f"a loss of {until_ms - self.lost_ms} ms"
            self._find(pair, "ROLE-10", says=f"the {site.value} {what} after {lost}, shorter than the detection time")

    # The data.

    def sent(self, pair: Seen, entries: int) -> None:
        """The primary sends changes."""
        if not pair.serving(P):
            self._find(pair, "SYNC-3", says=f"the primary sends {entries} changes, and does not serve")

    def took(self, pair: Seen, entries: int) -> None:
        """The secondary took changes over."""
        if pair.serving(S):
            self._find(pair, "SYNC-3", says=f"the secondary takes {entries} changes over, and serves itself")
        if self.unmet:
            self._find(pair, "CFG-2", *self.unmet, says=f"{entries} changes reach a pair that is not ready")

    def took_back(self, pair: Seen, count: int) -> None:
        """The secondary took its own changes back, or so it says."""
        own = len(pair.ledger.own)
        if count != own:
            self._find(pair, "SYNC-4", says=f"failback takes {count} of {own} changes back")
        if count and pair.now_ms - self.primary_ms > ANSWER_MS:
            says = f"the secondary takes {count} changes back, and the primary does not serve"
            self._find(pair, "SYNC-4", "SYNC-6", says=says)

    @property
    def unmet(self) -> frozenset[str]:
        """The prerequisites that are not met."""
        return frozenset() if self.setting.ticked else frozenset({"CFG-7"})

    def settled(self, pair: Seen) -> None:
        """Nothing happens any more: compare with the oracle, and begin anew from here."""
        here = (_role(pair, P), _role(pair, S))
        served = (False, True) if self.served is None else (self.served,)
        worlds = [
            pair.condition.world(failback=self.setting.failback, unmet=self.unmet, secondary_served=was)
            for was in (served if self.setting.failback is Failback.MANUAL else (False,))
        ]
        predicted = [oracle.settle(world) for world in worlds]
        fitting = [one for one in predicted if (one.primary, one.secondary) == here]
        if not fitting:
            roles = " or ".join(f"{one.primary.value}/{one.secondary.value}" for one in predicted)
            found = "/".join(role.value for role in here)
            self._find(pair, *_rules(pair), says=f"settled as {found}, where the oracle says {roles}")
        else:
            self._compare(pair, fitting[0])
        self.served = here[1] is oracle.Role.AVAILABLE and here[0] is not oracle.Role.AVAILABLE
        self.at_rest = self.calm = True
        self.lost_ms, self.lost, self.missing = None, frozenset(), frozenset()
        self.primary_served = here[0] is oracle.Role.AVAILABLE

    def _compare(self, pair: Seen, expected: oracle.Settled) -> None:
        self._compare_data(pair, runs=expected.sync_runs)
        portal = pair.portals[S]
        told = portal.works and portal.moment.serving_peer(pair.now_ms, fresh_ms=FRESH_MS) is not None
        redirects = told and not pair.serving(S)
        if (
            expected.asks_secondary.where is not oracle.Where.UNSAID
            and redirects is not expected.asks_secondary.redirected
        ):
            self._find(pair, "REDIR-5", says=f"S redirects: {redirects}, and the oracle says otherwise")

    def _compare_data(self, pair: Seen, *, runs: bool) -> None:
        primary, secondary = pair.portals[P], pair.portals[S]
        stranger = pair.ledger.former is not None
        if runs and stranger and not (primary.trouble and secondary.trouble):
            self._find(pair, "SYNC-2", "SYNC-6", says="a secondary that holds what the primary has lost is not told so")
        runs = runs and not stranger
        # One whose disk takes nothing goes on until there is something to take: no rule says when that is.
        judged = () if secondary.disk.full else (primary, secondary)
        for portal in judged:
            synced_ms = portal.synced_ms
            fresh = portal.works and synced_ms is not None and pair.now_ms - synced_ms < 3 * HEARTBEAT_MS
            if fresh is not runs:
                says = f"to the {portal.site.value} synchronisation {'runs' if fresh else 'does not run'}"
                self._find(pair, "SYNC-1", "SYNC-3", says=f"{says}, and the oracle says otherwise")
        for broken in pair.ledger.check(primary.disk, secondary.disk):
            self.find(pair.now_ms, broken)
        if not (runs and judged):
            return
        if pair.ledger.own or primary.disk.store.digest() != secondary.disk.store.digest():
            self._find(pair, "SYNC-4", "SYNC-7", says="normal and quiet, but the data differ")
        for broken in pair.ledger.check_list(secondary.disk):
            self.find(pair.now_ms, broken)

    def never_settles(self, pair: Seen) -> None:
        """Roles still change long after the last act."""
        self._find(pair, "ROLE-10", says="the pair does not come to rest")

    def find(self, at_ms: int, broken: Broken) -> None:
        """Rules are broken."""
        rules, says = broken
        if not any(one.says == says for one in self.findings):
            self.findings += (Finding(rules, at_ms, says),)

    def _find(self, pair: Seen, *rules: str, says: str) -> None:
        self.find(pair.now_ms, (rules, says))


def _role(pair: Seen, site: Site) -> oracle.Role:
    if not pair.portals[site].works:
        return oracle.Role.STOPPED
    return oracle.Role.AVAILABLE if pair.serving(site) else oracle.Role.STARTING


def _rules(pair: Seen) -> tuple[str, ...]:
    """The rules that say who serves in a condition like this one."""
    condition = pair.condition
    if len(condition.cut) == 1 or condition.path_cut:
        return ("ROLE-13", "ROLE-14")
    if condition.cut:
        return ("ROLE-4",)
    if not pair.portals[P].works or condition.lost:
        return ("ROLE-2", "ROLE-12")
    if not pair.cores[P].works:
        return ("ROLE-3",)
    if not (pair.portals[S].works and pair.cores[S].works):
        return ("ROLE-9",)
    return ("ROLE-1", "ROLE-5", "ROLE-7", "ROLE-8")

"""What is broken in a bed: a pair's condition, and what containers know besides; what can be done then. Pure.

Besides are links that lose, slow or drop by turns what they carry, servers that show a wrong certificate, settings that
keep resilience from being ready. What an administrator does is open only where the rules say what comes of it: settings
change while nothing else is broken, as who was cut off meanwhile would go on by the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from stubs.wire import Site
from testbed.errors import MisuseError
from testbed.schedules.condition import LINK, PATH, WAYS, Condition, Run, possible
from testbed.schedules.schedule import Act, Step, Verb
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Iterable


class Setting(NamedTuple):
    """A setting without which resilience is not ready.

    Attributes:
        site: on which server.
        key: its name, as `testbed configure` has it.
        usual: its value when resilience is ready.
        other: its value when it is not.
        unmet: the rule that is unmet then.
    """

    site: Site
    key: str
    usual: str
    other: str
    unmet: str


TICK = Setting(Site.PRIMARY, "line.backs-up-portal", "on", "off", "CFG-7")
FAILOVER = Setting(Site.PRIMARY, "failover", "on", "off", "CFG-6")
DOMAIN = Setting(Site.SECONDARY, "host-domain-name", "{hostname}", "", "CFG-12")

SETTINGS = {one.key: one for one in (TICK, FAILOVER, DOMAIN)}
"""The settings that schedules switch off and on, by name."""

FAILBACK = "failback"
"""The setting of the primary that schedules change to and fro: no rule is unmet either way (ROLE-8)."""

LINKS = (LINK, *WAYS.values())
"""What a loss or a rate can be of."""

_WORSENS = (Verb.LOSS, Verb.RATE)


@dataclass(frozen=True)
class Trouble:
    """What is broken.

    Attributes:
        pair: services, servers and cuts.
        worse: the link, or the way of it, that loses, slows or drops by turns what it carries; empty: none.
        certificates: the servers whose certificate is wrong.
        changed: the names of the settings that keep resilience from being ready.
        failback: automatic or manual.
    """

    pair: Condition = field(default_factory=Condition)
    worse: str = ""
    certificates: frozenset[Site] = frozenset()
    changed: frozenset[str] = frozenset()
    failback: Failback = Failback.AUTOMATIC

    @property
    def count(self) -> int:
        """How many things are broken."""
        ends = sum(self.pair.of(f"{site.value}/{name}") is not Run.RUNS for site in self._there() for name in _SERVICES)
        cuts = bool(self.pair.cut) + self.pair.path_cut
        return ends + cuts + len(self.pair.lost) + len(self.certificates) + bool(self.worse) + len(self.changed)

    def _there(self) -> list[Site]:
        return [site for site in Site if site not in self.pair.lost]

    def after(self, step: Step) -> Trouble:  # noqa: PLR0911 - one line for each kind of act
        """What is broken then.

        Raises:
            MisuseError: it does not fit: what was not worsened cannot be mended.
        """
        act = step.done
        if act not in open_acts(self) and act.verb is not Verb.RESUME_CLOCK_FIRST:
            raise MisuseError(f"cannot {act}: the bed is not in such a condition")
        match act.verb:
            case Verb.LOSS | Verb.RATE | Verb.FLAP:
                return replace(self, worse=act.target)
            case Verb.MEND:
                return replace(self, worse="")
            case Verb.CERTIFICATE:
                return replace(self, certificates=self.certificates | {Site(act.target)})
            case Verb.INSTALL:
                return replace(self, certificates=self.certificates - {Site(act.target)})
            case Verb.CONFIGURE:
                return self._configured(step)
            case Verb.ENTER | Verb.SLOW:
                return self
            case _:
                return replace(self, pair=self.pair.after(act))

    def _configured(self, step: Step) -> Trouble:
        """Raises MisuseError: schedules change no such setting on that server, or not to that value."""
        key, _equals, value = step.value.partition("=")
        if key == FAILBACK and step.target == Site.PRIMARY.value and value in tuple(Failback):
            return replace(self, failback=Failback(value))
        setting = SETTINGS.get(key)
        if setting is None or step.target != setting.site.value or value not in (setting.usual, setting.other):
            raise MisuseError(f"cannot {step}: no schedule sets that on the {step.target}")
        changed = self.changed - {key} if value == setting.usual else self.changed | {key}
        return replace(self, changed=changed)


_SERVICES = ("core", "portal")


def open_acts(trouble: Trouble) -> tuple[Act, ...]:
    """Everything that can be done now, always in the same order."""
    pair, calm = trouble.pair, not (trouble.pair.cut or trouble.pair.lost or trouble.pair.path_cut)
    found = [act for act in possible(pair) if not (trouble.worse and _is_of_network(act))]
    found += [Act(Verb.SLOW, act.target) for act in found if act.verb is Verb.RESTART]
    if trouble.worse:
        found.append(Act(Verb.MEND, trouble.worse))
    elif calm:
        found += [Act(verb, link) for verb in _WORSENS for link in LINKS]
        found.append(Act(Verb.FLAP, LINK))
    for site in Site:
        if site not in pair.lost and all(pair.of(f"{site.value}/{name}") is Run.RUNS for name in _SERVICES):
            verb = Verb.INSTALL if site in trouble.certificates else Verb.CERTIFICATE
            found.append(Act(verb, site.value))
    if pair.is_healthy and not trouble.worse:
        found += [Act(Verb.CONFIGURE, site.value) for site in Site]
    if FAILOVER.key in trouble.changed:
        # S's portal is stopped by itself then (CFG-11), and can neither be ended nor set up.
        found = [act for act in found if act.target in LINKS or not act.target.startswith(Site.SECONDARY.value)]
    return (*found, *(Act(Verb.ENTER, site.value) for site in Site))


def fitting(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps without those that do not fit: what nobody broke needs no mending."""
    trouble, kept = Trouble(), []
    for step in steps:
        try:
            trouble = trouble.after(step)
        except MisuseError:
            continue
        kept.append(step)
    return tuple(kept)


def _is_of_network(act: Act) -> bool:
    return act.verb in (Verb.CUT, Verb.LOSE) or act.target in (LINK, PATH)

"""What `testbed conform` does to a client, and what is judged of it then. Pure data.

A scenario begins in normal running, with the client at the primary, and ends there. Its steps are done one after the
other: faults, the state that they must lead to, and what the client is judged by once it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stubs.wire import Site
from testbed.errors import MisuseError


class Kind(StrEnum):
    """What a client is taken for: which conduct is right depends on it."""

    PLUGIN = "plugin"
    """Goes where it is sent, and logs in there with its stored credentials (CLIENT-2)."""

    BROWSER = "browser"
    """Goes where it is sent; its user logs in by hand (CLIENT-1)."""

    ASSISTANT = "assistant"
    """Stays where its user put it (CLIENT-3)."""


class Check(StrEnum):
    """One thing that is judged."""

    REDIRECT = "redirect"
    """It went where it was sent; an assistant did not."""

    STAY = "stay"
    """It stayed where it was, and went on, as nobody was sent anywhere."""

    CERTIFICATE = "certificate"
    """It met a certificate that nobody it trusts vouches for, and stopped there."""

    RECONNECT = "reconnect"
    """It logged in by itself where it was sent."""

    HAMMERING = "hammering"
    """It left a server alone that did not answer, or that it had refused."""

    CHANGES = "changes"
    """It lost no change that a server had acknowledged to it."""


class Injury(StrEnum):
    """A fault that a step injects, and that is healed by the end of the scenario."""

    PORTAL_KILLED = "the primary's portal is killed"
    PORTAL_STOPPED = "the primary's portal is stopped in order"
    LINK_CUT = "the link between the servers is cut"
    UNKNOWN_CA = "the secondary shows a certificate of an unknown authority"
    WRONG_HOST = "the secondary shows a certificate for another host"
    EXPIRED = "the secondary shows a certificate that has expired"


WRONG = {
    Injury.UNKNOWN_CA: "of an unknown authority",
    Injury.WRONG_HOST: "for another host",
    Injury.EXPIRED: "that has expired",
}
"""The injuries that are certificates of the secondary's, in words. One takes the place of another."""


class State(StrEnum):
    """What a step must lead to, as `testbed status` calls it."""

    FAILOVER = "failover"
    STAND_ALONE = "stand-alone"
    NORMAL = "normal"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        injects: faults to inject; none: every fault of the scenario is healed.
        state: what it leads to.
        source: whose portal the client is at when it begins.
        target: whose portal it is to be at when it ends.
        checks: what is judged, with the rules that say so.
        kinds: the clients that it is for; the others never have it.
    """

    injects: tuple[Injury, ...] = ()
    state: State
    source: Site
    target: Site
    checks: tuple[tuple[Check, tuple[str, ...]], ...] = ()
    kinds: frozenset[Kind] = frozenset(Kind)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A scenario.

    Attributes:
        name: by which it is chosen.
        about: what happens in it.
        steps: in their order.
        kinds: the clients that it says something about.
    """

    name: str
    about: str
    steps: tuple[Step, ...]
    kinds: frozenset[Kind] = frozenset(Kind)

    def steps_for(self, kind: Kind) -> tuple[Step, ...]:
        """The steps that a client of this kind has."""
        return tuple(step for step in self.steps if kind in step.kinds)


P, S = Site.PRIMARY, Site.SECONDARY

SCENARIOS = (
    Scenario(
        name="failover",
        about="The primary's portal is killed; its core names the secondary as soon as that serves.",
        steps=(
            Step(
                injects=(Injury.PORTAL_KILLED,),
                state=State.FAILOVER,
                source=P,
                target=S,
                checks=(
                    (Check.REDIRECT, ("REDIR-1",)),
                    (Check.RECONNECT, ("CLIENT-2",)),
                    (Check.HAMMERING, ()),
                ),
            ),
        ),
    ),
    Scenario(
        name="failback",
        kinds=frozenset({Kind.PLUGIN, Kind.BROWSER}),
        about="The client is at the secondary; the primary is back, and the secondary sends its users there.",
        steps=(
            Step(injects=(Injury.PORTAL_STOPPED,), state=State.FAILOVER, source=P, target=S),
            Step(
                state=State.NORMAL,
                source=S,
                target=P,
                checks=(
                    (Check.REDIRECT, ("REDIR-4",)),
                    (Check.RECONNECT, ("CLIENT-2",)),
                    (Check.CHANGES, ("SYNC-4", "SYNC-6")),
                ),
            ),
        ),
    ),
    Scenario(
        name="split-brain",
        about="The link is cut and both serve; nobody is sent anywhere, and after healing the primary serves on.",
        steps=(
            Step(
                injects=(Injury.LINK_CUT,),
                state=State.STAND_ALONE,
                source=P,
                target=P,
                checks=((Check.STAY, ("REDIR-7",)),),
            ),
            Step(
                state=State.NORMAL,
                source=P,
                target=P,
                checks=((Check.STAY, ("ROLE-7",)), (Check.CHANGES, ("SYNC-4", "SYNC-5"))),
            ),
        ),
    ),
    Scenario(
        name="certificate",
        about="The client is sent to the secondary, which shows three certificates in turn, each wrong in one way.",
        steps=(
            Step(
                injects=(Injury.UNKNOWN_CA, Injury.PORTAL_STOPPED),
                state=State.FAILOVER,
                source=P,
                target=S,
                checks=((Check.CERTIFICATE, ("CERT-1", "CERT-4")), (Check.HAMMERING, ("CERT-4",))),
            ),
            *(
                # A browser does not try again by itself, and an assistant never comes.
                Step(
                    injects=(wrong,),
                    state=State.FAILOVER,
                    source=P,
                    target=S,
                    checks=((Check.CERTIFICATE, ("CERT-4", "CERT-5")),),
                    kinds=frozenset({Kind.PLUGIN}),
                )
                for wrong in (Injury.WRONG_HOST, Injury.EXPIRED)
            ),
        ),
    ),
)
"""All of them, in the order in which they are run."""

NOT_OF = {
    Kind.PLUGIN: frozenset[Check](),
    Kind.BROWSER: frozenset({Check.RECONNECT}),
    Kind.ASSISTANT: frozenset({Check.RECONNECT, Check.CERTIFICATE}),
}
"""What is not asked of each kind."""


def chosen(names: tuple[str, ...], kind: Kind) -> tuple[Scenario, ...]:
    """The scenarios of these names, in the order in which they are run; without any name, all that fit the kind.

    Raises:
        MisuseError: there is none of a name, or it says nothing about this kind of client.
    """
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise MisuseError(f"no scenario is called {name!r}; there are {', '.join(known)}")
        if kind not in known[name].kinds:
            raise MisuseError(f"{name} says nothing about a client of the kind {kind.value}: {known[name].about}")
    return tuple(one for name, one in known.items() if name in names or (not names and kind in one.kinds))

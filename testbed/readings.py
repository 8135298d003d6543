"""How we close the gaps that the rules leave: the one place where that is stated. May hold nothing else."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """How a gap between the rules is closed, by us."""

    text: str
    rests_on: tuple[str, ...]


READINGS = {
    "own core": Reading(
        "With resilience ready a portal serves only while the core of its own server is up. So nobody "
        "serves when P's core is down and S cannot serve, and S does not take over while its own core is "
        "down.",
        (
            "ROLE-3",
            "ROLE-6",
        ),
    ),
    "not ready": Reading(
        "With resilience not ready P's portal is Available whenever it runs, with or without its core, "
        "and S's never is: it shows Starting while it runs. With failover switched off on P it is Stopped "
        "instead.",
        (
            "CFG-1",
            "CFG-2",
            "CFG-9",
            "CFG-11",
        ),
    ),
    "deaf secondary": Reading(
        "Cut from P to S only, S hears nothing and takes over while P goes on: stand-alone. Cut from S to "
        "P only, S still hears P and stays Starting; synchronisation, which needs both directions, is "
        "interrupted.",
        (
            "ROLE-4",
            "ROLE-13",
            "ROLE-14",
        ),
    ),
    "claim heard": Reading(
        "A word of S that it does not serve counts for a waiting P only once S has heard that P is willing now; else "
        "both could begin while the word of the other is under way. An S that is heard, does not serve, and has not "
        "heard so within the detection time is taken for deaf, and P serves. An S that becomes able to serve again "
        "first gives P two heartbeats: of two that come back together P is first.",
        (
            "ROLE-5",
            "ROLE-11",
            "ROLE-12",
        ),
    ),
    "cores relay": Reading(
        "With only the way between the portals cut, each side still learns from the other's core who "
        "serves there. As every portal is logged in at both cores, one core that runs is enough; if "
        "moreover one direction of the link is cut, what the cores tell each other is all that passes, and "
        "it takes both. A cut of the link cuts portals and cores alike.",
        (
            "ROLE-13",
            "CFG-14",
        ),
    ),
    "lost server": Reading(
        "A lost server is one whose core and portal are down and whom nobody can reach, its platform view included.",
        (
            "ROLE-2",
            "VIEW-3",
        ),
    ),
    "manual failback": Reading(
        "P waits only while the link is whole in both directions and S can serve. If either ends, P "
        "serves at once. The end of stand-alone is no failback, so P stays Available then, manual "
        "failback or not.",
        (
            "ROLE-4",
            "ROLE-7",
            "ROLE-8",
            "ROLE-14",
        ),
    ),
    "otherwise normal": Reading(
        "Resilience counts as normal whenever S does not serve, even if P does not serve either.",
        (
            "ROLE-1",
            "SYNC-3",
        ),
    ),
    "sync runs": Reading(
        "Synchronisation runs only while P is Available, S is Starting, and the portals reach each other "
        "in both directions.",
        (
            "SYNC-1",
            "SYNC-3",
            "ROLE-13",
        ),
    ),
    "taken back": Reading(
        "S takes its own changes back when P itself answers its call to be synchronised, and serves. Word "
        "of that alone is not enough, as it may be old where a core passed it on that had stood still; nor "
        "is it while the way between the portals is cut: S keeps them until both talk again.",
        (
            "SYNC-4",
            "SYNC-6",
            "ROLE-13",
        ),
    ),
    "no guess": Reading(
        "Whoever redirects has heard that the other portal serves. P's core does not guess that an S it "
        "cannot hear has taken over: from P a lost S looks the same.",
        (
            "REDIR-1",
            "REDIR-8",
        ),
    ),
    "stopped by itself": Reading(
        "Resilience counts as not enabled while failover is not in effect on P (CFG-6), and for no other reason. S's "
        "portal then shows Stopped and takes no connection; it goes by what it heard of P last, a restart and a lost "
        "P included, and starts again by itself when it hears that failover came into effect.",
        (
            "CFG-6",
            "CFG-11",
        ),
    ),
    "switch to select": Reading(
        "Each portal has to be restarted after a switch to Select mode: the mode counts that P's core tells it first "
        "after its start, or while P's core is silent, the one it told last. A switch away from Select counts at once "
        "(CFG-2), and the way back from it needs a restart again. A factory reset of P's core is a new installation.",
        (
            "CFG-2",
            "CFG-3",
        ),
    ),
    "every page waits": Reading(
        "A changed Host Domain Name needs a restart of its portal, like all settings of a portal; Manager's settings "
        "need none.",
        (
            "CFG-4",
            "CFG-8",
            "CFG-12",
        ),
    ),
    "providers": Reading(
        "A portal that has no Central CTI Link in effect lists two providers to P as well: they stand as made by hand. "
        "Resilience counts as effective while no rule is unmet. A provider is connected while the core that it leads "
        "to answers on its CTI link.",
        (
            "CFG-5",
            "CFG-14",
        ),
    ),
    "two machines": Reading(
        "With an Application Server in place of P's portal, the core that tells who serves is another machine, "
        "with a certificate of its own. A client that does not trust that one cannot be told, and stays where it "
        "lost contact.",
        (
            "CFG-10",
            "REDIR-1",
            "CERT-1",
        ),
    ),
    "no relay": Reading(
        "An expansion system's core tells the portals of its users and of nothing else: it does not pass on, "
        "between the halves of the pair, who serves.",
        ("ROLE-4",),
    ),
    "said nothing": Reading(
        "A handshake counts as completed once the client has sent something after it, and not before. Who "
        "leaves earlier, or ends it with an alert, has sent the server nothing, whatever of the handshake was "
        "finished.",
        (
            "CERT-4",
            "CERT-6",
            "CLIENT-4",
        ),
    ),
    "made anew": Reading(
        "A certificate that was replaced is from an authority of the same name with another key, as a server "
        "makes it all anew. Only a client that had accepted the former can tell that; to any other it is from "
        "an unknown issuer.",
        ("CERT-5",),
    ),
    "failover now": Reading(
        "P that handed over by Failover Now serves again after its portal's restart. It takes the hand-over back by "
        "itself when for the detection time S was not heard to serve or to be willing to: somebody must serve.",
        (
            "CFG-6",
            "ROLE-2",
            "ROLE-9",
        ),
    ),
    "stranger": Reading(
        "A secondary whose last change is not in the primary's log is not fed, and both portals say why: the primary's "
        "log counts, but what only the secondary holds was acknowledged once. A reset of the secondary ends it.",
        (
            "SYNC-2",
            "SYNC-6",
        ),
    ),
    "name on two cores": Reading(
        "A user of the same name on two cores is one user to the portals, of the first core in the order primary, "
        "secondary, expansion system: with its password and its home. Once that core knows the user no more, the "
        "other's counts.",
        ("CONT-1",),
    ),
    "name of the other": Reading(
        "A Host Domain Name that is the other portal's own name or address does not count: callers are sent to the "
        "portal by its host name, as without one.",
        (
            "CFG-12",
            "REDIR-8",
        ),
    ),
    "hammering": Reading(
        "A client may try a server that does not take it 20 times at once, and 10 times a second after that: a dead "
        "portal, a certificate that it had refused, a portal that turned it away. Who tries more often hammers.",
        (
            "CERT-4",
            "CLIENT-4",
        ),
    ),
    "logged out": Reading(
        "A session that its user has ended is an old one: it works nowhere any more, on the portal where it began "
        "included. What was asked for before the log-out was answered may still be answered; to end a session twice "
        "does no harm.",
        ("REDIR-6",),
    ),
    "bad link": Reading(
        "A link that loses, delays or throttles what passes it is at any moment anything from whole to cut, in each "
        "direction that it is bad in, and for the portals alone or for their cores as well. What the rules promise "
        "for all of these they promise on such a link, and nothing else: so S may serve beside P or not, and changes "
        "may travel or wait; but P serves while it can, and S while P cannot.",
        (
            "ROLE-4",
            "ROLE-10",
            "ROLE-13",
            "ROLE-14",
        ),
    ),
    "long enough": Reading(
        "A client that must not do something is watched for 3 s after it could, and with each further wrong "
        "certificate in the place of the first for 1 s more; one that is to go on where it is must have been served "
        "twice more. What it must do, it may take as long for as whoever judges it allows.",
        (
            "CERT-4",
            "CERT-5",
            "CLIENT-3",
            "CLIENT-4",
            "REDIR-7",
        ),
    ),
    "within": Reading(
        "Whatever the rules promise without a time must be so within two silences noticed, two detection times and six "
        "heartbeats, and three seconds of real time beside, which a service may take to start on a busy machine. Until "
        "then it is not judged, and whatever holds no longer than that is not judged either. That somebody serves "
        "counts from when one and the same portal could, the link being as it was, whatever else happens meanwhile; a "
        "change counts from when P had it and all was normal.",
        (
            "CFG-1",
            "ROLE-2",
            "ROLE-3",
            "ROLE-5",
            "ROLE-11",
            "SYNC-1",
            "SYNC-7",
        ),
    ),
    "crowd": Reading(
        "Many clients at once poll 200 times a second together at most, however short the topology's times are: those "
        "shrink no portal's work. After a poll in vain a client tries again in an eighth of its interval, then twice "
        "as late each time, up to the interval; each wait is drawn from half of it to half as much again.",
        (
            "CLIENT-1",
            "REDIR-1",
            "REDIR-4",
        ),
    ),
    "unsaid": Reading(
        "Two endings are left open: of S's users when S's portal has ended, its core is up and P serves; "
        "and of whoever asks an S that runs while resilience is not ready.",
        (
            "REDIR-4",
            "REDIR-5",
        ),
    ),
}
"""Our readings of the gaps, by name: the one place where they are stated."""


def resting_on(rule: str) -> dict[str, Reading]:
    """The readings that rest on a rule, by name."""
    return {name: reading for name, reading in READINGS.items() if rule in reading.rests_on}

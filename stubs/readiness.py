"""Why portal resilience does not work, rule by rule, and what to do about it. Pure.

One question, one answer (CFG-13): `unmet` names *every* rule that keeps resilience from working, never only the
first. What is not known counts as unmet: a portal that never heard of its primary must not take over from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stubs.wire import CoreFacts, PortalFacts

NEEDED = {
    "CFG-2": "The system has to run in Server Edition Select mode: Manager saves that in the primary's configuration.",
    "CFG-3": "Both portals have to be restarted since the system was switched to Select mode.",
    "CFG-5": "Central CTI Link has to be in effect on both portals: page Central CTI Link, then restart the portal.",
    "CFG-6": "Failover has to be in effect on the primary's portal: page Resiliency Configuration, then restart it.",
    "CFG-7": "The primary's line to the secondary has to have Supports Resiliency and Backs up my one-X Portal ticked: "
    "Manager, tab Line.",
    "CFG-9": "Both portals have to run the same software version: upgrade the older one.",
    "CFG-12": "The secondary has to have a Host Domain Name: page Host Domain Name of its portal, then restart it.",
}
"""What each rule asks for and where it is given, in words for people."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One unmet rule.

    Attributes:
        rule: its ID.
        says: what is needed, for people.
    """

    rule: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """What one portal knows about the pair; `None` where it never heard.

    Attributes:
        primary: facts of the primary's portal.
        secondary: facts of the secondary's portal.
        primary_core: facts of the primary's core, whose line to the secondary counts (CFG-7).
    """

    primary: PortalFacts | None
    secondary: PortalFacts | None
    primary_core: CoreFacts | None


def unmet(known: Known) -> tuple[str, ...]:
    """The IDs of all unmet rules, in their order; empty when resilience is ready (CFG-13).

    CFG-3 is not named beside CFG-2: a restart would not help yet.
    """
    primary, secondary, core = known.primary, known.secondary, known.primary_core
    elsewhere = core is not None and not core.select
    checks = {
        "CFG-2": core is not None and core.select,
        "CFG-3": elsewhere or all(portal is not None and portal.select for portal in (primary, secondary)),
        "CFG-5": primary is not None and primary.central_cti and secondary is not None and secondary.central_cti,
        "CFG-6": primary is not None and primary.failover,
        "CFG-7": core is not None and core.supports_resiliency and core.backs_up_portal,
        "CFG-9": primary is not None and secondary is not None and primary.version == secondary.version,
        "CFG-12": secondary is not None and bool(secondary.host_domain_name),
    }
    return tuple(rule for rule, met in checks.items() if not met)


def needs(rules: Iterable[str]) -> tuple[Need, ...]:
    """The same rules in words for people."""
    return tuple(Need(rule=rule, says=NEEDED[rule]) for rule in rules)

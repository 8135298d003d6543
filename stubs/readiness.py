"""Why portal resilience does not work, rule by rule. Pure.

One question, one answer (CFG-13): `unmet` names *every* rule that keeps resilience from working, never only the
first. What is not known counts as unmet: a portal that never heard of its primary must not take over from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stubs.wire import CoreFacts, PortalFacts


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
    """The IDs of all unmet rules, in their order; empty when resilience is ready (CFG-13)."""
    primary, secondary, core = known.primary, known.secondary, known.primary_core
    checks = {
        "CFG-2": core is not None and core.select,
        "CFG-5": primary is not None and primary.central_cti and secondary is not None and secondary.central_cti,
        "CFG-6": primary is not None and primary.failover,
        "CFG-7": core is not None and core.supports_resiliency and core.backs_up_portal,
        "CFG-9": primary is not None and secondary is not None and primary.version == secondary.version,
        "CFG-12": secondary is not None and bool(secondary.host_domain_name),
    }
    return tuple(rule for rule, met in checks.items() if not met)

"""Defects of what is configured, and of when resilience works (CFG)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from stubs import readiness
from stubs.core import configuration
from stubs.core.versioned import ConfigurationFile
from stubs.defects.planting import defect
from stubs.portal.knowledge import Knowledge
from stubs.portal.settings import PortalSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from stubs.core.configuration import Configuration
    from stubs.core.versioned import Saved
    from stubs.readiness import Known
    from stubs.wire import CoreFacts, ServerName, Site

    Unmet: TypeAlias = Callable[[Known], tuple[str, ...]]


@defect(configuration, "facts", breaks=("CFG-7",), part="core")
def ticks_on_any_line(
    right: Callable[..., CoreFacts], saved: Configuration, server: ServerName, half: Site | None, **versions: Any
) -> CoreFacts:
    """The two ticks count on whatever line they are, and on two lines as well as on one."""
    return replace(
        right(saved, server, half, **versions),
        supports_resiliency=any(line.supports_resiliency for line in saved.lines),
        backs_up_portal=any(line.backs_up_my_one_x_portal for line in saved.lines),
    )


@defect(readiness, "unmet", breaks=("CFG-9",))
def version_skew_tolerated(right: Unmet, known: Known) -> tuple[str, ...]:
    """Two portals of different software versions pass for a pair that is ready."""
    return tuple(rule for rule in right(known) if rule != "CFG-9")


@defect(readiness, "unmet", breaks=("CFG-13",))
def only_the_first_is_named(right: Unmet, known: Known) -> tuple[str, ...]:
    """Of all that keeps resilience from working only the first is named."""
    return right(known)[:1]


@defect(readiness, "unmet", breaks=("CFG-12",))
def host_domain_name_forgotten(right: Unmet, known: Known) -> tuple[str, ...]:
    """The pair passes for ready though the secondary has no Host Domain Name to send users to."""
    return tuple(rule for rule in right(known) if rule != "CFG-12")


@defect(readiness, "unmet", breaks=("CFG-5",))
def central_cti_link_forgotten(right: Unmet, known: Known) -> tuple[str, ...]:
    """The pair passes for ready without Central CTI Link."""
    return tuple(rule for rule in right(known) if rule != "CFG-5")


@defect(PortalSettings, "change", breaks=("CFG-4",))
def setting_in_effect_at_once(right: Callable[..., None], settings: PortalSettings, fields: Mapping[str, Any]) -> None:
    """A changed setting is in effect before the portal was restarted."""
    right(settings, fields)
    settings.effective = settings.configured


@defect(PortalSettings, "restart_pending", breaks=("CFG-4",))
def restart_never_pending(_right: Callable[..., bool], _settings: PortalSettings) -> bool:
    """Nothing says that a restart is pending."""
    return False


@defect(ConfigurationFile, "save", breaks=("CFG-8",), part="core")
def stale_save_accepted(
    right: Callable[..., Saved], file: ConfigurationFile, wanted: Configuration, *, loaded: int
) -> Saved:
    """Whoever saves last wins, over what somebody else saved since it was loaded."""
    del loaded
    return right(file, wanted, loaded=file.saved.version)


@defect(configuration, "check", breaks=("CFG-8",), part="core")
def invalid_save_accepted(_right: Callable[..., None], _wanted: Configuration, _server: ServerName) -> None:
    """A configuration with one line's number twice, or a line to its own server, is saved."""


@defect(Knowledge, "select", breaks=("CFG-2", "CFG-3"))
def select_without_a_restart(_right: Callable[..., bool | None], knowledge: Knowledge) -> bool | None:
    """A switch to Select mode counts at once, without a restart of the portals."""
    return knowledge.primary_select


@defect(Knowledge, "switched_off", breaks=("CFG-11",))
def never_stops_by_itself(_right: Callable[..., bool | None], _knowledge: Knowledge) -> bool | None:
    """The secondary's portal runs on though failover is not in effect on the primary."""
    return None


@defect(configuration, "facts", breaks=("CFG-2",), part="core")
def any_mode_is_select(right: Callable[..., CoreFacts], saved: Configuration, *of: Any, **versions: Any) -> CoreFacts:
    """A system that does not run in Select mode passes for one that does."""
    return right(msgspec.structs.replace(saved, system=configuration.System(mode="select")), *of, **versions)

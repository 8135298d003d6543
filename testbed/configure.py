"""Configures the servers of a bed as their administrator does: loads, edits, saves, restarts, and looks.

What there is to set is `testbed.settings`'. Each call logs in anew, and so ends the session of whoever administers the
same portal at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stubs.readiness import needs
from stubs.wire import Site
from testbed.errors import FaultError, MisuseError, RefusedError
from testbed.settings import ON_LINE, ON_PAGES, SELECT, Value, form, kind_of, on_page
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from testbed.bed import Bed
    from testbed.inspector import Inspector

RESTARTED_S = 60.0
"""How long a portal may take to begin again, in seconds; a slow machine needs it, none waits for it."""


LEARNT_S = 20.0
"""How long a portal may take to learn what its core's configuration is, in seconds; it takes milliseconds."""


def configure(bed: Bed, site: Site, changes: Mapping[str, Value]) -> None:
    """Save settings on a server: first its core's configuration, in effect at once; then its portal's pages.

    Args:
        bed: which bed.
        site: which server.
        changes: values by key, as `testbed.settings.parse` gives them.

    Raises:
        MisuseError: there is no such setting, or the portal stopped by itself (CFG-11).
        RefusedError: a server refused; what was saved before stays. Its words name the field.
        FaultError: the core or the portal does not answer.
    """
    for key in changes:
        kind_of(key)
    inspector = bed.inspectors[site]
    if any(key == SELECT or key in ON_LINE for key in changes):
        etag, configuration = inspector.configuration()
        _edit(configuration, site, changes)
        saved = inspector.save_configuration(etag, configuration)
        if site is Site.PRIMARY:
            _wait_until_learnt(inspector, int(saved.strip('"')))
    for page in dict.fromkeys(ON_PAGES[key].page for key in changes if key in ON_PAGES):
        configured = on_page(page, _administer(inspector, "GET", page)["configured"])
        _administer(inspector, "PUT", page, form(page, {**configured, **changes}))


def restart_portals(bed: Bed, sites: Iterable[Site] = tuple(Site)) -> None:
    """Restart portals from their page, all at once; returns when each has begun again, with its settings in effect.

    One that stopped by itself is left alone among others: it begins again when failover comes into effect.

    Raises:
        MisuseError: none but portals that stopped by themselves.
        FaultError, NotInTimeError: a portal does not answer, or did not come back.
    """
    before = {site: bed.inspectors[site].portal_row() for site in sites}
    running = [site for site, view in before.items() if not view.get("dormant")]
    if not running:
        raise MisuseError("; ".join(_stopped(site.value, view) for site, view in before.items()))
    for site in running:
        bed.inspectors[site].administer("POST", "restart")

    def begun_again() -> list[bool]:
        return [_begun_again(bed.inspectors[site], before[site].get("boot", 0)) for site in running]

    what = f"the portals of {' and '.join(running)} to begin again"
    wait_until(begun_again, all, within_s=RESTARTED_S, what=what)


def look(bed: Bed) -> dict[str, Any]:
    """What is configured and in effect on both servers, and why resilience is not ready (`testbed configure --json`).

    What cannot be read is missing, with the reason; `unmet` is `None` if no portal says anything.
    """
    portals = [bed.inspectors[site].resilience() for site in Site]
    dormant = any(bed.inspectors[site].dormant_boot() is not None for site in Site)
    unmet = next((list(portal["unmet"]) for portal in portals if portal is not None), ["CFG-6"] if dormant else None)
    return {
        "name": bed.name,
        "unmet": unmet,
        "unmet_why": msgspec.to_builtins(needs(unmet or ())),
        "servers": {site.value: _look_at(bed.inspectors[site], site) for site in Site},
    }


def _look_at(inspector: Inspector, site: Site) -> dict[str, Any]:
    settings: dict[str, dict[str, Value]] = {}
    missing: dict[str, str] = {}
    try:
        values = _read(inspector.configuration()[1], site)
        settings |= {key: {"configured": value, "effective": value} for key, value in values.items()}
    except FaultError:
        missing["core"] = "does not answer"
    for page in dict.fromkeys(one.page for one in ON_PAGES.values()):
        try:
            shown = _administer(inspector, "GET", page)
        except RefusedError as error:
            missing[page] = error.says
        except (FaultError, MisuseError):
            missing["portal"] = inspector.portal_row().get("detail") or "does not answer"
            break
        else:
            configured, effective = (on_page(page, shown[which]) for which in ("configured", "effective"))
            settings |= {key: {"configured": value, "effective": effective[key]} for key, value in configured.items()}
    pending = any(value["configured"] != value["effective"] for value in settings.values())
    return {"settings": settings, "restart_pending": pending, "missing": missing}


def _wait_until_learnt(primary: Inspector, version: int) -> None:
    """Wait until the primary's portal knows the configuration of its core, unless it cannot know it now."""

    def learnt() -> bool:
        portal = primary.resilience()
        return portal is None or portal["core"] != "up" or (portal["primary_configuration"] or 0) >= version

    what = f"the {primary.name}'s portal to learn of version {version} of its core's configuration"
    wait_until(learnt, bool, within_s=LEARNT_S, what=what)


def _edit(configuration: dict[str, Any], site: Site, changes: Mapping[str, Value]) -> None:
    if SELECT in changes:
        configuration["system"]["mode"] = "select" if changes[SELECT] else "standard"
    ticks = changes.keys() & ON_LINE.keys()
    lines = _lines(configuration, site)
    if ticks and not lines:
        raise MisuseError(f"the {site.value}'s core has no line to the {site.other.value}")
    for key in ticks:
        lines[0][ON_LINE[key]] = changes[key]


def _read(configuration: dict[str, Any], site: Site) -> dict[str, Value]:
    values: dict[str, Value] = {SELECT: configuration["system"]["mode"] == "select"}
    return values | {key: line[field] for line in _lines(configuration, site) for key, field in ON_LINE.items()}


def _lines(configuration: dict[str, Any], site: Site) -> list[dict[str, Any]]:
    """The line from a server to the other one, unless somebody removed it."""
    return [line for line in configuration["lines"] if line["to"] == site.other.value][:1]


def _administer(inspector: Inspector, method: str, page: str, body: Any = None) -> Any:
    try:
        return inspector.administer(method, page, body)
    except FaultError as error:
        view = inspector.portal_row()
        if view.get("dormant"):
            raise MisuseError(_stopped(inspector.name, view)) from error
        raise


def _stopped(server: str, view: dict[str, Any]) -> str:
    return f"the {server}'s portal takes no settings. {view['detail']}"


def _begun_again(inspector: Inspector, former: int) -> bool:
    view, portal = inspector.portal_row(), inspector.resilience()
    answers = view.get("dormant") or (portal is not None and portal["boot"] == view.get("boot"))
    return bool(answers) and view.get("boot") not in (0, former)

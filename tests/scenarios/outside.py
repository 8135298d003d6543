"""What can be seen of a pair from outside at one moment, in the oracle's terms. Looks; asserts nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stubs import ports
from stubs.wire import Site
from testbed.oracle import Ending, PlatformView, Settled, Where
from testbed.status import summary
from testbed.topology import Topology

if TYPE_CHECKING:
    import requests

    from testbed.bed import Bed

NOT_SERVING = "somewhere that does not serve"
"""Where a user ends who was redirected to a portal that takes no log-ins (REDIR-8)."""


@dataclass
class Outside:
    """One look at both servers.

    Attributes:
        bed: whose.
        lost: servers that are not asked, as nobody reaches them.
        views: the platform views.
        portals: the portals' own resilience statuses.
        pages: what the portals' user pages answer: where they lead.
        sessions: what the portals answer to a page that asks whether its session is alive: where that leads.
        cores: which server the cores' redirect services name.
    """

    bed: Bed
    lost: frozenset[Site] = frozenset()
    views: dict[Site, dict[str, Any] | None] = field(default_factory=dict)
    portals: dict[Site, dict[str, Any] | None] = field(default_factory=dict)
    pages: dict[Site, str] = field(default_factory=dict)
    sessions: dict[Site, str] = field(default_factory=dict)
    cores: dict[Site, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for site in Site:
            inspector, is_lost = self.bed.inspectors[site], site in self.lost
            self.views[site] = None if is_lost else inspector.services()
            runs = not is_lost and self._shown(site, "portal") != "Stopped"
            self.portals[site] = inspector.resilience() if runs else None
            self.pages[site] = self._leads(site, "/onexportal.html", serves=200) if runs else ""
            self.sessions[site] = self._leads(site, "/api/v1/session", serves=401) if runs else ""
            named = (inspector.redirect() or {}).get("portal") if self._shown(site, "core") == "Available" else None
            self.cores[site] = self._named(named)

    def facts(self) -> dict[str, object]:
        """What the oracle predicts, as it is seen."""
        views = {f"{site}'s platform view": self._view(site) for site in Site}
        roles = {f"{site}'s portal": self._role(site) for site in Site}
        return {
            **roles,
            **views,
            "resilience": self._resilience(),
            "synchronisation": self._sync(),
            "was on P": self._was_on(Site.PRIMARY),
            "was on S": self._was_on(Site.SECONDARY),
            "asks P": self._asks(Site.PRIMARY),
            "asks S": self._asks(Site.SECONDARY),
        }

    def _resilience(self) -> str:
        views = {site.server: view for site, view in self.views.items()}
        return str(summary(Topology(), {}, views, self.portals, ())["resilience"])

    def _shown(self, site: Site, service: str) -> str:
        view = self.views[site]
        return str(view[service]["state"]) if view else ""

    def _role(self, site: Site) -> str:
        said = self.portals[site]
        return str(said["role"]) if said else "Stopped"

    def _view(self, site: Site) -> object:
        view = self.views[site]
        return view and {name: (view[name]["state"], view[name]["colour"]) for name in ("core", "portal")}

    def _sync(self) -> str:
        """Both portals have to say so, and neither may where it does not run."""
        said = {str(portal["sync"]["state"]) == "running" for portal in self.portals.values() if portal}
        if len(said) > 1:
            return "seen differently"
        return "runs" if said == {True} and None not in self.portals.values() else "does not run"

    def _asks(self, site: Site) -> str:
        return self._goes(site, self.pages[site])

    def _was_on(self, site: Site) -> str:
        """As the portal's own page goes: its portal says where, or, if that says nothing, its server's core."""
        elsewhere = self.cores[site] if self.cores[site] != site.value else ""
        return self._goes(site, self.sessions[site] or elsewhere)

    def _goes(self, site: Site, target: str) -> str:
        if not target:
            return Where.NOWHERE.value
        if target == site.value:
            return target
        there = Site(target) if target in set(Site) else None
        serves = there is not None and self.pages[there] == target
        return f"redirected to {target if serves else NOT_SERVING}"

    def _leads(self, site: Site, path: str, *, serves: int) -> str:
        """The server at which whoever asks this is served; empty if that is nowhere."""
        answer = self.bed.inspectors[site].answer(ports.PORTAL_HTTPS, path)
        if answer is None:
            return ""
        return site.value if answer.status_code == serves else self._named(_location(answer))

    def _named(self, url: str | None) -> str:
        if url is None:
            return ""
        host = urlsplit(url).hostname
        return next((server.name for server in self.bed.servers if server.hostname == host), f"no server: {url}")


def predicted(settled: Settled) -> dict[str, object]:
    """What the oracle predicts; an ending that no rule states is left out."""
    endings = {
        "was on P": settled.was_on_primary,
        "was on S": settled.was_on_secondary,
        "asks P": settled.asks_primary,
        "asks S": settled.asks_secondary,
    }
    return {
        f"{Site.PRIMARY}'s portal": settled.primary.value,
        f"{Site.SECONDARY}'s portal": settled.secondary.value,
        f"{Site.PRIMARY}'s platform view": _rows(settled.primary_view),
        f"{Site.SECONDARY}'s platform view": _rows(settled.secondary_view),
        "resilience": settled.resilience.value,
        "synchronisation": "runs" if settled.sync_runs else "does not run",
        **{name: _ending(ending) for name, ending in endings.items() if ending.where is not Where.UNSAID},
    }


def differences(expected: dict[str, object], seen: dict[str, object]) -> list[str]:
    """What is not as predicted, in words."""
    return [f"{name}: {seen[name]}, not {value}" for name, value in expected.items() if seen[name] != value]


def _ending(ending: Ending) -> str:
    return f"redirected to {ending.where.value}" if ending.redirected else ending.where.value


def _rows(view: PlatformView | None) -> object:
    rows = {"core": view.core, "portal": view.portal} if view else {}
    return view and {name: (row.state.value, row.colour.value) for name, row in rows.items()}


def _location(answer: requests.Response) -> str | None:
    return answer.headers.get("Location") if answer.is_redirect else None

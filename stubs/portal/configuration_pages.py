"""The administrators' pages of the menu Configuration, and what is done there: settings, Failover Now, restart. Flask.

What each page answers: its settings as configured and as in effect, and whether a restart is pending: CFG-4, for all
of them (reading "every page waits").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stubs import readiness, service
from stubs.contract import documented
from stubs.portal import access, bodies, forms
from stubs.portal.settings import DetectionMinutes, Settings
from stubs.resilience import hears_peer
from stubs.serving import Refusal, answer
from stubs.wire import Failback, Site

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Sessions

_GUARDS = (access.ADMINISTRATOR,)


class Resiliency(forms.Form):
    """Page Resiliency Configuration (CFG-6)."""

    failover: bool
    failback: Failback
    detection_minutes: DetectionMinutes


def add(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    """Put the pages into the administrators' API."""
    _add_resiliency(blueprint, portal, sessions)
    _add_central_cti_link(blueprint, portal, sessions)
    _add_host_domain_name(blueprint, portal, sessions)
    _add_providers(blueprint, portal, sessions)
    _add_acts(blueprint, portal, sessions)


def _add_central_cti_link(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/central-cti-link")
    @documented("Page Central CTI Link.", guards=_GUARDS, answers={200: bodies.CentralCtiLinkPage})
    def read_central() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "central_cti"))

    @blueprint.put("/central-cti-link")
    @documented(
        "Switch Central CTI Link; in effect after a restart.",
        guards=_GUARDS,
        body=forms.CentralCtiLink,
        answers={200: bodies.CentralCtiLinkPage, 507: "not_stored"},
    )
    def change_central() -> Response:
        form = access.read_as_administrator(sessions, forms.CentralCtiLink)
        _configure(portal, central_cti=form.enabled)
        return answer(_page(portal, "central_cti"))


def _add_host_domain_name(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/host-domain-name")
    @documented("Page Host Domain Name.", guards=_GUARDS, answers={200: bodies.HostDomainNamePage})
    def read_name() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "host_domain_name"))

    @blueprint.put("/host-domain-name")
    @documented(
        "Change the Host Domain Name; in effect after a restart.",
        guards=_GUARDS,
        body=forms.HostDomainName,
        answers={200: bodies.HostDomainNamePage, 507: "not_stored"},
    )
    def change_name() -> Response:
        form = access.read_as_administrator(sessions, forms.HostDomainName)
        _configure(portal, host_domain_name=form.host_domain_name)
        return answer(_page(portal, "host_domain_name"))


def _add_resiliency(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    fields = ("failover", "failback", "detection_minutes")

    @blueprint.get("/resiliency")
    @documented(
        "Page Resiliency Configuration.",
        guards=_GUARDS,
        answers={200: bodies.ResiliencyStatus, 404: "no_resiliency"},
    )
    def read_resiliency() -> Response:
        """The settings, why resilience is not ready (CFG-13), and what the last failback discarded (SYNC-4)."""
        access.administrator(sessions)
        _refuse_without_resiliency(portal)
        discarded = portal.store.discarded()
        return answer(
            {
                **_page(portal, *fields),
                "unmet": portal.moment.unmet,
                "unmet_why": readiness.needs(portal.moment.unmet),
                "discarded": {"count": len(discarded), "changes": discarded},
            }
        )

    @blueprint.put("/resiliency")
    @documented(
        "Change the Resiliency Configuration; in effect after a restart.",
        guards=_GUARDS,
        body=Resiliency,
        answers={200: bodies.ResiliencyPage, 404: "no_resiliency", 507: "not_stored"},
    )
    def change_resiliency() -> Response:
        access.administrator(sessions)
        _refuse_without_resiliency(portal)
        form = access.read_as_administrator(sessions, Resiliency)
        _configure(portal, failover=form.failover, failback=form.failback, detection_minutes=form.detection_minutes)
        return answer(_page(portal, *fields))


def _refuse_without_resiliency(portal: Portal) -> None:
    """Outside Select mode the page does not exist (CFG-2), and right after a switch to it not yet (CFG-3).

    Raises:
        Refusal: 404; says what to do.
    """
    knowledge = portal.knowledge
    if knowledge.select:
        return
    if knowledge.primary_select is None:
        why = "it is not known yet whether the system runs in Server Edition Select mode (CFG-2): the primary's core"
        why += " has not told"
    elif knowledge.primary_select:
        why = "the system was switched to Server Edition Select mode since this portal started (CFG-3): restart the"
        why += " portal"
    else:
        why = "the system does not run in Server Edition Select mode (CFG-2): save mode Select in the primary's"
        why += " configuration with Manager, then restart the portal"
    raise Refusal(404, "no_resiliency", f"There is no Resiliency Configuration: {why}.")


def _page(portal: Portal, *fields: str) -> dict[str, Any]:
    """One page's part of the settings: configured, in effect, and whether a restart is pending (CFG-4)."""
    configured, effective = (_part(each, fields) for each in (portal.settings.configured, portal.settings.effective))
    return {"configured": configured, "effective": effective, "restart_pending": configured != effective}


def _configure(portal: Portal, **changes: Any) -> None:
    try:
        portal.settings.change(msgspec.to_builtins(changes))
    except msgspec.ValidationError as error:
        raise Refusal(422, "invalid_body", str(error)) from error


def _add_providers(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/providers")
    @documented("Page Providers.", guards=_GUARDS, answers={200: bodies.Providers})
    def providers() -> Response:
        """What the portal gets its calls and directories from (CFG-14)."""
        access.administrator(sessions)
        return answer({"items": _providers(portal)})


def _providers(portal: Portal) -> list[dict[str, Any]]:
    """Two for each IP Office that the portal uses (CFG-14, reading "providers")."""
    central = portal.settings.effective.central_cti
    sites = tuple(Site) if central and not portal.moment.unmet else (Site.PRIMARY,)
    cores = portal.installed.cores
    return [
        {
            "name": f"{kind} {site.value}",
            "type": kind,
            "server": site,
            "address": cores[site.server].address,
            "state": "connected" if portal.links.core_answers(site.server) else "disconnected",
            "made_by": "Central CTI Link" if central else "hand",
        }
        for site in sites
        for kind in ("DSML", "CSTA")
    ]


def _add_acts(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.post("/failover-now")
    @documented(
        "Failover Now.",
        guards=_GUARDS,
        answers={202: bodies.Accepted, 404: "no_resiliency", 409: "not_ready"},
    )
    def fail_over_now() -> Response:
        """Failover Now (CFG-6): only on the primary, while somebody is there to take over."""
        access.administrator(sessions)
        _refuse_without_resiliency(portal)
        if portal.site is not Site.PRIMARY:
            raise Refusal(409, "not_ready", "Failover Now stands on the primary's portal only.")
        if portal.moment.unmet:
            raise Refusal(409, "not_ready", "Resilience is not ready: " + ", ".join(portal.moment.unmet) + ".")
        if not portal.serving:
            raise Refusal(409, "not_ready", "This portal does not serve; there is nothing to hand over.")
        peer = portal.moment.state.peer
        if peer is None or not hears_peer(portal.moment.state):
            raise Refusal(409, "not_ready", "The secondary's portal does not answer; it could not take over.")
        if not peer.status.willing:
            raise Refusal(409, "not_ready", "The secondary's portal cannot take over; look at its Component Status.")
        portal.fail_over_now()
        return answer({"accepted": "failover-now"}, 202)

    @blueprint.post("/restart")
    @documented("Restart this portal.", guards=_GUARDS, answers={202: bodies.Accepted})
    def restart() -> Response:
        """Restart this portal; configured settings are in effect afterwards (CFG-4)."""
        access.administrator(sessions)
        response = answer({"accepted": "restart"}, 202)
        # Only once the answer is out: the restart takes this very process.
        response.call_on_close(service.restart)
        return response


def _part(settings: Settings, pick: tuple[str, ...]) -> dict[str, Any]:
    everything = msgspec.to_builtins(settings)
    return {name: everything[name] for name in pick}

"""The administrators' pages of the menu Configuration, and what is done there: settings, Failover Now, restart. Flask.

What each page answers: its settings as configured and as in effect, and whether a restart is pending (CFG-4).
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec

from stubs.portal import access, forms
from stubs.portal.settings import Settings
from stubs.resilience import hears_peer
from stubs.serving import Refusal, answer, read_body
from stubs.wire import Failback, Site

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Sessions


class Resiliency(forms.Form):
    """Page Resiliency Configuration (CFG-6)."""

    failover: bool
    failback: Failback
    detection_minutes: float


def add(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    """Put the pages into the administrators' API."""
    _add_resiliency(blueprint, portal, sessions)
    _add_central_cti_link(blueprint, portal, sessions)
    _add_host_domain_name(blueprint, portal, sessions)
    _add_acts(blueprint, portal, sessions)


def _add_central_cti_link(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/central-cti-link")
    def read_central() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "central_cti"))

    @blueprint.put("/central-cti-link")
    def change_central() -> Response:
        access.administrator(sessions)
        _configure(portal, central_cti=read_body(forms.CentralCtiLink).enabled)
        return answer(_page(portal, "central_cti"))


def _add_host_domain_name(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/host-domain-name")
    def read_name() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "host_domain_name"))

    @blueprint.put("/host-domain-name")
    def change_name() -> Response:
        access.administrator(sessions)
        _configure(portal, host_domain_name=read_body(forms.HostDomainName).host_domain_name)
        return answer(_page(portal, "host_domain_name"))


def _add_resiliency(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    fields = ("failover", "failback", "detection_minutes")

    @blueprint.get("/resiliency")
    def read_resiliency() -> Response:
        access.administrator(sessions)
        discarded = portal.store.discarded()
        return answer(
            {
                **_page(portal, *fields),
                "unmet": portal.moment.unmet,
                "discarded": {"count": len(discarded), "changes": discarded},
            }
        )

    @blueprint.put("/resiliency")
    def change_resiliency() -> Response:
        access.administrator(sessions)
        form = read_body(Resiliency)
        _configure(portal, failover=form.failover, failback=form.failback, detection_minutes=form.detection_minutes)
        return answer(_page(portal, *fields))


def _page(portal: Portal, *fields: str) -> dict[str, Any]:
    """One page's part of the settings: configured, in effect, and whether a restart is pending (CFG-4)."""
    configured, effective = (_part(each, fields) for each in (portal.settings.configured, portal.settings.effective))
    return {"configured": configured, "effective": effective, "restart_pending": configured != effective}


def _configure(portal: Portal, **changes: Any) -> None:
    merged = {**msgspec.to_builtins(portal.settings.configured), **msgspec.to_builtins(changes)}
    try:
        portal.settings.configure(msgspec.convert(merged, Settings))
    except msgspec.ValidationError as error:
        raise Refusal(422, "invalid_body", str(error)) from error


def _add_acts(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.post("/failover-now")
    def fail_over_now() -> Response:
        """Failover Now (CFG-6): only on the primary, while somebody is there to take over."""
        access.administrator(sessions)
        if portal.site is not Site.PRIMARY:
            raise Refusal(409, "not_ready", "Failover Now stands on the primary's portal only.")
        if portal.moment.unmet:
            raise Refusal(409, "not_ready", "Resilience is not ready: " + ", ".join(portal.moment.unmet) + ".")
        if not hears_peer(portal.moment.state):
            raise Refusal(409, "not_ready", "The secondary's portal does not answer; it could not take over.")
        portal.fail_over_now()
        return answer({"accepted": "failover-now"}, 202)

    @blueprint.post("/restart")
    def restart() -> Response:
        """Restart this portal; configured settings are in effect afterwards (CFG-4)."""
        access.administrator(sessions)
        response = answer({"accepted": "restart"}, 202)
        # Only once the answer is out: the restart takes this very process.
        response.call_on_close(lambda: os.kill(os.getpid(), signal.SIGHUP))
        return response


def _part(settings: Settings, pick: tuple[str, ...]) -> dict[str, Any]:
    everything = msgspec.to_builtins(settings)
    return {name: everything[name] for name in pick}

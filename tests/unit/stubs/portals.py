"""A portal that was made but not started, so without sockets and threads, and ways to tell it what others would."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stubs import clock
from stubs.portal import app
from stubs.portal.runtime import Portal
from stubs.portal.store import Store
from stubs.resilience import Role
from stubs.wire import CoreFacts, CoreWord, Failback, Farewell, PortalFacts, PortalStatus, ServerName, Site, User
from testbed import layout, topology
from testbed.topology import Topology
from tests.unit.stubs.watched import WatchedClient

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from stubs.installation import Installation

ADDRESSES = {ServerName.PRIMARY: "192.0.2.2", ServerName.SECONDARY: "192.0.2.3"}
USERS = (("alice", "alice-password", Site.PRIMARY), ("bob", "bob-password", Site.SECONDARY))

_serials = itertools.count(1)


def installed(site: Site, **fields: Any) -> Installation:
    """What a server of a healthy topology is told, at the product's own pace so that no test is too slow for it."""
    described = topology.derive({"time_scale": 1.0, **fields})
    assert isinstance(described, Topology)
    return layout.installation(described, site.server, name="unit", addresses=ADDRESSES, secret="secret")


def word(site: Site, **changes: Any) -> PortalStatus:
    """A portal's word, later than all before."""
    facts = PortalFacts(
        version="12.0",
        central_cti=True,
        failover=site is Site.PRIMARY,
        failback=Failback.AUTOMATIC,
        detection_minutes=3.0,
        host_domain_name=f"{site.value}.unit.test",
        select=True,
    )
    said: dict[str, Any] = {
        "site": site,
        "boot": 1,
        "serial": next(_serials),
        "serving": False,
        "willing": False,
        "farewell": Farewell.NONE,
        "claim": 1,
        "hears_peer": True,
        "heard_claim": (0, 0),
        "head": 0,
        "facts": facts,
    }
    return PortalStatus(**{**said, **changes})


def core_word(site: Site, *, farewell: bool = False) -> CoreWord:
    """The word of a core whose configuration is ready for resilience, with its users."""
    ticked = site is Site.PRIMARY
    return CoreWord(
        facts=CoreFacts(server=site.server, select=True, supports_resiliency=ticked, backs_up_portal=ticked),
        portals=(),
        users=tuple(
            User(name=name, password=password, home=home.server) for name, password, home in USERS if home is site
        ),
        farewell=farewell,
    )


class Bench:
    """One portal with its store and its application.

    Args:
        folder: where its database lies.
        site: which portal.
    """

    def __init__(self, folder: Path, site: Site = Site.PRIMARY) -> None:
        self.store = Store(folder / f"{site.value}.sqlite", site=site, now=clock.utc_now)
        self.portal = Portal(installed(site), self.store)
        self.portal.catch_up()
        self.app = app.build(self.portal)
        self.app.test_client_class = WatchedClient

    def serve(self) -> None:
        """The primary's portal hears its cores and a secondary that could serve, and does not."""
        for site in Site:
            self.portal.hear_core(site.server, core_word(site))
        self.portal.catch_up()
        self.answer(willing=True)
        assert self.portal.moment.state.role is Role.AVAILABLE

    def answer(self, **changes: Any) -> None:
        """The portal hears the other, which has heard what this one says now."""
        state = self.portal.moment.state
        self.portal.hear_peer(word(self.portal.site.other, heard_claim=(state.boot, state.claim), **changes))
        self.portal.catch_up()

    def stand_by(self) -> None:
        """The secondary's portal hears its cores and a primary that serves, and has long been able to take over."""
        for site in Site:
            self.portal.hear_core(site.server, core_word(site))
        self.portal.hear_peer(word(self.portal.site.other, serving=True, willing=True))
        self.portal.catch_up()
        state = self.portal.moment.state
        assert state.role is Role.STARTING
        long_ago = replace(state, willing_since_ms=state.willing_since_ms - state.detection_ms)
        self.portal.moment = replace(self.portal.moment, state=long_ago)

    def reset(self) -> None:
        """The factory reset, which waits for the portal's own thread: for once, that is this one."""
        asking = threading.Thread(target=self.portal.reset)
        asking.start()
        while asking.is_alive():
            self.portal.catch_up()
            asking.join(0.001)
        self.portal.catch_up()

    def client(self) -> FlaskClient:
        """Somebody with an empty cookie jar, over HTTPS."""
        return self.app.test_client()

    def user(self, name: str = "alice") -> FlaskClient:
        """Somebody who is logged in."""
        client = self.client()
        answer = ask(client, "POST", "/api/v1/session", json={"user": name, "password": f"{name}-password"})
        assert answer.status_code == 201, answer.text
        return client

    def administrator(self) -> FlaskClient:
        """The administrator, logged in."""
        client = self.client()
        known = self.portal.installed.administrator
        body = {"user": known.name, "password": known.password, "end_other": True}
        answer = ask(client, "POST", "/api/v1/admin/session", json=body)
        assert answer.status_code == 201, answer.text
        return client


def ask(client: FlaskClient, method: str, path: str, **how: Any) -> TestResponse:
    """One request over HTTPS, as cookies are for HTTPS only."""
    return client.open(path, method=method, base_url="https://primary.unit.test:9443", **how)

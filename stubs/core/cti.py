"""CTI of a core: portals log in here as the service user and tell how they are (invented protocol). Sockets."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stubs.lines import BROKEN, Hello, LineConnection, listen
from stubs.wire import CoreWord, PortalStatus, Site, User

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.installation import Login

log = logging.getLogger(__name__)


@dataclass
class _Portal:
    connection: LineConnection
    told_version: int = 0


class CtiServer:
    """Passes words between the core and the portals that are logged in.

    Args:
        service_user: who may log in.
        heard: called with each portal's word.
        lost: called with the site of a portal whose connection ended.
    """

    def __init__(
        self, *, service_user: Login, heard: Callable[[PortalStatus], None], lost: Callable[[Site], None]
    ) -> None:
        self._service_user = service_user
        self._heard = heard
        self._lost = lost
        self._portals: dict[Site, _Portal] = {}
        self._lock = threading.Lock()

    def start(self, port: int, *, silence_s: float) -> None:
        """Accept portals until the process ends; one that is silent for so many seconds is gone."""
        listen(port, self._converse, silence_s=silence_s)

    def say(self, word: CoreWord, *, users: tuple[User, ...], version: int) -> None:
        """Tell all portals that are logged in; one that does not take it is dropped. One thread calls this.

        Args:
            word: what all are told.
            users: told in addition to those who do not know this version of the configuration.
            version: of the configuration.
        """
        with self._lock:
            portals = list(self._portals.values())
        for portal in portals:
            known = portal.told_version == version
            try:
                portal.connection.send(word if known else replace(word, users=users))
                portal.told_version = version
            except OSError:
                portal.connection.close()

    def _converse(self, connection: LineConnection, _address: str) -> None:
        hello = connection.receive(Hello)
        if not hello.is_from(self._service_user.name, self._service_user.password):
            return
        site = Site(hello.site) if hello.site in set(Site) else None
        if site is None:
            return
        with self._lock:
            former = self._portals.get(site)
            self._portals[site] = _Portal(connection)
        if former is not None:
            former.connection.close()
        log.info("CTI: the portal of the %s logged in", site.value)
        try:
            self._listen_to(connection, site)
        finally:
            self._part(connection, site)

    def _listen_to(self, connection: LineConnection, site: Site) -> None:
        while True:
            try:
                status = connection.receive(PortalStatus)
            except BROKEN:
                return
            if status.site is site:
                self._heard(status)

    def _part(self, connection: LineConnection, site: Site) -> None:
        with self._lock:
            current = self._portals.get(site)
            if current is None or current.connection is not connection:
                return
            del self._portals[site]
        log.info("CTI: the portal of the %s is gone", site.value)
        self._lost(site)

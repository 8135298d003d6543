"""The core's process: puts its parts together. `python3 -m stubs.core`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from stubs import clock, installation, ports, service
from stubs.core import app, configuration
from stubs.core.board import Board
from stubs.core.cti import CtiServer
from stubs.core.versioned import ConfigurationFile
from stubs.gossip import Gossip
from stubs.signs import SignSender
from stubs.watchdog import Sign
from stubs.watched import watched
from stubs.wire import CoreWord, KeepAlive, Site

if TYPE_CHECKING:
    from stubs.wire import PortalStatus


class Core:
    """One core: its configuration, what it knows of the portals, and its three links.

    Args:
        installed: who it is.
    """

    def __init__(self, installed: installation.Installation) -> None:
        self.installed = installed
        self.timing = installed.timing
        folder = installation.DATA / "core"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        baseline = configuration.at_installation(installed)
        self.file = ConfigurationFile(folder / "configuration.json", baseline)
        self.board = Board(self.timing.fresh_ms)
        self.keep_alive = self._keep_alive(installed)
        self.watchdog = SignSender()
        self.cti = CtiServer(service_user=installed.service_user, heard=self.hear_portal, lost=self.lose_portal)
        self._boot = clock.boot_id()
        self._news = threading.Event()
        self._leaving = False
        self._said_good_bye = threading.Event()

    def _keep_alive(self, installed: installation.Installation) -> Gossip[KeepAlive] | None:
        """The way to the other core of the pair; an expansion system's has none (reading "no relay")."""
        if installed.half is None:
            return None
        other = installed.cores[installed.half.other.server]
        return Gossip(
            KeepAlive,
            bind=(installed.address, ports.SCN_KEEPALIVE),
            neighbour=(other.address, ports.SCN_KEEPALIVE),
            heard=self.hear_core,
        )

    def start(self) -> None:
        """Open all links and speak at every heartbeat."""
        if self.keep_alive is not None:
            self.keep_alive.start()
        self.cti.start(ports.CTI, silence_s=self.timing.fresh_ms / 1000)
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def hear_core(self, word: KeepAlive) -> None:
        """The other core told what it knows of the portals."""
        now = clock.monotonic_ms()
        for status in word.portals:
            if self.board.hear(status, now, here=False):
                self._news.set()

    def hear_portal(self, status: PortalStatus) -> None:
        """A portal that is logged in here told how it is; what is new is passed on at once."""
        if self.board.hear(status, clock.monotonic_ms()):
            self._news.set()

    def lose_portal(self, site: Site) -> None:
        """A portal's connection ended: what it said last no longer counts."""
        self.board.part(site)
        self._news.set()

    def reconfigured(self) -> None:
        """The configuration changed; the portals learn of it at once."""
        self._news.set()

    def reset(self) -> None:
        """Back to the configuration after installation."""
        self.file.reset()
        self.board.forget(*Site)
        self._news.set()

    def leave(self, restart: bool) -> None:  # noqa: FBT001 - the form that `service.live` calls
        """Say good-bye; one who restarts says nothing, as it is soon back (ROLE-10)."""
        if not restart:
            self._leaving = True
            self._news.set()
            self._said_good_bye.wait(1.0)

    def _beat(self) -> None:
        while True:
            self._news.clear()
            leaving = self._leaving
            self._speak(farewell=leaving)
            if leaving:
                self._said_good_bye.set()
                return
            self._news.wait(self.timing.heartbeat_ms / 1000)

    def _speak(self, *, farewell: bool) -> None:
        server, saved = self.installed.server, self.file.saved
        known: tuple[PortalStatus, ...] = ()
        if self.keep_alive is not None:
            now = clock.monotonic_ms()
            known = self.board.fresh(now)
            self.keep_alive.say(KeepAlive(portals=self.board.told_here(now)))
        versions = {"version": saved.version, "installed": saved.installed}
        facts = configuration.facts(saved.configuration, server, self.installed.half, **versions)
        word = CoreWord(facts=facts, portals=known, farewell=farewell)
        self.cti.say(word, users=configuration.users(saved.configuration, server), version=saved.version)
        self.watchdog.say(Sign(service="core", state="Stopped" if farewell else "Available", boot=self._boot))


def main() -> None:
    """Run until a signal ends the process."""
    service.prepare("core")
    core = Core(installation.load())
    services = app.build(core.installed, core.file, core.board, core.reconfigured)
    https = watched(services, ports.CORE_SERVICES, administrator=core.installed.administrator, threads=8)
    core.start()
    threading.Thread(target=https.run, name="https", daemon=True).start()
    service.live("stubs.core", leave=core.leave, reset=core.reset, reload=https.reload_certificate)


if __name__ == "__main__":
    main()

"""All links of one portal: to the other portal, to every core, to its own platform view. No decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stubs import ports
from stubs.gossip import Gossip
from stubs.lines import Hello
from stubs.portal.cti import CtiLink
from stubs.portal.sync import Feeder, Follower
from stubs.signs import SignSender
from stubs.wire import PortalStatus, ServerName, Site

if TYPE_CHECKING:
    from stubs.installation import Installation
    from stubs.portal.store import Store
    from stubs.watchdog import Sign
    from stubs.wire import CoreWord


class Ear(Protocol):
    """Who is told what arrives, in the threads of the links, and says what the rules allow."""

    def hear_peer(self, status: PortalStatus) -> None:
        """The other portal spoke."""

    def hear_core(self, server: ServerName, word: CoreWord) -> None:
        """The core of a server spoke."""

    def lose_core(self, server: ServerName) -> None:
        """The link to the core of a server, which was up, is gone, and the core does not answer a new call."""

    def may_feed(self) -> bool:
        """Whether the own log may be followed now."""

    def may_follow(self) -> bool:
        """Whether the primary's log may be followed now."""


class Links:
    """The links; nothing is open before they are started.

    Args:
        installed: whose.
        store: what is synchronised.
        ear: whom they tell.
    """

    def __init__(self, installed: Installation, store: Store, ear: Ear) -> None:
        self._installed, self._ear = installed, ear
        self._heartbeat_s = installed.timing.heartbeat_ms / 1000
        self._silence_s = installed.timing.fresh_ms / 1000
        self.feeder = Feeder(store, secret=installed.secret, may_feed=ear.may_feed, heartbeat_s=self._heartbeat_s)
        self.follower = Follower(
            store,
            address=installed.portals[Site.PRIMARY].address,
            port=ports.PORTAL_LINK,
            secret=installed.secret,
            may_follow=ear.may_follow,
            heartbeat_s=self._heartbeat_s,
            silence_s=self._silence_s,
        )
        self._peer = Gossip(
            PortalStatus,
            bind=(installed.address, ports.PORTAL_LINK),
            neighbour=(installed.portals[installed.site.other].address, ports.PORTAL_LINK),
            heard=ear.hear_peer,
        )
        self._watchdog = SignSender()
        self._cores = {server: self._core(server, at.address) for server, at in installed.cores.items()}

    def start(self) -> None:
        """Open them all."""
        if self._installed.site is Site.PRIMARY:
            self.feeder.start(ports.PORTAL_LINK, silence_s=self._silence_s)
        else:
            self.follower.start()
        self._peer.start()
        for core in self._cores.values():
            core.start()

    def say(self, status: PortalStatus, sign: Sign) -> None:
        """Tell the other portal and all cores, then the own platform view."""
        self._peer.say(status)
        for core in self._cores.values():
            core.say(status)
        self._watchdog.say(sign)

    def core_answers(self, server: ServerName) -> bool:
        """Whether the CTI link to the core of a server is up."""
        return self._cores[server].up

    def synchronised_at_ms(self) -> int | None:
        """When something last went over the link that keeps the data in step."""
        primary = self._installed.site is Site.PRIMARY
        return self.feeder.fed_at_ms() if primary else self.follower.followed_at_ms()

    def trouble(self) -> str:
        """Why nothing went over it lately, as far as this side knows; may be empty."""
        return self.feeder.trouble or self.follower.trouble

    def _core(self, server: ServerName, address: str) -> CtiLink:
        user = self._installed.service_user
        return CtiLink(
            address,
            ports.CTI,
            hello=Hello(user.name, user.password, self._installed.site.value),
            heard=lambda word: self._ear.hear_core(server, word),
            lost=lambda: self._ear.lose_core(server),
            silence_s=self._silence_s,
            pause_s=self._heartbeat_s,
        )

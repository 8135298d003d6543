"""How words travel: datagrams that are lost on a cut way, and CTI lines that break, wait and call again. Pure.

A line follows `stubs.portal.cti`, `stubs.core.cti` and what a kernel does: a process that ends breaks its lines as far
as the way is open; one that is paused leaves them open; what was sent on a cut way comes late, in order, if the line
lasts; and either end gives a line up on which it heard nothing for six heartbeats.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from stubs.portal.cti import after_call
from stubs.wire import Site
from testbed.schedules.condition import Condition
from testbed.simulator.items import (
    Accept,
    Call,
    CoreWaited,
    Item,
    PortalWaited,
    ToCore,
    ToPortal,
)
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS, Core, Line, Portal, Setting

if TYPE_CHECKING:
    from stubs.wire import CoreWord


class Lines:
    """What is under way between the processes of a pair, in the order of its time.

    Attributes:
        now_ms: the time.
        steps: messages and timers that were taken in so far.
        condition: what is broken.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.now_ms = 0
        self.steps = 0
        self.condition = Condition()
        self.portals: dict[Site, Portal] = {}
        self.cores: dict[Site, Core] = {}
        self.lines = {(portal, core): Line(portal, core) for portal in Site for core in Site}
        self.queue: list[tuple[int, int, Item]] = []
        self._order = 0

    # What whoever inherits does with what arrives.

    def core_lost(self, portal: Portal, core: Site) -> None:
        """A portal's line to a core that answered is gone."""
        raise NotImplementedError

    def core_spoke(self, portal: Portal, core: Site, word: CoreWord) -> None:
        """A core's word arrived at a portal."""
        raise NotImplementedError

    def beat(self, core: Core, *, farewell: bool = False) -> None:
        """A core tells what it knows."""
        raise NotImplementedError

    # Sending.

    def post(self, in_ms: int, item: Item) -> None:
        """Something happens after so long."""
        self._order += 1
        heapq.heappush(self.queue, (self.now_ms + in_ms, self._order, item))

    def delay_ms(self, origin: Site, target: Site) -> int:
        """How long a word is under way."""
        return self.setting.delays_ms[origin is not target]

    def datagram(self, origin: Site, item: Item, *, to: Site, between_portals: bool = False) -> None:
        """Send what is lost if the way is cut."""
        if self.condition.open(origin, to) and not (between_portals and self.condition.path_cut):
            self.post(self.delay_ms(origin, to), item)

    def send(self, line: Line, item: ToCore | ToPortal) -> None:
        """Send over a line."""
        ways = (line.portal, line.core) if isinstance(item, ToCore) else (line.core, line.portal)
        if self.condition.open(*ways):
            self.post(self.delay_ms(*ways), item)
        else:
            line.held.append((*ways, item))

    def repeat(self) -> None:
        """A way may be open again: TCP sends once more what was not taken."""
        for line in self.lines.values():
            held, line.held = line.held, []
            for origin, target, item in held:
                if self.condition.open(origin, target):
                    self.post(self.delay_ms(origin, target), item)
                else:
                    line.held.append((origin, target, item))
            if line.calling and self.portals[line.portal].works:
                self._ring(line)

    # A portal's end.

    def call(self, line: Line) -> None:
        """Call a core, whatever was before."""
        line.number += 1
        line.open, line.calling, line.spoke = False, True, False
        line.began_ms = line.heard_ms = self.now_ms
        line.held.clear()
        self.post(FRESH_MS, PortalWaited(line.portal, line.core, line.number))
        self._ring(line)

    def _ring(self, line: Line) -> None:
        """Connect, if the way is open there and back; a process that is paused has a kernel that answers."""
        one, other = line.portal, line.core
        if not (self.condition.open(one, other) and self.condition.open(other, one)):
            return
        line.calling = False
        if not self.cores[other].alive:
            self._ended(line)
            return
        line.open, line.heard_ms = True, self.now_ms
        self.post(self.delay_ms(one, other), Accept(one, other, line.number))

    def _ended(self, line: Line) -> None:
        line.open = line.calling = False
        lasted = self.now_ms - line.began_ms
        after = after_call(up=line.up, spoke=line.spoke, lasted=lasted, pause=HEARTBEAT_MS)
        if after.lost:
            line.up = False
            self.core_lost(self.portals[line.portal], line.core)
        if after.pauses:
            self.post(HEARTBEAT_MS, Call(line.portal, line.core, line.number))
        else:
            self.call(line)

    def at_portal(self, item: ToPortal | Call | PortalWaited) -> None:
        """Something came to a portal that works."""
        line = self.lines[item.portal, item.core]
        if item.number != line.number:
            return
        if isinstance(item, Call):
            self.call(line)
        elif isinstance(item, PortalWaited):
            self._portal_waited(line, item)
        elif line.open:
            line.heard_ms = self.now_ms
            if item.word is None:
                self._ended(line)
            else:
                line.spoke = line.up = True
                self.core_spoke(self.portals[line.portal], line.core, item.word)

    def _portal_waited(self, line: Line, item: PortalWaited) -> None:
        silent_ms = self.now_ms - line.heard_ms
        if not (line.open or line.calling):
            return
        if silent_ms < FRESH_MS:
            self.post(FRESH_MS - silent_ms, item)
            return
        if line.open:
            self.send(line, ToCore(line.portal, line.core, line.number, None))
        self._ended(line)

    def drop_portal(self, site: Site) -> None:
        """A portal's process ended: its kernel closes its lines."""
        for core in Site:
            line = self.lines[site, core]
            if line.open:
                self.send(line, ToCore(site, core, line.number, None))
            line.number += 1
            line.open = line.calling = line.up = False

    # A core's end.

    def at_core(self, core: Core, item: Accept | ToCore | CoreWaited) -> None:
        """Something came to a core that works."""
        line = self.lines[item.portal, item.core]
        if isinstance(item, Accept):
            core.lines[item.portal] = item.number
            line.core_heard_ms = self.now_ms
            self.post(FRESH_MS, CoreWaited(item.portal, item.core, item.number))
        elif core.lines.get(item.portal) != item.number:
            return
        elif isinstance(item, ToCore) and item.word is not None:
            line.core_heard_ms = self.now_ms
            if core.board.hear(item.word, self.now_ms):
                self.beat(core)
        elif isinstance(item, ToCore):
            self._part(core, item.portal)
        elif (silent_ms := self.now_ms - line.core_heard_ms) < FRESH_MS:
            self.post(FRESH_MS - silent_ms, item)
        else:
            self.send(line, ToPortal(item.portal, item.core, item.number, None))
            self._part(core, item.portal)

    def _part(self, core: Core, portal: Site) -> None:
        del core.lines[portal]
        core.board.part(portal)
        self.beat(core)

    def drop_core(self, core: Core) -> None:
        """A core's process ended: its kernel closes its lines."""
        core.lines.clear()
        for portal in Site:
            line = self.lines[portal, core.site]
            if line.open:
                self.send(line, ToPortal(portal, core.site, line.number, None))

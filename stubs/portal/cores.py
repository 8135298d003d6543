"""Which cores a portal hears, and what they said last. A small value that many threads read; no links, no decisions.

A core is down as soon as it said good-bye, or its link broke and a new call found nobody: whoever needs the core
itself must not be promised what it cannot do now. (Roles wait for the detection time, ROLE-10; contacts do not.)
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stubs.wire import CoreWord, Site


class Cores:
    """The last word of every core that is up, by the name of its server."""

    def __init__(self) -> None:
        self._words: dict[str, CoreWord] = {}
        self._lock = threading.Lock()

    def hear(self, server: str, word: CoreWord) -> None:
        """The core of a server spoke; its good-bye is as good as silence."""
        with self._lock:
            if word.farewell:
                self._words.pop(server, None)
            else:
                self._words[server] = word

    def lose(self, server: str) -> None:
        """The link to the core of a server is gone."""
        with self._lock:
            self._words.pop(server, None)

    def is_up(self, server: str) -> bool:
        """Whether the core of a server answers, as far as this portal can tell."""
        return self._words.get(server) is not None

    def knows_idle(self, server: str, site: Site) -> bool:
        """Whether the core of a server answers, and knows of no portal of this site that serves."""
        word = self._words.get(server)
        return word is not None and not any(portal.site is site and portal.serving for portal in word.portals)

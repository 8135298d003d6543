"""How a test watches a client: bounded waiting over its own polling loop. Knows no rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.clients.client import Client
from testbed.errors import BedError, MisuseError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.clients.screen import Screen, Shows
    from testbed.clients.world import ServerLike

_LAST_SCREENS = 6
_STEPS_A_POLL = 12  # the most network steps that one poll can take, roughly


class MovedError(BedError):
    """A client that should have stayed went somewhere else.

    Attributes:
        screens: what it showed since it was watched.
    """

    exit_code = 1

    def __init__(self, message: str, screens: tuple[Screen, ...]) -> None:
        super().__init__(message)
        self.screens = screens


class WatchedClient(Client):
    """A client with words for what is expected of it."""

    def eventually_at(self, server: ServerLike, *, within_s: float | None = None) -> Screen:
        """Poll until the client has come to a server: its log-in form, home page or certificate prompt.

        The first look is a poll, so what is returned is news, not memory.

        Args:
            server: where it should come to.
            within_s: bound in seconds; the world's patience by default.

        Raises:
            NotInTimeError: it did not come; names the last screens.
        """
        return self._await(
            lambda screen: screen.server == server.name and screen.has_arrived,
            what=f"{self.label} to be at {server.name}",
            within_s=within_s,
        )

    def eventually_shows(self, shows: Shows, *, at: ServerLike | None = None, within_s: float | None = None) -> Screen:
        """Poll until the client shows something, at a given server if one is named.

        Raises:
            NotInTimeError: it did not; names the last screens.
        """
        where = f" at {at.name}" if at is not None else ""
        return self._await(
            lambda screen: screen.shows is shows and (at is None or screen.server == at.name),
            what=f"{self.label} to show {shows!r}{where}",
            within_s=within_s,
        )

    def stays_at(self, server: ServerLike, *, polls: int) -> Screen:
        """Drive exactly `polls` polls, a poll interval apart, and see that the client never leaves.

        Raises:
            MovedError: it was, or went, elsewhere.
            MisuseError: `polls` is less than one: nothing would be seen.
        """
        if polls < 1:
            raise MisuseError("stays_at needs at least one poll")
        seen = [self.screen]

        def look() -> int:
            seen.append(self.poll())
            left = [screen for screen in seen if screen.server != server.name]
            if left:
                raise MovedError(f"{self.label} left {server.name} within {len(seen) - 1} polls", tuple(seen))
            return len(seen) - 1

        interval_s = self._world.poll_s
        bound_s = polls * (interval_s + _STEPS_A_POLL * self._world.answer_s)
        what = f"{polls} polls of {self.label}"
        wait_until(look, lambda n: n >= polls, within_s=bound_s, what=what, every_s=interval_s)
        return seen[-1]

    def _await(self, accept: Callable[[Screen], bool], *, what: str, within_s: float | None) -> Screen:
        seen: list[Screen] = []

        def look() -> tuple[Screen, ...]:
            screen = self.poll()
            if not seen or seen[-1] != screen:
                seen.append(screen)
            return tuple(seen[-_LAST_SCREENS:])

        bound_s = self._world.patience_s if within_s is None else within_s
        wait_until(
            look,
            lambda screens: accept(screens[-1]),
            within_s=bound_s,
            what=what,
            every_s=self._world.poll_s,
        )
        return seen[-1]

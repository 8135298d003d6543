"""The kinds of client, and the factories that tests and scenarios get them from."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

from testbed.clients.client import LogInError, Person
from testbed.clients.defects import wrong_policy
from testbed.clients.screen import Screen, Shows
from testbed.clients.steps import Accept, Habit, Kind, Open, Submit
from testbed.clients.trust import TrustStore
from testbed.clients.watched import WatchedClient
from testbed.clients.world import ServerLike, World
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stubs.defects.planting import Defect
    from testbed.history import History

HabitName: TypeAlias = Literal["accept", "wait", "decline"]


class User(WatchedClient):
    """What every kind of client offers its user."""

    def accept_certificate(self) -> Screen:
        """Accept the certificate whose prompt is waiting, and go on.

        Raises:
            MisuseError: no prompt is waiting.
        """
        return self._happen(Accept())

    def log_in_at(self, server: ServerLike) -> Screen:
        """Log in at the server named; what comes of it is on the screen."""
        raise NotImplementedError

    def _logged_in_or_raise(self, screen: Screen) -> Screen:
        if screen.shows is not Shows.HOME:
            raise LogInError(f"{self.label} could not log in: the client shows {screen}", screen)
        return screen


class WebUser(User):
    """A person with a browser (CLIENT-1): after a redirect the person logs in by hand."""

    def open(self, server: ServerLike) -> Screen:
        """Type a server's address."""
        return self._happen(Open(server.portal_url))

    def log_in_at(self, server: ServerLike) -> Screen:
        """Type a server's address, and log in where that leads, if a log-in form is there."""
        screen = self.open(server)
        return self._happen(Submit()) if screen.shows is Shows.LOGIN else screen

    def log_in_again(self) -> Screen:
        """Fill in the log-in form that is on the screen.

        Raises:
            LogInError: the portal did not let the user in.
            MisuseError: no log-in form is on the screen.
        """
        return self._logged_in_or_raise(self._happen(Submit()))


class ProgramUser(User):
    """A person with a program that keeps the credentials: Outlook's plug-in, Call Assistant (CLIENT-2, 3)."""

    def log_in_at(self, server: ServerLike) -> Screen:
        """Enter another server's address in the program, which logs in there."""
        return self._happen(Open(server.portal_url))


U = TypeVar("U", bound=User)


class ClientFactory(Generic[U]):
    """Makes clients of one kind for the users of one bed."""

    def __init__(
        self,
        kind: Kind,
        user_class: type[U],
        *,
        users: Mapping[str, str],
        world: World,
    ) -> None:
        """Bind the factory.

        Args:
            kind: the kind of client.
            user_class: what it makes.
            users: log-in name to password.
            world: servers, names, time scale and history.
        """
        self._kind = kind
        self._user_class = user_class
        self._users = users
        self._world = world
        self._count = itertools.count(1)

    def new(self, name: str, *, trust: TrustStore | None = None, prompts: HabitName = "accept") -> U:
        """A client that has nothing open yet.

        Args:
            name: one of the users.
            trust: its trust store; empty by default, so that every server's own certificate prompts.
            prompts: what its user does about a certificate prompt.

        Raises:
            MisuseError: no such user, or no such habit.
        """
        if name not in self._users:
            raise MisuseError(f"no user named {name!r}; there are {', '.join(self._users)}")
        try:
            habit = Habit(prompts)
        except ValueError as error:
            raise MisuseError(f"prompts={prompts!r}: one of {', '.join(Habit)}") from error
        return self._user_class(
            self._kind,
            Person(name=name, password=self._users[name], habit=habit),
            label=f"{name}'s {self._kind} {next(self._count)}",
            trust=TrustStore() if trust is None else trust,
            world=self._world,
        )

    def log_in(
        self,
        name: str,
        *,
        at: ServerLike,
        trust: TrustStore | None = None,
        prompts: HabitName = "accept",
    ) -> U:
        """A client whose user has logged in.

        Args:
            name: one of the users.
            at: the server whose address the user types; a redirect from there is followed by kinds that do.
            trust: as for `new`.
            prompts: as for `new`.

        Raises:
            LogInError: the user is not logged in after it.
            MisuseError: as for `new`.
        """
        user = self.new(name, trust=trust, prompts=prompts)
        screen = user.log_in_at(at)
        if screen.shows is not Shows.HOME:
            raise LogInError(f"{user.label} could not log in at {at.name}: it shows {screen}", screen)
        return user


def world_of(
    servers: Sequence[ServerLike],
    *,
    time_scale: float,
    history: History,
    resolver: Mapping[str, str] | None = None,
    defects: Sequence[Defect] = (),
) -> World:
    """The surroundings of a bed's clients; by default every name resolves, and no client is wrong."""
    names = {server.hostname: server.address for server in servers} if resolver is None else resolver
    policy = wrong_policy(defects)
    return World(servers=servers, resolver=names, time_scale=time_scale, history=history, policy=policy)


class WebClient(ClientFactory[WebUser]):
    """Makes browsers' users."""

    def __init__(self, world: World, *, users: Mapping[str, str]) -> None:
        super().__init__(Kind.WEB, WebUser, users=users, world=world)


class OutlookPlugin(ClientFactory[ProgramUser]):
    """Makes users of the Outlook plug-in."""

    def __init__(self, world: World, *, users: Mapping[str, str]) -> None:
        super().__init__(Kind.OUTLOOK, ProgramUser, users=users, world=world)


class CallAssistant(ClientFactory[ProgramUser]):
    """Makes users of Call Assistant."""

    def __init__(self, world: World, *, users: Mapping[str, str]) -> None:
        super().__init__(Kind.CALL_ASSISTANT, ProgramUser, users=users, world=world)

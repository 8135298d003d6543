"""Defects of who is logged in, and of what a log-in is worth (REDIR-6, SYNC-8)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from stubs.defects.planting import defect
from stubs.portal.gate import Gate, ShutError
from stubs.portal.sessions import Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@defect(Sessions, "clear", breaks=("REDIR-6",))
def session_survives_failback(_right: Callable[..., int], sessions: Sessions) -> int:
    """A portal that ceases to serve keeps its sessions: they are good again when it serves the next time."""
    return len(sessions.all())


@defect(Sessions, "find", breaks=("REDIR-6",))
def any_session_will_do(right: Callable[..., Session | None], sessions: Sessions, token: str | None) -> Session | None:
    """A portal takes any session cookie, that of the other server too, for one of its own."""
    others = sessions.all() or (Session(user="alice", client="", since=""),)
    return right(sessions, token) or (None if token is None else others[0])


@defect(Sessions, "end", breaks=("REDIR-6",))
def log_out_is_forgotten(_right: Callable[..., None], _sessions: Sessions, _token: str | None) -> None:
    """Whoever logs out stays logged in."""


@defect(Gate, "passing", breaks=("SYNC-6", "SYNC-8", "ROLE-11", "REDIR-6"))
@contextmanager
def change_after_the_hand_over(right: Callable[[Gate], AbstractContextManager[None]], gate: Gate) -> Iterator[None]:
    """A change that was under way when the portal ceased to serve is made after that, and acknowledged."""
    with ExitStack() as inside:
        with suppress(ShutError):
            inside.enter_context(right(gate))
        yield

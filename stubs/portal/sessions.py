"""Who is logged in at this portal. In memory only: a session never outlives the portal's time of serving (REDIR-6)."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Session:
    """One log-in.

    Attributes:
        user: who.
        client: the address it came from.
        since: wall time, ISO 8601.
    """

    user: str
    client: str
    since: str


class TakenError(Exception):
    """Somebody else is logged in where one only can be.

    Attributes:
        other: their session.
    """

    def __init__(self, other: Session) -> None:
        super().__init__(other)
        self.other = other


class Sessions:
    """Tokens and what they stand for; safe to use from many threads."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, session: Session) -> str:
        """Log somebody in; the token is the only way to this session."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = session
        return token

    def begin_alone(self, session: Session, *, end_other: bool) -> str:
        """Log somebody in where one only can be; the token is the only way to this session.

        Args:
            session: the log-in.
            end_other: whether it ends the session that is alive.

        Raises:
            TakenError: there is one, and it is not to be ended.
        """
        token = secrets.token_urlsafe(32)
        with self._lock:
            other = next(iter(self._sessions.values()), None)
            if other is not None and not end_other:
                raise TakenError(other)
            self._sessions = {token: session}
        return token

    def find(self, token: str | None) -> Session | None:
        """The session of a token, if it is alive."""
        return None if token is None else self._sessions.get(token)

    def end(self, token: str | None) -> None:
        """Log out; nothing happens if there is no such session."""
        with self._lock:
            self._sessions.pop(token or "", None)

    def clear(self) -> int:
        """End all; how many there were."""
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
        return count

    def end_of(self, user: str) -> int:
        """End all of one user's; how many there were."""
        with self._lock:
            ended = [token for token, session in self._sessions.items() if session.user == user]
            for token in ended:
                del self._sessions[token]
        return len(ended)

    def all(self) -> tuple[Session, ...]:
        """Everybody who is logged in."""
        with self._lock:
            return tuple(self._sessions.values())

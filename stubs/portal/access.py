"""Who may do what at a request: is this portal serving, and who is asking. Flask, no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from flask import request

from stubs.contract import Guard, Reply, cookie
from stubs.portal.gate import ShutError
from stubs.ports import PORTAL_HTTPS
from stubs.serving import Refusal, read_body
from stubs.witness import ASKER

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Session, Sessions

T = TypeVar("T")

COOKIE = "onex_session"
ADMIN_COOKIE = "onex_admin_session"

_QUERY = "%/?:@!$&'()*+,;=-._~"

NOT_SERVING = (
    "This portal does not take log-ins now. If it does not come back soon, log in at the address of the other server."
)

SERVING = Guard(answers={307: Reply(codes=("serves_elsewhere",), headers={"Location": str}), 503: "not_serving"})
"""What `serving` answers for a portal that does not serve."""
USER = Guard(name="user", scheme=cookie(COOKIE), answers={**SERVING.answers, 401: "not_logged_in"})
"""What `session` answers to who is not logged in."""
ADMINISTRATOR = Guard(name="administrator", scheme=cookie(ADMIN_COOKIE), answers={401: "not_logged_in"})
"""What `administrator` answers to who is none."""


def serving(portal: Portal) -> None:
    """Go on only if this portal serves.

    Raises:
        Refusal: 307 to the serving portal where a rule redirects (REDIR-4, REDIR-5), else 503.
    """
    if portal.serving:
        return
    elsewhere = portal.redirects_to()
    if elsewhere is None:
        raise Refusal(503, "not_serving", NOT_SERVING)
    # The path arrives decoded: whatever it holds must not become another host, another query or another header.
    query = f"?{quote(request.query_string, safe=_QUERY)}" if request.query_string else ""
    there = f"https://{elsewhere}:{PORTAL_HTTPS}{quote(request.path)}{query}"
    raise Refusal(307, "serves_elsewhere", f"The portal at {elsewhere} serves.", Location=there)


def session(portal: Portal) -> Session:
    """The session of the user who asks.

    Raises:
        Refusal: as `serving`, and 401 without a session that is alive here (REDIR-6).
    """
    serving(portal)
    return _alive(portal.sessions, COOKIE)


class while_serving:  # noqa: N801 - reads as the word it is in a with statement
    """Inside, this portal serves and will not cease to before the block is left.

    Args:
        portal: which.
        asks: refuses who may not do it (any more); asked inside, as the portal may have ceased to serve, and begun
            again without its sessions, while a body was on its way (REDIR-6).

    Raises:
        Refusal: 503, it does not serve (any more); nothing was done.
    """

    def __init__(self, portal: Portal, asks: Callable[[], object] = lambda: None) -> None:
        self._passing = portal.writes.passing()
        self._asks = asks

    def __enter__(self) -> None:
        try:
            self._passing.__enter__()
        except ShutError as error:
            raise Refusal(503, "not_serving", NOT_SERVING) from error
        try:
            self._asks()
        except Refusal as refusal:
            self._passing.__exit__(type(refusal), refusal, refusal.__traceback__)
            raise

    def __exit__(self, *raised: object) -> None:
        self._passing.__exit__(*raised)  # type: ignore[arg-type]


def administrator(sessions: Sessions) -> Session:
    """The session of the administrator who asks; on any portal that runs, as settings must be reachable.

    Raises:
        Refusal: 401 without a session.
    """
    return _alive(sessions, ADMIN_COOKIE)


def as_user(portal: Portal) -> while_serving:
    """Inside, this portal serves, and who asks is logged in."""
    return while_serving(portal, lambda: _alive(portal.sessions, COOKIE))


def as_administrator(portal: Portal) -> while_serving:
    """Inside, this portal serves, and the administrator who asks is logged in."""
    return while_serving(portal, lambda: administrator(portal.administrators))


def read_as_administrator(sessions: Sessions, kind: type[T]) -> T:
    """The body of a request of the administrator, whose session is alive before and after it came.

    Raises:
        Refusal: 401 without a session, or as `read_body`.
    """
    administrator(sessions)
    body = read_body(kind)
    administrator(sessions)
    return body


def _alive(sessions: Sessions, cookie: str) -> Session:
    found = sessions.find(request.cookies.get(cookie))
    if found is None:
        raise Refusal(401, "not_logged_in", "Log in first.")
    request.environ[ASKER] = found.user
    return found

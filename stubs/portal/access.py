"""Who may do what at a request: is this portal serving, and who is asking. Flask, no data."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import request

from stubs.portal.gate import ShutError
from stubs.ports import PORTAL_HTTPS
from stubs.serving import Refusal

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Session, Sessions

COOKIE = "onex_session"
ADMIN_COOKIE = "onex_admin_session"

_QUERY = "%/?:@!$&'()*+,;=-._~"

NOT_SERVING = (
    "This portal does not take log-ins now. If it does not come back soon, log in at the address of the other server."
)


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

    Raises:
        Refusal: 503, it does not serve (any more); nothing was done.
    """

    def __init__(self, portal: Portal) -> None:
        self._passing = portal.writes.passing()

    def __enter__(self) -> None:
        try:
            self._passing.__enter__()
        except ShutError as error:
            raise Refusal(503, "not_serving", NOT_SERVING) from error

    def __exit__(self, *raised: object) -> None:
        self._passing.__exit__(*raised)  # type: ignore[arg-type]


def administrator(sessions: Sessions) -> Session:
    """The session of the administrator who asks; on any portal that runs, as settings must be reachable.

    Raises:
        Refusal: 401 without a session.
    """
    return _alive(sessions, ADMIN_COOKIE)


def _alive(sessions: Sessions, cookie: str) -> Session:
    found = sessions.find(request.cookies.get(cookie))
    if found is None:
        raise Refusal(401, "not_logged_in", "Log in first.")
    return found

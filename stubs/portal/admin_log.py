"""The administrators' view of the change log (ours): which changes are here, in which order. Flask over the store.

What users wrote is not shown, only its SHA-256: enough to compare the logs of both servers, entry by entry (SYNC-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from stubs.portal import access
from stubs.serving import Refusal, answer
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Sessions

PAGE = 500
"""Changes in one answer at most."""

_MOST_DIGITS = 18


def add(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    """GET /log?after=N&made_on=SITE: the changes after the Nth that a server made, as far as they are here.

    `made_on` is "primary" unless given: its log is what is synchronised. Of the secondary's own changes its portal
    alone knows, until failback discards them.
    """

    @blueprint.get("/log")
    def read_log() -> Response:
        access.administrator(sessions)
        after = request.args.get("after", "0")
        made_on = request.args.get("made_on", Site.PRIMARY.value)
        if not (after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS):
            raise Refusal(400, "bad_request", "after is the number of a change: 0 or more.")
        if made_on not in set(Site):
            raise Refusal(400, "bad_request", f"made_on is one of {', '.join(Site)}.")
        return answer({"items": portal.store.log(Site(made_on), after=int(after), limit=PAGE)})

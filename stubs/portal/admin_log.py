"""The administrators' view of the change log (ours): which changes are here, in which order. Flask over the store.

What users wrote is not shown, only its SHA-256: enough to compare the logs of both servers, entry by entry (SYNC-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.contract import documented
from stubs.portal import access, bodies
from stubs.queries import Number, number, query
from stubs.serving import Refusal, answer
from stubs.wire import Site

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Sessions

PAGE = 500
"""Changes in one answer at most."""


def add(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    """GET /log?after=N&made_on=SITE: the changes after the Nth that a server made, as far as they are here.

    `made_on` is "primary" unless given: its log is what is synchronised. Of the secondary's own changes its portal
    alone knows, until failback discards them.
    """

    @blueprint.get("/log")
    @documented(
        "The changes after a place in the log of a server.",
        guards=(access.ADMINISTRATOR,),
        query={"after": Number, "made_on": Site},
        answers={200: bodies.ChangeLog, 400: "bad_request"},
    )
    def read_log() -> Response:
        access.administrator(sessions)
        asked = query(after="0", made_on=Site.PRIMARY.value)
        after, made_on = number("after", asked["after"]), asked["made_on"]
        if made_on not in set(Site):
            raise Refusal(400, "bad_request", f"made_on is one of {', '.join(Site)}.")
        return answer({"items": portal.store.log(Site(made_on), after=after, limit=PAGE)})

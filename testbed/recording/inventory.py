"""What both servers of a bed hold, read once and written into its history: change logs, losses, meetings. Looks only.

An administrator logs in for it, which ends the session of whoever administers the same portal at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stubs import ports
from stubs.wire import Site
from testbed.errors import FaultError, NotInTimeError, RefusedError
from testbed.inspector import Inspector
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.history import History
    from testbed.topology import UserSpec

COLLECTIONS = ("contacts", "settings", "meetings")

PATIENCE_S = 3.0
"""For so long a portal that does not tell what it holds is asked again, in seconds."""


def take(bed: Bed, history: History) -> None:
    """Record what each portal that answers holds; one that does not answer is recorded as unread.

    Kinds: `log` (each server's copy of the changes made on each), `discarded` (what the last failback took back),
    `contents` (what each user sees, on each portal that takes log-ins), `unread`.
    """
    for site in Site:
        try:
            _take_of(bed, site, history)
        except (FaultError, RefusedError) as error:
            history.record("unread", bed=bed.name, server=site.value, why=str(error))


def inspector_of(bed: Bed, site: Site) -> Inspector:
    """One that looks at a half of the pair over connections of its own: two threads share none."""
    administrator = (bed.topology.administrator.name, bed.topology.administrator.password)
    return Inspector(bed.server(site.value), administrator=administrator)


def take_discarded(inspector: Inspector, bed: str, history: History) -> str:
    """Record which changes the last failback took back (SYNC-4); why that could not be read, or nothing.

    Tried once: whoever ends this administrator's session by logging in lets it fail.
    """
    try:
        changes = inspector.administer("GET", "health/resilience")["discarded"]["changes"]
    except (FaultError, RefusedError) as error:
        return str(error)
    history.record("discarded", bed=bed, server=inspector.name, changes=changes)
    return ""


def _take_of(bed: Bed, site: Site, history: History) -> None:
    inspector = inspector_of(bed, site)
    for made_on in Site:
        entries = _log(inspector, made_on)
        history.record("log", bed=bed.name, server=site.value, made_on=made_on.value, entries=entries)
    resilience = _administer(inspector, "health/resilience")
    history.record("discarded", bed=bed.name, server=site.value, changes=resilience["discarded"]["changes"])
    status = inspector.resilience()
    if status is None or status["role"] != "Available":
        return
    for user in bed.topology.users:
        for collection, items in _contents(inspector, user).items():
            told = {"server": site.value, "user": user.name, "collection": collection, "items": items}
            history.record("contents", bed=bed.name, **told)


def _log(inspector: Inspector, made_on: Site) -> list[dict[str, Any]]:
    """The whole log of the changes that were made on one server, as far as this one has it."""
    entries: list[dict[str, Any]] = []
    while True:
        after = entries[-1]["seq"] if entries else 0
        page = _administer(inspector, f"log?after={after}&made_on={made_on.value}")["items"]
        if not page:
            return entries
        entries += page


def _administer(inspector: Inspector, path: str) -> Any:
    """Read as administrator; again where it fails, as another log-in ends this session, and a busy portal is late.

    Raises:
        FaultError, RefusedError: it failed for as long as `PATIENCE_S`.
    """
    failures: list[FaultError | RefusedError] = []

    def look() -> Any:
        try:
            return inspector.administer("GET", path)
        except (FaultError, RefusedError) as error:
            failures.append(error)
            return None

    try:
        return wait_until(look, lambda seen: seen is not None, within_s=PATIENCE_S, what=path, every_s=0.1)
    except NotInTimeError:
        raise failures[-1] from None


def _contents(inspector: Inspector, user: UserSpec) -> dict[str, list[dict[str, Any]]]:
    """What a user sees.

    Raises:
        RefusedError, FaultError: the portal takes this log-in no more.
    """
    log_in = {"user": user.name, "password": user.password}
    answer = inspector.call("POST", ports.PORTAL_HTTPS, "/api/v1/session", json=log_in)
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    found = {
        collection: inspector.call("GET", ports.PORTAL_HTTPS, f"/api/v1/{collection}", headers=cookie).json()["items"]
        for collection in COLLECTIONS
    }
    inspector.call("DELETE", ports.PORTAL_HTTPS, "/api/v1/session", headers=cookie)
    return found

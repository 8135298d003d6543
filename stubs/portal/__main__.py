"""The portal's process: puts its parts together. `python3 -m stubs.portal`.

A dormant one (CFG-11) is the same process with its doors shut: connections to its port are refused as if it did not
run, but it hears the other portal and the cores, and begins again when failover comes into effect on the primary.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from stubs import clock, installation, ports, service
from stubs.portal import app
from stubs.portal.events_record import EventsRecord
from stubs.portal.runtime import Portal
from stubs.portal.store import Store
from stubs.watched import watched

if TYPE_CHECKING:
    from collections.abc import Callable

DORMANT, AWAKE = "dormant", "awake"
"""How the next start begins, where this one knows."""


def main() -> None:
    """Run until a signal ends the process."""
    service.prepare("portal")
    installed = installation.load()
    folder = installation.DATA / "portal"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(folder / "portal.sqlite", site=installed.site, now=clock.utc_now)
    # The word of the start before this one counts for more than the disk: that may be full, and then have kept less.
    word = service.told()
    portal = Portal(
        installed,
        store,
        dormant=word == [DORMANT] if word else None,
        begin_again=service.restart,
        record=EventsRecord(folder / "events.jsonl"),
    )
    reload = _serve(portal) if not portal.moment.dormant else lambda: None
    portal.start()
    service.live("stubs.portal", leave=portal.leave, reset=portal.reset, reload=reload, words=lambda: _words(portal))


def _serve(portal: Portal) -> Callable[[], None]:
    """Answer over HTTPS; what makes it show another certificate."""
    https = watched(app.build(portal), ports.PORTAL_HTTPS, administrator=portal.installed.administrator, threads=16)
    threading.Thread(target=https.run, name="https", daemon=True).start()
    return https.reload_certificate


def _words(portal: Portal) -> tuple[str, ...]:
    off = portal.knowledge.switched_off
    return () if off is None else (DORMANT if off else AWAKE,)


if __name__ == "__main__":
    main()

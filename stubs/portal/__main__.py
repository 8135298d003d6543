"""The portal's process: puts its parts together. `python3 -m stubs.portal`."""

from __future__ import annotations

import threading

from stubs import clock, installation, ports, service
from stubs.portal import app
from stubs.portal.runtime import Portal
from stubs.portal.store import Store
from stubs.watched import watched


def main() -> None:
    """Run until a signal ends the process."""
    service.prepare()
    installed = installation.load()
    folder = installation.ROOT / "portal"
    folder.mkdir(mode=0o700, exist_ok=True)
    portal = Portal(installed, Store(folder / "portal.sqlite", site=installed.site, now=clock.utc_now))
    https = watched(app.build(portal), ports.PORTAL_HTTPS, administrator=installed.administrator, threads=16)
    threading.Thread(target=https.run, name="https", daemon=True).start()
    portal.start()
    service.live("stubs.portal", leave=portal.leave, reset=portal.reset, reload=https.reload_certificate)


if __name__ == "__main__":
    main()

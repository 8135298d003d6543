"""The server's process: the platform view. `python3 -m stubs.server`."""

from __future__ import annotations

import threading

from stubs import installation, ports, service
from stubs.server.view import build
from stubs.signs import SignBoard
from stubs.watched import watched


def main() -> None:
    """Run until a signal ends the process."""
    service.prepare("server")
    installed = installation.load()
    signs = SignBoard(installed.timing, installed.services)
    signs.start()
    https = watched(build(installed, signs), ports.PLATFORM_VIEW, administrator=installed.administrator, threads=4)
    threading.Thread(target=https.run, name="https", daemon=True).start()
    service.live("stubs.server", leave=lambda _restart: None, reset=lambda: None, reload=https.reload_certificate)


if __name__ == "__main__":
    main()

"""The server's process: the platform view. `python3 -m stubs.server`."""

from __future__ import annotations

import threading

from stubs import installation, ports, service
from stubs.server.view import build
from stubs.serving import HttpsServer
from stubs.signs import SignBoard


def main() -> None:
    """Run until a signal ends the process."""
    service.prepare("server")
    installed = installation.load()
    signs = SignBoard(installed.timing, installed.services)
    signs.start()
    https = HttpsServer(build(installed, signs), ports.PLATFORM_VIEW, threads=4)
    threading.Thread(target=https.run, name="https", daemon=True).start()
    service.live("stubs.server", leave=lambda _restart: None, reset=https.reload_certificate)


if __name__ == "__main__":
    main()

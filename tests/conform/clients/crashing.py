"""Crashes when its portal is gone: nothing catches the error."""

from __future__ import annotations

import time

from tests.conform.clients.portal import HOME, ask, log_in

PAUSE_S = 0.2


def main() -> None:
    """Go on until an error ends it."""
    cookie = log_in(HOME)
    while True:
        ask(HOME, "/api/v1/session", cookie=cookie or "")
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()

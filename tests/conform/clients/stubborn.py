"""Ignores redirects: asks the primary, whatever it answers, and waits between tries."""

from __future__ import annotations

import contextlib
import http.client
import time

from tests.conform.clients.portal import HOME, ask, log_in

PAUSE_S = 0.2


def main() -> None:
    """Go on until somebody ends it."""
    cookie: str | None = None
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            cookie = cookie or log_in(HOME)
            if ask(HOME, "/api/v1/session", cookie=cookie or "")[0] != 200:
                cookie = None
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()

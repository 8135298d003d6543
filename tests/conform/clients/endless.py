"""Retries without end: when the primary does not answer it tries again at once, some hundred times a second."""

from __future__ import annotations

import contextlib
import http.client
import time

from tests.conform.clients.portal import PAUSE_S, try_home

BREATH_S = 0.002
"""What it leaves to the servers."""


def main() -> None:
    """Go on until somebody ends it."""
    cookie: str | None = None
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            cookie = try_home(cookie)
            time.sleep(PAUSE_S)
        time.sleep(BREATH_S)


if __name__ == "__main__":
    main()

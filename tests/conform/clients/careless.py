"""Goes where it is sent, but judges no certificate, and does not miss what was taken back."""

from __future__ import annotations

import contextlib
import http.client
import time

from tests.conform.clients.portal import HOME, PAUSE_S, ask, log_in, trust_anybody, until_sent_away, who_serves

SETTINGS = "/api/v1/settings"


def stay(host: str, number: int) -> str:
    """Be logged in there until it is over; where to go then."""
    cookie = log_in(host) or ""
    ask(host, SETTINGS, method="POST", body={"key": f"setting-{number}", "value": "on"}, cookie=cookie)
    return until_sent_away(host, cookie)


def main() -> None:
    """Go on until somebody ends it."""
    host, number = HOME, 0
    trust_anybody()
    while True:
        number += 1
        try:
            host = stay(host, number)
        except (OSError, http.client.HTTPException):
            with contextlib.suppress(OSError, http.client.HTTPException):
                host = who_serves() or HOME
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()

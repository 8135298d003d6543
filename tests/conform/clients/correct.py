"""A correct client: goes where it is sent, logs in there, waits between tries, and makes again what was taken back."""

from __future__ import annotations

import http.client
import time

from tests.conform.clients.portal import HOME, PAUSE_S, ask, log_in, until_sent_away, who_serves

SETTINGS = "/api/v1/settings"


def keep(host: str, cookie: str, mine: list[str]) -> None:
    """Add one setting, and see to it that all of them are there."""
    mine.append(f"setting-{len(mine)}")
    status, _, told = ask(host, SETTINGS, cookie=cookie)
    if status != 200:
        return  # It ceased to serve since the log-in; what is missing is made where the next log-in is.
    there = {one["key"] for one in told["items"]}
    for key in mine:
        if key not in there:
            ask(host, SETTINGS, method="POST", body={"key": key, "value": "on"}, cookie=cookie)


def stay(host: str, mine: list[str]) -> str:
    """Be logged in there until it is over; where to go then."""
    cookie = log_in(host)
    if cookie is not None:
        keep(host, cookie, mine)
    return until_sent_away(host, cookie or "")


def main() -> None:
    """Go on until somebody ends it."""
    host, mine = HOME, list[str]()
    while True:
        try:
            host = stay(host, mine)
        except (OSError, http.client.HTTPException):
            try:
                host = who_serves() or HOME
            except (OSError, http.client.HTTPException):
                host = HOME
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()

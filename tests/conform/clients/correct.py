"""A correct client: goes where it is sent, logs in there, waits between tries, and makes again what was taken back."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

from tests.conform.clients.portal import HOME, ask, log_in, who_serves

PAUSE_S = 0.2
SETTINGS = "/api/v1/settings"


def keep(host: str, cookie: str, mine: list[str]) -> None:
    """Add one setting, and see to it that all of them are there."""
    mine.append(f"setting-{len(mine)}")
    there = {one["key"] for one in ask(host, SETTINGS, cookie=cookie)[2]["items"]}
    for key in mine:
        if key not in there:
            ask(host, SETTINGS, method="POST", body={"key": key, "value": "on"}, cookie=cookie)


def stay(host: str, mine: list[str]) -> str:
    """Be logged in there until it is over; where to go then."""
    cookie = log_in(host)
    if cookie is not None:
        keep(host, cookie, mine)
    while True:
        status, headers, _ = ask(host, "/api/v1/session", cookie=cookie or "")
        if status in (302, 307):
            return str(urlsplit(headers["Location"]).hostname or HOME)
        if status != 200:
            return who_serves() or HOME
        time.sleep(PAUSE_S)


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

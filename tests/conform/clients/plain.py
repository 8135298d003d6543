"""A correct client that knows its portal's address, its user and whom to trust, as any program does, and nothing else.

    plain.py URL USER PASSWORD CA_FILE

No variable of the testbed's, no list of addresses: names are what the machine resolves.
"""

from __future__ import annotations

import sys
import time
from urllib.parse import urlsplit

import requests

PAUSE_S, TIMEOUT_S = 0.2, 2.0


class Plain:
    """A user's program.

    Args:
        url: of the user page of its portal.
        user: its name.
        password: its password.
        authorities: PEM file.
    """

    def __init__(self, url: str, user: str, password: str, authorities: str) -> None:
        self.home = self.portal = str(urlsplit(url).hostname)
        self.log_in = {"user": user, "password": password}
        self.web = requests.Session()
        self.authorities = authorities  # given each time: what a session has gives way to REQUESTS_CA_BUNDLE
        self.made: list[str] = []

    def ask(self, method: str, path: str, body: object = None) -> requests.Response:
        """Ask the portal where it is; wherever that sends it, it is from then on."""
        url = f"https://{self.portal}:9443/api/v1/{path}"
        answer = self.web.request(method, url, json=body, timeout=TIMEOUT_S, verify=self.authorities)
        self.portal = str(urlsplit(answer.url).hostname)
        return answer

    def keep(self) -> None:
        """Add one setting, and see to it that all of them are there."""
        self.made.append(f"plain-{len(self.made)}")
        there = {item["key"] for item in self.ask("GET", "settings").json()["items"]}
        for key in self.made:
            if key not in there:
                self.ask("POST", "settings", {"key": key, "value": "on"})

    def stay(self) -> None:
        """Be logged in until that is over."""
        while self.ask("GET", "session").status_code == requests.codes.ok:
            time.sleep(PAUSE_S)
        if self.ask("POST", "session", self.log_in).status_code == requests.codes.created:
            self.keep()

    def look_for_another(self) -> None:
        """Ask the core of its own server who serves; without an answer it is at home."""
        try:
            url = f"https://{self.home}:50804/api/v1/redirect"
            told = self.web.get(url, timeout=TIMEOUT_S, verify=self.authorities).json()["portal"]
        except requests.RequestException:
            told = None
        self.portal = str(urlsplit(told).hostname) if told else self.home

    def run(self) -> None:
        """Go on until somebody ends it."""
        while True:
            try:
                self.stay()
            except (requests.RequestException, KeyError):
                self.look_for_another()
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    Plain(*sys.argv[1:]).run()

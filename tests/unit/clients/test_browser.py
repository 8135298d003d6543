"""The browser of the plugin, without one: what its pages mean, and what is said when something is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed import environment
from testbed.clients.browser import meaning
from testbed.clients.chromium import trust
from testbed.clients.screen import Shows
from testbed.errors import MissingError

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = {
    "url": "https://primary.demo.test:9443/onexportal.html",
    "view": "",
    "lost": False,
    "refused": "",
    "error": "",
}


@pytest.mark.parametrize(
    ("found", "shows"),
    [
        ({}, Shows.NOTHING),
        ({"view": "starting"}, Shows.NOTHING),
        ({"view": "login"}, Shows.LOGIN),
        ({"view": "home"}, Shows.HOME),
        ({"view": "home", "lost": True}, Shows.LOST_CONTACT),
        ({"view": "login", "lost": True}, Shows.LOGIN),
        ({"refused": "no log-in here"}, Shows.NOT_SERVING),
        ({"url": "chrome-error://chromewebdata/", "error": "net::ERR_CERT_DATE_INVALID"}, Shows.CERTIFICATE_PROMPT),
        ({"url": "chrome-error://chromewebdata/"}, Shows.UNREACHABLE),
    ],
)
def test_each_page_has_its_meaning(found: dict[str, object], shows: Shows) -> None:
    """In the words of all clients."""
    assert meaning({**NOTHING, **found}) is shows


def test_what_is_missing_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither ends as an error of a program that was never there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TESTBED_CHROMIUM", raising=False)
    with pytest.raises(MissingError, match=r"apt-get install .*chromium"):
        environment.needed_chromium()
    with pytest.raises(MissingError, match=r"apt-get install .*libnss3-tools"):
        trust(tmp_path, [tmp_path / "anchor.pem"])

"""Browsers that crash: said at once, and never taken for a page without anything on it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

from testbed.errors import EngineError

if TYPE_CHECKING:
    from testbed.clients.chromium import Browsers
    from testbed.clients.firefox import Firefox


def test_a_page_of_chromium_that_crashed_is_gone(browsers: Browsers) -> None:
    """Its browser still runs, and has room for others."""
    with browsers.page({}, anchors=()) as page:
        assert page.look() is not None
        with contextlib.suppress(Error):
            page.raw.goto("chrome://crash", timeout=5_000)
        with pytest.raises(EngineError, match="gone"):
            page.look()
    with browsers.page({}, anchors=()) as page:
        assert page.look() is not None


def test_a_chromium_that_crashed_makes_room_for_another(browsers: Browsers) -> None:
    """Though it was the one that was kept for these names and authorities."""
    first = browsers.browser("")
    assert browsers.browser("") is first
    with contextlib.suppress(Error):
        first.new_browser_cdp_session().send("Browser.crash")
    with browsers.page({}, anchors=()) as page:
        assert page.look() is not None
    assert browsers.browser("") is not first


@pytest.mark.usefixtures("firefox")
def test_a_firefox_that_crashed_is_gone(testbed_firefox: Firefox) -> None:
    """Whoever looks is told, and the end of the test finds nothing to end."""
    with testbed_firefox.page({}, anchors=()) as page:
        assert page.look() is not None
        page.browser.call("Marionette:SetContext", value="chrome")
        os.kill(page.script("return Services.appinfo.processID"), signal.SIGKILL)
        with pytest.raises(EngineError, match="Firefox"):
            page.look()

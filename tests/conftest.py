"""What tests in several folders share: a real Chromium."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from testbed import environment
from tests.programs import need

if TYPE_CHECKING:
    from testbed.clients.chromium import Browsers


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; without it these tests are skipped, but never where everything is meant to be tested."""
    found = environment.chromium()
    if found is None:
        missing = f"Chromium is missing; on Debian, as root: {environment.CHROMIUM_BY_HAND}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def browsers(chromium: str, request: pytest.FixtureRequest) -> Browsers:
    """The plugin's, whose tests are skipped where something is missing: Playwright can be started once in a thread."""
    assert chromium
    need("certutil", package="libnss3-tools")
    found: Browsers = request.getfixturevalue("testbed_browsers")
    return found

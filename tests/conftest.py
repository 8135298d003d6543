"""What tests in several folders share: real browsers, and how workers divide them up."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from testbed import environment
from tests.programs import need

if TYPE_CHECKING:
    from testbed.clients.chromium import Browsers

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job: whatever the tests start would be deaf to Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _found(name: str, path: str | None, by_hand: str) -> str:
    """The path of a browser; without it tests are skipped, but never where everything is meant to be tested."""
    if path is None:
        missing = f"{name} is missing; on Debian, as root: {by_hand}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    return _found("Chromium", environment.chromium(), environment.CHROMIUM_BY_HAND)


@pytest.fixture(scope="session")
def firefox() -> str:
    """The path of Firefox; certutil is there as well."""
    need("certutil", package="libnss3-tools")
    return _found("Firefox", environment.firefox(), environment.FIREFOX_BY_HAND)


@pytest.fixture(scope="session")
def browsers(chromium: str, request: pytest.FixtureRequest) -> Browsers:
    """The plugin's, whose tests are skipped where something is missing: Playwright can be started once in a thread."""
    assert chromium
    need("certutil", package="libnss3-tools")
    found: Browsers = request.getfixturevalue("testbed_browsers")
    return found


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes all tests of a file, as they share a bed; of the matrix all, as they fill one table."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/matrix" if nodeid.startswith("tests/matrix/") else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """How pytest-xdist divides the tests up where it is asked to do it by file; otherwise as it likes."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None

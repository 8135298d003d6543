"""What the tests of the contracts share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers are asked directly, whatever this machine is told of proxies."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Of all that is drawn (--testbed-seed)."""
    return int(request.config.getoption("testbed_seed"))

"""What tests in several folders share: a real Chromium."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from testbed import environment
from testbed.doctor import CHROMIUM_BY_HAND
from tests.programs import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, where Chromium's sandbox cannot
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browsers(Protocol):
    """Gives out browsers that run, each started once."""

    def __call__(self, names: str, *, anchors: Sequence[Path] = ()) -> Browser:
        """One that resolves names by these rules, and trusts the authorities in these files (PEM) beside its own."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; without it these tests are skipped, but never where everything is meant to be tested."""
    found = environment.chromium()
    if found is None:
        missing = f"Chromium is missing; on Debian, as root: {CHROMIUM_BY_HAND}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def steady_chromium(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that starts Chromium as `tests.browser.steady` does: Playwright takes no more than a path."""
    program = tmp_path_factory.mktemp("chromium") / "chromium"
    words = (sys.executable, Path(__file__).parent / "browser" / "steady.py", chromium)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    program.chmod(0o700)
    return program


@pytest.fixture(scope="session")
def browsers(steady_chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """One browser for each way of resolving names and of trusting, neither of which it can change once it runs."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - loads slowly, and only here

    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        running: dict[tuple[str, tuple[Path, ...]], Browser] = {}

        def browser(names: str, *, anchors: Sequence[Path] = ()) -> Browser:
            key = (names, tuple(anchors))
            if key not in running:
                home = tmp_path_factory.mktemp("home")
                if anchors:
                    trust(home, anchors)
                arguments = [*ARGUMENTS, f"--host-resolver-rules={names}"]
                running[key] = playwright.chromium.launch(
                    executable_path=steady_chromium, args=arguments, env={**os.environ, "HOME": str(home)}
                )
                stack.callback(running[key].close)
            return running[key]

        yield browser


def trust(home: Path, anchors: Sequence[Path]) -> None:
    """Give whoever has this home a certificate database that holds these authorities (NSS, as Chromium reads it)."""
    need("certutil", package="libnss3-tools")
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)  # noqa: S603 - ours
    for number, anchor in enumerate(anchors):
        subprocess.run([*certutil, "-A", "-t", "C,,", "-n", f"anchor {number}", "-i", anchor], check=True)  # noqa: S603 - ours

"""Starts Chromium so that containers do not disturb it, with names and trust of its own. Judges nothing.

Nothing of the user is read or changed: each browser has a home folder of its own, and in it the certificate database
(NSS) in which Chromium looks for authorities beside its own. Playwright is optional, and loads slowly: it is imported
when the first browser starts.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from testbed.errors import EngineError, MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Playwright

STEADY = Path(__file__).with_name("steady.py")

CERTUTIL_BY_HAND = "apt-get install --no-install-recommends libnss3-tools"

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, where Chromium's sandbox cannot
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browsers:
    """The browsers of one session, each started when first asked for.

    Args:
        program: path of Chromium.
        folder: for their homes.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._playwright: Playwright | None = None
        self._running: dict[tuple[str, tuple[Path, ...]], Browser] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def browser(self, names: str, *, anchors: Sequence[Path] = ()) -> Browser:
        """A browser, neither of whose properties can change once it runs.

        Args:
            names: its `--host-resolver-rules`.
            anchors: files (PEM) with the authorities that it trusts beside its own.

        Raises:
            MissingError: Playwright or certutil is not there; says how to get it.
            EngineError: certutil took a file for no certificate.
        """
        key = (names, tuple(anchors))
        if key not in self._running:
            home = self._folder / f"home-{len(self._running)}"
            home.mkdir()
            if anchors:
                trust(home, anchors)
            if self._playwright is None:
                self._playwright = self._start()
            self._running[key] = self._playwright.chromium.launch(
                executable_path=self._steady(),
                args=[*ARGUMENTS, f"--host-resolver-rules={names}"],
                env={**os.environ, "HOME": str(home)},
            )
            self._stack.callback(self._running[key].close)
        return self._running[key]

    def _start(self) -> Playwright:
        try:
            from playwright.sync_api import sync_playwright  # noqa: PLC0415 - optional, and slow
        except ImportError as error:
            raise MissingError("Playwright is missing: pip install portal-resilience-testbed[browser]") from error
        return self._stack.enter_context(sync_playwright())

    def _steady(self) -> Path:
        """A program that starts Chromium as `testbed.clients.steady` does: Playwright takes no more than a path."""
        program = self._folder / "chromium"
        words = (sys.executable, STEADY, self._program)
        program.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
        program.chmod(0o700)
        return program


def trust(home: Path, anchors: Sequence[Path]) -> None:
    """Give whoever has this home a certificate database that holds these authorities.

    Raises:
        MissingError: certutil is not there.
        EngineError: a file holds no certificate.
    """
    certutil = shutil.which("certutil")
    if certutil is None:
        raise MissingError(f"certutil is missing, by which Chromium is told whom to trust: {CERTUTIL_BY_HAND}")
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    steps = [["-N", "--empty-password"]]
    steps += [["-A", "-t", "C,,", "-n", f"anchor {number}", "-i", str(one)] for number, one in enumerate(anchors)]
    for step in steps:
        done = subprocess.run(  # noqa: S603 - our own list, no shell
            [certutil, "-d", f"sql:{database}", *step], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"certutil {' '.join(step)}: {done.stderr.strip()}")

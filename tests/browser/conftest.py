"""A real Chromium that finds the bed's servers by their names, and people at it."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import expect, sync_playwright

from testbed import environment
from testbed.doctor import CHROMIUM_BY_HAND
from tests.browser.person import Hand, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from testbed.bed import Bed

WITHIN_MS = 10_000
"""A bound for what a page does; far beyond what it needs, as a busy machine may be slow."""

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, where Chromium's sandbox cannot
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Newcomer(Protocol):
    """Brings a person with an empty browser."""

    def __call__(self, hand: Hand = "mouse", *, credentials: tuple[str, str] | None = None) -> Person:
        """A person who trusts every certificate, and gives name and password where the browser itself asks."""


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
    words = (sys.executable, Path(__file__).with_name("steady.py"), chromium)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    program.chmod(0o700)
    return program


@pytest.fixture(scope="session")
def browsers(steady_chromium: Path) -> Iterator[Callable[[str], Browser]]:
    """One browser for each way of resolving names, which it cannot change once it runs."""
    with contextlib.ExitStack() as stack:
        expect.set_options(timeout=WITHIN_MS)
        playwright = stack.enter_context(sync_playwright())
        running: dict[str, Browser] = {}

        def browser(names: str) -> Browser:
            if names not in running:
                arguments = [*ARGUMENTS, f"--host-resolver-rules={names}"]
                running[names] = playwright.chromium.launch(executable_path=steady_chromium, args=arguments)
                stack.callback(running[names].close)
            return running[names]

        yield browser


@pytest.fixture
def newcomer(bed: Bed, browsers: Callable[[str], Browser]) -> Iterator[Newcomer]:
    """Makes people; at the end none may have seen an error that the test did not expect."""
    browser = browsers(",".join(f"MAP {server.hostname} {server.address}" for server in bed.servers))
    people: list[Person] = []
    with contextlib.ExitStack() as stack:

        def bring(hand: Hand = "mouse", *, credentials: tuple[str, str] | None = None) -> Person:
            name, password = credentials or ("", "")
            context = browser.new_context(
                ignore_https_errors=True,
                viewport={"width": 1280, "height": 800},
                reduced_motion="reduce",  # what is looked at is what is meant to be seen, not the way to it
                http_credentials={"username": name, "password": password} if credentials else None,
            )
            stack.callback(context.close)
            context.set_default_timeout(WITHIN_MS)
            people.append(Person(context.new_page(), hand))
            return people[-1]

        yield bring
        assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture
def administrator(bed: Bed) -> tuple[str, str]:
    """Name and password of the administrator."""
    return bed.topology.administrator.name, bed.topology.administrator.password


@pytest.fixture
def screens(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures of pages go: into the report, if there is one."""
    report = request.config.getoption("testbed_report")
    folder: Path = request.config.rootpath / report / "screens" if report else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder

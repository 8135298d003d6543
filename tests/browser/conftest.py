"""People at real browsers that find the bed's servers by their names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import expect

from tests.browser.person import Hand, Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.chromium import Browsers

WITHIN_MS = 10_000
"""A bound for what a page does; far beyond what it needs, as a busy machine may be slow."""


class Newcomer(Protocol):
    """Brings a person with an empty browser."""

    def __call__(
        self, hand: Hand = "mouse", *, credentials: tuple[str, str] | None = None, trusts: Sequence[Path] | None = None
    ) -> Person:
        """A person who gives name and password where the browser itself asks.

        Who `trusts` nothing in particular trusts every certificate; else the authorities in these files alone.
        """


@pytest.fixture
def newcomer(bed: Bed, browsers: Browsers) -> Iterator[Newcomer]:
    """Makes people; at the end none may have seen an error that the test did not expect."""
    expect.set_options(timeout=WITHIN_MS)
    names = ",".join(f"MAP {server.hostname} {server.address}" for server in bed.servers)
    people: list[Person] = []
    with contextlib.ExitStack() as stack:

        def bring(
            hand: Hand = "mouse", *, credentials: tuple[str, str] | None = None, trusts: Sequence[Path] | None = None
        ) -> Person:
            name, password = credentials or ("", "")
            context = browsers.browser(names, anchors=trusts or ()).new_context(
                ignore_https_errors=trusts is None,
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


@pytest.fixture
def testbed_screens(screens: Path) -> Path:
    """The plugin's people have their pictures taken here without a report, too."""
    return screens

"""What the tests of the matrix share: one table, and one server with a name for each case."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.matrix import cases
from tests.matrix.clients import CLIENTS, Place
from tests.matrix.expected import EXPECTED
from tests.matrix.server import serving
from tests.matrix.table import Table
from tests.programs import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAMS = ("curl", "wget")


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The verdicts of this session; in the report's folder, if there is one."""
    report = request.config.getoption("testbed_report")
    return Table(request.config.rootpath / report if report else tmp_path_factory.mktemp("matrix"), EXPECTED)


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[cases.Case, Place]]:
    """Where each case is shown, to clients that trust one root."""
    folder, now = tmp_path_factory.mktemp("certificates"), dt.datetime.now(dt.UTC)
    root = cases.authority("Matrix root", now)
    anchors = folder / "root.pem"
    anchors.write_bytes(cases.pem(root.certificate))
    files: dict[str, Path] = {}
    for case in cases.Case:
        files[case.hostname] = folder / f"{case.hostname}.pem"
        files[case.hostname].write_bytes(cases.installed(cases.shown(case, root=root, now=now)))
    with serving(files) as port:
        yield {
            case: Place(hostname=case.hostname, address="127.0.0.1", port=port, anchors=anchors) for case in cases.Case
        }


@pytest.fixture(scope="session")
def programs() -> None:
    """The programs are there; without one these tests are skipped, but never where everything is to be tested."""
    need(*PROGRAMS)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> tuple[str, Callable[[Place], str]]:
    """Each client in turn, with its name."""
    if request.param in PROGRAMS:
        request.getfixturevalue("programs")
    return request.param, CLIENTS[request.param]

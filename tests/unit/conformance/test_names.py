"""A client resolves the servers' names with nothing but what every program has, and nobody else on the machine does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.conformance import given
from testbed.conformance.names import HOSTS, why_not
from tests.programs import need
from tests.unit.conformance.processes import ended

if TYPE_CHECKING:
    from tests.unit.conformance.processes import Start

NAME, ADDRESS = "primary.names.test", "192.0.2.77"
NAMES = {NAME: ADDRESS}


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """What is to stand in the place of /etc/hosts; skipped where that is not allowed."""
    file = tmp_path / "client.hosts"
    file.write_text(given.hosts_with(NAMES, Path(HOSTS).read_text(encoding="utf-8")))
    why = why_not(file, NAMES)
    if why and os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return file


def test_names_resolve_for_a_client_and_what_it_starts(started: Start, hosts: Path, tmp_path: Path) -> None:
    """As who it was, and with the machine's own names beside; nothing of it is seen here."""
    before = Path(HOSTS).read_bytes()
    text = f"setsid getent hosts {NAME}; getent ahostsv4 localhost | head -1; id -u"
    with started("sh", "-c", text, hosts=str(hosts), names=NAMES) as command:
        assert command.no_names == ""
        assert ended(command).code == 0
    assert (tmp_path / "client.out").read_text().split()[:2] == [ADDRESS, NAME]
    assert (tmp_path / "client.out").read_text().split()[-1] == str(os.geteuid())
    assert "127.0.0.1" in (tmp_path / "client.out").read_text()
    assert Path(HOSTS).read_bytes() == before
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(NAME, None)


def test_a_client_is_told_that_names_do_not_resolve(started: Start, tmp_path: Path) -> None:
    """It runs all the same, and the machine's own file is what it sees."""
    missing = str(tmp_path / "nothing")
    with started("grep", "-c", "", HOSTS, hosts=missing, names=NAMES) as command:
        assert command.no_names
        assert ended(command).code == 0
    assert int((tmp_path / "client.out").read_text()) == len(Path(HOSTS).read_text(encoding="utf-8").splitlines())


def test_what_does_not_lead_where_it_should_is_no_name(hosts: Path) -> None:
    """It is proved by resolving, and not by having been written."""
    assert why_not(hosts, {NAME: "192.0.2.78"}) == f"{NAME} leads to {ADDRESS}, whatever {HOSTS} says"
    assert "is not resolved here" in why_not(hosts, {"nobody.names.test": ADDRESS})
    assert why_not(hosts, NAMES) == ""


SHARED = """
import os, pathlib, sys
from testbed.conformance import names
child = os.fork()
if child == 0:
    names.give(pathlib.Path(sys.argv[1]))
    os._exit(sys.argv[2] not in pathlib.Path(names.HOSTS).read_text())
assert os.waitpid(child, 0)[1] == 0
sys.exit(sys.argv[2] in pathlib.Path(names.HOSTS).read_text())
"""
"""Has a child whose names are its own, and sees none of them."""


def test_names_stay_with_the_client_where_mounts_are_shared(hosts: Path) -> None:
    """As they are on a machine that systemd has started: what is mounted in one place shows in the others."""
    need("unshare", package="util-linux")
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    shared = ("unshare", *as_root, "--mount", "--propagation", "shared")
    words = [*shared, sys.executable, "-c", SHARED, str(hosts), NAME]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the text above
    assert (done.returncode, done.stderr) == (0, "")

"""Clients that know nothing of the testbed: curl, wget, and a program of somebody's own. Starts them only."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.matrix.proxy import connecting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from testbed.bed import Bed

AGENT = "somebody/1.0"
"""What all of them call themselves."""

WITHIN_S = 30

PROGRAM = """
import http.client, json, socket, ssl, sys, time
addresses = dict(pair.split("=") for pair in sys.argv[2:])
context = ssl.create_default_context(cafile=sys.argv[1])

class Connection(http.client.HTTPSConnection):
    def connect(self):
        plain = socket.create_connection((addresses[self.host], self.port), 2)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)

def get(host, port, path):
    connection = Connection(host, port)
    try:
        connection.request("GET", path, headers={"User-Agent": "somebody/1.0"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()

home = next(iter(addresses))
until = time.monotonic() + 20
while time.monotonic() < until:
    try:
        get(home, 9443, "/api/v1/session")
    except OSError:
        portal = json.loads(get(home, 50804, "/api/v1/redirect")[1])["portal"]
        if portal and home not in portal:
            print(get(portal.split("/")[2].split(":")[0], 9443, "/onexportal.html")[0])
            sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
"""
"""Asks its portal whether it is logged in, and once that is gone, the core of the same server where to go."""


def curl(bed: Bed, url: str, *options: str, authorities: Path | None) -> subprocess.CompletedProcess[str]:
    """Run curl, which knows the servers' addresses, and trusts the authorities of this file alone."""
    names = [part for server in bed.servers for part in ("--connect-to", f"{server.hostname}::{server.address}:")]
    trusted = ["--cacert", str(authorities)] if authorities is not None else []
    command = ["curl", "--disable", "--silent", "--noproxy", "*", "--max-time", "10", "--user-agent", AGENT]
    return _ended([*command, *names, *trusted, *options, url])


def wget(bed: Bed, url: str, *options: str, authorities: Path | None) -> subprocess.CompletedProcess[str]:
    """Run wget, which learns the servers' addresses from a proxy, and trusts the authorities of this file alone.

    A server's address in place of its name needs no proxy, and is connected to without one.
    """
    trusted = ["--ca-certificate", str(authorities)] if authorities is not None else []
    command = ["wget", "--no-config", "--no-verbose", "--no-hsts", "--tries", "1", "--timeout", "10"]
    with connecting({server.hostname: server.address for server in bed.servers}) as proxy:
        direct = ",".join(server.address for server in bed.servers)
        through = ["-e", "use_proxy=yes", "-e", f"https_proxy={proxy}", "-e", f"no_proxy={direct}"]
        return _ended([*command, "--user-agent", AGENT, *through, *trusted, *options, url])


def own_program(bed: Bed, authorities: Path) -> subprocess.Popen[str]:
    """Start the program, whose home is the primary; it ends by itself once it has got a page of another portal."""
    addresses = [f"{server.hostname}={server.address}" for server in bed.servers]
    return subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-I", "-c", PROGRAM, str(authorities), *addresses], stdout=subprocess.PIPE, text=True
    )


def _ended(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    english = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603 - ours
        command, env=english, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )

"""Counts connection attempts at the portals of a bed, answered or not: a dead portal keeps no record of its own.

One table of our own in the network namespace of a server, beside that of the faults and before it: the first packet of
every TCP connection is counted by where it came from. What the orchestrator itself opens is marked, and left out. The
kernel repeats the first packet where nothing at all comes back (a lost server), and each repetition counts.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

from stubs import ports
from testbed.errors import BedError, FaultError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.bed import Bed

TABLE = "inet portal_testbed_attempts"
_SET = "tried"

INSTALL = f"""add table {TABLE}
delete table {TABLE}
add table {TABLE}
add set {TABLE} {_SET} {{ type ipv4_addr; flags dynamic; size 4096; counter; }}
add chain {TABLE} ingress {{ type filter hook prerouting priority -400; policy accept; }}
add rule {TABLE} ingress tcp dport {ports.PORTAL_HTTPS} tcp flags & (syn | ack) == syn \
ip dscp != {ports.INSPECTOR_DSCP} add @{_SET} {{ ip saddr }}
"""
"""The table, made anew."""

REMOVE = f"add table {TABLE}\ndelete table {TABLE}\n"
"""Take it away, if there is one."""

LISTING = f"list set {TABLE} {_SET}"


def parse(listing: Any) -> dict[str, int]:
    """Attempts by the address that they came from, from nft's JSON listing.

    Raises:
        FaultError: it is of another form.
    """
    try:
        rows = next(one["set"] for one in listing["nftables"] if "set" in one).get("elem", [])
        return {row["elem"]["val"]: row["elem"]["counter"]["packets"] for row in rows}
    except (KeyError, TypeError, StopIteration) as error:
        raise FaultError(f"nft lists attempts in a form that is not known here: {error!r}") from error


class Attempts:
    """Counts while the block runs.

    Args:
        bed: whose portals.
        client: address of the client; any, if left out.
    """

    def __init__(self, bed: Bed, *, client: str | None = None) -> None:
        self._bed = bed
        self._client = client
        self._servers = sorted({server.portal_server.name for server in bed.pair})

    def __enter__(self) -> Self:
        for server in self._servers:
            self._transact(server, INSTALL)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            with contextlib.suppress(BedError):  # the server is gone, and its table with it
                self._transact(server, REMOVE)

    def at(self, server: str) -> int:
        """How many there were at this server's portal since the block began.

        Raises:
            EngineError, FaultError: it cannot be asked.
        """
        channel = self._bed.links.ends[server].channel
        assert channel is not None  # noqa: S101 - every server has one
        return _sum(parse(channel.listing(LISTING)).items(), self._client)

    def _transact(self, server: str, text: str) -> None:
        channel = self._bed.links.ends[server].channel
        assert channel is not None  # noqa: S101 - every server has one
        channel.transact(text)


def _sum(counted: Iterable[tuple[str, int]], client: str | None) -> int:
    return sum(number for address, number in counted if client in (None, address))

"""What a sender sees of a link that is cut in each manner, old connections and new ones; cut by protocol and port."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest

from testbed.errors import MisuseError
from testbed.network.proof import prove_passing, proved
from testbed.partitions import Link, Manner, Path, cut, cut_path, in_manner
from tests.engine.test_links import ECHO, connect, talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.network.links import Links
    from testbed.partitions import NetworkFault, Protocol


@pytest.mark.parametrize("manner", Manner)
def test_links_are_cut_in_each_manner_both_ways_and_proved(links: Links, manner: Manner) -> None:
    """The probes of both directions are answered as asked, though answers have to cross the cut as well."""
    with proved(links, in_manner(cut("a", "b"), manner)) as proof:
        assert {one.fault for one in links.current()} == in_manner(cut("a", "b"), manner)
    assert len(proof.during) == len(proof.after) == 2
    assert links.current() == ()


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_links_cut_one_protocol_and_leave_the_others(links: Links, protocol: Protocol, manner: Manner) -> None:
    """All of a protocol, whatever its ports; the two others pass."""
    if manner is Manner.RESET and protocol != "tcp":
        with pytest.raises(ValueError, match="only TCP can be reset"):
            cut_path("a", "b", protocol, manner=manner)
        return
    others: list[NetworkFault] = [Path("a", "b", name) for name in ("tcp", "udp", "icmp") if name != protocol]
    with proved(links, cut_path("a", "b", protocol, manner=manner)):
        prove_passing(links, others)


@pytest.mark.parametrize("manner", Manner)
def test_links_cut_one_port_in_each_manner_and_leave_the_next(links: Links, manner: Manner) -> None:
    """By service: its port on either side of the flow."""
    with proved(links, cut_path("a", "b", "tcp", 9443, manner)):
        prove_passing(links, [Path("a", "b", "tcp", 9444), Path("a", "b", "udp", 9443), Link("a", "b")])


@pytest.mark.parametrize(
    ("manner", "sees"),
    [
        (Manner.DROP, TimeoutError),
        (Manner.RESET, ConnectionResetError),
        # An established connection takes an ICMP error for a passing trouble and goes on trying (RFC 1122, 4.2.3.9).
        (Manner.REJECT, TimeoutError),
        (Manner.PROHIBIT, TimeoutError),
    ],
)
def test_an_established_connection_is_cut_in_each_manner(
    links: Links, join: Callable[[str, list[str]], str], manner: Manner, sees: type[OSError]
) -> None:
    """Silence under a drop, and a reset that is really sent; what a reset killed stays dead after healing."""
    join(links.channel("a").container, ["python3", "-c", ECHO.format(port=9443)])
    with connect(links.end("a").address, 9443) as connection:
        assert talk(connection) == b"hello\n"
        with proved(links, [Link("host", "a", manner)]):
            connection.settimeout(0.5)
            with pytest.raises(sees):
                talk(connection)
        connection.settimeout(5)
        if manner is Manner.RESET:
            with pytest.raises(OSError):  # noqa: PT011 - broken pipe or reset, as it comes
                talk(connection)
        else:
            assert connection.recv(100) == b"hello\n"


@pytest.mark.parametrize(
    ("manner", "sees"),
    [
        (Manner.DROP, TimeoutError),
        (Manner.RESET, ConnectionRefusedError),
        (Manner.REJECT, ConnectionRefusedError),
        (Manner.PROHIBIT, OSError),
    ],
)
def test_a_new_connection_is_cut_in_each_manner(
    links: Links, join: Callable[[str, list[str]], str], manner: Manner, sees: type[OSError]
) -> None:
    """A drop lets it wait, a reset and an unreachable port refuse it, a firewall says that there is no route."""
    join(links.channel("a").container, ["python3", "-c", ECHO.format(port=9443)])
    address = str(links.end("a").address)
    with connect(address, 9443), proved(links, [Link("host", "a", manner)]):
        with pytest.raises(sees) as seen:
            socket.create_connection((address, 9443), timeout=0.5)
        assert (seen.value.errno == errno.EHOSTUNREACH) is (manner is Manner.PROHIBIT)


def test_a_link_that_is_cut_already_is_not_cut_in_another_manner(links: Links) -> None:
    """The error names what is there; what is there stays, and the other server was left alone."""
    links.inject([Link("a", "b")])
    with pytest.raises(MisuseError, match="there is already: cut a -> b; heal it before"):
        links.inject(in_manner(cut("a", "b"), Manner.RESET))
    assert [one.fault for one in links.current()] == [Link("a", "b")]

"""Network faults in real network namespaces: what is cut is cut, and proved so."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from testbed.errors import FaultError, NotInTimeError
from testbed.network import nft
from testbed.network.channel import Channel
from testbed.network.evidence import Evidence
from testbed.network.links import End, Links
from testbed.network.proof import prove_passing, prove_stopped, proved
from testbed.partitions import Link, Path, Vanished, cut, one_way
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import docker

    from testbed.engine.subnets import BedNetwork
    from testbed.network.evidence import Shown

ECHO = """
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", {port}), Echo).serve_forever()
"""


def counted(shown: Iterable[Shown]) -> list[Evidence]:
    """What was proved by counting, and not by measuring."""
    return [one for one in shown if isinstance(one, Evidence)]


def talk(connection: socket.socket) -> bytes:
    """One line there and back."""
    connection.sendall(b"hello\n")
    return connection.recv(100)


def connect(address: object, port: int) -> socket.socket:
    """Connect as soon as the listener is up."""

    def attempt() -> socket.socket | None:
        try:
            return socket.create_connection((str(address), port), timeout=1)
        except OSError:
            return None

    connection = wait_until(attempt, lambda made: made is not None, within_s=10, what="the listener")
    assert connection is not None
    return connection


def test_links_are_proved_both_ways_over_20_rounds(links: Links) -> None:
    """A cut stops both directions each time, and healing restores both."""
    for _ in range(20):
        with proved(links, cut("a", "b")) as proof:
            assert {str(one.probe) for one in counted(proof.during) if one.is_stopped} == {
                "a -> b udp port 50796",
                "b -> a udp port 50796",
            }
        assert all(one.is_passing for one in counted(proof.after))
    assert links.current() == ()


def test_links_cut_one_way_leave_the_other_way(links: Links) -> None:
    """Target no longer hears source, and source still hears target."""
    with proved(links, one_way("a", "b")):
        prove_passing(links, one_way("b", "a"))


def test_links_prove_a_vanished_server_from_every_end(links: Links) -> None:
    """A lost server hears nobody and is heard by nobody, and says so by counters."""
    with proved(links, [Vanished("a")]) as proof:
        assert {str(one.probe.source) for one in counted(proof.during)} == {"a", "b", "host"}
    assert links.current() == ()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_links_cut_one_port_and_leave_the_others(links: Links, protocol: str) -> None:
    """ROLE-13: only the portal-to-portal path is cut."""
    assert protocol in ("tcp", "udp")
    faults = [Path("a", "b", "tcp" if protocol == "tcp" else "udp", 50798)]
    with proved(links, faults):
        prove_passing(links, [Link("a", "b"), Path("a", "b", "tcp", 50797), Path("b", "a", "tcp", 50798)])


def test_links_cut_a_port_by_either_side_of_the_flow(
    links: Links, client: docker.APIClient, join: Callable[[str, list[str]], str]
) -> None:
    """Answers of a listener on the port die at the one who connected, whose own port is another."""
    a = links.channel("a").container
    join(a, ["python3", "-c", ECHO.format(port=50798)])
    with connect(links.end("a").address, 50798):
        pass
    script = "import socket,sys; socket.create_connection((sys.argv[1], 50798), timeout=0.5)"
    attempt = ["python3", "-c", script, str(links.end("a").address)]

    def outcome() -> int:
        done = client.exec_create(links.channel("b").container, attempt)
        client.exec_start(done["Id"])
        return int(client.exec_inspect(done["Id"])["ExitCode"])

    assert outcome() == 0
    links.inject([Path("a", "b", "tcp", 50798)])
    assert outcome() == 1
    links.heal([Path("a", "b", "tcp", 50798)])
    assert outcome() == 0


def test_links_cut_an_established_connection(links: Links, join: Callable[[str, list[str]], str]) -> None:
    """A connection made before the cut goes silent, and lives on after a short one."""
    join(links.channel("a").container, ["python3", "-c", ECHO.format(port=9443)])
    with connect(links.end("a").address, 9443) as connection:
        assert talk(connection) == b"hello\n"
        with proved(links, one_way("host", "a")):
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                talk(connection)
        connection.settimeout(5)
        assert connection.recv(100) == b"hello\n"


def test_links_let_loopback_pass_in_a_lost_server(
    links: Links, client: docker.APIClient, join: Callable[[str, list[str]], str]
) -> None:
    """A lost server still talks to itself, by loopback and by its own address."""
    a = links.channel("a").container
    join(a, ["python3", "-c", ECHO.format(port=9443)])
    with connect(links.end("a").address, 9443):
        pass
    links.inject([Vanished("a")])
    for address in ("127.0.0.1", str(links.end("a").address)):
        script = f"import socket; socket.create_connection(({address!r}, 9443), timeout=1)"
        made = client.exec_create(a, ["python3", "-c", script])
        client.exec_start(made["Id"])
        assert client.exec_inspect(made["Id"])["ExitCode"] == 0
    links.heal_all()


def test_links_keep_a_held_fault_longer_than_its_lease(links: Links) -> None:
    """A renewed lease does not end: after twice its time the link is still cut."""
    with links.held(cut("a", "b"), lease_ms=300):
        with pytest.raises(NotInTimeError):
            wait_until(links.current, lambda seen: len(seen) < 2, within_s=0.9, what="a lapse")
        prove_stopped(links, cut("a", "b"))
    assert links.current() == ()
    assert "lease-renewal" not in {thread.name for thread in threading.enumerate()}


def test_links_report_a_held_fault_that_somebody_healed(links: Links) -> None:
    """A fault that ended before its time fails the run, and is not put back."""

    def hold() -> None:
        with links.held(one_way("a", "b"), lease_ms=150):
            links.heal_all()
            with pytest.raises(NotInTimeError):
                wait_until(links.current, bool, within_s=0.3, what="a renewal")

    with pytest.raises(FaultError, match=r"ended before its time \(a -> b\)"):
        hold()


def test_links_stay_cut_for_others_without_a_lease(links: Links, client: docker.APIClient, network: BedNetwork) -> None:
    """A permanent cut survives its channel; another process sees it in the kernel and heals it."""
    links.inject(cut("a", "b"))
    for name in ("a", "b"):
        links.channel(name).close()
    ends = {
        name: End(network.address(index), Channel.open(client, links.channel(name).container))
        for index, name in enumerate(("a", "b"))
    }
    others = Links(ends)
    others.install()
    assert {one.fault for one in others.current()} == cut("a", "b")
    assert {one.lease_left_s for one in others.current()} == {None}
    others.heal(cut("a", "b"))
    prove_passing(others, cut("a", "b"))
    for end in ends.values():
        assert end.channel is not None
        end.channel.close()


def test_links_survive_kill_and_start_of_a_member(
    links: Links, client: docker.APIClient, join: Callable[[str, list[str]], str]
) -> None:
    """A member's death and return leave address and rules of its server as they were."""
    member = join(links.channel("a").container, ["sleep", "600"])
    links.inject(one_way("b", "a"))
    for _ in range(5):
        client.kill(member)
        client.wait(member)
        client.start(member)
        prove_stopped(links, one_way("b", "a"))
    assert links.channel("a").listing(nft.LISTING)
    links.heal(one_way("b", "a"))
    prove_passing(links, one_way("b", "a"))


def test_proof_fails_where_a_fault_has_no_effect(links: Links) -> None:
    """A link that carries is not proved stopped, and the error tells what was seen."""
    with pytest.raises(FaultError, match="a -> b udp port 50796: 2 of 2 probes sent, 2 arrived, 2 passed"):
        prove_stopped(links, one_way("a", "b"), within_s=0.1)


def test_proof_fails_where_a_fault_outlives_its_end(links: Links) -> None:
    """A link that is still cut by the fault itself is not excused as covered."""
    links.inject(one_way("a", "b"))
    with pytest.raises(FaultError, match="2 arrived, 0 passed"):
        prove_passing(links, one_way("a", "b"), within_s=0.1)


def test_proof_says_which_other_fault_covers_a_link(links: Links) -> None:
    """A link under another fault is reported as not probed rather than as healed."""
    links.inject([Vanished("b")])
    (one,) = counted(prove_passing(links, one_way("a", "b")))
    assert (one.covered_by, one.is_passing, one.is_stopped) == (Vanished("b"), False, False)

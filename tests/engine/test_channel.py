"""The fault channel into a real container: its promises when all is well, and when the container is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from testbed.errors import EngineError
from testbed.network import nft
from testbed.network.blocks import Lost
from testbed.network.channel import Channel, RefusedError
from testbed.network.listing import UnexpectedListingError, parse
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

LOOPBACK = IPv4Address("127.0.0.1")

OPENER = """
import sys, docker, threading
from testbed.network.channel import Channel
channel = Channel.open(docker.from_env().api, sys.argv[1])
print("open", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def server(pair: tuple[str, str]) -> str:
    """A running server container, without a packet filter of ours."""
    return pair[0]


def far_ends(client: docker.APIClient, server: str) -> list[str]:
    """Command lines of the channel's processes in a container."""
    processes = client.top(server)["Processes"] or ()
    return [process[-1] for process in processes if "stubs.server.channel" in process[-1]]


def test_channel_ends_when_its_process_is_killed(client: docker.APIClient, server: str) -> None:
    """After SIGKILL of the host process the far end sees the end of its input, and ends."""
    with subprocess.Popen([sys.executable, "-c", OPENER, server], stdout=subprocess.PIPE) as opener:  # noqa: S603  # ours
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"open\n"
        assert len(far_ends(client, server)) == 1
        os.kill(opener.pid, signal.SIGKILL)
    wait_until(lambda: far_ends(client, server), lambda seen: not seen, within_s=5, what="the far end's end")


def test_channel_ends_its_far_end_on_close(client: docker.APIClient, server: str) -> None:
    """Closing leaves no process behind, and a request afterwards says that it is closed."""
    channel = Channel.open(client, server)
    channel.close()
    wait_until(lambda: far_ends(client, server), lambda seen: not seen, within_s=5, what="the far end's end")
    with pytest.raises(EngineError, match="it is closed"):
        channel.transact(nft.install())


def test_channel_refuses_a_bad_transaction_as_a_whole(client: docker.APIClient, server: str) -> None:
    """Nft's own words come back, nothing of the transaction is done, and the pipe goes on."""
    with Channel.open(client, server) as channel:
        channel.transact(nft.install())
        good = nft.block([Lost()])
        with pytest.raises(RefusedError, match="syntax error"):
            channel.transact(f"{good}add nonsense\n")
        with pytest.raises(RefusedError, match="No such file"):
            channel.transact(f"{good}add element {nft.TABLE} no_such_set {{ 1 }}\n")
        assert parse(channel.listing(nft.LISTING)).in_force == ()


def test_channel_installs_again_without_healing(client: docker.APIClient, server: str) -> None:
    """A second installation leaves what is in force and makes no rule twice."""
    with Channel.open(client, server) as channel:
        channel.transact(nft.install())
        channel.transact(nft.block([Lost()], lease_ms=60_000))
        before = channel.listing(f"list table {nft.TABLE}")["nftables"]
        channel.transact(nft.install())
        after = channel.listing(f"list table {nft.TABLE}")["nftables"]
        assert parse(channel.listing(nft.LISTING)).blocks() == {Lost()}
        assert len(after) == len(before)
        channel.transact(nft.flush())
        assert parse(channel.listing(nft.LISTING)).in_force == ()
        channel.transact(nft.REMOVE)
        channel.transact(nft.REMOVE)
        with pytest.raises(UnexpectedListingError):
            parse(channel.listing(nft.LISTING))


def test_channel_lasts_through_many_threads(client: docker.APIClient, server: str) -> None:
    """Each of many threads gets the answer to its own request."""
    wrong: list[object] = []
    with Channel.open(client, server) as channel:

        def ask(count: int) -> None:
            for _ in range(50):
                sent = channel.probe(LOOPBACK, count=count)
                if sent != count:
                    wrong.append((sent, count))

        threads = [threading.Thread(target=ask, args=(count,)) for count in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_channel_tells_that_its_container_died(client: docker.APIClient, mortal: str) -> None:
    """A request into a killed container fails at once, as the engine's failure."""
    with Channel.open(client, mortal) as channel:
        client.kill(mortal)
        client.wait(mortal)
        with pytest.raises(EngineError, match="far end has ended"):
            channel.transact(nft.install())


def test_channel_is_bounded_in_a_paused_container(client: docker.APIClient, mortal: str) -> None:
    """A frozen far end costs the deadline; when it runs again, its late answer is not taken for another's."""
    with Channel.open(client, mortal) as channel:
        client.pause(mortal)
        with pytest.raises(EngineError, match=r"no answer in 0\.2 s"):
            channel.probe(LOOPBACK, count=7, deadline_s=0.2)
        client.unpause(mortal)
        assert channel.probe(LOOPBACK, count=3) == 3


def test_channel_cannot_be_opened_into_what_does_not_run(client: docker.APIClient, mortal: str) -> None:
    """Paused, stopped and gone are told apart in the error's one line."""
    client.pause(mortal)
    with pytest.raises(EngineError, match="paused"):
        Channel.open(client, mortal)
    client.unpause(mortal)
    client.kill(mortal)
    client.wait(mortal)
    with pytest.raises(EngineError, match="not running"):
        Channel.open(client, mortal)
    client.remove_container(mortal)
    with pytest.raises(EngineError, match="no such container"):
        Channel.open(client, mortal)


def test_channel_cannot_be_opened_where_the_image_lacks_it(
    client: docker.APIClient, join: Callable[[str, list[str]], str], server: str
) -> None:
    """In a container without its program, opening fails with the last line that Python or the engine said."""
    member = join(server, ["sleep", "600"])
    with pytest.raises(EngineError, match=r"far end has ended.*No module named"):
        Channel.open(client, member)

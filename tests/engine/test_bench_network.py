"""Figures of the fault channel: printed, and bounded generously so that a slow path is noticed."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from testbed.engine import labels
from testbed.engine.subnets import create_network
from testbed.network import nft
from testbed.network.channel import Channel
from testbed.partitions import one_way

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker
    import pytest

    from testbed.network.links import Links


def figures(act: Callable[[], object], *, rounds: int) -> tuple[float, float]:
    """Median and 99th percentile of an act, in milliseconds."""
    took_ms = []
    for _ in range(rounds):
        begin = time.perf_counter()
        act()
        took_ms.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took_ms), statistics.quantiles(took_ms, n=100)[98]


def test_channel_changes_a_link_within_milliseconds(
    links: Links, client: docker.APIClient, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cut or a healing takes less than 5 ms at the median: no process and no exec is started for it."""
    fault = one_way("a", "b")
    b = links.channel("b")
    number = iter(range(1000))

    def network() -> None:
        create_network(client, f"{run_id}-{next(number)}", labels={labels.RUN: run_id})

    found = {
        "cut": figures(lambda: links.inject(fault, lease_ms=2000), rounds=1000),
        "heal": figures(lambda: links.heal(fault), rounds=1000),
        "list": figures(lambda: b.listing(nft.LISTING), rounds=500),
        "probe": figures(lambda: b.probe(links.end("a").address), rounds=500),
        "open a channel": figures(lambda: Channel.open(client, b.container).close(), rounds=10),
        "create a network": figures(network, rounds=10),
    }
    with capsys.disabled():
        for name, (median_ms, p99_ms) in found.items():
            print(f"\n{name}: median {median_ms:.2f} ms, p99 {p99_ms:.2f} ms", end="")  # noqa: T201  # the figures
    assert found["cut"][0] < 5
    assert found["heal"][0] < 5

"""Links that carry, but badly: loss, rate and delay are what was asked for, and gone when they are healed."""

from __future__ import annotations

import base64
import struct
import time
from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Delay, Loss, Rate
from testbed.errors import FaultError, MissingError, MisuseError
from testbed.network import kernel, measure, tc
from testbed.network.blocks import DelayTo, RateTo
from testbed.network.channel import RefusedError
from testbed.network.evidence import Evidence, Measured
from testbed.network.proof import prove_in_force, prove_passing, proved
from testbed.partitions import Link, Manner, Vanished, cut, in_manner
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from testbed.network.links import Links
    from testbed.partitions import NetworkFault

LOSSES = [Loss("a", "b", permille) for permille in (1, 10, 300, 1000)]
RATES = [Rate("a", "b", bits_per_s) for bits_per_s in (64_000, 1_000_000, 10_000_000)]


@pytest.mark.parametrize("fault", [*LOSSES, *RATES, Loss("host", "b", 500)], ids=str)
def test_a_link_is_as_bad_as_asked_and_only_in_its_direction(links: Links, fault: NetworkFault) -> None:
    """Measured within its bounds; the other direction, and the link afterwards, carry all."""
    with proved(links, [fault]) as proof:
        (measured,) = proof.during
        assert isinstance(measured, Measured)
        assert measured.is_as_asked
        prove_passing(links, [Link("b", "a")])
    assert links.current() == ()


def test_of_a_thousand_packets_exactly_the_share_is_lost(links: Links) -> None:
    """The deck holds 1,000 cards, 300 of which lose. Packets of others take cards too: ARP does not, IPv6 hardly.

    With chance in place of the deck the bound would be 5 deviations, 300 ± 72: here it is 300 ± 5.
    """
    fault = Loss("a", "b", 300)
    with links.held([fault]):
        found = measure.loss(links, fault, within_s=10)
    assert abs(found.found - 300) <= 5, str(found)


def test_loss_and_rate_bear_each_other_and_a_cut(links: Links) -> None:
    """A link may be lossy and slow at once; a cut over it covers both, and healing it brings them back."""
    loss, rate = Loss("a", "b", 300), Rate("a", "b", 1_000_000)
    with links.held([loss, rate]):
        with proved(links, cut("a", "b")) as proof:
            assert all(one.is_stopped for one in proof.during)  # type: ignore[union-attr]  # a cut is counted
        assert {one.fault for one in links.current()} == {loss, rate}
    prove_passing(links, [loss])


def test_two_rates_of_one_link_exclude_each_other(links: Links) -> None:
    """The first stays as it was, and the error names it."""
    links.inject([Rate("a", "b", 1_000_000)])
    with pytest.raises(MisuseError, match="there is already: rate a -> b at 1000 kbit/s"):
        links.inject([Rate("a", "b", 64_000)])
    prove_in_force(links, [Rate("a", "b", 1_000_000)])


def test_healing_all_takes_queues_away(links: Links) -> None:
    """What waits in a slow queue does not outlive the fault."""
    links.inject([Rate("a", "b", 64_000), Loss("b", "a", 500), Vanished("a")])
    links.heal_all()
    assert links.current() == ()
    prove_passing(links, [Rate("a", "b", 64_000), Loss("b", "a", 500)])


@pytest.mark.parametrize("fault", [Loss("a", "b", 300), Rate("a", "b", 1_000_000)], ids=str)
def test_a_worsening_that_outlives_its_end_is_reported(links: Links, fault: NetworkFault) -> None:
    """Many probes for a loss, a stream for a rate: it is still as bad."""
    links.inject([fault])
    with pytest.raises(FaultError, match="not proved to be"):
        prove_passing(links, [fault], within_s=0.1)


DELAYS = [
    Delay("a", "b", 100),
    Delay("a", "b", 100, jitter_ms=30),
    Delay("a", "b", 100, hurried_percent=25),
    Delay("a", "b", 0, duplicated_percent=50),
    Delay("a", "b", 1),
    Delay("a", "b", 50, jitter_ms=50),
    Delay("a", "b", 20, duplicated_percent=1, hurried_percent=1),
]


@pytest.mark.parametrize("fault", DELAYS, ids=str)
def test_a_delay_is_as_asked_or_the_kernel_option_is_named(links: Links, fault: Delay) -> None:
    """Where the kernel has netem it is measured; where not, the error names the option and nothing is left."""
    if kernel.NETEM in links.lacking:
        with pytest.raises(MissingError, match="CONFIG_NET_SCH_NETEM"):
            links.inject([fault])
        assert links.current() == ()
        pytest.skip("this engine's kernel was built without CONFIG_NET_SCH_NETEM")
    with proved(links, [fault]) as proof:
        assert all(isinstance(one, Measured) and one.is_as_asked for one in proof.during)
    assert links.current() == ()


def test_packets_are_timed_one_by_one(links: Links) -> None:
    """A link that is slow, and delays none: each packet waits for those before it, and nothing is taken for a delay.

    82 bytes at 64 kbit/s are 6.75 ms with the Ethernet header and 12 bytes of content.
    """
    fault = Rate("a", "b", 64_000)
    with links.held([fault]):
        arrivals = measure.timed(links, fault, count=100)
    late_ms = [one.late_ms for one in sorted(arrivals, key=lambda one: one.number)]
    assert [one.number for one in arrivals] == list(range(100))
    assert late_ms[0] < late_ms[49] < late_ms[99]
    each_ms = (14 + 20 + 8 + 12) * 8 / 64
    assert late_ms[99] - late_ms[49] == pytest.approx(50 * each_ms, rel=0.1)
    assert max(one.late_ms for one in measure.timed(links, fault, count=100)) < late_ms[99] / 2


@pytest.fixture
def heard(links: Links) -> Iterator[dict[str, int]]:
    """The ports where a and b hear timed packets."""
    yield {name: links.channel(name).request({"do": "hear", "act": "begin"})["port"] for name in ("a", "b")}
    for name in ("a", "b"):
        links.channel(name).request({"do": "hear", "act": "end"})


def fill(links: Links, heard: dict[str, int], *, target: str = "b", packets: int) -> None:
    """Let packets of others wait before a link, of several senders: the buffer of each holds some 270."""
    where = {"address": str(links.end(target).address), "port": heard[target]}
    for _ in range(packets // 250):
        links.channel("a" if target == "b" else "b").request({"do": "timed", "count": 250, **where})


@pytest.mark.parametrize("bits_per_s", [64_000, 256_000])
def test_a_rate_is_measured_behind_what_waits_already(links: Links, heard: dict[str, int], bits_per_s: int) -> None:
    """A stream of its own would wait for seconds: more than 64 KiB fit in before it."""
    fault = Rate("a", "b", bits_per_s)
    with links.held([fault]):
        began = time.monotonic()
        fill(links, heard, packets=1500)
        assert measure.rate(links, fault, within_s=0).is_as_asked
        fill(links, heard, packets=1500)
        assert not measure.unlimited(links, fault, within_s=0).is_as_asked
        assert time.monotonic() - began < 69_632 * 8 / 64_000


def test_what_waits_before_a_slow_link_is_let_go_when_it_is_healed(links: Links, heard: dict[str, int]) -> None:
    """It would take 6.75 seconds in all."""
    late = []

    def arrived() -> int:
        late.extend(links.channel("b").request({"do": "hear", "act": "look"})["late"])
        return len(late)

    with links.held([Rate("a", "b", 64_000)]):
        fill(links, heard, packets=1000)
        assert arrived() < 500
    wait_until(arrived, lambda count: count == 1000, within_s=3, what="what had waited")


OVER_SLOW_LINKS: Mapping[str, Collection[NetworkFault]] = {
    **{str(manner): in_manner(cut("a", "b"), manner) for manner in (Manner.DROP, Manner.RESET, Manner.REJECT)},
    "loss": [Loss("a", "b", 300)],
}


@pytest.mark.parametrize("kind", OVER_SLOW_LINKS)
def test_what_else_befalls_a_slow_link_is_proved_past_what_waits_there(
    links: Links, heard: dict[str, int], kind: str
) -> None:
    """Neither probes nor the answers of a fault wait for seconds, or find no room; its end is proved, too."""
    both, faults = [Rate("a", "b", 64_000), Rate("b", "a", 64_000)], OVER_SLOW_LINKS[kind]
    with links.held(both):
        for target in ("a", "b"):
            fill(links, heard, target=target, packets=1500)
        began = time.monotonic()
        with proved(links, faults) as proof:
            assert not [one for one in proof.during if isinstance(one, Evidence) and one.covered_by is not None]
            assert {one.fault for one in links.current()} == {*both, *faults}
        assert time.monotonic() - began < 69_632 * 8 / 64_000
    assert all(one.is_passing for one in (*proof.before, *proof.after) if isinstance(one, Evidence))


def queues(messages: list[tc.Message]) -> list[tc.Message]:
    """The messages, with a kind of queue in netem's place that every kernel has."""
    pfifo = base64.b64encode(struct.pack("=HH6sxx", 10, 1, b"pfifo")).decode()
    return [{**one, "attributes": pfifo} if one["handle"] >> 16 >= 0x6000 else one for one in messages]


def test_a_rate_and_a_delay_follow_each_other_on_one_link(links: Links) -> None:
    """The kernel makes one kind of queue in the place of the other, again and again; and takes a delay's away."""
    address = links.end("b").address
    rate, delayed = RateTo(address, 1_000_000), DelayTo(address, 5, 1, 1, 1)

    def order(messages: list[tc.Message]) -> None:
        links.channel("a").request({"do": "route", "device": tc.DEVICE, "messages": messages})

    strict = [{**one, "despite": []} for one in tc.clear([address])]
    try:
        order(tc.clear([address]))  # no tree
        order(tc.shape([rate]))
        order(tc.clear([address]))  # a queue of the other kind
        for _ in range(2):
            order(queues(tc.shape([delayed])))
            order(queues(tc.shape([delayed])))
            order(tc.shape([rate]))
        order(queues(tc.shape([delayed])))
        order(strict)
        with pytest.raises(RefusedError) as refused:
            order(strict)
        assert refused.value.code in tc.clear([address])[0]["despite"]
        order(tc.shape([rate]))
    finally:
        links.heal_all()


def test_the_kernel_is_probed_without_leaving_anything(links: Links) -> None:
    """Only netem may be missing of what the testbed needs anywhere; a second look says the same."""
    channel = links.channel("a")
    assert kernel.lacking(channel) == kernel.lacking(channel) <= {kernel.NETEM}
    tables = channel.listing("list tables")["nftables"]
    assert not [one for one in tables if "trial" in str(one)]

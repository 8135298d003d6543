"""The bytes for the kernel's traffic control, and what a server's kernel is told in which order."""

from __future__ import annotations

import base64
import struct
from ipaddress import IPv4Address

import pytest

from testbed.network import shaping, tc
from testbed.network.blocks import DelayTo, LossFrom, RateTo

A, B, C = (IPv4Address(f"10.213.0.{number}") for number in (2, 3, 4))

NETEM = "0a0001006e6574656d000000"
GOLDEN = {
    # As iproute2 6.1 sends them (`tc qdisc replace dev lo parent 1:4 handle 6004: netem delay 50ms limit 10000`, and so
    # on), and behind that latency and jitter in nanoseconds as linux/pkt_sched.h has them.
    "delay": (
        DelayTo(A, 50),
        (
            "34000200 c2eb0b00 10270000 00000000 00000000 00000000 00000000"
            "0c000a00 80f0fa0200000000 0c000b00 0000000000000000"
        ),
    ),
    "jitter": (
        DelayTo(A, 50, 10),
        (
            "34000200 c2eb0b00 10270000 00000000 00000000 00000000 5a620200"
            "0c000a00 80f0fa0200000000 0c000b00 8096980000000000"
        ),
    ),
    "duplicate": (
        DelayTo(A, 0, 0, 50),
        (
            "34000200 00000000 10270000 00000000 00000000 00000080 00000000"
            "0c000a00 0000000000000000 0c000b00 0000000000000000"
        ),
    ),
    "duplicate rarely": (
        DelayTo(A, 50, 0, 1),
        (
            "34000200 c2eb0b00 10270000 00000000 00000000 295c8f02 00000000"
            "0c000a00 80f0fa0200000000 0c000b00 0000000000000000"
        ),
    ),
    "reorder": (
        DelayTo(A, 100, 0, 0, 25),
        (
            "40000200 84d71700 10270000 00000000 01000000 00000000 00000000"
            "0c000300 00000040 00000000 0c000a00 00e1f50500000000 0c000b00 0000000000000000"
        ),
    ),
    "all": (
        DelayTo(A, 100, 30, 50, 25),
        (
            "40000200 84d71700 10270000 00000000 01000000 00000080 0e270700"
            "0c000300 00000040 00000000 0c000a00 00e1f50500000000 0c000b00 80c3c90100000000"
        ),
    ),
}


def attributes(message: tc.Message) -> str:
    """What a message holds behind its head."""
    return base64.b64decode(message["attributes"]).hex()


@pytest.mark.parametrize("kind", GOLDEN)
def test_netem_is_asked_for_in_the_bytes_of_iproute2(kind: str) -> None:
    """Each field stands in its place."""
    one, golden = GOLDEN[kind]
    *_, queue = tc.shape([one])
    assert (queue["type"], queue["flags"], queue["handle"], queue["parent"]) == (36, 0x500, 0x60040000, 0x10004)
    assert attributes(queue) == NETEM + golden.replace(" ", "")


def test_a_rate_is_asked_for_in_the_bytes_of_iproute2() -> None:
    """Its queue; that its class keeps the rate is measured (`tests.engine.test_worsened`)."""
    *_, queue = tc.shape([RateTo(A, 1_000_000)])
    assert (queue["handle"], queue["parent"]) == (0x40040000, 0x10004)
    assert attributes(queue) == "0a000100" + b"bfifo\0".hex() + "0000" + "08000200" + struct.pack("=I", 69632).hex()


def test_the_two_kinds_of_queue_never_have_the_same_number() -> None:
    """In any network of up to 4,000 addresses; the kernel makes no kind of another under one number."""
    addresses = [IPv4Address(int(IPv4Address("10.213.0.0")) + number) for number in range(4096)]
    numbers = [
        {message["handle"] >> 16 for message in tc.shape(shapes)[1:] if message["type"] == 36}
        for shapes in ([RateTo(each, 64_000) for each in addresses], [DelayTo(each, 1) for each in addresses])
    ]
    assert [len(each) for each in numbers] == [4096, 4096]
    assert not numbers[0] & numbers[1]
    assert max(numbers[0] | numbers[1]) < 0x8000  # from there on the kernel gives numbers itself


def cleared(orders: list[tc.Message]) -> set[int]:
    """For which classes the orders take delaying queues away; it must come before anything is made."""
    kinds = [message["type"] for message in orders]
    gone = [message for message in orders if message["type"] == 37]
    assert kinds[: len(gone)] == [37] * len(gone)
    assert all(message["handle"] >> 16 == 0x6000 + (message["parent"] & 0xFFFF) for message in gone)
    assert all(message["despite"] == ["ENOENT", "EINVAL"] for message in gone)
    return {message["parent"] for message in gone}


def test_what_is_left_of_delays_that_ended_is_taken_away_before_another_is_made() -> None:
    """Of all ends but those whose delay or rate is in force there, which keeps working; others are asked nothing."""
    orders = shaping.orders({"a": [DelayTo(B, 5, 0, 1)]}, {"a": [RateTo(C, 64_000)], "b": [DelayTo(B, 5)]}, [A, B, C])
    assert set(orders) == {"a"}
    assert cleared(orders["a"]) == {tc.handle_of(A), tc.handle_of(B)}
    again = shaping.orders({"a": [DelayTo(B, 5, 0, 1)]}, {"a": [DelayTo(B, 5, 0, 1)]}, [A, B, C])
    assert cleared(again["a"]) == {tc.handle_of(A), tc.handle_of(C)}


def test_a_rate_leaves_all_queues_alone() -> None:
    """No kernel minds what is beside it."""
    orders = shaping.orders({"a": [RateTo(B, 64_000)]}, {}, [A, B, C])
    assert orders["a"] == tc.shape([RateTo(B, 64_000)])


def test_only_rates_have_something_to_let_go_when_they_are_healed() -> None:
    """Their classes alone, which are changed and never made."""
    assert shaping.released([LossFrom(A, 5), DelayTo(B, 5)]) == []
    (let_go,) = shaping.released([LossFrom(A, 5), RateTo(B, 64_000)])
    assert (let_go["type"], let_go["flags"], let_go["handle"]) == (40, 0x100, tc.handle_of(B))


@pytest.mark.parametrize(
    ("wanted", "in_force", "code", "is_known"),
    [
        ([DelayTo(B, 5, 0, 1)], [DelayTo(C, 5)], "EINVAL", True),
        ([DelayTo(B, 5)], [DelayTo(C, 5, 0, 1)], "EINVAL", True),
        ([DelayTo(B, 5), DelayTo(C, 5, 0, 1)], [], "EINVAL", True),
        ([DelayTo(B, 5)], [DelayTo(C, 5)], "EINVAL", False),
        ([DelayTo(B, 5, 0, 1)], [RateTo(C, 64_000)], "EINVAL", False),
        ([DelayTo(B, 5, 0, 1)], [DelayTo(B, 5, 0, 1)], "EINVAL", False),
        ([DelayTo(B, 5, 0, 1)], [DelayTo(C, 5)], "ENOMEM", False),
    ],
)
def test_a_kernel_that_takes_no_duplicates_beside_a_delay_is_understood(
    wanted: list[DelayTo], in_force: list[DelayTo | RateTo], code: str, *, is_known: bool
) -> None:
    """Only where that can be the reason; it says what to do."""
    said = shaping.explained(code, wanted, in_force)
    assert (said is not None) is is_known
    assert said is None or "10.213.0.3, 10.213.0.4); heal the other" in said

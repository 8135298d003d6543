"""Commands that break links between servers, or between clients and servers, and heal them."""

from __future__ import annotations

import contextlib
import re
from itertools import product
from typing import TYPE_CHECKING, Any

import click

from testbed import layout, link_faults
from testbed.cli.common import attach, duration_ms, topology_name
from testbed.errors import MisuseError
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import Manner, ends_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.partitions import NetworkFault, Protocol

PROOF_MS = 60_000
"""How long a fault that is to last for a time lasts if this process dies before it is proved."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)(bit|kbit|mbit)")
_UNITS = {"bit": 1, "kbit": 1000, "mbit": 1_000_000}

one_way_option = click.option("--one-way", is_flag=True, help="Only from A to B.")
for_option = click.option("--for", "time", metavar="T", help="Heal by itself after this time: 500ms, 30s, 2m.")


def _link_command(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that all of them take: the topology, two sides, a direction, a time."""
    for option in (
        for_option,
        one_way_option,
        click.argument("other", metavar="B"),
        click.argument("one", metavar="A"),
        topology_name,
    ):
        command = option(command)
    return command


@click.command()
@_link_command
@click.option(
    "--manner", type=click.Choice([str(one) for one in Manner]), default="drop", help="What senders see of it."
)
@click.option("--service", metavar="S", help=f"Only what belongs to it: {', '.join(link_faults.SERVICES)}.")
@click.option("--protocol", type=click.Choice(["tcp", "udp", "icmp"]), help="Only this.")
@click.option("--port", type=click.IntRange(1, 65535), help="Only this port, on either side.")
def cut(  # noqa: PLR0913 - the command's options
    name: str,
    one: str,
    other: str,
    *,
    one_way: bool,
    time: str | None,
    manner: str,
    service: str | None,
    protocol: Protocol | None,
    port: int | None,
) -> None:
    """Cut the link between two servers; a side may be several, as primary,application, or clients."""
    with _meant():
        scope = link_faults.scopes(service=service, protocol=protocol, port=port)
    how: dict[str, Any] = {"one_way": one_way, "manner": Manner(manner), "scope": scope}
    _inject(name, time, lambda bed: link_faults.cuts(_side(bed, one), _side(bed, other), **how))


@click.command()
@_link_command
@click.argument("percent", metavar="PERCENT")
def loss(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, percent: str, *, one_way: bool, time: str | None
) -> None:
    """Lose a share of the packets between two servers: PERCENT is from 0.1 to 100."""
    try:
        share = float(percent.removesuffix("%"))
    except ValueError as error:
        raise MisuseError(f"{percent!r} is no share: write 30 or 2.5%") from error
    _inject(name, time, lambda bed: link_faults.losses(_side(bed, one), _side(bed, other), share, one_way=one_way))


@click.command()
@_link_command
@click.argument("rate_", metavar="RATE")
def rate(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, rate_: str, *, one_way: bool, time: str | None
) -> None:
    """Limit what a link carries: RATE is from 64kbit to 100mbit a second."""
    found = _RATE.fullmatch(rate_)
    if found is None:
        raise MisuseError(f"{rate_!r} is no rate: write 256kbit or 1.5mbit")
    bits_per_s = round(float(found[1]) * _UNITS[found[2]])
    _inject(name, time, lambda bed: link_faults.rates(_side(bed, one), _side(bed, other), bits_per_s, one_way=one_way))


@click.command()
@_link_command
@click.argument("delay_", metavar="DELAY")
@click.option("--jitter", metavar="T", help="How much earlier or later, at most.")
@click.option("--duplicate", type=click.IntRange(0, 100), default=0, metavar="PERCENT", help="How many come twice.")
@click.option("--reorder", type=click.IntRange(0, 100), default=0, metavar="PERCENT", help="How many are not late.")
def delay(  # noqa: PLR0913 - the command's options
    name: str,
    one: str,
    other: str,
    delay_: str,
    *,
    one_way: bool,
    time: str | None,
    jitter: str | None,
    duplicate: int,
    reorder: int,
) -> None:
    """Let packets come late, twice, or in another order; needs a kernel with netem. DELAY as 50ms, or 0."""
    delay_ms = 0 if delay_ == "0" else duration_ms(delay_)
    how: dict[str, Any] = {
        "jitter_ms": 0 if jitter is None else duration_ms(jitter),
        "duplicated_percent": duplicate,
        "hurried_percent": reorder,
        "one_way": one_way,
    }
    _inject(name, time, lambda bed: link_faults.delays(_side(bed, one), _side(bed, other), delay_ms, **how))


@click.command()
@_link_command
@click.argument("period", metavar="PERIOD")
@click.option("--down", metavar="T", help="How long of it the link is down: half of it unless said.")
def flap(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, period: str, *, one_way: bool, time: str | None, down: str | None
) -> None:
    """Let a link be down and up by turns, as 600ms: a time down begins with a packet that comes when it is due."""
    period_ms = duration_ms(period)
    down_ms = period_ms // 2 if down is None else duration_ms(down)
    how: dict[str, Any] = {"down_ms": down_ms, "up_ms": period_ms - down_ms, "one_way": one_way}
    _inject(name, time, lambda bed: link_faults.flaps(_side(bed, one), _side(bed, other), **how))


@click.command()
@topology_name
@click.argument("one", metavar="[A", required=False)
@click.argument("other", metavar="B]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every fault of the topology, services included.")
def heal(name: str, one: str | None, other: str | None, *, everything: bool) -> None:
    """Heal the link between two servers, whatever is wrong with it, or everything."""
    if everything == (one is not None) or (one is None) != (other is None):
        raise MisuseError("say which link to heal (A B), or --all")
    bed = attach(name)
    try:
        if one is None or other is None:
            bed.heal()
            return
        with _meant():
            links = link_faults.cuts(ones := _side(bed, one), others := _side(bed, other))
        pairs = [{a, b} for a, b in product(ones, others)]
        found = {each.fault for each in bed.links.current() if each.fault is not None}
        wrong = {fault for fault in found if ends_of(fault) in pairs}
        bed.links.heal(wrong)
        prove_passing(bed.links, links | wrong)
    finally:
        bed.close()


COMMANDS = (cut, loss, rate, delay, flap, heal)


def _inject(name: str, time: str | None, make: Callable[[Bed], frozenset[NetworkFault]]) -> None:
    """Inject, prove, and leave it in force: for the time asked, counted from the proof, or until it is healed."""
    lease_ms = None if time is None else duration_ms(time)
    bed = attach(name)
    try:
        with _meant():
            faults = make(bed)
        bed.links.inject(faults, lease_ms=None if lease_ms is None else lease_ms + PROOF_MS)
        try:
            prove_in_force(bed.links, faults)
            if lease_ms is not None:
                bed.links.renew(faults, lease_ms=lease_ms)
        except BaseException:
            bed.links.heal(faults)
            raise
    finally:
        bed.close()


@contextlib.contextmanager
def _meant() -> Iterator[None]:
    """A fault that makes no sense is the caller's mistake."""
    try:
        yield
    except ValueError as error:
        raise MisuseError(str(error)) from error


def _side(bed: Bed, text: str) -> list[str]:
    def known(name: str) -> Any:
        return name if name == link_faults.CLIENTS else layout.named(bed.topology, name).value

    return [known(name) for name in text.split(",")]

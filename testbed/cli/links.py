"""Commands that break links between servers, or between clients and servers."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import click

from testbed import layout, link_faults
from testbed.cli.changes import lasting, tell
from testbed.cli.common import as_json, attach, duration_ms, topology_name
from testbed.errors import MisuseError
from testbed.network.proof import prove_in_force
from testbed.partitions import Manner, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.partitions import NetworkFault, Protocol

_RATE = re.compile(r"(\d+(?:\.\d+)?)(bit|kbit|mbit)")
_UNITS = {"bit": 1, "kbit": 1000, "mbit": 1_000_000}

one_way_option = click.option("--one-way", is_flag=True, help="Only from A to B.")
for_option = click.option("--for", "time", metavar="T", help="Heal by itself after this time: 500ms, 30s, 2m.")


def _link_command(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what all of them take: the topology, two sides, a direction, a time, whether to print JSON."""
    for option in (
        as_json,
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
    json_: bool,
    manner: str,
    service: str | None,
    protocol: Protocol | None,
    port: int | None,
) -> None:
    """Cut the link between two servers; a side may be several, as primary,application, or clients."""
    with meant():
        scope = link_faults.scopes(service=service, protocol=protocol, port=port)
    how: dict[str, Any] = {"one_way": one_way, "manner": Manner(manner), "scope": scope}
    _inject(name, lambda bed: link_faults.cuts(side(bed, one), side(bed, other), **how), time=time, json_=json_)


@click.command()
@_link_command
@click.argument("percent", metavar="PERCENT")
def loss(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, percent: str, *, one_way: bool, time: str | None, json_: bool
) -> None:
    """Lose a share of the packets between two servers: PERCENT is from 0.1 to 100."""
    try:
        share = float(percent.removesuffix("%"))
    except ValueError as error:
        raise MisuseError(f"{percent!r} is no share: write 30 or 2.5%") from error
    _inject(
        name,
        lambda bed: link_faults.losses(side(bed, one), side(bed, other), share, one_way=one_way),
        time=time,
        json_=json_,
    )


@click.command()
@_link_command
@click.argument("rate_", metavar="RATE")
def rate(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, rate_: str, *, one_way: bool, time: str | None, json_: bool
) -> None:
    """Limit what a link carries: RATE is from 64kbit to 100mbit a second."""
    found = _RATE.fullmatch(rate_)
    if found is None:
        raise MisuseError(f"{rate_!r} is no rate: write 256kbit or 1.5mbit")
    bits_per_s = round(float(found[1]) * _UNITS[found[2]])
    _inject(
        name,
        lambda bed: link_faults.rates(side(bed, one), side(bed, other), bits_per_s, one_way=one_way),
        time=time,
        json_=json_,
    )


@click.command()
@_link_command
@click.argument("delay_", metavar="DELAY")
@click.option("--jitter", metavar="T", help="How much earlier or later, at most.")
@click.option("--duplicate", type=click.IntRange(0, 100), default=0, metavar="PERCENT", help="How many come twice.")
@click.option("--reorder", type=click.IntRange(0, 99), default=0, metavar="PERCENT", help="How many are not late.")
def delay(  # noqa: PLR0913 - the command's options
    name: str,
    one: str,
    other: str,
    delay_: str,
    *,
    one_way: bool,
    time: str | None,
    json_: bool,
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
    _inject(
        name,
        lambda bed: link_faults.delays(side(bed, one), side(bed, other), delay_ms, **how),
        time=time,
        json_=json_,
    )


@click.command()
@_link_command
@click.argument("period", metavar="PERIOD")
@click.option("--down", metavar="T", help="How long of it the link is down: half of it unless said.")
def flap(  # noqa: PLR0913 - the command's options
    name: str, one: str, other: str, period: str, *, one_way: bool, time: str | None, json_: bool, down: str | None
) -> None:
    """Let a link be down and up by turns, as 600ms: a time down begins with a packet that comes when it is due."""
    period_ms = duration_ms(period)
    down_ms = period_ms // 2 if down is None else duration_ms(down)
    how: dict[str, Any] = {"down_ms": down_ms, "up_ms": period_ms - down_ms, "one_way": one_way}
    _inject(name, lambda bed: link_faults.flaps(side(bed, one), side(bed, other), **how), time=time, json_=json_)


COMMANDS = (cut, loss, rate, delay, flap)


def _inject(name: str, make: Callable[[Bed], frozenset[NetworkFault]], *, time: str | None, json_: bool) -> None:
    """Inject, prove, leave it in force: for the time asked, counted from the proof, or until it is healed. Say when."""
    lease_ms = None if time is None else duration_ms(time)
    bed = attach(name)
    try:
        with meant():
            faults = make(bed)
        with lasting(bed, faults, lease_ms=lease_ms) as begun:
            prove_in_force(bed.links, faults)
        tell(name, [told(fault) for fault in faults], begun.injected, ends_ms=begun.ends_ms, json_=json_)
    finally:
        bed.close()


@contextlib.contextmanager
def meant() -> Iterator[None]:
    """A fault that makes no sense is the caller's mistake."""
    try:
        yield
    except ValueError as error:
        raise MisuseError(str(error)) from error


def side(bed: Bed, text: str) -> list[str]:
    """The servers of a side, or clients.

    Raises:
        MisuseError: the topology has no such server.
    """

    def known(name: str) -> Any:
        return name if name == link_faults.CLIENTS else layout.named(bed.topology, name).value

    return [known(name) for name in text.split(",")]

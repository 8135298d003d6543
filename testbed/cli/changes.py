"""Changes of the network by a command: nothing of one stays that was not proved, and it is said when each was made."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from testbed.cli.common import show
from testbed.network.lease import LEASE_MS, Renewal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from testbed.bed import Bed
    from testbed.network.applied import Applied
    from testbed.partitions import NetworkFault


@dataclass(kw_only=True)
class Begun:
    """Faults of the network that a command injected.

    Attributes:
        injected: when.
        ends_ms: when they end by themselves, in milliseconds of the monotonic clock; `None`: when they are healed.
    """

    injected: Applied
    ends_ms: float | None = None


@contextlib.contextmanager
def lasting(bed: Bed, faults: Collection[NetworkFault], *, lease_ms: int | None = None) -> Iterator[Begun]:
    """Inject faults, have them proved by this block, and let them last after it; one that fails heals them.

    Until they are proved they are held by a short lease: a command that is killed meanwhile leaves nothing. Those that
    were in force before stay as they are until all are proved.

    Args:
        bed: whose network.
        faults: what to inject.
        lease_ms: how long they last after the block, in milliseconds; `None`: until they are healed.

    Raises:
        LapsedError: one ended before it was proved.
        MisuseError, MissingError, ExceptionGroup: as `Links.inject` and `heal`.
    """
    new = set(faults) - {one.fault for one in bed.links.current()}
    begun = Begun(injected=bed.links.inject(new, lease_ms=LEASE_MS))
    try:
        with _renewed(bed, new):
            yield begun
        kept = bed.links.renew(faults, lease_ms=lease_ms)
    except BaseException:
        bed.links.heal(new)
        raise
    if not new:
        begun.injected = kept
    if lease_ms is not None:
        begun.ends_ms = max(kept.committed_ms.values()) + lease_ms


@contextlib.contextmanager
def _renewed(bed: Bed, faults: Collection[NetworkFault]) -> Iterator[None]:
    """Faults last while this block runs, and no longer than a short lease if this process dies in it."""
    renewal = Renewal(lambda: bed.links.renew(faults, lease_ms=LEASE_MS), lease_ms=LEASE_MS)
    try:
        yield
    finally:
        renewal.end()
    if (lapse := renewal.lapse(faults)) is not None:
        raise lapse


def tell(
    name: str, faults: Collection[str], applied: Applied | None = None, *, ends_ms: float | None = None, json_: bool
) -> None:
    """Print which faults of a topology have begun or ended, and when, if that was in its network.

    Args:
        name: of the topology.
        faults: in words.
        applied: when it was asked for, and when each server had it.
        ends_ms: when they end by themselves, if they do.
        json_: whether to print it as JSON, with times of both clocks.
    """
    at = _clock()
    result: dict[str, Any] = {"name": name, "faults": sorted(faults)}
    if applied is not None:
        row = applied.row()
        committed_at = {server: at(ms) for server, ms in sorted(applied.committed_ms.items())}
        result |= {**row, "planned_at": at(applied.planned_ms), "committed_at": committed_at}
    if ends_ms is not None:
        result |= {"ends_ms": round(ends_ms, 3), "ends_at": at(ends_ms)}
    show(result, json_=json_, text=lambda: _text(result))


def _clock() -> Callable[[float], str]:
    """What turns milliseconds of the monotonic clock into the time of day."""
    now, now_ms = datetime.now().astimezone(), time.monotonic() * 1000
    return lambda ms: (now + timedelta(milliseconds=ms - now_ms)).isoformat(timespec="milliseconds")


def _text(result: dict[str, Any]) -> str:
    lines = [f"{result['name']}: {each}" for each in result["faults"] or ["nothing was to be healed"]]
    if committed := result.get("committed_at"):
        lines.append(f"  {'asked for':12} {result['planned_at']}")
        for server, at in committed.items():
            later_ms = result["committed_ms"][server] - result["planned_ms"]
            lines.append(f"  {'at ' + server:12} {at}, {later_ms:.3f} ms later")
        lines.append(f"  {'apart':12} {result['skew_ms']:.3f} ms")
    if "ends_at" in result:
        lines.append(f"  {'ends':12} {result['ends_at']}")
    return "\n".join(lines)

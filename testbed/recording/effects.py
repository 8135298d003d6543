"""What a fault does, for the history: effects that a checker understands without knowing every kind of fault. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec

from stubs.decoding import convert
from testbed import link_faults
from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.faults import (
    Certificate,
    Fault,
    FullDisk,
    Kill,
    Lose,
    Network,
    Pause,
    Restart,
    SlowStart,
    Stop,
)
from testbed.partitions import Link, NetworkFault, Path, Vanished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.history import Record

_PORTAL_PATH = frozenset(link_faults.SERVICES["portal-link"])


class Effect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a fault does.

    Attributes:
        does: kill, stop, pause, restart, lose, certificate, full disk, slow start, cut, portal path, path, vanish,
            worsen; or unknown.
        server: to which server; empty for a link.
        service: to which service of it; `None`: to all of it.
        source: of a link, who is not heard.
        target: of a link, who does not hear.
    """

    does: str
    server: str = ""
    service: str | None = None
    source: str = ""
    target: str = ""

    @classmethod
    def all_of(cls, record: Record) -> tuple[Effect, ...]:
        """The effects that a record of kind `fault` tells; one that nobody knows, if it tells none."""
        return convert(record.fields.get("effects", [{"does": "unknown"}]), tuple[Effect, ...])


def effects_of(fault: Fault) -> tuple[Effect, ...]:
    """What a fault does; cuts of the whole way between the portals are told as one effect a direction."""
    match fault:
        case Kill(target) | Stop(target) | Pause(target) | Restart(target):
            return (Effect(type(fault).__name__.lower(), target.server.value, target.service),)
        case Lose(server):
            return (Effect("lose", server.value),)
        case FullDisk(server):
            return (Effect("full disk", server.value),)
        case SlowStart(target):
            return (Effect("slow start", target.server.value, target.service),)
        case Network(faults):
            return tuple(sorted(_of_links(faults), key=msgspec.structs.astuple))
        case Certificate(server):
            return (Effect("certificate", server.value),)
        case _:
            assert_never(fault)


def _of_links(faults: Iterable[NetworkFault]) -> Iterator[Effect]:
    paths: dict[tuple[str, str], set[link_faults.Scope]] = {}
    for fault in faults:
        match fault:
            case Link(source, target):
                yield Effect("cut", source=source, target=target)
            case Path(source, target):
                paths.setdefault((source, target), set()).add((fault.protocol, fault.port))
            case Vanished(server):
                yield Effect("vanish", server)
            case Loss() | Rate() | Delay() | Flap():
                yield Effect("worsen", source=fault.source, target=fault.target)
            case _:
                assert_never(fault)
    for (source, target), scopes in paths.items():
        yield Effect("portal path" if scopes == _PORTAL_PATH else "path", source=source, target=target)
